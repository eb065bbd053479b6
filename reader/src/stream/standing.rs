//! Progress of a shard, by its answers. Pure.

use std::time::Duration;

use tokio::time::Instant;

use super::Record;

/// After so many empty answers that came no nearer to its end, a shard has nothing more: two seconds at the usual pace.
const STUCK: u32 = 10;

/// Progress of a shard, by its last answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) behind: Duration,
    /// There was nothing.
    pub(super) idle: bool,
    /// Answers in a row without a record that did not come nearer to the end of the shard.
    pub(super) stuck: u32,
    /// Nothing was behind what it gave.
    pub(super) at_end: bool,
    /// Time of the call.
    pub(super) called: Instant,
    /// Everything in it at this time has been read. Known with the answer after the one that was `at_end`: had that one
    /// been the last of a closed shard, the rest would be in its children.
    pub(super) read_until: Option<Instant>,
}

impl Standing {
    pub(super) fn new(
        before: Option<Self>,
        called: Instant,
        records: &[Record],
        behind: Duration,
        at_end: bool,
    ) -> Self {
        // Far behind, empty answers are steps on the way to the next record, and each comes nearer. Where none does, the
        // lag is only what some Kinesis says of a shard that nobody writes to.
        let stuck = match before {
            Some(before) if records.is_empty() && behind >= before.behind => before.stuck.saturating_add(1),
            _ => 0,
        };
        let idle = records.is_empty() && (behind.is_zero() || stuck >= STUCK);
        let read_until = match before {
            _ if idle => Some(called),
            Some(before) if before.at_end && !records.is_empty() => Some(before.called),
            before => before.and_then(|before| before.read_until),
        };
        Self {
            behind,
            idle,
            stuck,
            at_end,
            called,
            read_until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_whose_lag_never_becomes_nothing_is_idle_after_a_while_and_one_on_its_way_is_not() {
        let mut standing = None;
        let mut answer = |behind: u64, is_idle: bool| {
            let behind = Duration::from_secs(behind);
            let new = Standing::new(standing, Instant::now(), &[], behind, false);
            assert_eq!((new.idle, new.read_until.is_some()), (is_idle, is_idle), "{behind:?}");
            standing = Some(new);
        };
        for hour in (1..100).rev() {
            answer(hour * 3_600, false);
        }
        for _ in 1..STUCK {
            answer(3_600, false);
        }
        answer(3_600, true);
        answer(3_601, true);
    }
}
