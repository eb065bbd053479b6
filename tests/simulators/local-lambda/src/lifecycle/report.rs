//! Results of the phases.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::fault::{Fault, Status};
use crate::role::Role;

/// Result of init.
#[derive(Debug, Clone)]
pub struct InitReport {
    /// From its beginning until all waited for their first event, or until it failed.
    pub duration: Duration,
    /// Status.
    pub status: Status,
    /// Error type.
    pub fault: Option<Fault>,
    /// From the beginning until the function's process was started.
    pub runtime_started_after: Option<Duration>,
    /// From the beginning until the runtime's first `next`.
    pub runtime_ready_after: Option<Duration>,
    /// Each extension, internal ones last.
    pub extensions: Vec<ExtensionInit>,
}

/// Result of one extension's init.
#[derive(Debug, Clone)]
pub struct ExtensionInit {
    /// The name under which it registered.
    pub name: String,
    /// From the start of its process until it registered.
    pub registered_after: Option<Duration>,
    /// From the start of its process until its first `next`.
    pub ready_after: Option<Duration>,
}

/// Result of a snapshot's restore.
#[derive(Debug, Clone)]
pub struct RestoreReport {
    /// From the thaw until the runtime waited for its first invocation, or until it failed.
    pub duration: Duration,
    /// Status.
    pub status: Status,
    /// Error type.
    pub fault: Option<Fault>,
}

/// Result of an invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Its id.
    pub request_id: String,
    /// Status.
    pub status: Status,
    /// Answer of the function, if it was a success. It stands even where an extension broke or took
    /// too long afterwards: on Lambda too the caller has it by then.
    pub response: Option<Bytes>,
    /// Error type, or the error that the function answered with.
    pub error: Option<Fault>,
    /// From the start until the function was done: the runtime's next `next`, its end or its timeout.
    pub duration: Duration,
    /// From the runtime's `next` until the last extension's: what the extensions added.
    pub added: Duration,
    /// From the start until the whole answer was there.
    pub responded_after: Option<Duration>,
    /// Duration that Lambda would bill.
    pub billed: Duration,
    /// The init that ran inside the invocation, after a failed init or a reset.
    pub init: Option<InitReport>,
    /// The restore of the snapshot ahead of it.
    pub restore: Option<RestoreReport>,
    /// The reset that followed, with reason `timeout` or `failure`.
    pub reset: Option<ShutdownReport>,
}

impl Invocation {
    /// True if it succeeded.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status == Status::Success
    }

    /// The response as JSON; `null` where there is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let response = self.response.as_deref().unwrap_or_default();
        serde_json::from_slice(response).unwrap_or_default()
    }
}

/// Result of a shutdown.
#[derive(Debug, Clone)]
pub struct ShutdownReport {
    /// The reason as the extensions were told it.
    pub reason: String,
    /// The time that was given for it.
    pub budget: Duration,
    /// From its beginning until the last process had ended.
    pub duration: Duration,
    /// Each process, in the order of their starts.
    pub processes: Vec<ProcessExit>,
    /// True if all telemetry was handed over before SHUTDOWN was sent.
    pub flushed: bool,
    /// Events that no subscriber has acknowledged at the end.
    pub undelivered: usize,
}

impl ShutdownReport {
    /// True if every extension ended by itself, in time and with exit code 0.
    #[must_use]
    pub fn clean(&self) -> bool {
        let mut extensions = self.processes.iter().filter(|process| process.role == Role::Extension);
        extensions.all(|process| !process.killed && process.exit.is_some_and(|status| status.success()))
    }

    /// The exit of a process, by its file name.
    #[must_use]
    pub fn process(&self, name: &str) -> Option<&ProcessExit> {
        self.processes.iter().find(|process| &*process.name == name)
    }
}

/// End of a process.
#[derive(Debug, Clone)]
pub struct ProcessExit {
    /// Its file name.
    pub name: Arc<str>,
    /// Kind of process.
    pub role: Role,
    /// Its exit status. `None` only where the machine did not tell.
    pub exit: Option<ExitStatus>,
    /// From the beginning of the shutdown until it ended; zero if it had ended before.
    pub after: Duration,
    /// From the sending of SHUTDOWN until it ended; `None` if it got none.
    pub after_shutdown_event: Option<Duration>,
    /// True if it was killed: at a timeout, at the deadline, or for not having asked for SHUTDOWN.
    pub killed: bool,
}
