//! The smallest client that can read from Kinesis: JSON over one connection, with a signature that nobody checks.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::error::Error;
use crate::wire::JSON;

/// ferrokinesis, like AWS, refuses calls that are not signed, but does not verify the signature.
const UNCHECKED: &str = "AWS4-HMAC-SHA256 \
    Credential=local/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host;x-amz-date, Signature=unchecked";

/// A connection to a local Kinesis.
pub(super) struct Client {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| unreachable(address, &error))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| unreachable(address, &error))?;
        // It ends with the sender; what went wrong on it, the sender hears.
        tokio::spawn(connection);
        Ok(Self { address, sender })
    }

    /// Calls an operation.
    pub(super) async fn call<T: DeserializeOwned>(&mut self, operation: &str, body: &Value) -> Result<T, Error> {
        let unexpected = |reason: &dyn std::fmt::Display| Error::Unexpected {
            operation: operation.to_owned(),
            reason: reason.to_string(),
        };
        let request = Request::post("/")
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, JSON)
            .header(AUTHORIZATION, UNCHECKED)
            .header("x-amz-date", "20260101T000000Z")
            .header("x-amz-target", format!("Kinesis_20131202.{operation}"))
            .body(Full::from(body.to_string()))
            .map_err(|error| unexpected(&error))?;
        let unreachable = |error| unreachable(self.address, &error);
        self.sender.ready().await.map_err(unreachable)?;
        let response = self.sender.send_request(request).await.map_err(unreachable)?;
        let status = response.status();
        let answer = response.into_body().collect().await.map_err(unreachable)?.to_bytes();
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(|error| unexpected(&error));
        }
        let error: Value = serde_json::from_slice(&answer).map_err(|error| unexpected(&error))?;
        let text = |member: &str| error.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(Error::Refused {
            operation: operation.to_owned(),
            status: status.as_u16(),
            code: text("__type"),
            message: text("message"),
        })
    }
}

fn unreachable(address: SocketAddr, reason: &dyn std::error::Error) -> Error {
    Error::Unreachable {
        endpoint: format!("http://{address}"),
        reason: reason.to_string(),
    }
}
