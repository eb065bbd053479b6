//! Bytes of a put, where lanes have a bound together: a sink that fails leaves its part to those that are well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// A lane's even part divided by this is what a failing sink is tried with, while another one is well.
const PROBE: usize = 16;

/// Puts of all lanes.
struct Shares {
    /// Bytes that they take together.
    together: usize,
    lanes: Vec<Lane>,
}

#[derive(Default)]
struct Lane {
    is_failing: AtomicBool,
    /// Bytes that its put may take while it is in flight.
    in_flight: AtomicUsize,
}

/// The share of one lane.
pub(crate) struct Share {
    shares: Arc<Shares>,
    lane: usize,
}

impl Share {
    /// A share for each of so many lanes.
    pub(crate) fn of(together: usize, lanes: usize) -> impl Iterator<Item = Self> {
        let shares = Arc::new(Shares {
            together,
            lanes: std::iter::repeat_with(Lane::default).take(lanes).collect(),
        });
        (0..lanes).map(move |lane| Self {
            shares: Arc::clone(&shares),
            lane,
        })
    }

    /// Whether the sink fails.
    pub(crate) fn set_failing(&self, is_failing: bool) {
        if let Some(own) = self.shares.lanes.get(self.lane) {
            own.is_failing.store(is_failing, Relaxed);
        }
    }

    /// A put begins that takes at most so many bytes, or is over.
    pub(crate) fn set_in_flight(&self, bytes: usize) {
        if let Some(own) = self.shares.lanes.get(self.lane) {
            own.in_flight.store(bytes, Relaxed);
        }
    }

    /// Bytes of the next put. Those in flight were bound by what was known when they began; they are taken off.
    pub(crate) fn bytes(&self) -> usize {
        let Shares { together, lanes } = &*self.shares;
        let (mut failing, mut in_flight, mut fails) = (0, 0, false);
        for (index, lane) in lanes.iter().enumerate() {
            let is_failing = lane.is_failing.load(Relaxed);
            failing += usize::from(is_failing);
            if index == self.lane {
                fails = is_failing;
            } else {
                in_flight += lane.in_flight.load(Relaxed);
            }
        }
        let even = together / lanes.len().max(1);
        let probe = even / PROBE;
        let share = match lanes.len() - failing {
            0 => even,
            _ if fails => probe,
            well => (together - failing * probe) / well,
        };
        share.min(together.saturating_sub(in_flight)).max(probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares() -> Vec<Share> {
        Share::of(4_800, 3).collect()
    }

    #[test]
    fn lanes_that_are_alike_have_equal_parts() {
        let shares = shares();
        assert!(shares.iter().all(|share| share.bytes() == 1_600));
        shares.iter().for_each(|share| share.set_failing(true));
        assert!(shares.iter().all(|share| share.bytes() == 1_600), "nobody needs more");
        let alone = Share::of(4_800, 1).next().unwrap();
        assert_eq!(alone.bytes(), 4_800);
        alone.set_failing(true);
        assert_eq!(alone.bytes(), 4_800);
    }

    #[test]
    fn what_fails_leaves_its_part_to_what_is_well() {
        let shares = shares();
        shares[1].set_failing(true);
        assert_eq!([0, 1, 2].map(|lane| shares[lane].bytes()), [2_350, 100, 2_350]);
        shares[2].set_failing(true);
        assert_eq!([0, 1, 2].map(|lane| shares[lane].bytes()), [4_600, 100, 100]);
    }

    #[test]
    fn together_they_take_no_more_though_one_recovers_while_another_has_its_part() {
        let shares = shares();
        shares[1].set_failing(true);
        shares[2].set_failing(true);
        shares[0].set_in_flight(4_600);
        shares[1].set_failing(false);
        assert_eq!(shares[1].bytes(), 200, "until that put is over");
        shares[0].set_in_flight(0);
        assert_eq!(shares[1].bytes(), 2_350);
    }
}
