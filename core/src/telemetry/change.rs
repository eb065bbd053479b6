//! Lifecycle facts: what an event reports of the environment and its invocations. Read once, used by all that follow it.

use crate::telemetry::event::{Event, Kind};

/// A lifecycle fact of one event. Each value is JSON text as the event has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Nothing: a log line, or a platform event that reports no change.
    None,
    /// An init begins: `platform.initStart`.
    InitStarted {
        /// `initializationType`.
        initialization_type: Option<&'a str>,
        /// `phase`: `init`, or `invoke` for an init that goes on inside an invocation.
        phase: Option<&'a str>,
        /// `instanceId`: the environment's name.
        instance_id: Option<&'a str>,
    },
    /// The runtime's init is over: `platform.initRuntimeDone`.
    InitDone,
    /// The environment is made from a snapshot: `platform.restoreStart`.
    Restored {
        /// `instanceId`: the environment's name.
        instance_id: Option<&'a str>,
    },
    /// An invocation begins: `platform.start`.
    Started(Option<&'a str>),
    /// An invocation has ended: `platform.runtimeDone`.
    Ended(Option<&'a str>),
    /// The last event of an invocation: `platform.report`.
    Reported(Option<&'a str>),
    /// Lambda dropped events: `platform.logsDropped`.
    EventsDropped,
}

impl<'a> Change<'a> {
    /// Reads the fact from an event.
    pub fn of(event: &Event<'a>) -> Self {
        let members = &event.members;
        match event.kind {
            Kind::InitStart => Self::InitStarted {
                initialization_type: members.initialization_type,
                phase: members.phase,
                instance_id: members.instance_id,
            },
            Kind::InitRuntimeDone => Self::InitDone,
            Kind::RestoreStart => Self::Restored {
                instance_id: members.instance_id,
            },
            Kind::Start => Self::Started(members.request_id),
            Kind::RuntimeDone => Self::Ended(members.request_id),
            Kind::Report => Self::Reported(members.request_id),
            Kind::LogsDropped => Self::EventsDropped,
            _ => Self::None,
        }
    }
}
