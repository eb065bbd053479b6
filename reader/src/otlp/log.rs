//! A line as a log record, with OpenTelemetry's names where it has some.

use forwarder_core::route::Level;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use serde_json::Value;
use serde_json::value::RawValue;

use super::value::{attribute, id, json, nanoseconds, number, text};
use crate::decode::{Forwarded, lenient};

/// The log record of an event that was read at this time, in nanoseconds since 1970.
pub(super) fn record(event: &Forwarded<'_>, level: Option<Level>, read_at: u64) -> LogRecord {
    let mut attributes = Vec::new();
    let mut record = LogRecord {
        time_unix_nano: nanoseconds(event.time.as_deref().unwrap_or_default()),
        observed_time_unix_nano: read_at,
        body: Some(body(event.record.map_or("null", RawValue::get))),
        ..LogRecord::default()
    };
    if let Some(level) = level {
        record.severity_number = severity(level) as i32;
        record.severity_text = level.name().to_ascii_uppercase();
    }
    if level.is_none() {
        // OpenTelemetry's name of an event with a fixed shape.
        record.event_name = event.kind.clone().into_owned();
    }
    attributes.push(attribute("forwarder.type", text(event.kind.as_ref())));
    if let Some(stamp) = &event.stamp {
        record.trace_id = id(stamp.trace_id.as_deref(), 32);
        if !record.trace_id.is_empty() {
            record.span_id = id(stamp.span_id.as_deref(), 16);
        }
        for (key, value) in [
            ("faas.invocation_id", &stamp.request_id),
            ("forwarder.tenant_id", &stamp.tenant_id),
            ("forwarder.execution_arn", &stamp.execution_arn),
        ] {
            if let Some(value) = value {
                attributes.push(attribute(key, text(value.as_ref())));
            }
        }
        // What tells a line that was sent twice.
        attributes.push(attribute("forwarder.id", text(stamp.id.as_ref())));
        attributes.push(attribute("forwarder.sink", text(stamp.sink.as_ref())));
        attributes.push(attribute("forwarder.seq", number(stamp.seq)));
    }
    record.attributes = attributes;
    record
}

/// The content: text without its last line feed, or a structure as it is.
fn body(record: &str) -> AnyValue {
    match lenient::value(record) {
        Value::String(mut line) => {
            if line.ends_with('\n') {
                line.pop();
            }
            text(line)
        }
        value => json(value),
    }
}

/// OpenTelemetry, logs data model, severity fields.
fn severity(level: Level) -> SeverityNumber {
    match level {
        Level::Trace => SeverityNumber::Trace,
        Level::Debug => SeverityNumber::Debug,
        Level::Info => SeverityNumber::Info,
        Level::Warn => SeverityNumber::Warn,
        Level::Error => SeverityNumber::Error,
        Level::Fatal => SeverityNumber::Fatal,
    }
}
