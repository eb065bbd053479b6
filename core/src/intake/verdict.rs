//! The answer of the pipeline: what becomes of a line.

use crate::record::stats::IntakeStats;
use crate::route::{Candidates, Outcome, Routes};

/// The end of an event's way. A rule is its index in the table; sinks are their indices in the order of the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Sent by this rule to these sinks.
    Send(usize, &'a [usize]),
    /// Sent likewise, because of how its invocation ended (`keep=…`).
    Keep(usize, &'a [usize]),
    /// Dropped by this rule.
    Drop(usize),
    /// Waits for its invocation's end. A later [`Settled`](super::Settled) has its verdict.
    Wait,
    /// Its invocation ended in a way that no `keep` asks for.
    NotKept,
    /// A rule would take it if its invocation were in the sample; no other does.
    Sampled,
    /// No rule takes it, or its type is not among the types that are forwarded.
    Unmatched,
    /// A log line of the forwarder itself, which is never forwarded.
    OwnLine,
}

impl<'a> Verdict<'a> {
    /// The verdict on a line that waited. Without an outcome it goes on as if it were kept.
    pub(super) fn of_waiting(routes: &'a Routes, candidates: Candidates, outcome: Option<&Outcome>) -> Self {
        match routes.kept(candidates, outcome) {
            Some((rule, targets)) => Self::Keep(rule, targets),
            None => Self::NotKept,
        }
    }

    /// The sinks that get it.
    pub fn targets(self) -> &'a [usize] {
        match self {
            Self::Send(_, targets) | Self::Keep(_, targets) => targets,
            _ => &[],
        }
    }

    pub(super) fn count(self, stats: &mut IntakeStats) {
        let routed_out = &mut stats.routed_out;
        match self {
            Self::Drop(_) => routed_out.drop += 1,
            Self::NotKept => routed_out.not_kept += 1,
            Self::Sampled => routed_out.sampled += 1,
            Self::Unmatched => routed_out.unmatched += 1,
            Self::OwnLine => stats.own_lines += 1,
            Self::Send(..) | Self::Keep(..) | Self::Wait => {}
        }
    }
}
