//! An invocation: the function's turn, the extensions' turn, the report.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout_at;
use uuid::Uuid;

use super::environment::Environment;
use super::policy::whole_ms;
use super::report::{InitReport, Invocation, RestoreReport, ShutdownReport};
use crate::error::{Fault, Status, TIMED_OUT};
use crate::mode::Mode;
use crate::process::Role;
use crate::state::{Answer, Request, Stage, State, epoch_ms, system_time};
use crate::telemetry::records::{self, Millis, Phase, Span, Tracing};

/// How a turn ended.
enum End {
    /// With the `next` of the last one, at that moment.
    Done(Instant),
    /// Something broke.
    Broken(Fault),
    /// The function's timeout was reached.
    Late,
}

/// An invocation while it runs.
struct Running {
    request_id: String,
    trace: String,
    span_id: String,
    /// When the time that is billed began: with init, if it ran inside.
    billed_from: Instant,
    started: Instant,
    deadline: Instant,
    init: Option<InitReport>,
    restore: Option<RestoreReport>,
}

/// The function's turn.
struct Turn {
    status: Status,
    fault: Option<Fault>,
    answer: Option<Answer>,
    ended: Instant,
    /// The most memory at its end, before anything was killed, in MB.
    peak_memory_mb: u64,
    /// Whether the environment goes on.
    intact: bool,
}

impl Environment {
    /// Runs one invocation to its very end. `events` are told as if the function had caused them at its start.
    pub(crate) async fn invoke(&mut self, payload: Bytes, events: &[String]) -> Invocation {
        let billed_from = Instant::now();
        let deadline = billed_from + self.shared.config.timeout;
        let init = if self.shared.state.read(|state| state.stage) == Stage::Down {
            Some(self.init(Phase::Invoke, deadline).await)
        } else {
            None
        };
        let to_restore = |state: &State| state.stage == Stage::Running && !state.runtime.restored;
        let restore = if self.shared.config.policy.mode == Mode::SnapStart && self.shared.state.read(to_restore) {
            Some(self.restore().await)
        } else {
            None
        };
        // A restore has a time of its own.
        let (billed_from, deadline) = match restore {
            Some(_) => (Instant::now(), Instant::now() + self.shared.config.timeout),
            None => (billed_from, deadline),
        };
        let request_id = Uuid::new_v4().to_string();
        let (trace, span_id) = new_trace(billed_from);
        let running = Running {
            request_id,
            trace,
            span_id,
            billed_from,
            started: Instant::now(),
            deadline,
            init,
            restore,
        };

        self.thaw();
        self.shared.hub.emit(&records::Start {
            request_id: &running.request_id,
            version: &self.shared.config.function_version,
            tracing: running.tracing(),
        });
        for event in events {
            // They were checked where they came in.
            let _ = self.shared.hub.emit_foreign(event);
        }
        let init_fault = running.init.as_ref().and_then(|init| init.fault.clone());
        let restore_fault = running.restore.as_ref().and_then(|restore| restore.fault.clone());
        let turn = match init_fault.or(restore_fault) {
            // What is broken before it begins cannot run.
            Some(fault) => Turn {
                status: fault.status(),
                fault: Some(fault),
                answer: None,
                ended: Instant::now(),
                peak_memory_mb: 0,
                intact: false,
            },
            None => self.function_turn(&running, payload).await,
        };
        self.tell_runtime_done(&running, &turn);
        self.extensions_turn(running, turn).await
    }

    /// From the start until the runtime's next `next`. A function that is late has been killed when this returns.
    async fn function_turn(&self, running: &Running, payload: Bytes) -> Turn {
        let shared = &self.shared;
        let function = shared.config.function.is_some();
        shared.state.update(|state| {
            state.begin_invocation(Request {
                id: running.request_id.clone(),
                payload,
                deadline_ms: epoch_ms(running.deadline),
                arn: shared.config.arn(),
                trace: running.trace.clone(),
                answer: None,
            });
        });
        if !function {
            let now = Instant::now();
            let answer = Answer {
                result: Ok(Bytes::from_static(b"null")),
                started: now,
                done: now,
            };
            return Turn {
                status: Status::Success,
                fault: None,
                answer: Some(answer),
                ended: now,
                peak_memory_mb: 0,
                intact: true,
            };
        }
        let done = shared.state.wait(|state| {
            let done = state.runtime_idle_since().map(End::Done);
            done.or_else(|| state.fault().map(End::Broken))
        });
        let end = timeout_at(running.deadline.into(), done).await.unwrap_or(End::Late);
        let peak_memory_mb = shared.state.read(State::peak_memory_mb);
        if matches!(end, End::Late) {
            self.kill(Role::Function).await;
        }
        let answer = shared.state.read(|state| state.invocation.as_ref()?.answer.clone());
        let (ended, fault, intact) = match end {
            End::Done(ended) => {
                let told = answer.as_ref().and_then(|answer| answer.result.as_ref().err().cloned());
                (ended, told, true)
            }
            End::Broken(fault) => (Instant::now(), Some(fault), false),
            End::Late => (running.deadline, Some(self.timed_out(running)), false),
        };
        Turn {
            status: fault.as_ref().map_or(Status::Success, Fault::status),
            fault,
            answer,
            ended,
            peak_memory_mb,
            intact,
        }
    }

    /// From the end of the function's turn until the last extension's `next`, and a reset where one is due.
    async fn extensions_turn(&mut self, running: Running, mut turn: Turn) -> Invocation {
        let shared = &self.shared;
        let runtime_done = turn.ended;
        let mut ended = runtime_done;
        if turn.intact {
            let done = shared.state.wait(|state| {
                let done = state.agents_idle_since(runtime_done).map(End::Done);
                done.or_else(|| state.fault().map(End::Broken))
            });
            let fault = match timeout_at(running.deadline.into(), done).await.unwrap_or(End::Late) {
                End::Done(at) => {
                    ended = at;
                    None
                }
                End::Broken(fault) => {
                    ended = Instant::now();
                    Some(fault)
                }
                End::Late => {
                    ended = running.deadline;
                    Some(self.timed_out(&running))
                }
            };
            if let Some(fault) = fault {
                turn.intact = false;
                turn.status = fault.status();
                turn.fault = Some(fault);
            }
        }
        if turn.intact && shared.config.policy.freezes() {
            // The report is told of an environment that is about to freeze: it is delivered after the thaw.
            shared.hub.pause();
        }
        let added = ended.saturating_duration_since(runtime_done);
        let billed = self.tell_report(&running, &turn, ended, added);
        let reset = self.freeze_or_reset(&turn).await;
        let since_start = |at: Instant| at.saturating_duration_since(running.started);
        Invocation {
            request_id: running.request_id,
            status: turn.status,
            responded_after: turn.answer.as_ref().map(|answer| since_start(answer.done)),
            response: turn.answer.and_then(|answer| answer.result.ok()),
            error: turn.fault,
            duration: since_start(runtime_done),
            added,
            billed,
            init: running.init,
            restore: running.restore,
            reset,
        }
    }

    async fn freeze_or_reset(&mut self, turn: &Turn) -> Option<ShutdownReport> {
        if turn.intact {
            self.freeze().await;
            None
        } else if self.shared.state.read(|state| state.stage) == Stage::Down {
            // A failed init has reset already.
            None
        } else if turn.status == Status::Timeout {
            Some(self.reset("timeout").await)
        } else {
            Some(self.reset("failure").await)
        }
    }

    /// What the function printed comes first.
    fn tell_runtime_done(&self, running: &Running, turn: &Turn) {
        let shared = &self.shared;
        shared.drain(Role::Function);
        let mut spans = Vec::new();
        let mut span = |name, from: Instant, to: Instant| {
            spans.push(Span {
                name,
                start: system_time(from),
                duration: Millis(to.saturating_duration_since(from)),
            });
        };
        match &turn.answer {
            Some(answer) => {
                span("responseLatency", running.started, answer.started);
                span("responseDuration", answer.started, answer.done);
                if turn.intact {
                    span("runtimeOverhead", answer.done, turn.ended);
                }
            }
            None => span("responseLatency", running.started, turn.ended),
        }
        let produced = turn.answer.as_ref().and_then(|answer| answer.result.as_ref().ok());
        shared.hub.emit(&records::RuntimeDone {
            request_id: &running.request_id,
            status: turn.status,
            error_type: turn.error_type(),
            tracing: running.tracing(),
            spans,
            metrics: records::RuntimeMetrics {
                duration: Millis(turn.ended.saturating_duration_since(running.started)),
                produced_bytes: produced.map_or(0, |body| u64::try_from(body.len()).unwrap_or(u64::MAX)),
            },
        });
    }

    /// Answers what is billed.
    fn tell_report(&mut self, running: &Running, turn: &Turn, ended: Instant, added: Duration) -> Duration {
        let init = self.unreported_init.take();
        let restore = self.unreported_restore.take().map(|duration| records::RestoreMetrics {
            duration: Millis(duration),
            billed_ms: whole_ms(duration),
        });
        let duration = ended.saturating_duration_since(running.billed_from);
        let config = &self.shared.config;
        let billed_ms =
            config.policy.billed_ms(duration, init) + restore.as_ref().map_or(0, |restore| restore.billed_ms);
        self.shared.hub.emit(&records::Report {
            request_id: &running.request_id,
            status: turn.status,
            error_type: turn.error_type(),
            tracing: running.tracing(),
            metrics: records::ReportMetrics {
                duration: Millis(duration),
                billed_ms,
                memory_size_mb: config.memory_mb,
                max_memory_used_mb: turn.peak_memory_mb.max(self.shared.state.read(State::peak_memory_mb)),
                init: init.map(Millis),
                restore,
            },
            spans: vec![Span {
                name: "extensionOverhead",
                start: system_time(turn.ended),
                duration: Millis(added),
            }],
        });
        Duration::from_millis(billed_ms)
    }

    fn timed_out(&self, running: &Running) -> Fault {
        let limit = self.shared.config.timeout.as_secs_f64();
        let message = format!("{} Task timed out after {limit:.2} seconds", running.request_id);
        Fault::new(TIMED_OUT, message)
    }
}

impl Running {
    fn tracing(&self) -> Tracing<'_> {
        Tracing::new(Some(&self.span_id), &self.trace)
    }
}

impl Turn {
    fn error_type(&self) -> Option<&str> {
        self.fault.as_ref()?.told_type()
    }
}

/// A trace header's value and a span id.
fn new_trace(at: Instant) -> (String, String) {
    let hex = |length: usize| {
        let digits = Uuid::new_v4().simple().to_string();
        digits.chars().take(length).collect::<String>()
    };
    let seconds = epoch_ms(at) / 1000;
    let trace = format!("Root=1-{seconds:08x}-{};Parent={};Sampled=1", hex(24), hex(16));
    (trace, hex(16))
}
