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
                let data = record.data;
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

/// `PutRecords`, or `PutRecord` as one with one record; in JSON, or in CBOR.
struct Put {
    records: Vec<Record>,
    many: bool,
    in_cbor: bool,
}

struct Record {
    data: Vec<u8>,
    partition_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Many {
    records: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    /// Bytes in CBOR, and base64 in JSON.
    data: ciborium::Value,
    partition_key: String,
}

impl Put {
    fn parse(body: &[u8]) -> Result<Self> {
        let in_cbor = !body.starts_with(b"{");
        let many: Result<Many> = read(body, in_cbor);
        let (entries, many) = match many {
            Ok(Many { records }) => (records, true),
            Err(_) => (vec![read(body, in_cbor)?], false),
        };
        let records = entries.into_iter().map(|Entry { data, partition_key }| {
            let data = match data {
                ciborium::Value::Bytes(data) => data,
                ciborium::Value::Text(base64) => STANDARD.decode(base64)?,
                other => return Err(format!("{other:?} is no data").into()),
            };
            Ok(Record { data, partition_key })
        });
        Ok(Self {
            records: records.collect::<Result<_>>()?,
            many,
            in_cbor,
        })
    }

    fn answer(&self) -> Result<Vec<u8>> {
        let stored: serde_json::Value = serde_json::from_str(STORED)?;
        let answer = match self.many {
            true => serde_json::json!({"FailedRecordCount": 0, "Records": vec![stored; self.records.len()]}),
            false => stored,
        };
        let mut out = Vec::new();
        match self.in_cbor {
            true => ciborium::into_writer(&answer, &mut out)?,
            false => serde_json::to_writer(&mut out, &answer)?,
        }
        Ok(out)
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8], in_cbor: bool) -> Result<T> {
    Ok(match in_cbor {
        true => ciborium::from_reader(body)?,
        false => serde_json::from_slice(body)?,
    })
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
    let in_cbor = !body.starts_with(b"{");
    let (status, answer) = match Put::parse(&body).and_then(|put| put.answer()) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(error) => {
            let answer = serde_json::json!({"__type": "SerializationException", "message": error.to_string()});
            (StatusCode::BAD_REQUEST, answer.to_string().into_bytes())
        }
    };
    if status == StatusCode::OK {
        calls.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    }
    if latency > Duration::ZERO {
        tokio::time::sleep(latency).await;
    }
    let mut response = Response::new(Full::from(answer));
    *response.status_mut() = status;
    let kind = match in_cbor && status == StatusCode::OK {
        true => "application/x-amz-cbor-1.1",
        false => "application/x-amz-json-1.1",
    };
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
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
        let answer: serde_json::Value = serde_json::from_slice(&one.answer().unwrap()).unwrap();
        assert!(answer["SequenceNumber"].is_string());
        let many =
            Put::parse(br#"{"Records":[{"Data":"YQ==","PartitionKey":"0"},{"Data":"YQ==","PartitionKey":"0"}]}"#);
        let answer: serde_json::Value = serde_json::from_slice(&many.unwrap().answer().unwrap()).unwrap();
        assert_eq!(answer["Records"].as_array().unwrap().len(), 2);
        let in_cbor = b"\xa1\x67Records\x81\xa2\x64Data\x41a\x6cPartitionKey\x610";
        let answer = Put::parse(in_cbor).unwrap().answer().unwrap();
        let answer: serde_json::Value = ciborium::from_reader(answer.as_slice()).unwrap();
        assert_eq!(answer["Records"].as_array().unwrap().len(), 1);
        assert!(Put::parse(b"{}").is_err());
    }
}
