//! Another configuration, between two events: routes, masks, types and attributes change together, so that no event is
//! decided by half of each.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Forwarder;
use super::state::{State, let_go, send_rows};
use super::waiting::WaitLimit;
use crate::delivery::lane::Lane;
use crate::intake::redact::Redaction;
use crate::route::Routes;
use crate::telemetry::Types;

/// Settings that may change while lanes run.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Rules over the lanes that there are.
    pub routes: Routes,
    /// Types that are forwarded.
    pub types: Types,
    /// Redaction.
    pub redaction: Redaction,
    /// Attributes of the user's own, in the envelope's `resource`.
    pub attributes: Vec<(String, String)>,
    /// No line waits longer while the environment runs.
    pub max_age: Duration,
    /// Version of the configuration, for reports.
    pub version: String,
}

impl Forwarder {
    /// Changes the configuration. What waits for its invocation's end by the rules until now goes on, as if it were kept;
    /// so does what follows of these invocations.
    pub fn reconfigure(&self, changes: Changes) {
        self.reconfigure_in(&mut self.state(), changes);
    }

    /// As [`reconfigure`](Self::reconfigure), where the state is locked.
    pub(super) fn reconfigure_in(&self, state: &mut State, changes: Changes) {
        let makes_wait = changes.routes.make_wait();
        let mut queues: Vec<_> = self.lanes().iter().map(Lane::queue).collect();
        let now = Instant::now();
        let_go(&mut state.intake, now, &mut queues, now);
        let rows = state.intake.reconfigure(
            Arc::new(changes.routes),
            changes.types,
            changes.redaction,
            now.into_std(),
        );
        send_rows(&rows, &mut queues, now);
        state.intake.resource.attributes = changes.attributes;
        for queue in &mut queues {
            queue.set_resource(&state.intake.resource);
            queue.pacing().set_max_age(changes.max_age);
            queue.set_config(&changes.version);
            queue.persist();
        }
        drop(queues);
        let limit = makes_wait.then(|| WaitLimit::start(&self.state, self.lanes(), changes.max_age));
        *self.wait_limit() = limit;
        self.lanes().iter().for_each(Lane::wake);
    }

    /// Notes the version of the configuration that it was started with, for reports.
    pub fn note_config(&self, version: &str) {
        self.lanes().iter().for_each(|lane| lane.queue().set_config(version));
    }
}
