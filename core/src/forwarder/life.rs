//! End of one envelope id and start of the next: around a snapshot.
//!
//! A snapshot is taken of a process that waits for its first event, and many environments go on from it, each with the
//! same memory. What they send must not look as if it came from one: each begins a life of its own, with its own `id`,
//! and what came before is delivered and closed before the snapshot can be taken. What could not be is sent by none of
//! them.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Forwarder;
use super::state::{Queues, State, let_go};
use crate::delivery::lane::Lane;
use crate::record::envelope::Resource;
use crate::record::stats::IntakeStats;
use crate::telemetry::batch::Batch;
use crate::telemetry::change::Change;
use crate::telemetry::snapshot::Snapshot;

/// A body that came less than this ago came to this environment: no snapshot is taken, stored and restored in less.
const SNAPSHOT_AGE: Duration = Duration::from_secs(1);

/// Random, of this life alone.
pub(super) fn new_id() -> String {
    format!("{:016x}", getrandom::u64().unwrap_or_else(|_| fastrand::u64(..)))
}

/// Closes one life in each queue with its final report, and begins the next.
pub(super) fn begin_life(id: &str, resource: &Resource, counts: &IntakeStats, queues: &mut Queues<'_>, now: Instant) {
    for queue in queues.iter_mut() {
        queue.begin_life(id, resource, counts, now);
    }
}

impl Forwarder {
    /// A snapshot will be taken when init is over: [`prepare_snapshot`](Self::prepare_snapshot) comes before.
    pub fn expect_snapshot(&self) {
        self.state().intake.snapshot = Snapshot::Expected;
    }

    /// A snapshot may be taken from here on. Closes this life and begins the next; what is held is to be
    /// [flushed](Self::flush) now. `false` if Lambda has told that none will be taken.
    pub fn prepare_snapshot(&self) -> bool {
        let mut state = self.state();
        if state.intake.snapshot == Snapshot::Restored {
            return false;
        }
        let mut queues: Vec<_> = self.lanes().iter().map(Lane::queue).collect();
        state.intake.snapshot = Snapshot::Near;
        self.begin_life_in(&mut state, &mut queues, Instant::now());
        true
    }

    /// The first invocation after a snapshot: this environment was restored, whether or not `platform.restoreStart` has
    /// come. `false` if that was known, or no snapshot was expected.
    pub fn restored(&self) -> bool {
        let mut state = self.state();
        if !matches!(state.intake.snapshot, Snapshot::Expected | Snapshot::Near) {
            return false;
        }
        let mut queues: Vec<_> = self.lanes().iter().map(Lane::queue).collect();
        self.restore_in(&mut state, &mut queues, Instant::now());
        drop(queues);
        drop(state);
        self.forget();
        true
    }

    /// Closes this life, in each lane that was used, and begins the next. `false` if none was.
    pub(super) fn begin_life_in(&self, state: &mut State, queues: &mut Queues<'_>, now: Instant) -> bool {
        let_go(&mut state.intake, now, queues, now);
        let is_used = queues.iter().any(|queue| queue.is_used());
        state.id = new_id();
        let counts = state.intake.take_counts();
        begin_life(&state.id, &state.intake.resource, &counts, queues, now);
        is_used
    }

    /// A body comes that may be the first after a restore, or the last before the snapshot.
    pub(super) fn begin_near_body(&self, body: &[u8], state: &mut State, queues: &mut Queues<'_>, now: Instant) {
        let is_restore = |event| matches!(Change::of(&event), Change::Restored { .. });
        let tells_of_restore = Batch::new(body).flatten().any(is_restore);
        if tells_of_restore {
            self.restore_in(state, queues, now);
        } else {
            // The `id` is random only from here on: all environments made from a snapshot would share one from before.
            self.begin_life_in(state, queues, now);
            state.near_body = Some((now, SystemTime::now()));
        }
    }

    fn restore_in(&self, state: &mut State, queues: &mut Queues<'_>, now: Instant) {
        state.intake.snapshot = Snapshot::Restored;
        let_go(&mut state.intake, now, queues, now);
        let came_here = |(_, wall): &(Instant, SystemTime)| wall.elapsed().unwrap_or_default() < SNAPSHOT_AGE;
        let kept_since = state.near_body.take().filter(came_here).map(|(monotonic, _)| monotonic);
        state.id = new_id();
        // That was another instance; this one's name comes with `platform.restoreStart`.
        state.intake.resource.faas_instance = None;
        for queue in queues.iter_mut() {
            queue.restore(&state.id, &state.intake.resource, kept_since, now);
        }
        state.intake.take_counts();
    }

    /// Puts in flight, connections and credentials are another environment's.
    pub(super) fn forget(&self) {
        self.lanes().iter().for_each(Lane::forget);
    }
}
