//! A stand-in for AWS that remembers what calls were signed with.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

/// Credentials that signed a call, and its body.
pub type Call = (String, String);

/// Stands in for STS and Kinesis: gives credentials, takes every record, and remembers each call.
pub struct StandIn {
    /// Its endpoint's URL.
    pub endpoint: String,
    calls: Arc<Mutex<Vec<Call>>>,
    asked: Arc<AtomicUsize>,
}

/// Status and body of what `DescribeStreamSummary` is answered.
pub type Summary = (u16, &'static str);

impl StandIn {
    /// Starts one.
    ///
    /// # Panics
    /// No port is free.
    pub async fn start() -> Self {
        Self::describing((400, r#"{"__type":"AccessDeniedException","message":"not authorized"}"#)).await
    }

    /// Starts one that says this of every stream.
    ///
    /// # Panics
    /// No port is free.
    pub async fn describing(summary: Summary) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let endpoint = format!("http://{address}");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = calls.clone();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, count) = (seen.clone(), count.clone());
                let service = service_fn(move |request| {
                    let (seen, count) = (seen.clone(), count.clone());
                    async move {
                        let target = request.headers().get("x-amz-target");
                        if target.is_some_and(|target| target.as_bytes().ends_with(b".DescribeStreamSummary")) {
                            count.fetch_add(1, Ordering::Relaxed);
                            let mut answer = Response::new(Full::new(Bytes::from(summary.1)));
                            *answer.status_mut() = StatusCode::from_u16(summary.0).unwrap_or_default();
                            return Ok(answer);
                        }
                        answer(request, seen).await
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { endpoint, calls, asked }
    }

    /// Number of times that a stream was asked about.
    pub fn descriptions(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Calls so far.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }
}

async fn answer(request: Request<Incoming>, calls: Arc<Mutex<Vec<Call>>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let authorization = request.headers().get("authorization").map(|value| value.as_bytes());
    let authorization = String::from_utf8_lossy(authorization.unwrap_or_default()).into_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes());
    let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    let text = if body.contains("Action=AssumeRole") {
        // STS API reference, AssumeRole.
        r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
        <AccessKeyId>ASIAOTHERACCOUNT</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
        <SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
        <AssumedRoleUser><Arn>arn:aws:sts::210987654321:assumed-role/writer/x</Arn><AssumedRoleId>AROA:x</AssumedRoleId>
        </AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"#
            .to_owned()
    } else {
        let records = body.matches("PartitionKey").count();
        let taken = vec![r#"{"SequenceNumber":"1","ShardId":"shardId-000000000000"}"#; records];
        format!(r#"{{"FailedRecordCount":0,"Records":[{}]}}"#, taken.join(","))
    };
    lock(&calls).push((authorization, body));
    Ok(Response::new(Full::new(Bytes::from(text))))
}

fn lock(calls: &Mutex<Vec<Call>>) -> MutexGuard<'_, Vec<Call>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}
