//! What a body told, beside what is forwarded of it.

use std::borrow::Cow;

use crate::telemetry::event::{Event, Kind};
use crate::telemetry::json::unescape;

/// What a body told about the environment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The runtime's init is over, or goes on inside an invocation.
    pub initialized: bool,
    /// Requests whose `platform.start` was in it.
    pub started: Vec<String>,
    /// Requests whose `platform.runtimeDone` was in it.
    pub done: Vec<String>,
    /// Requests whose `platform.report` was in it.
    pub reported: Vec<String>,
    /// Lambda dropped events, and told so after the last `platform.start` in it: an end may be among them.
    pub events_dropped: bool,
    /// The environment was restored from a snapshot, which nothing told before.
    pub restored: bool,
    /// The buffer is near its bound: better wait for [`Forwarder::room`](super::Forwarder::room) than take more at once.
    pub full: bool,
}

impl Accepted {
    pub(super) fn note(&mut self, event: &Event<'_>) {
        match event.kind {
            Kind::Start => self.note_start(event),
            Kind::RuntimeDone => self.done.extend(request_id(event)),
            Kind::Report => self.reported.extend(request_id(event)),
            Kind::InitRuntimeDone => self.initialized = true,
            // Inside an invocation nobody waits for init's end.
            Kind::InitStart => self.initialized |= event.members.phase == Some("\"invoke\""),
            Kind::LogsDropped => self.events_dropped = true,
            _ => {}
        }
    }

    /// What was told of a request before its start was of another attempt: a retry has the same id.
    fn note_start(&mut self, event: &Event<'_>) {
        self.events_dropped = false;
        let Some(request_id) = request_id(event) else { return };
        for requests in [&mut self.done, &mut self.reported] {
            requests.retain(|other| *other != request_id);
        }
        self.started.push(request_id);
    }
}

fn request_id(event: &Event<'_>) -> Option<String> {
    event.members.request_id.map(unescape).map(Cow::into_owned)
}
