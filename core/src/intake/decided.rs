//! All that an event causes, and the lines that waited for it.

use super::hold::Invocation;
use super::rows::RowEvent;
use super::verdict::Verdict;
use crate::record::envelope::Resource;
use crate::record::line::Line;
use crate::record::stats::IntakeStats;
use crate::route::{Outcome, Routes};

/// All that one event causes, to be carried out in the order of the fields.
#[derive(Debug)]
pub struct Decided<'a> {
    /// Lines that waited until now. Nothing costs less than an empty list, and it is nearly always nothing.
    pub settled: Option<Vec<Settled<'a>>>,
    /// The environment was restored from a snapshot: the counters of the one that ended. What follows begins another.
    pub closed: Option<Box<IntakeStats>>,
    /// What the envelope says of the function from this event on.
    pub resource: &'a Resource,
    /// The event changes it.
    pub resource_changed: bool,
    /// The event, masked.
    pub line: Line<'a>,
    /// What becomes of it.
    pub verdict: Verdict<'a>,
    /// Rows of invocations that it ends, each with the sinks that get it.
    pub rows: Option<Vec<RowEvent>>,
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
