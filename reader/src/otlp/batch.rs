//! Lines as three requests, one a signal, each by function.

use std::collections::BTreeMap;
use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

use super::invocation::{Row, metrics};
use super::value::{attribute, since_1970, text};
use super::{Item, log};
use crate::decode::Line;

/// Requests in protobuf; none where the lines have nothing for a signal.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) logs: Option<Vec<u8>>,
    pub(super) metrics: Option<Vec<u8>>,
    pub(super) spans: Option<Vec<u8>>,
}

/// What lines of one function come to.
#[derive(Default)]
struct Function {
    logs: Vec<LogRecord>,
    rows: Vec<Row>,
    spans: Vec<Span>,
}

/// The requests of these lines.
pub(super) fn requests(items: &[Item], now: SystemTime) -> Requests {
    let mut functions: BTreeMap<BTreeMap<String, String>, Function> = BTreeMap::new();
    for item in items {
        // It was an event before it came here.
        let Ok(mut event) = Line(&item.line).event() else {
            continue;
        };
        let resource = event.stamp.as_mut().map(|stamp| std::mem::take(&mut stamp.resource));
        let function = functions.entry(resource.unwrap_or_default()).or_default();
        function.logs.push(log::record(&event, item.level, since_1970(now)));
        if let Some(row) = Row::of(&event) {
            function.spans.extend(row.span(&event));
            function.rows.push(row);
        }
    }
    let (mut logs, mut measured, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    for (attributes, function) in functions {
        let resource = Some(resource(attributes));
        if !function.rows.is_empty() {
            measured.push(ResourceMetrics {
                resource: resource.clone(),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(scope()),
                    metrics: metrics(&function.rows),
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            });
        }
        if !function.spans.is_empty() {
            spans.push(ResourceSpans {
                resource: resource.clone(),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope()),
                    spans: function.spans,
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            });
        }
        logs.push(ResourceLogs {
            resource,
            scope_logs: vec![ScopeLogs {
                scope: Some(scope()),
                log_records: function.logs,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        });
    }
    let logs = ExportLogsServiceRequest { resource_logs: logs };
    let measured = ExportMetricsServiceRequest {
        resource_metrics: measured,
    };
    let spans = ExportTraceServiceRequest { resource_spans: spans };
    Requests {
        logs: (!logs.resource_logs.is_empty()).then(|| logs.encode_to_vec()),
        metrics: (!measured.resource_metrics.is_empty()).then(|| measured.encode_to_vec()),
        spans: (!spans.resource_spans.is_empty()).then(|| spans.encode_to_vec()),
    }
}

/// A function, as its envelope names it; `service.name` is its name, unless that is set.
fn resource(mut attributes: BTreeMap<String, String>) -> Resource {
    if let Some(name) = attributes.get("faas.name").cloned() {
        let mut default = |key: &str, value: &str| {
            attributes.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        };
        default("service.name", &name);
        default("cloud.provider", "aws");
        default("cloud.platform", "aws_lambda");
    }
    Resource {
        attributes: attributes
            .into_iter()
            .map(|(key, value)| attribute(&key, text(value)))
            .collect(),
        ..Resource::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "lambda-telemetry-forwarder".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}
