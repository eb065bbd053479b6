//! One row: what is known of an invocation, and how it is written.

use crate::record::envelope::Resource;
use crate::route::Level;
use crate::telemetry::event::{Event, Kind};
use crate::telemetry::json::{each_member, unescape, write_string};

/// The longest first error, in characters.
const LONGEST_ERROR: usize = 256;

/// What is known of an invocation. Texts are JSON text as Lambda sent it, unless said otherwise.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) request_id: String,
    tenant_id: Option<String>,
    start: Option<String>,
    end: Option<String>,
    status: Option<String>,
    error_type: Option<String>,
    /// Text.
    first_error: Option<String>,
    /// The environment began for it, and it waited; `None`: nobody has told.
    pub(super) cold_start: Option<bool>,
    init_ms: Option<String>,
    restore_ms: Option<String>,
    duration_ms: Option<String>,
    billed_ms: Option<String>,
    response_latency_ms: Option<String>,
    produced_bytes: Option<String>,
    memory_mb: Option<String>,
    max_memory_mb: Option<String>,
    lines: u64,
    bytes: u64,
    levels: [u64; 6],
    /// Some line says that a runtime ended for want of memory.
    out_of_memory: bool,
    /// Its `platform.start` was seen.
    pub(super) started: bool,
    /// Its `platform.report` was seen.
    pub(super) reported: bool,
    /// Times that Lambda had dropped events when it began.
    pub(super) gaps_before: u64,
    /// Lambda dropped events while it ran.
    pub(super) has_gaps: bool,
}

/// What the environment and the envelope tell of an invocation.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) init_type: Option<&'a str>,
    pub(super) init_ms: Option<&'a str>,
    pub(super) restore_ms: Option<&'a str>,
    /// JSON text.
    pub(super) trace_id: Option<&'a str>,
    pub(super) execution_arn: Option<&'a str>,
    /// True if log lines of functions come at all.
    pub(super) has_lines: bool,
}

impl Row {
    pub(super) fn new(request_id: &str) -> Self {
        Self {
            request_id: request_id.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn note_start(&mut self, event: &Event<'_>) {
        self.started = true;
        self.start = string(event.time);
        self.tenant_id = event.members.tenant_id.map(str::to_owned);
    }

    /// Counts a log line.
    pub(super) fn note_line(&mut self, record: &str, level: Level) {
        let text = unescape(record);
        let text = if record.starts_with('"') { text.as_ref() } else { record };
        self.lines += 1;
        self.bytes += text.len() as u64;
        if let Some(count) = self.levels.get_mut(level as usize) {
            *count += 1;
        }
        self.out_of_memory |= names_exhaustion(text);
        if level >= Level::Error && self.first_error.is_none() {
            let message = message(record);
            let text = message.as_deref().unwrap_or(text).trim();
            self.first_error = Some(text.chars().take(LONGEST_ERROR).collect());
        }
    }

    /// Takes what `platform.runtimeDone` or `platform.report` says. The report has the last word.
    pub(super) fn note_end(&mut self, event: &Event<'_>) {
        let is_report = event.kind == Kind::Report;
        self.reported |= is_report;
        if !is_report || self.end.is_none() {
            self.end = string(event.time);
        }
        if self.tenant_id.is_none() {
            self.tenant_id = event.members.tenant_id.map(str::to_owned);
        }
        each_member(event.record.unwrap_or_default(), |key, value| match key {
            "status" => set(&mut self.status, string(Some(value))),
            "errorType" => set(&mut self.error_type, string(Some(value))),
            "metrics" => self.note_metrics(value),
            "spans" => {
                let latency = response_latency(value);
                set(&mut self.response_latency_ms, latency);
            }
            _ => {}
        });
    }

    fn note_metrics(&mut self, metrics: &str) {
        each_member(metrics, |key, value| match key {
            "durationMs" => set(&mut self.duration_ms, number(value)),
            "billedDurationMs" => set(&mut self.billed_ms, whole(value)),
            "producedBytes" => set(&mut self.produced_bytes, whole(value)),
            "memorySizeMB" => set(&mut self.memory_mb, whole(value)),
            "maxMemoryUsedMB" => set(&mut self.max_memory_mb, whole(value)),
            "initDurationMs" => set(&mut self.init_ms, number(value)),
            "restoreDurationMs" => set(&mut self.restore_ms, number(value)),
            _ => {}
        });
    }

    /// How it ended, as far as there is evidence.
    fn verdict(&self) -> &'static str {
        let status = self.status.as_deref().map(unescape);
        let kind = self.error_type.as_deref().map(unescape).unwrap_or_default();
        let failed = match status.as_deref() {
            Some("success") => return "success",
            Some("timeout") => return "timeout",
            Some(_) => true,
            None => !kind.is_empty(),
        };
        let says_memory = kind.contains("OutOfMemory") || kind.ends_with("MemoryError");
        let is_crash = kind == "Runtime.ExitError" || kind.starts_with("Sandbox.") || kind.starts_with("Extension.");
        let is_full = self.max_memory_mb.is_some() && self.max_memory_mb == self.memory_mb;
        match failed {
            false => "unknown",
            true if says_memory || (is_crash && (is_full || self.out_of_memory)) => "oom",
            true if is_crash => "crash",
            true => "error",
        }
    }

    /// What it takes of the buffer's bound. Bytes.
    pub(super) fn cost(&self) -> usize {
        // Numbers and times have some twenty bytes each.
        const TEXTS: usize = 256;
        let first_error = self.first_error.as_ref().map_or(0, String::len);
        size_of::<Self>() + TEXTS + 2 * self.request_id.len() + first_error
    }

    /// The row as an event, and where its record begins. `now`: the time where no end is known.
    pub(super) fn write(&self, resource: &Resource, around: Surroundings<'_>, now: &str) -> (String, usize) {
        let text = |value: &Option<String>| {
            value.as_ref().map(|text| {
                let mut json = Vec::new();
                write_string(&mut json, text);
                String::from_utf8(json).unwrap_or_default()
            })
        };
        let mut out = String::with_capacity(1_024);
        out.push_str("{\"time\":");
        match &self.end {
            Some(end) => out.push_str(end),
            None => out.push_str(&format!("\"{now}\"")),
        }
        out.push_str(",\"type\":\"forwarder.invocation\",\"record\":");
        let record = out.len();
        let is_cold = self.cold_start == Some(true);
        let told = |own: &Option<String>, of_environment: Option<&str>| {
            own.clone().or(of_environment.filter(|_| is_cold).map(str::to_owned))
        };
        let count = |count: u64| around.has_lines.then(|| count.to_string());
        let [trace, debug, info, warn, error, fatal] = self.levels.map(count);
        let complete = self.started && self.reported && !self.has_gaps;
        let owned = |value: Option<&str>| value.map(str::to_owned);
        let members = [
            ("requestId", Some(self.request_id.clone())),
            ("traceId", owned(around.trace_id)),
            ("tenantId", self.tenant_id.clone()),
            ("executionArn", owned(around.execution_arn)),
            ("functionName", text(&resource.faas_name)),
            ("functionVersion", text(&resource.faas_version)),
            ("accountId", text(&resource.cloud_account_id)),
            ("region", text(&resource.cloud_region)),
            ("instance", text(&resource.faas_instance)),
            ("start", self.start.clone()),
            ("end", self.end.clone()),
            ("verdict", Some(format!("\"{}\"", self.verdict()))),
            ("errorType", self.error_type.clone()),
            ("firstError", text(&self.first_error)),
            ("coldStart", self.cold_start.map(|cold| cold.to_string())),
            ("initType", owned(around.init_type)),
            ("initMs", told(&self.init_ms, around.init_ms)),
            ("restoreMs", told(&self.restore_ms, around.restore_ms)),
            ("durationMs", self.duration_ms.clone()),
            ("billedMs", self.billed_ms.clone()),
            ("responseLatencyMs", self.response_latency_ms.clone()),
            ("producedBytes", self.produced_bytes.clone()),
            ("memoryMb", self.memory_mb.clone()),
            ("maxMemoryMb", self.max_memory_mb.clone()),
            ("lines", count(self.lines)),
            ("bytes", count(self.bytes)),
            ("trace", trace),
            ("debug", debug),
            ("info", info),
            ("warn", warn),
            ("error", error),
            ("fatal", fatal),
            ("complete", Some(complete.to_string())),
        ];
        for (index, (name, value)) in members.into_iter().enumerate() {
            out.push(if index == 0 { '{' } else { ',' });
            out.push_str(&format!("\"{name}\":{}", value.as_deref().unwrap_or("null")));
        }
        out.push_str("}}");
        (out, record)
    }
}

/// Sets what was told; what was not stays.
fn set(slot: &mut Option<String>, value: Option<String>) {
    if value.is_some() {
        *slot = value;
    }
}

/// A JSON string, as JSON text. Lambda's have some dozens of bytes.
fn string(value: Option<&str>) -> Option<String> {
    const LONGEST: usize = 256;
    let value = value.filter(|value| value.starts_with('"') && value.len() <= LONGEST);
    value.map(str::to_owned)
}

/// A JSON number, as it was written.
pub(super) fn number(value: &str) -> Option<String> {
    const LONGEST: usize = 32;
    let is_number = value.len() <= LONGEST && value.parse().is_ok_and(f64::is_finite);
    is_number.then(|| value.to_owned())
}

/// A whole JSON number, also where it was written with a fraction of zero; what has another is rounded up, as bills are.
fn whole(value: &str) -> Option<String> {
    let number: f64 = number(value)?.parse().ok()?;
    (number.abs() < 1e15).then(|| (number.ceil() as i64).to_string())
}

/// The duration of the span `responseLatency` in an array of spans.
fn response_latency(spans: &str) -> Option<String> {
    let mut found = None;
    // Each span is an object with a name, a start and a duration, none of them nested.
    for span in spans.split_inclusive('}') {
        let Some(begin) = span.find('{') else { continue };
        let (mut is_latency, mut duration) = (false, None);
        each_member(span.get(begin..).unwrap_or_default(), |key, value| match key {
            "name" => is_latency = value == "\"responseLatency\"",
            "durationMs" => duration = number(value),
            _ => {}
        });
        if is_latency {
            found = duration;
        }
    }
    found
}

/// The text of a JSON record, under the names that loggers have for it.
fn message(record: &str) -> Option<String> {
    let mut found: Option<(usize, &str)> = None;
    each_member(record, |key, value| {
        let names = ["message", "msg", "errorMessage", "event", "error"];
        let rank = names.iter().position(|name| *name == key);
        if let Some(rank) = rank.filter(|_| value.starts_with('"'))
            && found.is_none_or(|(before, _)| rank < before)
        {
            found = Some((rank, value));
        }
    });
    found.map(|(_, value)| unescape(value).into_owned())
}

/// True if a line is what a runtime prints when it ends for want of memory.
fn names_exhaustion(text: &str) -> bool {
    text.contains("emory")
        && [
            "JavaScript heap out of memory",
            "java.lang.OutOfMemoryError",
            "System.OutOfMemoryException",
            "fatal error: runtime: out of memory",
            "failed to allocate memory",
            "Allowed memory size of",
        ]
        .iter()
        .any(|known| text.contains(known))
}
