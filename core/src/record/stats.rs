//! Counters, per lane and for the whole forwarder. Each number says what became of lines, so that they add up:
//! `accepted + recovered + taken_over = delivered + dropped + spooled + handed_over + pending` at every moment. Each is
//! counted by itself, so that a line that is forgotten shows.

use std::time::Duration;

use crate::record::ranges::DropReason;

/// Counters of one lane since its life began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneStats {
    /// Lines that got a `seq` here: events routed here, and the forwarder's own.
    pub accepted: u64,
    /// Lines that an earlier life left on disk.
    pub recovered: u64,
    /// Lines that another lane handed over.
    pub taken_over: u64,
    /// Lines that the sink has taken.
    pub delivered: u64,
    /// Lines that are on disk and not in memory: counted from what the lane knows to be there.
    pub spooled: u64,
    /// Lines in memory, those in flight included: counted from what the lane holds.
    pub in_memory: u64,
    /// Lines that were handed over to the fallback.
    pub handed_over: u64,
    /// Lines given up, by the order of [`DropReason::ALL`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// Lines that were in a record that had to be put again.
    pub retried: u64,
    /// Records that the sink has taken.
    pub records: u64,
    /// Their size, keys included, in bytes.
    pub bytes: u64,
    /// Calls made.
    pub puts: u64,
    /// Duration of all calls together.
    pub put_time: Duration,
    /// Calls that failed as a whole or that ran out of time.
    pub failed_puts: u64,
    /// Times that the lane's task panicked and was started again.
    pub panics: u64,
}

impl LaneStats {
    /// Lines given up for any reason.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Lines that wait in memory, those in flight included. Counted, not derived from the other counters.
    pub fn pending(&self) -> u64 {
        self.in_memory
    }

    pub(crate) fn drop_lines(&mut self, reason: DropReason, lines: u64) {
        let by_reason = self.dropped.iter_mut().zip(DropReason::ALL);
        for (count, _) in by_reason.filter(|(_, other)| *other == reason) {
            *count += lines;
        }
    }
}

/// Counters of what came in and went nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IntakeStats {
    /// Bodies that Lambda posted.
    pub bodies: u64,
    /// Events in them.
    pub events: u64,
    /// Pieces of bodies that were no events.
    pub unparsed: u64,
    /// Bodies over the listener's bound, which were not read.
    pub oversized_bodies: u64,
    /// Requests to the listener on another path than the subscription's, or with another method than POST.
    pub refused: u64,
    /// Bodies that took so long that others had turns in between.
    pub sliced: u64,
    /// Log lines of the forwarder itself, which are never forwarded.
    pub own_lines: u64,
    /// Pieces of text that were masked.
    pub redacted: u64,
    /// Lines that were masked as a whole, since own expressions took too much work for them.
    pub redacted_whole: u64,
    /// Events that the routes keep back.
    pub routed_out: RoutedOut,
}

/// Events that no sink gets, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoutedOut {
    /// A rule says `drop`.
    pub drop: u64,
    /// No rule takes them, or their type is not among `FORWARDER_TELEMETRY__TYPES`.
    pub unmatched: u64,
    /// Their invocation is not in the sample.
    pub sampled: u64,
    /// Their invocation ended in a way that `keep` does not ask for.
    pub not_kept: u64,
}
