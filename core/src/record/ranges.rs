//! Lines by number: sets of `seq` as ranges, and what was given up of whose lines.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::record::origin::Origin;

/// Reason why lines were given up.
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
    /// The spool's content cannot be read.
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

    /// Its name in `forwarder.dropped`.
    pub fn name(self) -> &'static str {
        match self {
            Self::BufferFull => "buffer_full",
            Self::Oversize => "oversize",
            Self::Rejected => "rejected",
            Self::Shutdown => "shutdown",
            Self::SpoolCorrupt => "spool_corrupt",
        }
    }

    /// The reason of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Lines of one owner that were given up for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The reason.
    pub reason: DropReason,
    /// What is known beyond the reason, such as the service's own words.
    pub detail: Option<String>,
    /// `[first, last]` of each range, both inclusive, in order, none touching the next.
    pub ranges: Vec<[u64; 2]>,
}

/// A set of `seq` as ranges `[first, last]`, both inclusive, in order, none touching the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<[u64; 2]>);

impl Ranges {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of ranges.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = [u64; 2]> + '_ {
        self.0.iter().copied()
    }

    /// Number of `seq` in it.
    pub(crate) fn lines(&self) -> u64 {
        self.0.iter().fold(0, |lines, [first, last]| {
            (last - first).saturating_add(1).saturating_add(lines)
        })
    }

    /// True if all of these are in it.
    pub(crate) fn contains(&self, seq: &Range<u64>) -> bool {
        let at = self.0.partition_point(|[_, end]| *end < seq.start);
        let around = self.0.get(at);
        seq.is_empty() || around.is_some_and(|[first, last]| *first <= seq.start && seq.end - 1 <= *last)
    }

    pub(crate) fn insert(&mut self, seq: &Range<u64>) {
        if seq.is_empty() {
            return;
        }
        let [mut first, mut last] = [seq.start, seq.end - 1];
        // The ranges that this one overlaps or touches.
        let from = self.0.partition_point(|[_, end]| end.saturating_add(1) < first);
        let to = self.0.partition_point(|[start, _]| *start <= last.saturating_add(1));
        if let Some([[start, _], ..]) = self.0.get(from..to) {
            first = first.min(*start);
        }
        if let Some([.., [_, end]]) = self.0.get(from..to) {
            last = last.max(*end);
        }
        self.0.splice(from..to.max(from), [[first, last]]);
    }

    pub(crate) fn remove(&mut self, seq: &Range<u64>) {
        if seq.is_empty() {
            return;
        }
        let [first, last] = [seq.start, seq.end - 1];
        let from = self.0.partition_point(|[_, end]| *end < first);
        let to = self.0.partition_point(|[start, _]| *start <= last);
        let mut left = Vec::new();
        for &[start, end] in self.0.get(from..to).unwrap_or_default() {
            if start < first {
                left.push([start, first - 1]);
            }
            if end > last {
                left.push([last + 1, end]);
            }
        }
        self.0.splice(from..to.max(from), left);
    }

    /// Merges neighbours, each pair into one, until there are at most `most` ranges. What was between a pair is in the
    /// set then too.
    fn coarsen(&mut self, most: usize) {
        while self.0.len() > most.max(1) {
            let pairs = self
                .0
                .chunks(2)
                .filter_map(|pair| Some([pair.first()?[0], pair.last()?[1]]));
            self.0 = pairs.collect();
        }
    }
}

/// Ranges of at most 42 bytes each: so many stay well below the smallest record that may be configured.
const RANGES_PER_LINE: usize = 50;

/// Ranges of one owner and reason past which neighbours are merged: 64 KiB. It takes so many gaps between losses that
/// are not announced. Lines in such a gap are announced though they may have been delivered: a reader that has them
/// loses nothing.
const MOST_RANGES: usize = 4_096;

/// Different details that are kept for one owner. Past that, losses are announced without their detail.
const MOST_DETAILS: usize = 8;

/// What an owner costs besides its ranges: its name, and the entries in the map and list. Bytes.
const OWNER_COST: usize = 256;

/// What was given up of whose lines, merged by owner, reason and detail.
#[derive(Debug, Clone, Default)]
pub(crate) struct Losses(BTreeMap<Arc<Origin>, Vec<Loss>>);

#[derive(Debug, Clone)]
struct Loss {
    reason: DropReason,
    detail: Option<String>,
    ranges: Ranges,
}

impl Losses {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of memory.
    pub(crate) fn cost(&self) -> usize {
        let losses = self.0.values().flatten();
        let ranges: usize = losses.map(|loss| loss.ranges.len()).sum();
        OWNER_COST * self.0.len() + size_of::<[u64; 2]>() * ranges
    }

    pub(crate) fn add(&mut self, owner: &Arc<Origin>, reason: DropReason, detail: Option<&str>, seq: &Range<u64>) {
        if seq.is_empty() {
            return;
        }
        let losses = self.0.entry(Arc::clone(owner)).or_default();
        let detail = detail.filter(|detail| {
            let is_known = losses.iter().any(|loss| loss.detail.as_deref() == Some(*detail));
            is_known || losses.len() < MOST_DETAILS
        });
        let same = |loss: &&mut Loss| loss.reason == reason && loss.detail.as_deref() == detail;
        let ranges = match losses.iter_mut().find(same) {
            Some(loss) => &mut loss.ranges,
            None => {
                losses.push(Loss {
                    reason,
                    detail: detail.map(str::to_owned),
                    ranges: Ranges::default(),
                });
                let Some(loss) = losses.last_mut() else { return };
                &mut loss.ranges
            }
        };
        ranges.insert(seq);
        ranges.coarsen(MOST_RANGES);
    }

    pub(crate) fn add_dropped(&mut self, owner: &Arc<Origin>, dropped: &Dropped) {
        for [first, last] in &dropped.ranges {
            let seq = *first..last.saturating_add(1);
            self.add(owner, dropped.reason, dropped.detail.as_deref(), &seq);
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        for (owner, losses) in other.0 {
            for loss in losses {
                for [first, last] in loss.ranges.iter() {
                    self.add(
                        &owner,
                        loss.reason,
                        loss.detail.as_deref(),
                        &(first..last.saturating_add(1)),
                    );
                }
            }
        }
    }

    /// Takes out the losses of the owners that `which` names.
    pub(crate) fn split_off(&mut self, mut which: impl FnMut(&Origin) -> bool) -> Self {
        let (taken, kept) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|(owner, _)| which(owner));
        self.0 = kept;
        Self(taken)
    }

    pub(crate) fn owners(&self) -> impl Iterator<Item = &Arc<Origin>> {
        self.0.keys()
    }

    /// Takes out at most `lines` pieces of the losses of the owners that `which` names, each small enough for a line.
    pub(crate) fn take_lines(
        &mut self,
        lines: usize,
        mut which: impl FnMut(&Origin) -> bool,
    ) -> Vec<(Arc<Origin>, Dropped)> {
        let mut taken = Vec::new();
        self.0.retain(|owner, losses| {
            if which(owner) {
                losses.retain_mut(|loss| {
                    while taken.len() < lines && !loss.ranges.is_empty() {
                        let count = loss.ranges.len().min(RANGES_PER_LINE);
                        let dropped = Dropped {
                            reason: loss.reason,
                            detail: loss.detail.clone(),
                            ranges: loss.ranges.0.drain(..count).collect(),
                        };
                        taken.push((Arc::clone(owner), dropped));
                    }
                    !loss.ranges.is_empty()
                });
            }
            !losses.is_empty()
        });
        taken
    }

    /// All of them, by owner.
    pub(crate) fn into_dropped(self) -> impl Iterator<Item = (Arc<Origin>, Vec<Dropped>)> {
        self.0.into_iter().map(|(owner, losses)| {
            let dropped = losses.into_iter().map(|loss| Dropped {
                reason: loss.reason,
                detail: loss.detail,
                ranges: loss.ranges.0,
            });
            (owner, dropped.collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn owner(sink: &str) -> Arc<Origin> {
        Arc::new(Origin {
            id: "0".into(),
            sink: sink.into(),
        })
    }

    #[test]
    fn ranges_are_the_set_that_they_stand_for() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for _ in 0..60 {
                let first = random.u64(..60);
                let seq = first..first + random.u64(..8);
                if random.u8(..3) == 0 {
                    ranges.remove(&seq);
                    set.retain(|line| !seq.contains(line));
                } else {
                    ranges.insert(&seq);
                    set.extend(seq);
                }
                let lines: Vec<u64> = ranges.iter().flat_map(|[first, last]| first..=last).collect();
                assert_eq!(lines, set.iter().copied().collect::<Vec<_>>(), "{ranges:?}");
                assert_eq!(ranges.lines(), set.len() as u64);
                let apart = ranges.0.windows(2).all(|pair| pair[0][1] + 1 < pair[1][0]);
                assert!(apart, "ranges that touch are one: {ranges:?}");
            }
        }
    }

    #[test]
    fn losses_are_merged_by_owner_reason_and_detail() {
        let mut losses = Losses::default();
        let (first, second) = (owner("first"), owner("second"));
        for seq in [5..7, 0..2, 7..9, 2..3, 20..21, 4..5, 9..9] {
            losses.add(&first, DropReason::BufferFull, None, &seq);
        }
        losses.add(&first, DropReason::Rejected, Some("too hot"), &(9..10));
        losses.add(&second, DropReason::Rejected, None, &(9..10));
        let mut all = losses.clone().take_lines(usize::MAX, |_| true);
        all.sort_by(|one, other| one.0.cmp(&other.0));
        let ranges: Vec<_> = all.iter().map(|(_, dropped)| dropped.ranges.clone()).collect();
        assert_eq!(ranges, [vec![[0, 2], [4, 8], [20, 20]], vec![[9, 9]], vec![[9, 9]]]);
        assert_eq!(all[1].1.detail.as_deref(), Some("too hot"));
        let mut again = Losses::default();
        all.iter()
            .for_each(|(owner, dropped)| again.add_dropped(owner, dropped));
        assert_eq!(
            again.clone().into_dropped().count(),
            losses.clone().into_dropped().count()
        );
        let of_second = again.split_off(|owner| owner.sink == "second");
        assert_eq!((of_second.owners().count(), again.owners().count()), (1, 1));
    }

    #[test]
    fn what_is_announced_is_cut_into_lines_and_nothing_of_it_is_missing() {
        let mut losses = Losses::default();
        let owner = owner("first");
        for line in 0..130 {
            losses.add(&owner, DropReason::BufferFull, None, &(line * 2..line * 2 + 1));
        }
        assert!(losses.take_lines(9, |_| false).is_empty());
        let counts: Vec<_> = std::iter::from_fn(|| losses.take_lines(1, |_| true).pop())
            .map(|(_, dropped)| dropped.ranges.len())
            .collect();
        assert_eq!(counts, [50, 50, 30]);
        assert!(losses.is_empty());
    }

    #[test]
    fn memory_is_bounded_whatever_is_lost() {
        let mut losses = Losses::default();
        let owner = owner("first");
        for line in 0..20_000 {
            losses.add(&owner, DropReason::BufferFull, None, &(line * 2..line * 2 + 1));
            losses.add(&owner, DropReason::Rejected, Some(&line.to_string()), &(line..line + 1));
        }
        assert!(losses.cost() < 3 * 65_536, "{}", losses.cost());
        let mut known = Ranges::default();
        for (_, dropped) in losses.take_lines(usize::MAX, |_| true) {
            let of_full = dropped.reason == DropReason::BufferFull;
            let ranges = dropped.ranges.into_iter().filter(|_| of_full);
            ranges.for_each(|[first, last]| known.insert(&(first..last + 1)));
        }
        assert!((0..20_000).all(|line| known.iter().any(|[first, last]| (first..=last).contains(&(line * 2)))));
    }
}
