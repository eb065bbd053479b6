//! What of a lane is on disk only: which segments, and which lines in them.
//!
//! A segment is listed when its turn comes. Until then a few ranges say which lines are in it, so that a segment that is gone
//! or torn by then is known by what is missing.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use super::GivenUp;
use crate::delivery::spool::{OnDisk, Spool, Ticket};
use crate::record::origin::Origin;
use crate::record::ranges::{DropReason, Ranges};

/// What a segment costs besides its ranges, in bytes.
const SEGMENT_COST: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// The oldest first.
    segments: BTreeMap<u64, Known>,
    /// What is left of the segment that is being read.
    turn: Option<Turn>,
    lines: u64,
    ranges: usize,
}

/// What is known of a segment.
#[derive(Debug)]
enum Known {
    /// An earlier process wrote it, and it is not listed yet.
    Nothing,
    Lines(Lines),
}

/// The lines of a segment that are not in memory.
#[derive(Debug, Default)]
struct Lines {
    by_owner: BTreeMap<Arc<Origin>, Ranges>,
    /// Lines of its chunks. More than the ranges have where chunks overlap: what is left of a chunk in part delivered is
    /// written as another chunk, and a process that is killed then leaves both.
    of_chunks: u64,
}

#[derive(Debug)]
struct Turn {
    segment: u64,
    left: VecDeque<OnDisk>,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Bytes of memory.
    pub(super) fn cost(&self) -> usize {
        let turn = self.turn.as_ref().map_or(0, |turn| turn.left.capacity());
        SEGMENT_COST * self.segments.len() + size_of::<[u64; 2]>() * self.ranges + size_of::<OnDisk>() * turn
    }

    pub(super) fn add_found(&mut self, segment: u64) {
        self.segments.insert(segment, Known::Nothing);
    }

    /// A chunk is on disk only from here on.
    pub(super) fn add(&mut self, owner: Arc<Origin>, seq: Range<u64>, ticket: Ticket) {
        let known = self
            .segments
            .entry(ticket.segment)
            .or_insert_with(|| Known::Lines(Lines::default()));
        let Known::Lines(known) = known else { return };
        known.of_chunks += seq.end - seq.start;
        let ranges = known.by_owner.entry(Arc::clone(&owner)).or_default();
        let before = ranges.len();
        ranges.insert(&seq);
        self.ranges = (self.ranges + ranges.len()).saturating_sub(before);
        self.lines += seq.end - seq.start;
        if let Some(turn) = self.turn.as_mut().filter(|turn| turn.segment == ticket.segment) {
            let at = turn
                .left
                .partition_point(|other| other.ticket.offset() < ticket.offset());
            turn.left.insert(at, OnDisk { owner, seq, ticket });
        }
    }

    /// Takes out the chunk that was on disk for longest. `in_memory`: where the chunks in memory are on disk, if they are.
    /// What was to be in a segment and is not is `given_up`.
    pub(super) fn next<Tickets: Iterator<Item = Ticket>>(
        &mut self,
        spool: &Spool,
        in_memory: impl Fn() -> Tickets,
        recovered: &mut u64,
        given_up: &mut Vec<GivenUp>,
    ) -> Option<OnDisk> {
        loop {
            let (&oldest, _) = self.segments.first_key_value()?;
            // An older segment may have come back since this one's turn began.
            if self.turn.as_ref().is_none_or(|turn| turn.segment != oldest) {
                let left = self.list(oldest, spool, in_memory(), recovered);
                self.turn = Some(Turn { segment: oldest, left });
            }
            let next = self.turn.as_mut().and_then(|turn| turn.left.pop_front());
            if let Some(on_disk) = next {
                self.remove(&on_disk);
                return Some(on_disk);
            }
            self.turn = None;
            self.give_up_missing(oldest, recovered, given_up);
        }
    }

    /// Gives up what is left of the segment that is being read, unread. Returns how many chunks that are.
    pub(super) fn give_up_rest(&mut self, recovered: &mut u64, given_up: &mut Vec<GivenUp>) -> usize {
        let Some(turn) = self.turn.take() else { return 0 };
        self.give_up_missing(turn.segment, recovered, given_up);
        turn.left.len()
    }

    fn list(
        &mut self,
        segment: u64,
        spool: &Spool,
        in_memory: impl Iterator<Item = Ticket>,
        recovered: &mut u64,
    ) -> VecDeque<OnDisk> {
        let in_memory: HashSet<u64> = in_memory
            .filter(|ticket| ticket.segment == segment)
            .map(|ticket| ticket.offset())
            .collect();
        let mut chunks = spool.list(segment).unwrap_or_else(|error| {
            log::warn!(event = "spool_corrupt", segment, error = error.to_string().as_str(); "a segment of the spool cannot be opened any more");
            Vec::new()
        });
        chunks.retain(|chunk| !in_memory.contains(&chunk.ticket.offset()));
        if let Some(known @ Known::Nothing) = self.segments.get_mut(&segment) {
            *known = Known::Lines(Lines::default());
            for chunk in &chunks {
                *recovered += chunk.seq.end - chunk.seq.start;
                self.add(Arc::clone(&chunk.owner), chunk.seq.clone(), chunk.ticket);
            }
        } else if let Some(Known::Lines(known)) = self.segments.get(&segment) {
            // Only what this lane put there is its own.
            chunks.retain(|chunk| {
                let ranges = known.by_owner.get(&chunk.owner);
                ranges.is_some_and(|ranges| ranges.contains(&chunk.seq))
            });
        }
        chunks.into()
    }

    fn remove(&mut self, on_disk: &OnDisk) {
        let OnDisk { owner, seq, ticket } = on_disk;
        let Some(Known::Lines(known)) = self.segments.get_mut(&ticket.segment) else {
            return;
        };
        let lines = (seq.end - seq.start).min(known.of_chunks);
        known.of_chunks -= lines;
        self.lines = self.lines.saturating_sub(lines);
        let Some(ranges) = known.by_owner.get_mut(owner) else {
            return;
        };
        let before = ranges.len();
        ranges.remove(seq);
        self.ranges = (self.ranges + ranges.len()).saturating_sub(before);
        if ranges.is_empty() {
            known.by_owner.remove(owner);
        }
    }

    fn give_up_missing(&mut self, segment: u64, recovered: &mut u64, given_up: &mut Vec<GivenUp>) {
        let Some(Known::Lines(known)) = self.segments.remove(&segment) else {
            return;
        };
        self.lines = self.lines.saturating_sub(known.of_chunks);
        // What another chunk had, too, is not missing.
        let missing: u64 = known.by_owner.values().map(Ranges::lines).sum();
        *recovered = recovered.saturating_sub(known.of_chunks.saturating_sub(missing));
        for (owner, ranges) in known.by_owner {
            self.ranges = self.ranges.saturating_sub(ranges.len());
            given_up.extend(ranges.iter().map(|[first, last]| GivenUp {
                owner: Arc::clone(&owner),
                seq: first..last + 1,
                reason: DropReason::SpoolCorrupt,
            }));
        }
    }
}
