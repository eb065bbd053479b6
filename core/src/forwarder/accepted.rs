//! Lifecycle facts found in a posted batch.

use crate::telemetry::by_age::ByAge;
use crate::telemetry::change::Change;
use crate::telemetry::json::unescape;

/// Facts about the environment found in a body.
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
    /// The buffer is near its bound: better wait for [`Forwarder::room`](super::Forwarder::room) than take more at
    /// once.
    pub full: bool,
}

/// Facts of a body that is being taken.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) accepted: Accepted,
    done: ByAge<()>,
    reported: ByAge<()>,
}

impl Facts {
    #[inline]
    pub(super) fn note(&mut self, change: &Change<'_>) {
        match change {
            Change::Started(id) => self.note_start(*id),
            Change::Ended(id) => id.map(unescape).iter().for_each(|id| self.done.insert(id, ())),
            Change::Reported(id) => id.map(unescape).iter().for_each(|id| self.reported.insert(id, ())),
            Change::InitDone => self.accepted.initialized = true,
            // Inside an invocation nobody waits for init's end.
            Change::InitStarted { phase, .. } => self.accepted.initialized |= *phase == Some("\"invoke\""),
            Change::EventsDropped => self.accepted.events_dropped = true,
            Change::Restored { .. } | Change::None => {}
        }
    }

    /// Facts about a request before its start belong to another attempt: a retry has the same id.
    fn note_start(&mut self, id: Option<&str>) {
        self.accepted.events_dropped = false;
        let Some(request_id) = id.map(unescape) else { return };
        self.done.remove(&request_id);
        self.reported.remove(&request_id);
        self.accepted.started.push(request_id.into_owned());
    }

    /// All of them.
    pub(super) fn into_accepted(self) -> Accepted {
        let texts = |requests: &ByAge<()>| requests.ids().map(str::to_owned).collect();
        Accepted {
            done: texts(&self.done),
            reported: texts(&self.reported),
            ..self.accepted
        }
    }
}
