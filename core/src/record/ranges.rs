//! Which lines were given up, as ranges of `seq`.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::record::origin::Origin;

/// Why lines were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// The buffer's bound was reached.
    BufferFull,
    /// The line is longer than a record may be.
    Oversize,
    /// The sink refuses this record for good.
    Rejected,
    /// The environment ended first.
    Shutdown,
    /// What the spool held cannot be read.
    SpoolCorrupt,
}

impl DropReason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::BufferFull,
        Self::Oversize,
        Self::Rejected,
        Self::Shutdown,
        Self::SpoolCorrupt,
    ];

    /// As it stands in `forwarder.dropped`.
    pub fn name(self) -> &'static str {
        match self {
            Self::BufferFull => "buffer_full",
            Self::Oversize => "oversize",
            Self::Rejected => "rejected",
            Self::Shutdown => "shutdown",
            Self::SpoolCorrupt => "spool_corrupt",
        }
    }
}

/// Ranges of lines that share a reason, in order, none touching the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// `[first, last]` of each range, both inclusive.
    pub ranges: Vec<[u64; 2]>,
}

/// So many ranges, of at most 42 bytes each, stay well below the smallest record that may be configured.
const RANGES_PER_LINE: usize = 50;

/// What was given up and is not announced yet.
#[derive(Debug, Default)]
pub(crate) struct Unannounced(Vec<Dropped>);

impl Unannounced {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, reason: DropReason, seq: &Range<u64>) {
        if seq.is_empty() {
            return;
        }
        let range = [seq.start, seq.end - 1];
        match self.0.iter_mut().find(|dropped| dropped.reason == reason) {
            Some(dropped) => insert(&mut dropped.ranges, range),
            None => self.0.push(Dropped {
                reason,
                ranges: vec![range],
            }),
        }
    }

    /// Takes back what was to be announced by a line that is given up itself.
    pub(crate) fn add_again(&mut self, announced: Vec<Dropped>) {
        for dropped in announced {
            for [first, last] in dropped.ranges {
                self.add(dropped.reason, &(first..last + 1));
            }
        }
    }

    /// What is to be announced, in pieces that each fit into a line.
    pub(crate) fn take(&mut self) -> Vec<Dropped> {
        let dropped = std::mem::take(&mut self.0).into_iter();
        dropped
            .flat_map(|Dropped { reason, ranges }| {
                let pieces: Vec<_> = ranges.chunks(RANGES_PER_LINE).map(<[_]>::to_vec).collect();
                pieces.into_iter().map(move |ranges| Dropped { reason, ranges })
            })
            .collect()
    }
}

/// What was given up of whose lines.
#[derive(Debug, Default)]
pub(crate) struct Lost(BTreeMap<(String, String), Unannounced>);

impl Lost {
    /// `owner`: the envelope's `id` and `sink`.
    pub(crate) fn add(&mut self, owner: (String, String), reason: DropReason, seq: &Range<u64>) {
        self.0.entry(owner).or_default().add(reason, seq);
    }

    /// What was to be announced of this owner's lines.
    pub(crate) fn add_again(&mut self, owner: &(String, String), announced: Vec<Dropped>) {
        if !announced.is_empty() {
            self.0.entry(owner.clone()).or_default().add_again(announced);
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        for (owner, mut dropped) in other.0 {
            self.add_again(&owner, dropped.take());
        }
    }

    pub(crate) fn into_ranges(self) -> Vec<(Origin, Vec<Dropped>)> {
        let lost = self.0.into_iter();
        lost.map(|((id, sink), mut dropped)| (Origin { id, sink }, dropped.take()))
            .collect()
    }
}

fn insert(ranges: &mut Vec<[u64; 2]>, [first, last]: [u64; 2]) {
    let at = ranges.partition_point(|&[start, _]| start < first);
    ranges.insert(at, [first, last]);
    ranges.dedup_by(|next, before| {
        let touches = next[0] <= before[1].saturating_add(1);
        if touches {
            before[1] = before[1].max(next[1]);
        }
        touches
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        let mut dropped = Unannounced::default();
        for seq in [5..7, 0..2, 7..9, 2..3, 20..21, 4..5] {
            dropped.add(DropReason::BufferFull, &seq);
        }
        dropped.add(DropReason::Oversize, &(9..10));
        dropped.add(DropReason::Oversize, &(9..9));
        let taken = dropped.take();
        assert_eq!(
            taken,
            [
                Dropped {
                    reason: DropReason::BufferFull,
                    ranges: vec![[0, 2], [4, 8], [20, 20]]
                },
                Dropped {
                    reason: DropReason::Oversize,
                    ranges: vec![[9, 9]]
                }
            ]
        );
        assert!(dropped.is_empty());
        dropped.add_again(taken.clone());
        assert_eq!(dropped.take(), taken);
    }
}
