//! The forwarder itself: what Lambda hands over goes in, and each lane delivers its share.
//!
//! - this file: settings, and what goes in; `state`: what is kept between bodies, and how verdicts reach the lanes;
//!   `body`: a body is taken, in slices; `accepted`: its lifecycle facts.
//! - `waiting`: the time limit of lines that wait for their invocation's end.
//! - `deliver`: when lanes deliver: while the environment runs, before it is frozen, at its end.
//! - `room`: the bound of what is held, and who gives way.
//! - `reconfigure`: another configuration, between two events; `lanes`: other lanes, before the first.
//! - [`flush`]: when to hold `next`. Policy only.
//! - `life`: where one life ends and the next begins: around a snapshot.

mod accepted;
mod body;
mod deliver;
pub mod flush;
mod lanes;
mod life;
mod reconfigure;
mod room;
mod state;
#[cfg(test)]
mod tests;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;

use crate::delivery::lane::Lane;
use crate::delivery::settings::LaneSettings;
use crate::delivery::sink::Sink;
use crate::delivery::spool::SpoolSettings;
use crate::intake::Intake;
use crate::intake::redact::Redaction;
use crate::record::envelope::Resource;
use crate::record::own_event::{self, OwnEvent};
use crate::record::ranges::Dropped;
use crate::record::stats::{IntakeStats, LaneStats};
use crate::route::Routes;
use crate::telemetry::Types;
use crate::telemetry::halves::Half;
use crate::telemetry::snapshot::Snapshot;
pub use accepted::Accepted;
pub use body::{Body, SLICE, Whole};
use lanes::Delivery;
pub use lanes::LaneSet;
pub use reconfigure::Changes;
use state::{Queues, State};
use waiting::WaitLimit;

/// Parts of a forwarder.
pub struct Settings {
    /// The lanes and their sinks, in the order that the routes know them by.
    pub lanes: Vec<(LaneSettings, Arc<dyn Sink>)>,
    /// Which of them take an event.
    pub routes: Routes,
    /// Which types are forwarded at all.
    pub types: Types,
    /// Redaction of log lines and of what is no event.
    pub redaction: Redaction,
    /// The envelope's resource.
    pub resource: Resource,
    /// Limit of what all lanes together hold. Bytes.
    pub buffer_bytes: usize,
    /// Spool for chunks that memory cannot hold.
    pub spool: SpoolSettings,
    /// Invocations overlap (Managed Instances).
    pub concurrent: bool,
}

/// Lines that could not be delivered before the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The envelope's `id`.
    pub id: String,
    /// The sink.
    pub sink: String,
    /// Which lines, by reason.
    pub dropped: Vec<Dropped>,
}

/// Takes telemetry and delivers it: the whole of this crate behind five calls.
///
/// # Example
/// One invocation of an environment, from the first body to the end:
/// ```
/// # async fn example(settings: forwarder_core::Settings) {
/// use std::time::Duration;
///
/// use forwarder_core::Forwarder;
/// use tokio::time::Instant;
///
/// let forwarder = Forwarder::start(settings);
/// forwarder.recover().await; // what an earlier process left on disk
/// forwarder.run(false); // the environment runs: lanes put by size and age
/// forwarder.accept(br#"[{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"order accepted\n"}]"#);
/// forwarder.flush(Instant::now() + Duration::from_millis(500)).await;
/// forwarder.pause().await; // the environment is frozen: nothing is in flight
/// let undelivered = forwarder.close(Instant::now() + Duration::from_secs(2), false).await;
/// assert!(undelivered.is_empty());
/// # }
/// ```
pub struct Forwarder {
    /// The lanes that it began with, and what they share.
    first: Delivery,
    /// What took their place before anything came.
    other: OnceLock<Delivery>,
    state: Arc<Mutex<State>>,
    /// Only where a rule makes lines wait.
    wait_limit: Mutex<Option<WaitLimit>>,
}

impl Forwarder {
    /// Starts a lane for each sink on the current tokio runtime. Nothing is connected to yet.
    pub fn start(settings: Settings) -> Self {
        let id = life::new_id();
        let max_age = settings.lanes.iter().map(|(lane, _)| lane.max_age).min();
        let set = LaneSet {
            lanes: settings.lanes,
            buffer_bytes: settings.buffer_bytes,
            spool: settings.spool,
        };
        let delivery = Delivery::start(set, &id, &settings.resource);
        let routes = Arc::new(settings.routes);
        let intake = Intake::new(
            settings.types,
            Arc::clone(&routes),
            settings.resource,
            settings.redaction,
            settings.concurrent,
        );
        let state = Arc::new(Mutex::new(State {
            id,
            intake,
            near_body: None,
        }));
        let max_age = max_age.filter(|_| routes.make_wait());
        Self {
            wait_limit: Mutex::new(max_age.map(|max_age| WaitLimit::start(&state, &delivery.lanes, max_age))),
            first: delivery,
            other: OnceLock::new(),
            state,
        }
    }

    /// The envelope's `id`.
    pub fn id(&self) -> String {
        self.state().id.clone()
    }

    /// The lanes, in the order of the settings.
    pub fn lanes(&self) -> &[Lane] {
        &self.delivery().lanes
    }

    fn delivery(&self) -> &Delivery {
        self.other.get().unwrap_or(&self.first)
    }

    /// Takes a body whose parsing panicked: forwards it as it is.
    pub fn accept_unparsed(&self, body: &[u8], error: &str) {
        self.announce_unparsed(body, error, |stats| stats.unparsed += 1);
    }

    /// Notes that Lambda posted a body over the listener's bound, which was not kept.
    pub fn refuse_body(&self, error: &str) {
        self.announce_unparsed(b"", error, |stats| stats.oversized_bodies += 1);
    }

    /// Counts a request to the listener that is not Lambda's, and was refused unread.
    pub fn refuse_request(&self) {
        self.state().intake.stats.refused += 1;
    }

    fn announce_unparsed(&self, body: &[u8], error: &str, count: impl FnOnce(&mut IntakeStats)) {
        let mut state = self.state();
        let mut queues: Vec<_> = self.lanes().iter().map(Lane::queue).collect();
        let now = Instant::now();
        let is_near = state.intake.snapshot == Snapshot::Near;
        if is_near {
            self.begin_near_body(b"", &mut state, &mut queues, now);
        }
        state.intake.stats.bodies += 1;
        count(&mut state.intake.stats);
        let masked = state.intake.mask(body);
        for event in own_event::unparsed(&masked, error) {
            self.tell_routed_lanes(&event, &state.intake, &mut queues, now);
            self.make_room(&mut state.intake, &mut queues, now);
        }
        self.make_room(&mut state.intake, &mut queues, now);
        queues.iter_mut().for_each(|queue| queue.persist());
        let is_alone = is_near && self.begin_life_in(&mut state, &mut queues, now);
        drop(queues);
        drop(state);
        if is_alone {
            self.run(true);
        }
        self.lanes().iter().for_each(Lane::wake);
    }

    /// Forwards beginnings of records whose other parts did not come, as bytes that are no event.
    fn give_up_halves(&self, halves: Vec<Half>, state: &mut State, queues: &mut Queues<'_>, now: Instant) {
        for half in halves {
            state.intake.stats.unparsed += 1;
            let body = state.intake.mask(half.text());
            for event in own_event::unparsed(&body, "the record is cut off, and its other part did not come") {
                self.tell_routed_lanes(&event, &state.intake, queues, now);
            }
        }
    }

    fn tell_routed_lanes(&self, event: &OwnEvent, intake: &Intake, queues: &mut Queues<'_>, now: Instant) {
        for (index, queue) in queues.iter_mut().enumerate() {
            if intake.routes().name_sink(index) && !queue.add_own(event, now) {
                log::warn!(
                    sink = self.lanes().get(index).map_or("", Lane::name), bytes = event.len();
                    "bytes that are no event cannot be sent under the envelope raw"
                );
            }
        }
    }

    /// The account, where `register` did not tell it.
    pub fn set_account_id(&self, account_id: &str) {
        let mut state = self.state();
        let intake = &mut state.intake;
        if intake.resource.cloud_account_id.is_none() {
            intake.resource.cloud_account_id = Some(account_id.to_owned());
            self.lanes()
                .iter()
                .for_each(|lane| lane.queue().set_resource(&intake.resource));
        }
    }

    /// An invocation begins, as INVOKE tells, with the value of its `X-Amzn-Trace-Id`.
    pub fn note_invoke(&self, request_id: &str, trace_header: &str) {
        self.state().intake.note_invoke(request_id, trace_header);
    }

    /// The counters of what came in, and of each lane.
    pub fn stats(&self) -> (IntakeStats, Vec<LaneStats>) {
        let lanes = self.lanes().iter().map(|lane| lane.queue().stats()).collect();
        (self.state().intake.stats, lanes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        state::lock(&self.state)
    }

    fn wait_limit(&self) -> MutexGuard<'_, Option<WaitLimit>> {
        self.wait_limit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.lanes().iter().for_each(Lane::stop);
    }
}
