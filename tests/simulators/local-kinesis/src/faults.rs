//! The faults that are armed, and what they mean for one call.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::fault::{CallError, Fault, Kind, RecordError};

/// The armed faults and the source of their chances.
pub(crate) struct Faults {
    /// A std mutex: it is held for the time of a decision, never across an await.
    armed: Mutex<Armed>,
}

struct Armed {
    faults: Vec<Fault>,
    chance: fastrand::Rng,
}

/// Effects on one call.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// The records refused, by index in the call. As long as the call.
    pub(crate) refuse: Vec<Option<RecordError>>,
    /// Wait before anything is stored.
    pub(crate) delay_before: Duration,
    /// Wait with the answer once all is stored.
    pub(crate) delay_after: Duration,
    /// Replacement of the answer, and whether the records are stored before.
    pub(crate) end: Option<(End, bool)>,
}

/// Replacement of an answer.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    Fail(CallError),
    Reset,
    Silence,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            armed: Mutex::new(Armed {
                faults: Vec::new(),
                chance: fastrand::Rng::with_seed(seed),
            }),
        }
    }

    /// Puts `faults` in the place of all that are armed.
    pub(crate) fn replace(&self, faults: Vec<Fault>) {
        self.lock().faults = faults;
    }

    /// Arms one more.
    pub(crate) fn add(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Decides on a call of `records` records to `stream`, and uses up what applied.
    ///
    /// All faults that apply do so together, in the order they were armed; of several that take the answer's place the
    /// first wins, and the later ones are not used up.
    pub(crate) fn plan(&self, stream: &str, records: usize) -> Plan {
        let Armed { faults, chance } = &mut *self.lock();
        let mut plan = Plan {
            refuse: vec![None; records],
            ..Plan::default()
        };
        for fault in faults.iter_mut() {
            let here = fault.stream.as_deref().is_none_or(|only| only == stream);
            let ended = plan.end.is_some() && matches!(fault.kind, Kind::Fail(_) | Kind::Reset | Kind::Silence);
            if !here || ended || fault.left == Some(0) || !hits(chance, fault.share) {
                continue;
            }
            if let Some(left) = &mut fault.left {
                *left = left.saturating_sub(1);
            }
            plan.add(fault, chance);
        }
        faults.retain(|fault| fault.left != Some(0));
        plan
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Armed> {
        // Nothing in here panics while it holds the lock; if it did, the faults would still be whole.
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    fn add(&mut self, fault: &Fault, chance: &mut fastrand::Rng) {
        match &fault.kind {
            Kind::RefuseShare(share, error) => {
                for refused in &mut self.refuse {
                    if hits(chance, *share) {
                        refused.get_or_insert_with(|| error.clone());
                    }
                }
            }
            Kind::RefuseAt(indexes, error) => {
                for index in indexes {
                    if let Some(refused) = self.refuse.get_mut(*index) {
                        refused.get_or_insert_with(|| error.clone());
                    }
                }
            }
            Kind::Delay(by) if fault.stored => self.delay_after += *by,
            Kind::Delay(by) => self.delay_before += *by,
            Kind::Fail(error) => self.end = Some((End::Fail(error.clone()), fault.stored)),
            Kind::Reset => self.end = Some((End::Reset, fault.stored)),
            Kind::Silence => self.end = Some((End::Silence, fault.stored)),
        }
    }
}

/// Draws once, whatever the share: so a seed tells the same story when a share changes.
fn hits(chance: &mut fastrand::Rng, share: f64) -> bool {
    chance.f64() < share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armed(faults: impl Into<Vec<Fault>>) -> Faults {
        let armed = Faults::new(7);
        armed.replace(faults.into());
        armed
    }

    #[test]
    fn the_same_seed_refuses_the_same_records() {
        let story = || armed([Fault::refuse_share(0.5, RecordError::Internal)]).plan("s", 64);
        assert_eq!(story(), story());
        let refused = story().refuse.iter().flatten().count();
        assert!(
            (16..48).contains(&refused),
            "half of 64 should be refused, not {refused}"
        );
    }

    #[test]
    fn next_calls_are_counted_only_where_the_fault_applies() {
        let faults = armed([Fault::reset().for_next(2).on("a")]);
        assert_eq!(faults.plan("b", 1).end, None);
        assert_eq!(faults.plan("a", 1).end, Some((End::Reset, false)));
        assert_eq!(faults.plan("a", 1).end, Some((End::Reset, false)));
        assert_eq!(faults.plan("a", 1).end, None);
    }

    #[test]
    fn of_two_endings_the_first_is_used_up_first() {
        let faults = armed([Fault::silence().for_next(1), Fault::reset().after_storing().for_next(1)]);
        assert_eq!(faults.plan("s", 1).end, Some((End::Silence, false)));
        assert_eq!(faults.plan("s", 1).end, Some((End::Reset, true)));
        assert_eq!(faults.plan("s", 1).end, None);
    }

    #[test]
    fn a_share_of_calls_meets_the_fault() {
        let faults = armed([Fault::silence().for_share(0.25)]);
        let met = (0..400).filter(|_| faults.plan("s", 1).end.is_some()).count();
        assert!((60..140).contains(&met), "a quarter of 400 should be met, not {met}");
    }

    #[test]
    fn indexes_beyond_the_call_refuse_nothing() {
        let plan = armed([Fault::refuse_at([1, 9], RecordError::Throttled)]).plan("s", 3);
        assert_eq!(plan.refuse, [None, Some(RecordError::Throttled), None]);
    }
}
