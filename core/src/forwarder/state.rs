//! State between bodies, and how verdicts of the intake reach the queues.
//!
//! Lock order: this state first; see `delivery` for the others.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::time::Instant;

use crate::delivery::Queue;
use crate::intake::{Intake, RowEvent, Verdict};
use crate::record::line::Line;

/// The queues of all lanes, in the order that the routes know them by.
pub(super) type Queues<'a> = [MutexGuard<'a, Queue>];

/// What the forwarder remembers from one body to the next.
pub(super) struct State {
    /// The envelope's `id`.
    pub(super) id: String,
    pub(super) intake: Intake,
    /// Time of the last body while a snapshot was near: by a clock that stops in the meantime, and by one that does
    /// not.
    pub(super) near_body: Option<(Instant, SystemTime)>,
}

/// Locks the state. A panic while it was locked leaves counters and attribution as they were then: good enough to go
/// on.
pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a line to the queues that its verdict names.
#[inline]
pub(super) fn send(line: &Line<'_>, verdict: Verdict<'_>, queues: &mut Queues<'_>, now: Instant) {
    for &target in verdict.targets() {
        if let Some(queue) = queues.get_mut(target) {
            queue.add(line, now);
        }
    }
}

/// Adds rows of invocations to the queues that their verdicts name.
pub(super) fn send_rows(rows: &[RowEvent], queues: &mut Queues<'_>, now: Instant) {
    for row in rows {
        send(&row.line(), row.verdict(), queues, now);
    }
}

/// Sends all lines on that have waited since `until` or longer for their invocation's end.
pub(super) fn let_go(intake: &mut Intake, until: Instant, queues: &mut Queues<'_>, now: Instant) {
    while let Some(settled) = intake.let_go(until.into_std()) {
        for (line, verdict) in settled.lines() {
            send(&line, verdict, queues, now);
        }
    }
}
