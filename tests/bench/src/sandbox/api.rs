//! The Extensions API and the Telemetry API, for one extension.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

/// Subscription of the extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The version of the events' schema.
    pub schema_version: String,
    /// Address of the listener; its host is this machine.
    pub port: u16,
    /// The path that is posted to.
    pub path: String,
    /// Events in a body, at most.
    pub max_items: usize,
    /// Bytes in a body, at most.
    pub max_bytes: usize,
}

/// The APIs, as the rest of the sandbox sees them.
pub(super) struct Api {
    asked: UnboundedReceiver<Instant>,
    events: UnboundedSender<Value>,
    shared: Arc<Shared>,
    serving: AbortHandle,
}

struct Shared {
    asked: UnboundedSender<Instant>,
    events: tokio::sync::Mutex<UnboundedReceiver<Value>>,
    subscription: Mutex<Option<Subscription>>,
}

impl Api {
    pub(super) fn serve(listener: TcpListener) -> Self {
        let (asked_sender, asked) = unbounded_channel();
        let (events, events_receiver) = unbounded_channel();
        let shared = Arc::new(Shared {
            asked: asked_sender,
            events: tokio::sync::Mutex::new(events_receiver),
            subscription: Mutex::default(),
        });
        let serving = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self {
            asked,
            events,
            shared,
            serving,
        }
    }

    /// Time at which the extension asked for its next event.
    pub(super) async fn asked(&mut self) -> Option<Instant> {
        self.asked.recv().await
    }

    /// The answer to `next`.
    pub(super) fn send(&self, event: Value) {
        // The receiver lives as long as `shared`.
        let _ = self.events.send(event);
    }

    pub(super) fn subscription(&self) -> Option<Subscription> {
        let subscription = self.shared.subscription.lock();
        subscription.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &shared));
            // An extension that hangs up may connect again.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Result<Response<Full<Bytes>>, Infallible> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answer = match (&method, path.as_str()) {
        (&Method::GET, "/2020-01-01/extension/event/next") => {
            let _ = shared.asked.send(Instant::now());
            let event = shared.events.lock().await.recv().await;
            respond(StatusCode::OK, &event.unwrap_or_default())
        }
        (&Method::POST, "/2020-01-01/extension/register") => respond(
            StatusCode::OK,
            &json!({"functionName": super::FUNCTION, "functionVersion": "$LATEST", "handler": "bootstrap", "accountId": "123456789012"}),
        ),
        (&Method::PUT, "/2022-07-01/telemetry" | "/2020-08-15/logs") => {
            let body = request.into_body().collect().await.map(|body| body.to_bytes());
            match body.ok().and_then(|body| parse(&body)) {
                Some(subscription) => {
                    *shared.subscription.lock().unwrap_or_else(PoisonError::into_inner) = Some(subscription);
                    Response::new(Full::from("OK"))
                }
                None => respond(
                    StatusCode::BAD_REQUEST,
                    &json!({"errorType": "ValidationError", "errorMessage": "no HTTP destination"}),
                ),
            }
        }
        (&Method::POST, _) => respond(StatusCode::ACCEPTED, &json!({"status": "OK"})),
        _ => respond(
            StatusCode::NOT_FOUND,
            &json!({"errorType": "NotFound", "errorMessage": path}),
        ),
    };
    Ok(answer)
}

fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let identifier = hyper::header::HeaderValue::from_static("a7a5b1a6-6a5c-4a3e-9e0a-0c7d2d3f4b10");
    response.headers_mut().insert("lambda-extension-identifier", identifier);
    response
}

/// Reads what a subscription asks for; what it leaves out is as on Lambda.
fn parse(body: &[u8]) -> Option<Subscription> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        #[serde(default)]
        schema_version: String,
        #[serde(default)]
        buffering: Buffering,
        destination: Destination,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase")]
    struct Buffering {
        max_items: Option<usize>,
        max_bytes: Option<usize>,
    }
    #[derive(Deserialize)]
    struct Destination {
        #[serde(alias = "URI")]
        uri: String,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    let uri: hyper::Uri = body.destination.uri.parse().ok()?;
    Some(Subscription {
        schema_version: body.schema_version,
        port: uri.port_u16().unwrap_or(80),
        path: uri.path().to_owned(),
        max_items: body.buffering.max_items.unwrap_or(10_000),
        max_bytes: body.buffering.max_bytes.unwrap_or(262_144),
    })
}
