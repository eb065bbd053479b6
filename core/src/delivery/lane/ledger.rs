//! The lane's accounts: every line is in exactly one place, or its loss is noted to be announced.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::delivery::spool::Spooled;
use crate::record::chunk::Chunk;
use crate::record::origin::Origin;
use crate::record::own_event;
use crate::record::ranges::{DropReason, Dropped, Unannounced};
use crate::record::stats::LaneStats;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) stats: LaneStats,
    unannounced: Unannounced,
}

impl Ledger {
    /// The accounts of a life that takes over what the one before still holds.
    pub(super) fn inherit(before: &LaneStats) -> Self {
        Self {
            stats: LaneStats {
                recovered: before.pending() + before.spooled,
                spooled: before.spooled,
                ..LaneStats::default()
            },
            unannounced: Unannounced::default(),
        }
    }

    /// The accounts of an environment made from a snapshot: so many lines came here before it knew that, and so many are
    /// given up because all others have them too.
    pub(super) fn of_restored(kept: u64, lost: u64) -> Self {
        let mut ledger = Self::default();
        ledger.stats.recovered = kept;
        if lost > 0 {
            ledger.stats.accepted = lost;
            ledger.drop_own(DropReason::Shutdown, &(0..lost));
        }
        ledger
    }

    pub(super) fn has_unannounced(&self) -> bool {
        !self.unannounced.is_empty()
    }

    pub(super) fn take_unannounced(&mut self) -> Vec<Dropped> {
        self.unannounced.take()
    }

    /// What a line was to announce that is given up itself.
    pub(super) fn announce_again(&mut self, announced: Vec<Dropped>) {
        self.unannounced.add_again(announced);
    }

    /// `bytes`: what its record came to, key included.
    pub(super) fn delivers(&mut self, chunk: &Chunk, bytes: usize) {
        self.stats.delivered += chunk.len();
        self.stats.records += 1;
        self.stats.bytes += bytes as u64;
    }

    pub(super) fn drop_own(&mut self, reason: DropReason, seq: &Range<u64>) {
        self.stats.drop_lines(reason, seq.end - seq.start);
        self.unannounced.add(reason, seq);
    }

    /// Notes the loss of lines of another life or lane. What announces it stands in for the first of them.
    pub(super) fn drop_foreign(&mut self, reason: DropReason, chunk: &Chunk, origin: &Arc<Origin>) -> Chunk {
        let Range { start: first, end } = chunk.seq;
        self.stats.drop_lines(reason, chunk.len());
        // The announcement is a line more.
        self.stats.accepted += 1;
        let dropped = Dropped {
            reason,
            ranges: vec![[first, end.saturating_sub(1).max(first)]],
        };
        Chunk {
            lines: Bytes::from(own_event::dropped(&dropped).foreign_line(origin, first)),
            seq: first..first + 1,
            origin: Some(Arc::clone(origin)),
            since: chunk.since,
            announces: vec![dropped],
            ticket: None,
            suspected: None,
        }
    }

    pub(super) fn spools(&mut self, chunk: &Chunk) {
        self.stats.spooled += chunk.len();
    }

    pub(super) fn loads(&mut self, chunk: &Chunk) {
        self.stats.spooled -= chunk.len();
    }

    /// An earlier life left this on disk.
    pub(super) fn recovers(&mut self, spooled: &Spooled) {
        let lines = spooled.seq.end - spooled.seq.start;
        self.stats.recovered += lines;
        self.stats.spooled += lines;
    }

    pub(super) fn hands_over(&mut self, chunk: &Chunk) {
        self.stats.handed_over += chunk.len();
    }

    pub(super) fn takes_over(&mut self, chunk: &Chunk) {
        self.stats.taken_over += chunk.len();
    }
}
