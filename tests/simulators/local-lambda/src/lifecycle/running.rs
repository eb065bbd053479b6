//! One invocation while it runs, and what the platform tells of it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use uuid::Uuid;

use super::environment::Shared;
use super::trouble::Trouble;
use crate::clock::{epoch_ms, system_time};
use crate::fault::{Fault, Status, TIMED_OUT};
use crate::policy::whole_ms;
use crate::role::Role;
use crate::state::{Answer, Request, State};
use crate::telemetry::records::{self, Millis, Span, Tracing};

/// Invocation request.
#[derive(Debug, Default)]
pub(crate) struct Call<'a> {
    pub(crate) payload: Bytes,
    /// Told as if the function had caused them at its start.
    pub(crate) events: &'a [String],
    pub(crate) trouble: Option<Trouble>,
}

/// An invocation while it runs.
pub(super) struct Running {
    pub(super) request_id: String,
    trace: String,
    span_id: String,
    /// Start of the billed time: with init, if it ran inside.
    pub(super) billed_from: Instant,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
    /// Timeout of the function.
    timeout: Duration,
}

/// The function's turn.
pub(super) struct Turn {
    pub(super) status: Status,
    pub(super) fault: Option<Fault>,
    pub(super) answer: Option<Answer>,
    pub(super) ended: Instant,
    /// The most memory at its end, before anything was killed, in MB.
    pub(super) peak_memory_mb: u64,
    /// True if the environment goes on.
    pub(super) intact: bool,
}

/// Phase that ran ahead of an invocation and belongs to its report.
#[derive(Default)]
pub(super) struct Before {
    pub(super) init: Option<Duration>,
    pub(super) restore: Option<Duration>,
}

impl Running {
    pub(super) fn new(billed_from: Instant, timeout: Duration) -> Self {
        let (trace, span_id) = new_trace(billed_from);
        Self {
            request_id: Uuid::new_v4().to_string(),
            trace,
            span_id,
            billed_from,
            started: Instant::now(),
            deadline: billed_from + timeout,
            timeout,
        }
    }

    /// Events for the function and the extensions.
    pub(super) fn request(&self, shared: &Shared, payload: Bytes) -> Request {
        Request {
            id: self.request_id.clone(),
            payload,
            deadline_ms: epoch_ms(self.deadline),
            arn: shared.config.arn(),
            trace: self.trace.clone(),
            taken: false,
            abandoned: false,
            answer: None,
        }
    }

    pub(super) fn timed_out(&self) -> Fault {
        let limit = self.timeout.as_secs_f64();
        let message = format!("{} Task timed out after {limit:.2} seconds", self.request_id);
        Fault::new(TIMED_OUT, message)
    }

    fn tracing(&self) -> Tracing<'_> {
        Tracing::new(Some(&self.span_id), &self.trace)
    }
}

impl Turn {
    /// One that could not begin.
    pub(super) fn broken(fault: Fault) -> Self {
        Self {
            intact: false,
            ..Self::ended(Err(fault), None, Instant::now())
        }
    }

    /// One that the function, or its timeout, has ended.
    pub(super) fn ended(outcome: Result<(), Fault>, answer: Option<Answer>, ended: Instant) -> Self {
        let fault = outcome.err();
        Self {
            status: fault.as_ref().map_or(Status::Success, Fault::status),
            fault,
            answer,
            ended,
            peak_memory_mb: 0,
            intact: true,
        }
    }

    fn error_type(&self) -> Option<&str> {
        self.fault.as_ref()?.told_type()
    }

    /// The spans of the answer.
    fn spans(&self, running: &Running, overhead: bool) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut span = |name, from: Instant, to: Instant| spans.push(span(name, from, to));
        match &self.answer {
            Some(answer) => {
                span("responseLatency", running.started, answer.started);
                span("responseDuration", answer.started, answer.done);
                if overhead {
                    span("runtimeOverhead", answer.done, self.ended);
                }
            }
            None => span("responseLatency", running.started, self.ended),
        }
        spans
    }
}

fn span(name: &'static str, from: Instant, to: Instant) -> Span {
    Span {
        name,
        start: system_time(from),
        duration: Millis(to.saturating_duration_since(from)),
    }
}

impl Shared {
    pub(super) fn tell_start(&self, running: &Running, events: &[String]) {
        let config = &self.config;
        let concurrent = config.policy.mode.concurrent();
        self.hub.emit(&records::Start {
            request_id: &running.request_id,
            version: &config.function_version,
            function_arn: concurrent.then(|| config.arn()),
            tenant_id: config.tenant_id.as_deref(),
            tracing: (!concurrent).then(|| running.tracing()),
        });
        for event in events {
            // They were checked where they came in.
            let _ = self.hub.emit_foreign(event);
        }
    }

    /// Output of the function comes first.
    pub(super) fn tell_runtime_done(&self, running: &Running, turn: &Turn) {
        self.drain(Role::Function);
        let produced = turn.answer.as_ref().and_then(|answer| answer.result.as_ref().ok());
        self.hub.emit(&records::RuntimeDone {
            request_id: &running.request_id,
            status: turn.status,
            error_type: turn.error_type(),
            tenant_id: self.config.tenant_id.as_deref(),
            tracing: running.tracing(),
            spans: turn.spans(running, turn.intact),
            metrics: records::RuntimeMetrics {
                duration: Millis(turn.ended.saturating_duration_since(running.started)),
                produced_bytes: produced.map_or(0, |body| u64::try_from(body.len()).unwrap_or(u64::MAX)),
            },
        });
    }

    /// Answers what is billed.
    pub(super) fn tell_report(&self, running: &Running, turn: &Turn, ended: Instant, before: &Before) -> Duration {
        let config = &self.config;
        let duration = ended.saturating_duration_since(running.billed_from);
        let restore = before.restore.map(|duration| records::RestoreMetrics {
            duration: Millis(duration),
            billed_ms: whole_ms(duration),
        });
        let billed_ms =
            config.policy.billed_ms(duration, before.init) + restore.as_ref().map_or(0, |restore| restore.billed_ms);
        self.hub.emit(&records::Report {
            request_id: &running.request_id,
            status: turn.status,
            error_type: turn.error_type(),
            tenant_id: config.tenant_id.as_deref(),
            tracing: Some(running.tracing()),
            metrics: records::ReportMetrics {
                duration: Millis(duration),
                more: Some(records::BilledMetrics {
                    billed_ms,
                    memory_size_mb: config.memory_mb,
                    max_memory_used_mb: turn.peak_memory_mb.max(self.state.read(State::peak_memory_mb)),
                    init: before.init.map(Millis),
                    restore,
                }),
            },
            spans: vec![span("extensionOverhead", turn.ended, ended)],
        });
        Duration::from_millis(billed_ms)
    }

    /// The only report of an invocation among many: what is measured of the whole environment is not in it.
    pub(super) fn tell_concurrent_report(&self, running: &Running, turn: &Turn) {
        self.drain(Role::Function);
        self.hub.emit(&records::Report {
            request_id: &running.request_id,
            status: turn.status,
            error_type: turn.error_type(),
            tenant_id: self.config.tenant_id.as_deref(),
            tracing: None,
            metrics: records::ReportMetrics {
                duration: Millis(turn.ended.saturating_duration_since(running.started)),
                more: None,
            },
            spans: turn.spans(running, false),
        });
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
