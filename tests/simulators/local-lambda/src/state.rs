//! State of the environment: its function, its extensions and its processes. No I/O: the HTTP APIs write it,
//! the lifecycle waits for it.

use std::time::Instant;

use bytes::Bytes;
use serde::Serialize;

use crate::fault::Fault;
use crate::process::Process;
use crate::role::Role;
use crate::telemetry::records::Tracing;

/// Phase of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No processes: before init, and after a reset.
    Down,
    /// Extensions may register and subscribe.
    Init,
    /// Between init and the end, frozen or not.
    Running,
    /// Processes are being ended: their exits are no faults.
    Stopping,
    /// Shut down for good.
    Over,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) stage: Stage,
    pub(crate) agents: Vec<Agent>,
    pub(crate) runtime: Runtime,
    /// The processes of this life of the environment.
    pub(crate) processes: Vec<Process>,
    /// The invocations that run; where there is one at a time, the one that ran last as long as there is no other.
    pub(crate) requests: Vec<Request>,
    /// The fault of a program that could not be started.
    pub(crate) launch_fault: Option<Fault>,
    /// Subscriptions refused so far for their schema version.
    pub(crate) refused_schemas: u32,
}

/// An extension, as the Extensions API knows it.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) name: String,
    /// The identifier that it was given when it registered.
    pub(crate) id: String,
    /// Internal ones run inside the function's process and get no SHUTDOWN.
    pub(crate) external: bool,
    pub(crate) invoke: bool,
    pub(crate) shutdown: bool,
    pub(crate) activity: Activity,
    /// The event that waits to be fetched.
    pub(crate) pending: Option<NextEvent>,
    pub(crate) registered_at: Option<Instant>,
    /// Its first `next`.
    pub(crate) ready_at: Option<Instant>,
    /// Error that it reported by init/error or exit/error, or why it could not be launched.
    pub(crate) fault: Option<Fault>,
}

/// State of an extension or the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Started by the platform, not heard of since.
    Started,
    /// Registered; has never called `next`.
    Registered,
    /// In `next`.
    Waiting {
        /// Since when.
        since: Instant,
    },
    /// At work on an event.
    Busy,
}

/// The function's runtime, as the Runtime API knows it.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) activity: Activity,
    pub(crate) init_error: Option<Fault>,
    /// Since when it has been ready for a snapshot: its call of `restore/next`.
    pub(crate) snapshot_ready: Option<Instant>,
    /// True if the snapshot has been restored, if there was to be one.
    pub(crate) restored: bool,
}

/// An invocation on its way through the function.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) payload: Bytes,
    pub(crate) deadline_ms: u64,
    pub(crate) arn: String,
    pub(crate) trace: String,
    /// True if the runtime has fetched it.
    pub(crate) taken: bool,
    /// True if nobody waits for its answer any more.
    pub(crate) abandoned: bool,
    pub(crate) answer: Option<Answer>,
}

/// Answer of the function.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) result: Result<Bytes, Fault>,
    /// Time of its first byte.
    pub(crate) started: Instant,
    /// Time of its last byte.
    pub(crate) done: Instant,
}

impl Answer {
    /// That of an environment without a function.
    pub(crate) fn null() -> Self {
        let now = Instant::now();
        Self {
            result: Ok(Bytes::from_static(b"null")),
            started: now,
            done: now,
        }
    }

    /// True if the function answered with success.
    pub(crate) fn outcome(&self) -> Result<(), Fault> {
        self.result.as_ref().map(|_| ()).map_err(Clone::clone)
    }
}

/// The body of an answer to an extension's `next`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "eventType", rename_all = "UPPERCASE")]
pub(crate) enum NextEvent {
    #[serde(rename_all = "camelCase")]
    Invoke {
        deadline_ms: u64,
        request_id: String,
        invoked_function_arn: String,
        tracing: InvokeTracing,
    },
    #[serde(rename_all = "camelCase")]
    Shutdown { shutdown_reason: String, deadline_ms: u64 },
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct InvokeTracing {
    r#type: &'static str,
    value: String,
}

impl Agent {
    pub(crate) fn external(name: String) -> Self {
        Self {
            name,
            id: String::new(),
            external: true,
            invoke: false,
            shutdown: false,
            activity: Activity::Started,
            pending: None,
            registered_at: None,
            ready_at: None,
            fault: None,
        }
    }

    /// Since when it has had nothing to do.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        match self.activity {
            Activity::Waiting { since } if self.pending.is_none() => Some(since),
            _ => None,
        }
    }

    pub(crate) fn event_names(&self) -> Vec<&'static str> {
        [(self.invoke, "INVOKE"), (self.shutdown, "SHUTDOWN")]
            .into_iter()
            .filter_map(|(wanted, name)| wanted.then_some(name))
            .collect()
    }
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Down,
            agents: Vec::new(),
            runtime: Runtime {
                activity: Activity::Started,
                init_error: None,
                snapshot_ready: None,
                restored: false,
            },
            processes: Vec::new(),
            requests: Vec::new(),
            launch_fault: None,
            refused_schemas: 0,
        }
    }

    /// Begins a new life with these external extensions.
    pub(crate) fn begin_init(&mut self, extensions: Vec<String>) {
        let refused_schemas = self.refused_schemas;
        *self = Self {
            stage: Stage::Init,
            agents: extensions.into_iter().map(Agent::external).collect(),
            refused_schemas,
            ..Self::new()
        };
    }

    /// Hands an invocation to the runtime and to those extensions that asked for INVOKE.
    pub(crate) fn begin_invocation(&mut self, request: Request) {
        for agent in self.agents.iter_mut().filter(|agent| agent.invoke) {
            agent.pending = Some(NextEvent::Invoke {
                deadline_ms: request.deadline_ms,
                request_id: request.id.clone(),
                invoked_function_arn: request.arn.clone(),
                tracing: InvokeTracing {
                    r#type: Tracing::new(None, "").r#type,
                    value: request.trace.clone(),
                },
            });
        }
        self.requests = vec![request];
    }

    /// Hands an invocation to the runtime beside those that run. Extensions do not hear of it.
    pub(crate) fn add_invocation(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// Ends an invocation among many. An answer may still come of one that was fetched and not answered.
    pub(crate) fn end_invocation(&mut self, id: &str) {
        for request in self.requests.iter_mut().filter(|request| request.id == id) {
            request.abandoned = true;
        }
        self.requests
            .retain(|request| !request.abandoned || (request.taken && request.answer.is_none()));
    }

    pub(crate) fn request(&self, id: &str) -> Option<&Request> {
        self.requests.iter().find(|request| request.id == id)
    }

    /// Since when the runtime has waited for an invocation, having answered the last.
    pub(crate) fn runtime_idle_since(&self) -> Option<Instant> {
        match self.runtime.activity {
            Activity::Waiting { since } if self.requests.iter().all(|request| request.taken) => Some(since),
            _ => None,
        }
    }

    /// Since when the runtime has been through its init: waiting for an invocation, or for a restore.
    pub(crate) fn runtime_ready_since(&self) -> Option<Instant> {
        self.runtime.snapshot_ready.or_else(|| self.runtime_idle_since())
    }

    /// Since when all extensions have had nothing to do: the time of the last one's `next`, and `before` if there
    /// are none.
    pub(crate) fn agents_idle_since(&self, before: Instant) -> Option<Instant> {
        self.agents
            .iter()
            .try_fold(before, |last, agent| Some(last.max(agent.idle_since()?)))
    }

    /// The first thing that is broken, if anything is.
    pub(crate) fn fault(&self) -> Option<Fault> {
        let told = self.agents.iter().find_map(|agent| agent.fault.clone());
        told.or_else(|| self.launch_fault.clone())
            .or_else(|| self.runtime.init_error.clone())
            .or_else(|| self.processes.iter().find_map(exit_fault))
    }

    pub(crate) fn agent_by_id(&mut self, id: &str) -> Option<&mut Agent> {
        self.agents
            .iter_mut()
            .find(|agent| !agent.id.is_empty() && agent.id == id)
    }

    /// The most memory that the processes have had, in MB, all together.
    pub(crate) fn peak_memory_mb(&self) -> u64 {
        let bytes: u64 = self.processes.iter().filter_map(Process::peak_memory).sum();
        bytes.div_ceil(1024 * 1024)
    }

    pub(crate) fn process(&self, role: Role) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(move |process| process.role == role)
    }

    pub(crate) fn process_mut(&mut self, pid: u32) -> Option<&mut Process> {
        self.processes.iter_mut().find(|process| process.pid == pid)
    }
}

/// A process that ended while it should not have.
fn exit_fault(process: &Process) -> Option<Fault> {
    process.ended?;
    let status = process
        .exit
        .map_or_else(|| "how is unknown".to_owned(), |status| status.to_string());
    Some(match process.role {
        Role::Function => Fault::new("Runtime.ExitError", format!("the runtime exited: {status}")),
        Role::Extension => Fault::new(
            "Extension.Crash",
            format!("the extension {} exited: {status}", process.name),
        ),
    })
}
