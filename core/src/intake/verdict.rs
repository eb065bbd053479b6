//! The answer of the pipeline: what becomes of an event, and of lines that waited for it.

use super::hold::Invocation;
use super::rows::RowEvent;
use crate::record::envelope::Resource;
use crate::record::line::Line;
use crate::record::stats::IntakeStats;
use crate::route::{Candidates, Outcome, Routes};
use crate::telemetry::change::Change;

/// The end of an event's way. A rule is its index in the table; sinks are their indices in the order of the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Sent by this rule to these sinks.
    Send(usize, &'a [usize]),
    /// Sent likewise, because of how its invocation ended (`keep=…`).
    Keep(usize, &'a [usize]),
    /// Dropped by this rule.
    Drop(usize),
    /// Waits for its invocation's end. A later [`Settled`] has its verdict.
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

/// All that one event causes, to be carried out in the order of the fields.
#[derive(Debug)]
pub struct Decided<'a> {
    /// Lines that waited until now.
    pub settled: Vec<Settled<'a>>,
    /// The environment was restored from a snapshot: the counters of the one that ended. What follows begins another.
    pub closed: Option<IntakeStats>,
    /// What the envelope says of the function from this event on.
    pub resource: &'a Resource,
    /// The event changes it.
    pub resource_changed: bool,
    /// The lifecycle fact in the event.
    pub change: Change<'a>,
    /// The event, masked.
    pub line: Line<'a>,
    /// What becomes of it.
    pub verdict: Verdict<'a>,
    /// Rows of invocations that it ends, each with the sinks that get it.
    pub rows: Vec<RowEvent>,
}

/// Lines of one invocation that waited, with their verdicts.
#[derive(Debug)]
pub struct Settled<'a> {
    routes: &'a Routes,
    invocation: Invocation,
    /// `None`: they waited for too long.
    outcome: Option<Outcome>,
}

impl<'a> Settled<'a> {
    pub(super) fn new(routes: &'a Routes, invocation: Invocation, outcome: Option<Outcome>) -> Self {
        Self {
            routes,
            invocation,
            outcome,
        }
    }

    /// The lines, in the order in which they came.
    pub fn lines(&self) -> impl Iterator<Item = (Line<'_>, Verdict<'a>)> {
        let lines = self.invocation.lines();
        lines.map(|(line, candidates)| {
            let verdict = Verdict::of_waiting(self.routes, candidates, self.outcome.as_ref());
            (line, verdict)
        })
    }
}
