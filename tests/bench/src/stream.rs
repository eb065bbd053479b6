//! A Kinesis that only answers: it keeps each call's body as it came, and reads them when the measurement is over.
//!
//! The local Kinesis of this repository stores, checks and limits as AWS does, which takes as much CPU as an extension
//! does, on the same two cores.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use reader::decode::decode;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::Result;

/// Answer to a record.
const STORED: &str =
    r#"{"SequenceNumber":"49671246667567228643283430150187087032206582658355625986","ShardId":"shardId-000000000000"}"#;

/// It, on a port of its own.
pub struct Stream {
    endpoint: String,
    calls: Arc<Mutex<Vec<Bytes>>>,
    serving: AbortHandle,
}

/// Lines and records that arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    /// Calls.
    pub calls: u64,
    /// Records.
    pub records: u64,
    /// Bytes of data, before base64.
    pub data_bytes: u64,
    /// Size that an on-demand stream bills: each record with its key, rounded up to 1 KB.
    pub billed_kb: u64,
    /// Function lines that differ from each other.
    pub lines: u64,
    /// Function lines that came again.
    pub repeats: u64,
}

impl Stream {
    /// Starts it; each answer comes after `latency`.
    pub async fn start(latency: Duration) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let calls = Arc::default();
        let serving = tokio::spawn(accept(listener, Arc::clone(&calls), latency)).abort_handle();
        Ok(Self {
            endpoint,
            calls,
            serving,
        })
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Reads what has arrived, and forgets it.
    pub fn take(&self) -> Result<Received> {
        let calls = std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner));
        let mut received = Received::default();
        let mut seen = HashSet::new();
        let hasher = RandomState::new();
        for call in &calls {
            received.calls += 1;
            for record in Put::parse(call)?.records {
                let data = STANDARD.decode(record.data.as_bytes())?;
                let bytes = (data.len() + record.partition_key.len()) as u64;
                received.records += 1;
                received.data_bytes += data.len() as u64;
                received.billed_kb += bytes.div_ceil(1_024);
                for line in decode(&data)?.lines() {
                    let line: Event<'_> = serde_json::from_str(line.0)?;
                    if line.kind != "function" {
                        continue;
                    }
                    let new = seen.insert(hasher.hash_one((line.time, line.record.get())));
                    *(if new {
                        &mut received.lines
                    } else {
                        &mut received.repeats
                    }) += 1;
                }
            }
        }
        Ok(received)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// `PutRecords`, or `PutRecord` as one with one record.
struct Put<'a> {
    records: Vec<Record<'a>>,
    many: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
}

impl<'a> Put<'a> {
    fn parse(body: &'a [u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Many<'a> {
            #[serde(borrow)]
            records: Vec<Record<'a>>,
        }
        let many: serde_json::Result<Many<'a>> = serde_json::from_slice(body);
        Ok(match many {
            Ok(Many { records }) => Self { records, many: true },
            Err(_) => Self {
                records: vec![serde_json::from_slice(body)?],
                many: false,
            },
        })
    }

    fn answer(&self) -> String {
        match self.many {
            true => format!(
                r#"{{"FailedRecordCount":0,"Records":[{}]}}"#,
                vec![STORED; self.records.len()].join(",")
            ),
            false => STORED.to_owned(),
        }
    }
}

async fn accept(listener: TcpListener, calls: Arc<Mutex<Vec<Bytes>>>, latency: Duration) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let calls = Arc::clone(&calls);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &calls, latency));
            // A client that hangs up may connect again.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    calls: &Mutex<Vec<Bytes>>,
    latency: Duration,
) -> std::result::Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let (status, answer) = match Put::parse(&body) {
        Ok(put) => (StatusCode::OK, put.answer()),
        Err(error) => (
            StatusCode::BAD_REQUEST,
            serde_json::json!({"__type": "SerializationException", "message": error.to_string()}).to_string(),
        ),
    };
    if status == StatusCode::OK {
        calls.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    }
    if latency > Duration::ZERO {
        tokio::time::sleep(latency).await;
    }
    let mut response = Response::new(Full::from(answer));
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/x-amz-json-1.1");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_counted_once_and_records_rounded_up() {
        let stream = Stream::start(Duration::ZERO).await.unwrap();
        let line = |text: &str| format!("{{\"time\":\"t\",\"type\":\"function\",\"record\":\"{text}\"}}\n");
        let own = "{\"time\":\"t\",\"type\":\"forwarder.report\",\"record\":{}}\n";
        let record = |data: String| serde_json::json!({"Data": STANDARD.encode(data), "PartitionKey": "0123"});
        let many = serde_json::json!({"StreamName": "s", "Records": [
            record(line("a") + &line("b")), record(line("a") + own + &"\n".repeat(1_024)),
        ]});
        let put = |body: &serde_json::Value| stream.calls.lock().unwrap().push(Bytes::from(body.to_string()));
        put(&many);
        put(&record(line("c")));
        let received = stream.take().unwrap();
        assert_eq!((received.calls, received.records, received.billed_kb), (2, 3, 4));
        assert_eq!((received.lines, received.repeats), (3, 1));
        assert_eq!(stream.take().unwrap(), Received::default());
    }

    #[test]
    fn one_record_is_answered_as_one_and_many_as_many() {
        let one = Put::parse(br#"{"StreamName":"s","Data":"YQ==","PartitionKey":"0"}"#).unwrap();
        assert!(one.answer().starts_with(r#"{"SequenceNumber""#));
        let many =
            Put::parse(br#"{"Records":[{"Data":"YQ==","PartitionKey":"0"},{"Data":"YQ==","PartitionKey":"0"}]}"#);
        let answer: serde_json::Value = serde_json::from_str(&many.unwrap().answer()).unwrap();
        assert_eq!(answer["Records"].as_array().unwrap().len(), 2);
        assert!(Put::parse(b"{}").is_err());
    }
}
