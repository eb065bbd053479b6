//! The HTTP that the SDK's calls go over: HTTP/1.1, and a connection kept for each host.
//!
//! The SDK's own client does more than a lane can use (HTTP/2, proxies, a pool for concurrent calls), and cannot open a
//! connection before there is a call. A lane makes one call at a time, so what is kept here is a list of a few.
//!
//! - this file: calls, and the connections kept between them.
//! - `connection`: how one is opened.
//! - `tls`: what is trusted.

mod connection;
#[cfg(test)]
mod tests;
mod tls;

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use forwarder_core::delivery::awake;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{HeaderMap, Request, Response, Uri};

use connection::{Connection, Target};
pub(super) use tls::NotTrusted;

use super::cbor;

/// A connection in the same region takes some milliseconds; after this one is not worth waiting for. Awake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The largest answer that is read. `PutRecords` answers 500 records with some 200 KB, if it refuses each of them.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Number of connections that are kept: to the service, and to STS where a role is assumed.
const MAX_IDLE: usize = 2;

/// A request with this extension opens the connection that it would go over, and is not sent. It fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnlyConnect;

/// Calls over kept connections. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Http {
    idle: Arc<Mutex<Vec<(Target, Connection)>>>,
    /// Held while a connection is opened, so that a call waits for the one that is opened ahead of it, and opens no
    /// other.
    opening: Arc<tokio::sync::Mutex<()>>,
}

impl Http {
    /// Calls from here on go over new connections.
    pub(super) fn forget_connections(&self) {
        self.idle().clear();
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut request = request.try_into_http1x().map_err(unusable)?;
        let target = Target::of(request.uri()).ok_or_else(|| unusable("the endpoint names no host"))?;
        prepare(&mut request).ok_or_else(|| unusable("the endpoint is no address"))?;
        if request.extensions().get::<OnlyConnect>().is_some() {
            let (connection, _) = self.connection(&target).await?;
            self.keep(target, connection);
            return Err(unusable("opened a connection, and sent nothing"));
        }
        loop {
            let (mut connection, is_new) = self.connection(&target).await?;
            match connection.sender.try_send_request(request).await {
                Ok(response) => return self.receive(target, connection, response).await,
                Err(mut error) => match error.take_message() {
                    // What a kept connection did not begin to send, because it was closed by then, goes over another one.
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(broken(error.into_error())),
                },
            }
        }
    }

    /// A kept connection, or a new one; and whether it is new.
    async fn connection(&self, target: &Target) -> Result<(Connection, bool), ConnectorError> {
        if let Some(connection) = self.kept(target).await {
            return Ok((connection, false));
        }
        let _opening = self.opening.lock().await;
        if let Some(connection) = self.kept(target).await {
            return Ok((connection, false));
        }
        Ok((connect(target).await?, true))
    }

    async fn kept(&self, target: &Target) -> Option<Connection> {
        while let Some(mut connection) = self.take(target) {
            if connection.sender.ready().await.is_ok() {
                return Some(connection);
            }
        }
        None
    }

    /// Reads the whole answer: only then can its connection be used again; and not if the answer came before the
    /// request was sent as a whole, since what is left of it might never be taken.
    async fn receive(
        &self,
        target: Target,
        connection: Connection,
        response: Response<Incoming>,
    ) -> Result<HttpResponse, ConnectorError> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(ConnectorError::io)?.to_bytes();
        if connection.sender.is_ready() {
            self.keep(target, connection);
        }
        // What cannot be read stays as it is, for the error to show.
        let json = Some(&body)
            .filter(|_| is_cbor(&head.headers))
            .and_then(|body| cbor::as_json(body));
        let response = Response::from_parts(head, json.map_or_else(|| SdkBody::from(body), SdkBody::from));
        HttpResponse::try_from(response).map_err(unusable)
    }

    fn take(&self, target: &Target) -> Option<Connection> {
        let mut idle = self.idle();
        let place = idle.iter().position(|(other, _)| other == target)?;
        Some(idle.remove(place).1)
    }

    fn keep(&self, target: Target, connection: Connection) {
        let mut idle = self.idle();
        idle.retain(|(_, connection)| !connection.sender.is_closed());
        if idle.len() >= MAX_IDLE {
            idle.remove(0);
        }
        idle.push((target, connection));
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Target, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_cbor(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value == cbor::CONTENT_TYPE)
}

/// Names the host in a header, and the path alone in the request line, as HTTP/1.1 has it.
fn prepare(request: &mut Request<SdkBody>) -> Option<()> {
    let host = Target::authority(request.uri())?;
    request.headers_mut().entry(HOST).or_insert(host);
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
    Some(())
}

async fn connect(target: &Target) -> Result<Connection, ConnectorError> {
    tokio::select! {
        biased;
        connection = target.connect() => connection.map_err(|error| ConnectorError::io(error.into())),
        () = awake::sleep(CONNECT_TIMEOUT) => {
            let message = format!("no connection in {CONNECT_TIMEOUT:?}");
            Err(ConnectorError::timeout(io::Error::new(io::ErrorKind::TimedOut, message).into()))
        }
    }
}

fn broken(error: hyper::Error) -> ConnectorError {
    ConnectorError::io(error.into())
}

fn unusable(error: impl Into<Box<dyn Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::user(error.into())
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let http = self.clone();
        HttpConnectorFuture::new(async move { http.send(request).await })
    }
}

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
