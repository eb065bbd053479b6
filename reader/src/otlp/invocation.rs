//! Rows of invocations: each as a span where it has a trace, all of them as metrics. OpenTelemetry, semantic conventions,
//! `faas`.

use md5::{Digest as _, Md5};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use serde::Deserialize;

use super::value::{any, attribute, id, nanoseconds, text};
use crate::decode::Forwarded;

/// The type of a row.
const ROW: &str = "forwarder.invocation";

/// Bounds of durations, s. OpenTelemetry, semantic conventions, FaaS metrics.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Bounds of memory, bytes: each a doubling, from 32 MiB to Lambda's 10 GiB.
const BYTES: [f64; 9] = [
    33_554_432.0,
    67_108_864.0,
    134_217_728.0,
    268_435_456.0,
    536_870_912.0,
    1_073_741_824.0,
    2_147_483_648.0,
    4_294_967_296.0,
    10_737_418_240.0,
];

const MEBIBYTE: f64 = 1_048_576.0;

/// What is read of a row. Any of it may be unknown.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    request_id: Option<String>,
    trace_id: Option<String>,
    function_name: Option<String>,
    start: Option<String>,
    end: Option<String>,
    verdict: Option<String>,
    error_type: Option<String>,
    first_error: Option<String>,
    cold_start: Option<bool>,
    init_ms: Option<f64>,
    restore_ms: Option<f64>,
    duration_ms: Option<f64>,
    max_memory_mb: Option<f64>,
}

impl Row {
    /// The row in an event; none: it is another.
    pub(super) fn of(event: &Forwarded<'_>) -> Option<Self> {
        if event.kind != ROW {
            return None;
        }
        serde_json::from_str(event.record?.get()).ok()
    }

    fn start(&self) -> u64 {
        nanoseconds(self.start.as_deref().unwrap_or_default())
    }

    fn end(&self) -> u64 {
        nanoseconds(self.end.as_deref().unwrap_or_default()).max(self.start())
    }

    fn verdict(&self) -> &str {
        self.verdict.as_deref().unwrap_or("unknown")
    }

    fn has_failed(&self) -> bool {
        !matches!(self.verdict(), "success" | "unknown")
    }

    fn error(&self) -> &str {
        self.error_type.as_deref().unwrap_or(self.verdict())
    }

    /// The invocation as a span, if it belongs to a trace. Its id comes from the request's: who reads it twice sees one.
    pub(super) fn span(&self, event: &Forwarded<'_>) -> Option<Span> {
        let trace_id = id(self.trace_id.as_deref(), 32);
        if trace_id.is_empty() {
            return None;
        }
        let request = self.request_id.as_deref().unwrap_or_default();
        let parent = event.stamp.as_ref().and_then(|stamp| stamp.span_id.as_deref());
        let mut attributes = vec![attribute("faas.invocation_id", text(request))];
        if let Some(cold) = self.cold_start {
            attributes.push(attribute("faas.coldstart", any(Any::BoolValue(cold))));
        }
        let mut status = Status::default();
        if self.has_failed() {
            attributes.push(attribute("error.type", text(self.error())));
            status.code = StatusCode::Error as i32;
            status.message = self.first_error.clone().unwrap_or_else(|| self.verdict().to_owned());
        }
        Some(Span {
            trace_id,
            span_id: Md5::digest(request).iter().take(8).copied().collect(),
            parent_span_id: id(parent, 16),
            name: self.function_name.clone().unwrap_or_default(),
            kind: SpanKind::Server as i32,
            start_time_unix_nano: self.start(),
            end_time_unix_nano: self.end(),
            attributes,
            status: Some(status),
            ..Span::default()
        })
    }
}

/// The metrics of rows of one function, each as what was added since the metrics before.
pub(super) fn metrics(rows: &[Row]) -> Vec<Metric> {
    let span = Window {
        start: rows.iter().map(Row::start).min().unwrap_or_default(),
        end: rows.iter().map(Row::end).max().unwrap_or_default(),
    };
    let count = |is: fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
    let of = |value: fn(&Row) -> Option<f64>| rows.iter().filter_map(value).collect::<Vec<_>>();
    let mut metrics = vec![
        span.sum(
            "faas.invocations",
            "{invocation}",
            vec![(count(|row| !row.has_failed()), Vec::new())],
        ),
        span.sum(
            "faas.coldstarts",
            "{coldstart}",
            vec![(count(|row| row.cold_start == Some(true)), Vec::new())],
        ),
        span.sum("faas.errors", "{error}", errors(rows)),
        span.sum(
            "faas.timeouts",
            "{timeout}",
            vec![(count(|row| row.verdict() == "timeout"), Vec::new())],
        ),
        span.histogram(
            "faas.invoke_duration",
            "s",
            &SECONDS,
            of(|row| Some(row.duration_ms? / 1_000.0)),
        ),
        span.histogram(
            "faas.init_duration",
            "s",
            &SECONDS,
            of(|row| Some(row.init_ms.or(row.restore_ms)? / 1_000.0)),
        ),
        span.histogram(
            "faas.mem_usage",
            "By",
            &BYTES,
            of(|row| Some(row.max_memory_mb? * MEBIBYTE)),
        ),
    ];
    metrics.retain(|metric| match &metric.data {
        Some(Data::Sum(sum)) => !sum.data_points.is_empty(),
        Some(Data::Histogram(histogram)) => !histogram.data_points.is_empty(),
        _ => false,
    });
    metrics
}

/// Failed invocations by what failed.
fn errors(rows: &[Row]) -> Vec<(usize, Vec<KeyValue>)> {
    let mut kinds: std::collections::BTreeMap<&str, usize> = Default::default();
    for row in rows.iter().filter(|row| row.has_failed()) {
        *kinds.entry(row.error()).or_default() += 1;
    }
    let points = kinds.into_iter();
    points
        .map(|(kind, count)| (count, vec![attribute("error.type", text(kind))]))
        .collect()
}

/// The time that metrics are about.
struct Window {
    start: u64,
    end: u64,
}

impl Window {
    fn sum(&self, name: &str, unit: &str, counts: Vec<(usize, Vec<KeyValue>)>) -> Metric {
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let points = counts.map(|(count, attributes)| NumberDataPoint {
            attributes,
            start_time_unix_nano: self.start,
            time_unix_nano: self.end,
            value: Some(Number::AsInt(i64::try_from(count).unwrap_or(i64::MAX))),
            ..NumberDataPoint::default()
        });
        metric(
            name,
            unit,
            Data::Sum(Sum {
                data_points: points.collect(),
                aggregation_temporality: AggregationTemporality::Delta as i32,
                is_monotonic: true,
            }),
        )
    }

    fn histogram(&self, name: &str, unit: &str, bounds: &[f64], values: Vec<f64>) -> Metric {
        let mut buckets = vec![0; bounds.len() + 1];
        for value in &values {
            let bucket = bounds.partition_point(|bound| bound < value);
            if let Some(count) = buckets.get_mut(bucket) {
                *count += 1;
            }
        }
        let point = HistogramDataPoint {
            start_time_unix_nano: self.start,
            time_unix_nano: self.end,
            count: values.len() as u64,
            sum: Some(values.iter().sum()),
            bucket_counts: buckets,
            explicit_bounds: bounds.to_vec(),
            min: values.iter().copied().reduce(f64::min),
            max: values.iter().copied().reduce(f64::max),
            ..HistogramDataPoint::default()
        };
        metric(
            name,
            unit,
            Data::Histogram(Histogram {
                data_points: if values.is_empty() { Vec::new() } else { vec![point] },
                aggregation_temporality: AggregationTemporality::Delta as i32,
            }),
        )
    }
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}
