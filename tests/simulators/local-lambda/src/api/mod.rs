//! The HTTP side: one server for the Runtime API, the Extensions API, the Telemetry API and credentials.
//!
//! - [`reply`]: how answers are made
//! - [`runtime`], [`extensions`], [`telemetry`], [`credentials`]: one API each. They write down what was told and wait for what is to
//!   be told; what follows from it is the lifecycle's.

mod credentials;
mod extensions;
mod reply;
mod runtime;
mod telemetry;

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::fault::Refusal;
use crate::lifecycle::Shared;
use reply::{Reply, refused};

/// A server that has a port but does not answer yet.
pub(crate) struct Server {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) async fn bind(host: IpAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind((host, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Serves until it is dropped, and every connection with it.
    pub(crate) async fn run(self, shared: Arc<Shared>) {
        let mut connections = JoinSet::new();
        loop {
            // An accept that fails concerns that connection only.
            if let Ok((stream, _)) = self.listener.accept().await {
                let life = shared.life();
                connections.spawn(serve(stream, Arc::clone(&shared), life));
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, life: u64) {
    // Without effect on what is sent; only on when.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move {
            let reply = match still_lives(&shared, life) {
                Ok(()) => route(&shared, request, life).await,
                Err(refusal) => Err(refusal),
            };
            Ok::<_, Infallible>(reply.unwrap_or_else(|refusal| refused(&refusal)))
        }
    });
    // A connection that breaks belongs to a process that ended or gave up.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// True if a caller's process may still be there.
fn still_lives(shared: &Shared, life: u64) -> Result<(), Refusal> {
    if shared.life() == life {
        return Ok(());
    }
    let message = "the process that made this connection has ended";
    Err(Refusal::forbidden("Environment.Ended", message))
}

async fn route(shared: &Shared, request: Request<Incoming>, life: u64) -> Result<Reply, Refusal> {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match (request.method(), segments.as_slice()) {
        (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => runtime::next(shared).await,
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
            runtime::response(shared, id, request).await
        }
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
            runtime::error(shared, id, request).await
        }
        (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => {
            runtime::init_error(shared, request, "Runtime.InitError").await
        }
        (&Method::GET, ["2018-06-01", "runtime", "restore", "next"]) => runtime::restore_next(shared).await,
        (&Method::POST, ["2018-06-01", "runtime", "restore", "error"]) => {
            runtime::init_error(shared, request, "Runtime.RestoreError").await
        }
        (&Method::GET, ["2021-04-23", "credentials"]) => credentials::give(shared, &request),
        (&Method::POST, ["2020-01-01", "extension", "register"]) => extensions::register(shared, request, life).await,
        (&Method::GET, ["2020-01-01", "extension", "event", "next"]) => extensions::next(shared, &request).await,
        (&Method::POST, ["2020-01-01", "extension", "init", "error"]) => {
            extensions::fault(shared, request, "Extension.InitError").await
        }
        (&Method::POST, ["2020-01-01", "extension", "exit", "error"]) => {
            extensions::fault(shared, request, "Extension.ExitError").await
        }
        (&Method::PUT, ["2022-07-01", "telemetry"]) => telemetry::subscribe(shared, request).await,
        (method, _) => Err(Refusal {
            status: 404,
            ..Refusal::bad_request("NotFound", format!("the local Lambda has no {method} {path}"))
        }),
    }
}
