//! Where Lambda posts telemetry: any body, always 200, and nobody else's.
//!
//! Lambda repeats a body whose answer is not 200, or drops what follows it, so nothing in a body may fail. The answer
//! comes as soon as the body is accepted, which is CPU work only. That is put off, for [`ROOM_PATIENCE`] at most, while the
//! buffer has no room for the body and a healthy sink makes some: Lambda then buffers instead of us dropping.
//!
//! The function can be made to send requests here, and anybody may reach a function. So what is not Lambda's is refused
//! before it is read, and what one, or many, can hold is bounded.
//!
//! - this file: connections are accepted and served.
//! - `address`: where it listens; [`path`]: which path is Lambda's.
//! - `connections`: how many there are, and how long each may take; `body`: what bodies may hold.
//! - `intake`: what becomes of a body.

mod address;
mod body;
mod connections;
pub mod gate;
mod intake;
pub mod path;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forwarder_core::delivery::awake;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

pub use body::MAX_BODY_BYTES;
pub use intake::{Intake, ROOM_PATIENCE};

use crate::tasks::caught;
use crate::warnings::Rarely;
use connections::{Connection, Connections, Guard, Watched};

/// What hyper keeps of one connection's body at most, before it is ours. Bytes.
const READ_BYTES: usize = 64 * 1024;

/// After a connection could not be accepted: neither a peer that is gone nor a lack of descriptors is over at once. Awake.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The listener, once its port is open.
pub struct Listener {
    socket: TcpListener,
}

impl Listener {
    /// Opens the port on the address that Lambda posts to. `at_home`: Lambda's own API is on a loopback address.
    ///
    /// # Errors
    /// The port is taken, most likely by another extension.
    pub async fn bind(port: u16, at_home: bool) -> std::io::Result<Self> {
        let socket = address::bind(port, at_home).await?;
        Ok(Self { socket })
    }

    /// Serves until dropped.
    pub async fn serve(&self, intake: Arc<Intake>) {
        let connections = Arc::new(Connections::new());
        let (failed, closed) = (Rarely::default(), Rarely::default());
        let accept = async {
            loop {
                match self.socket.accept().await {
                    Ok((stream, _)) => {
                        let _ = stream.set_nodelay(true);
                        if serve_connection(stream, &connections, &intake)
                            && let Some(closed) = closed.due()
                        {
                            log::warn!(event = "listener_crowded", closed; "more connections than Lambda makes: the idlest are closed");
                        }
                        // Each has a turn before the next is let in: one that is Lambda's shows it.
                        tokio::task::yield_now().await;
                    }
                    Err(error) => {
                        connections.close_idlest();
                        if let Some(times) = failed.due() {
                            log::warn!(event = "listener_accept_failed", error = error.to_string().as_str(), times; "a connection could not be accepted");
                        }
                        awake::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        tokio::join!(accept, connections.watch());
    }
}

/// Serves a connection in a task of its own. `true` if another one was closed for it.
fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connections: &Arc<Connections>,
    intake: &Arc<Intake>,
) -> bool {
    let (guard, crowded) = connections.enter();
    let key = guard.key();
    let serving = serve_stream(stream, guard, Arc::clone(connections), Arc::clone(intake));
    let task = tokio::spawn(async move { caught("connection", serving).await });
    Guard::set_task(connections, key, task.abort_handle());
    crowded
}

async fn serve_stream(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    guard: Guard,
    connections: Arc<Connections>,
    intake: Arc<Intake>,
) {
    let state = Arc::clone(&guard.state);
    let service = service_fn(|request| {
        let (intake, state, connections) = (Arc::clone(&intake), Arc::clone(&state), Arc::clone(&connections));
        async move {
            state.begin_body();
            let status = answer(&intake, request, &state, &connections).await;
            state.answered(status == StatusCode::OK);
            let mut answer = Response::new(Empty::<Bytes>::new());
            *answer.status_mut() = status;
            if status != StatusCode::OK {
                // What is left of the request is not read.
                let headers = answer.headers_mut();
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let served = http1::Builder::new()
        .half_close(true)
        .max_buf_size(READ_BYTES)
        .serve_connection(TokioIo::new(Watched { stream, guard }), service)
        .await;
    if let Err(error) = served {
        log::debug!(event = "listener_connection_ended", error = error.to_string().as_str(); "a connection ended early");
    }
}

async fn answer(
    intake: &Intake,
    request: Request<Incoming>,
    state: &Arc<Connection>,
    connections: &Connections,
) -> StatusCode {
    let refused = if !intake.paths.take(request.uri().path()) {
        StatusCode::NOT_FOUND
    } else if request.method() != Method::POST {
        StatusCode::METHOD_NOT_ALLOWED
    } else {
        return intake.take(request, state, connections).await;
    };
    intake.refuse(refused);
    refused
}

/// Serves one stream of bytes as a connection, to its end. For tests and fuzzing.
#[doc(hidden)]
pub async fn serve_bytes(stream: impl AsyncRead + AsyncWrite + Unpin, intake: Arc<Intake>) {
    let connections = Arc::new(Connections::new());
    let (guard, _) = connections.enter();
    serve_stream(stream, guard, connections, intake).await;
}
