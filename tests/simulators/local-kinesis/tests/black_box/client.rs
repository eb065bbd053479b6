//! A client as plain as can be: one connection, one call after the other, nothing retried.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// More than anything here takes; a test that waits this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) const STREAM: &str = "telemetry";

pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
}

/// The answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The header `x-amzn-ErrorType`.
    pub(crate) error_type: Option<String>,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.expect("it should listen")
    }

    pub(crate) async fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(std::io::Error::other)?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// True if the server has closed the connection; waits for it.
    pub(crate) async fn closed(&mut self) {
        let closed = async {
            while !self.sender.is_closed() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, closed)
            .await
            .expect("the connection should have been closed");
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Calls an operation; the error is the text of what went wrong on the connection.
    pub(crate) async fn call(&mut self, target: &str, body: &Value) -> Result<Answer, String> {
        let request = signed(target).body(Full::from(body.to_string())).unwrap();
        self.send(request).await
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        self.sender.ready().await.map_err(|error| format!("{error:?}"))?;
        let sent = tokio::time::timeout(LONG, self.sender.send_request(request))
            .await
            .expect("an answer or an error");
        let response = sent.map_err(|error| format!("{error:?}"))?;
        let status = response.status().as_u16();
        let error_type = response
            .headers()
            .get("x-amzn-errortype")
            .map(|value| value.to_str().unwrap().to_owned());
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| format!("{error:?}"))?
            .to_bytes();
        Ok(Answer {
            status,
            error_type,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        })
    }

    /// `PutRecords` of these texts, each under its own text's first 256 characters as key.
    pub(crate) async fn put(&mut self, texts: &[&str]) -> Result<Answer, String> {
        self.call("Kinesis_20131202.PutRecords", &put_records(texts)).await
    }

    /// `PutRecordBatch` of these texts.
    pub(crate) async fn put_batch(&mut self, stream: &str, texts: &[&str]) -> Result<Answer, String> {
        let records: Vec<_> = texts
            .iter()
            .map(|text| json!({ "Data": STANDARD.encode(text) }))
            .collect();
        let body = json!({ "DeliveryStreamName": stream, "Records": records });
        self.call("Firehose_20150804.PutRecordBatch", &body).await
    }
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["__type"].as_str().unwrap_or_default()
    }

    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

pub(crate) fn signed(target: &str) -> hyper::http::request::Builder {
    Request::post("/")
        .header("host", "127.0.0.1")
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c",
        )
        .header("x-amz-date", "20260101T000000Z")
        .header("x-amz-target", target)
}

pub(crate) fn put_records(texts: &[&str]) -> Value {
    let records: Vec<_> = texts.iter().map(|text| record(text.as_bytes(), text)).collect();
    json!({ "StreamName": STREAM, "Records": records })
}

pub(crate) fn record(data: &[u8], key: &str) -> Value {
    json!({ "Data": STANDARD.encode(data), "PartitionKey": key.chars().take(256).collect::<String>() })
}
