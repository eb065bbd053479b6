//! Sets of sequence numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A set of integers as ranges: first → last, both inclusive, none touching the next.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Ranges(pub(super) BTreeMap<u64, u64>);

impl Ranges {
    /// `false` if all of it was there.
    pub(super) fn insert(&mut self, mut first: u64, mut last: u64) -> bool {
        if let Some((&start, &end)) = self.0.range(..=first).next_back() {
            if end >= last {
                return false;
            }
            if end.saturating_add(1) >= first {
                first = start;
            }
        }
        while let Some((&start, &end)) = self.0.range(first..=last.saturating_add(1)).next_back() {
            last = last.max(end);
            self.0.remove(&start);
        }
        self.0.insert(first, last);
        true
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().map(|(&first, &last)| (first, last))
    }

    /// One more than the largest member.
    pub(super) fn end(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(_, &last)| last.saturating_add(1))
    }

    pub(super) fn count(&self) -> u64 {
        let counts = self.iter().map(|(first, last)| (last - first).saturating_add(1));
        counts.fold(0, u64::saturating_add)
    }

    /// Missing numbers below `end`.
    pub(super) fn gaps(&self, end: u64) -> Vec<[u64; 2]> {
        let mut gaps = Vec::new();
        let mut next = 0;
        for (first, last) in self.iter() {
            if first > next {
                gaps.push([next, first - 1]);
            }
            next = last.saturating_add(1);
        }
        if end > next {
            gaps.push([next, end - 1]);
        }
        gaps
    }
}
