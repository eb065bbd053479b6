//! Which lines came before, as far as this environment knows.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rangemap::RangeInclusiveSet;

/// Ranges kept in all. A life that lost nothing is one range and takes some 500 bytes: 50,000 lives in 25 MB.
const MOST_RANGES: usize = 50_000;

/// One life of a forwarder's process, towards one sink.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Life {
    pub(crate) id: String,
    pub(crate) sink: String,
}

/// The numbers of the lines that came before, of each life. Past its bound it forgets the lives not seen for longest.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    lives: BTreeMap<Life, Numbers>,
    /// Counts insertions: the time by which lives are old.
    clock: u64,
    ranges: usize,
}

#[derive(Debug, Default)]
struct Numbers {
    set: RangeInclusiveSet<u64>,
    used: u64,
}

impl Seen {
    pub(crate) fn contains(&self, life: &Life, seq: u64) -> bool {
        self.lives.get(life).is_some_and(|numbers| numbers.set.contains(&seq))
    }

    /// `false` if it was there.
    pub(crate) fn insert(&mut self, life: &Life, seq: u64) -> bool {
        if self.contains(life, seq) {
            return false;
        }
        self.insert_range(life, seq..=seq);
        true
    }

    /// How many ranges of numbers it is.
    pub(crate) fn ranges(&self) -> usize {
        self.ranges
    }

    /// Adds what another one has.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (life, numbers) in &other.lives {
            for range in numbers.set.iter() {
                self.insert_range(life, range.clone());
            }
        }
    }

    fn insert_range(&mut self, life: &Life, range: RangeInclusive<u64>) {
        self.clock += 1;
        let numbers = match self.lives.get_mut(life) {
            Some(numbers) => numbers,
            None => self.lives.entry(life.clone()).or_default(),
        };
        numbers.used = self.clock;
        let before = numbers.set.len();
        numbers.set.insert(range);
        self.ranges = (self.ranges + numbers.set.len()).saturating_sub(before);
        if self.ranges > MOST_RANGES {
            self.forget();
        }
    }

    /// Forgets the older half of the lives; one life alone begins again.
    fn forget(&mut self) {
        let mut ages: Vec<u64> = self.lives.values().map(|numbers| numbers.used).collect();
        ages.sort_unstable();
        let limit = ages.get(ages.len() / 2).copied().unwrap_or_default();
        self.lives.retain(|_, numbers| numbers.used > limit);
        self.ranges = self.lives.values().map(|numbers| numbers.set.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(id: usize) -> Life {
        Life {
            id: format!("{id:016x}"),
            sink: "kinesis".into(),
        }
    }

    #[test]
    fn a_number_is_new_once_in_each_life() {
        let mut seen = Seen::default();
        assert!(seen.insert(&life(1), 7) && !seen.contains(&life(2), 7));
        assert!(!seen.insert(&life(1), 7) && seen.contains(&life(1), 7));
        assert!(seen.insert(&life(2), 7) && seen.insert(&life(1), 6));
        assert_eq!(seen.ranges, 2, "6 and 7 touch");
        let mut other = Seen::default();
        other.insert(&life(1), 8);
        other.merge(&seen);
        assert!((6..=8).all(|seq| other.contains(&life(1), seq)) && other.contains(&life(2), 7));
    }

    #[test]
    fn the_oldest_lives_are_forgotten_first_and_memory_is_bounded() {
        let mut seen = Seen::default();
        let lives = MOST_RANGES + MOST_RANGES / 4;
        for id in 0..lives {
            assert!(seen.insert(&life(id), 0));
            assert!(seen.ranges <= MOST_RANGES && seen.lives.len() == seen.ranges);
        }
        assert!(seen.contains(&life(lives - 1), 0) && !seen.contains(&life(0), 0));
        let mut seen = Seen::default();
        for seq in 0..MOST_RANGES as u64 + 10 {
            seen.insert(&life(1), 2 * seq);
            assert!(seen.ranges <= MOST_RANGES, "gaps of one life alone");
        }
    }
}
