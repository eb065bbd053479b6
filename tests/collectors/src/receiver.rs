//! A receiver that answers as a test wishes.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, Uri};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;

/// What a wait may take before it has failed. Generous: the machines that run tests are slow.
const PATIENCE: Duration = Duration::from_secs(300);

/// Answer to a post.
pub enum Reply {
    /// Takes all.
    Take,
    /// Takes nothing that has this text in it, or is larger than so many bytes.
    TakeUnless(&'static str, usize),
    /// Takes all and says that it rejected so many.
    Partial(i64, &'static str),
    /// Answers with this status and `Retry-After`.
    Status(u16, Option<&'static str>),
    /// Closes the connection without an answer.
    Hang,
}

/// What came.
#[derive(Default)]
pub struct Got {
    posts: BTreeMap<String, usize>,
    logs: Vec<ExportLogsServiceRequest>,
    metrics: Vec<ExportMetricsServiceRequest>,
    spans: Vec<ExportTraceServiceRequest>,
    /// By `id` and `seq`: how often a line came.
    lines: BTreeMap<(String, String), usize>,
}

/// A receiver, for as long as the test runs.
pub struct Receiver {
    /// Its base URL.
    pub url: String,
    got: Arc<Mutex<Got>>,
}

impl Receiver {
    /// Starts one. `reply`: by path, and how many posts came there before.
    ///
    /// # Panics
    /// There is no port.
    pub async fn start(reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let got = Arc::<Mutex<Got>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (shared, reply) = (got.clone(), Arc::new(reply));
        let limit = axum::extract::DefaultBodyLimit::disable();
        let router = axum::Router::new()
            .layer(limit)
            .fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
                let (got, reply) = (shared.clone(), reply.clone());
                async move {
                    assert_eq!(headers["content-type"], "application/x-protobuf");
                    let answer = {
                        let mut got = got.lock().unwrap();
                        let posts = got.posts.entry(uri.path().to_owned()).or_default();
                        *posts += 1;
                        let reply = reply(uri.path(), *posts - 1);
                        got.answer(uri.path(), &headers, &body, reply)
                    };
                    match answer {
                        Some(answer) => answer,
                        None => pending().await,
                    }
                }
            });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, got }
    }

    /// How often each line came, by `id` and `seq`.
    pub fn counted(&self) -> BTreeMap<(String, String), usize> {
        self.got.lock().unwrap().lines.clone()
    }

    /// Waits until it got what is wished.
    pub async fn wait(&self, wished: impl Fn(&Got) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !wished(&self.got.lock().unwrap()) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        waited
            .await
            .unwrap_or_else(|_| panic!("only {} lines came", self.counted().len()));
    }

    /// The log records, while they are few.
    pub fn logs(&self) -> Vec<LogRecord> {
        let got = self.got.lock().unwrap();
        let scopes = got.logs.iter().flat_map(|request| &request.resource_logs);
        let scopes = scopes.flat_map(|resource| &resource.scope_logs);
        scopes.flat_map(|scope| scope.log_records.clone()).collect()
    }

    /// The spans.
    pub fn spans(&self) -> Vec<Span> {
        self.got.lock().unwrap().spans().cloned().collect()
    }

    /// Sums over all points, by name.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        self.got.lock().unwrap().metrics()
    }

    /// An attribute of the first resource.
    pub fn resource(&self, key: &str) -> String {
        let got = self.got.lock().unwrap();
        let resource = got.logs[0].resource_logs[0].resource.clone().unwrap();
        attribute(&resource.attributes, key)
    }
}

impl Got {
    /// Lines, those that came twice once.
    pub fn distinct(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Lines.
    pub fn lines(&self) -> u64 {
        self.lines.values().sum::<usize>() as u64
    }

    /// Ids of the spans: what came twice is one.
    pub fn span_ids(&self) -> BTreeSet<&[u8]> {
        self.spans().map(|span| span.span_id.as_slice()).collect()
    }

    fn spans(&self) -> impl Iterator<Item = &Span> {
        let scopes = self.spans.iter().flat_map(|request| &request.resource_spans);
        let scopes = scopes.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans)
    }

    /// Sums over all points, by name.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        let scopes = self.metrics.iter().flat_map(|request| &request.resource_metrics);
        for metric in scopes
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics)
        {
            let sum: f64 = match metric.data.as_ref().unwrap() {
                Data::Sum(sum) => sum
                    .data_points
                    .iter()
                    .map(|point| match point.value.unwrap() {
                        Number::AsInt(count) => count as f64,
                        Number::AsDouble(count) => count,
                    })
                    .sum(),
                Data::Histogram(histogram) => histogram
                    .data_points
                    .iter()
                    .map(|point| {
                        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                        point.sum.unwrap()
                    })
                    .sum(),
                other => panic!("{other:?}"),
            };
            *sums.entry(metric.name.clone()).or_default() += sum;
        }
        sums
    }

    fn take(&mut self, request: ExportLogsServiceRequest) {
        let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        for log in scopes.flat_map(|scope| &scope.log_records) {
            let of = |key| attribute(&log.attributes, key);
            *self.lines.entry((of("forwarder.id"), of("forwarder.seq"))).or_default() += 1;
        }
        // What is kept is for tests of a few lines.
        if self.lines.len() < 10_000 {
            self.logs.push(request);
        }
    }

    fn answer(&mut self, path: &str, headers: &HeaderMap, body: &[u8], reply: Reply) -> Option<Response<Body>> {
        assert_eq!(headers["content-encoding"], "gzip");
        let mut plain = Vec::new();
        GzDecoder::new(body).read_to_end(&mut plain).unwrap();
        let mut answer = Vec::new();
        match reply {
            Reply::Status(status, retry_after) => {
                let mut builder = Response::builder().status(status);
                if let Some(wait) = retry_after {
                    builder = builder.header("retry-after", wait);
                }
                return Some(builder.body(Body::empty()).unwrap());
            }
            Reply::Hang => return Some(broken()),
            Reply::TakeUnless(_, most) if plain.len() > most => {
                return Some(Response::builder().status(413).body(Body::empty()).unwrap());
            }
            Reply::TakeUnless(text, _) if plain.windows(text.len()).any(|window| window == text.as_bytes()) => {
                return Some(
                    Response::builder()
                        .status(400)
                        .body(Body::from("it is poison"))
                        .unwrap(),
                );
            }
            Reply::Partial(rejected, message) if path == "/v1/logs" => {
                let partial = ExportLogsPartialSuccess {
                    rejected_log_records: rejected,
                    error_message: message.to_owned(),
                };
                answer = ExportLogsServiceResponse {
                    partial_success: Some(partial),
                }
                .encode_to_vec();
            }
            Reply::Partial(..) | Reply::TakeUnless(..) | Reply::Take => {}
        }
        match path {
            "/v1/logs" => self.take(ExportLogsServiceRequest::decode(&plain[..]).unwrap()),
            "/v1/metrics" => self
                .metrics
                .push(ExportMetricsServiceRequest::decode(&plain[..]).unwrap()),
            "/v1/traces" => self.spans.push(ExportTraceServiceRequest::decode(&plain[..]).unwrap()),
            other => panic!("{other}"),
        }
        Some(Response::new(Body::from(answer)))
    }
}

/// An answer that breaks off.
fn broken() -> Response<Body> {
    let mut response = Response::new(Body::from("x"));
    response.headers_mut().insert("content-length", 1_000.into());
    response
}

/// An attribute that is text or a whole number, as text.
///
/// # Panics
/// It is not there.
pub fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    let value = found.and_then(|found| found.value.clone()?.value);
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key}: {other:?}"),
    }
}

/// The text of a log record.
pub trait BodyText {
    /// The text.
    ///
    /// # Panics
    /// It is none.
    fn body_text(&self) -> String;
}

impl BodyText for LogRecord {
    fn body_text(&self) -> String {
        match self.body.clone().unwrap().value {
            Some(Value::StringValue(text)) => text,
            other => panic!("{other:?}"),
        }
    }
}
