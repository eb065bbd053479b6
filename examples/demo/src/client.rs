//! The smallest client of Kinesis: JSON over one connection, with a signature that a local Kinesis does not check.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::error::{Error, in_time};

const UNCHECKED: &str = "AWS4-HMAC-SHA256 \
    Credential=demo/20260101/eu-west-1/kinesis/aws4_request, SignedHeaders=host;x-amz-date, Signature=unchecked";

/// A connection to a local Kinesis.
pub(crate) struct Client {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Error> {
        let failed = |reason: &dyn std::fmt::Display| Error::Read {
            operation: "connecting",
            reason: reason.to_string(),
        };
        let stream = TcpStream::connect(address).await.map_err(|error| failed(&error))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        // It ends with the sender; what goes wrong on it, the sender hears.
        tokio::spawn(connection);
        Ok(Self { address, sender })
    }

    /// Calls an operation.
    pub(crate) async fn call<T: DeserializeOwned>(
        &mut self,
        operation: &'static str,
        input: &impl Serialize,
    ) -> Result<T, Error> {
        let failed = |reason: &dyn std::fmt::Display| Error::Read {
            operation,
            reason: reason.to_string(),
        };
        let input = serde_json::to_vec(input).map_err(|error| failed(&error))?;
        let request = Request::post("/")
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .header(AUTHORIZATION, UNCHECKED)
            .header("x-amz-date", "20260101T000000Z")
            .header("x-amz-target", format!("Kinesis_20131202.{operation}"))
            .body(Full::from(input))
            .map_err(|error| failed(&error))?;
        let exchange = async {
            self.sender.ready().await?;
            let response = self.sender.send_request(request).await?;
            let status = response.status();
            Ok((status, response.into_body().collect().await?.to_bytes()))
        };
        let (status, body) = in_time(format!("the answer to {operation}"), exchange)
            .await?
            .map_err(|error: hyper::Error| failed(&error))?;
        if !status.is_success() {
            return Err(failed(&format_args!("{status} {}", String::from_utf8_lossy(&body))));
        }
        serde_json::from_slice(&body).map_err(|error| failed(&error))
    }
}
