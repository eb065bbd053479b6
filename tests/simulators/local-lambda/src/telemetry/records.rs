//! The records of the platform's events, field for field as the Telemetry API has them.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::clock::format_time;
use crate::fault::Status;

/// A record together with the name of its event.
pub(crate) trait PlatformRecord: Serialize {
    /// The event's `type`.
    const TYPE: &'static str;
}

macro_rules! platform_records {
    ($($record:ident = $type:literal),* $(,)?) => {
        $(impl PlatformRecord for $record<'_> { const TYPE: &'static str = $type; })*
    };
}

platform_records! {
    InitStart = "platform.initStart",
    InitRuntimeDone = "platform.initRuntimeDone",
    InitReport = "platform.initReport",
    ExtensionState = "platform.extension",
    TelemetrySubscription = "platform.telemetrySubscription",
    Start = "platform.start",
    RuntimeDone = "platform.runtimeDone",
    Report = "platform.report",
    RestoreStart = "platform.restoreStart",
    RestoreRuntimeDone = "platform.restoreRuntimeDone",
    RestoreReport = "platform.restoreReport",
    LogsDropped = "platform.logsDropped",
}

/// Phase of init: its own, for a snapshot, or inside an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    Init,
    SnapStart,
    Invoke,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InitStart<'a> {
    pub(crate) initialization_type: &'a str,
    pub(crate) phase: Phase,
    pub(crate) runtime_version: &'a str,
    pub(crate) runtime_version_arn: &'a str,
    pub(crate) function_name: &'a str,
    pub(crate) function_version: &'a str,
    pub(crate) instance_id: &'a str,
    /// Bytes.
    pub(crate) instance_max_memory: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InitRuntimeDone<'a> {
    pub(crate) initialization_type: &'a str,
    pub(crate) phase: Phase,
    pub(crate) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InitReport<'a> {
    pub(crate) initialization_type: &'a str,
    pub(crate) phase: Phase,
    pub(crate) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<&'a str>,
    pub(crate) metrics: InitMetrics,
}

#[derive(Serialize)]
pub(crate) struct InitMetrics {
    #[serde(rename = "durationMs")]
    pub(crate) duration: Millis,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestoreStart<'a> {
    pub(crate) runtime_version: &'a str,
    pub(crate) runtime_version_arn: &'a str,
    pub(crate) function_name: &'a str,
    pub(crate) function_version: &'a str,
    pub(crate) instance_id: &'a str,
    /// Bytes.
    pub(crate) instance_max_memory: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestoreRuntimeDone<'a> {
    pub(crate) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestoreReport<'a> {
    pub(crate) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<&'a str>,
    pub(crate) metrics: InitMetrics,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExtensionState<'a> {
    pub(crate) name: &'a str,
    pub(crate) state: &'a str,
    pub(crate) events: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct TelemetrySubscription<'a> {
    pub(crate) name: &'a str,
    pub(crate) state: &'a str,
    pub(crate) types: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Start<'a> {
    pub(crate) request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_id: Option<&'a str>,
    pub(crate) version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tracing: Option<Tracing<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuntimeDone<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_id: Option<&'a str>,
    pub(crate) tracing: Tracing<'a>,
    pub(crate) spans: Vec<Span>,
    pub(crate) metrics: RuntimeMetrics,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuntimeMetrics {
    #[serde(rename = "durationMs")]
    pub(crate) duration: Millis,
    pub(crate) produced_bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tracing: Option<Tracing<'a>>,
    pub(crate) metrics: ReportMetrics,
    pub(crate) spans: Vec<Span>,
}

#[derive(Serialize)]
pub(crate) struct ReportMetrics {
    #[serde(rename = "durationMs")]
    pub(crate) duration: Millis,
    #[serde(flatten)]
    pub(crate) more: Option<BilledMetrics>,
}

/// Members of a report where there is one invocation at a time.
#[derive(Serialize)]
pub(crate) struct BilledMetrics {
    #[serde(rename = "billedDurationMs")]
    pub(crate) billed_ms: u64,
    #[serde(rename = "memorySizeMB")]
    pub(crate) memory_size_mb: u32,
    #[serde(rename = "maxMemoryUsedMB")]
    pub(crate) max_memory_used_mb: u64,
    #[serde(rename = "initDurationMs", skip_serializing_if = "Option::is_none")]
    pub(crate) init: Option<Millis>,
    #[serde(flatten)]
    pub(crate) restore: Option<RestoreMetrics>,
}

/// Members that the report of a restored environment's first invocation has besides.
#[derive(Serialize)]
pub(crate) struct RestoreMetrics {
    #[serde(rename = "restoreDurationMs")]
    pub(crate) duration: Millis,
    #[serde(rename = "billedRestoreDurationMs")]
    pub(crate) billed_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogsDropped<'a> {
    pub(crate) reason: &'a str,
    pub(crate) dropped_records: usize,
    pub(crate) dropped_bytes: usize,
}

#[derive(Serialize)]
pub(crate) struct Span {
    pub(crate) name: &'static str,
    #[serde(serialize_with = "timestamp")]
    pub(crate) start: SystemTime,
    #[serde(rename = "durationMs")]
    pub(crate) duration: Millis,
}

/// The trace that an invocation belongs to.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tracing<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) span_id: Option<&'a str>,
    pub(crate) r#type: &'static str,
    pub(crate) value: &'a str,
}

impl<'a> Tracing<'a> {
    pub(crate) fn new(span_id: Option<&'a str>, value: &'a str) -> Self {
        Self {
            span_id,
            r#type: "X-Amzn-Trace-Id",
            value,
        }
    }
}

/// A duration that is written in milliseconds, to the microsecond.
#[derive(Clone, Copy)]
pub(crate) struct Millis(pub(crate) Duration);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0.as_secs_f64() * 1e6).round() / 1e3)
    }
}

fn timestamp<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_time(*at))
}
