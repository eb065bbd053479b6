//! Where Lambda posts telemetry: any path, any body, always 200.
//!
//! Lambda repeats a body whose answer is not 200, or drops what follows it, so nothing in a body may fail. The answer
//! comes as soon as the body is accepted, which is CPU work only. That is put off, for [`ROOM_PATIENCE`] at most, while the
//! buffer has no room for the body and a healthy sink makes some: Lambda then buffers instead of us dropping.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use forwarder_core::Forwarder;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::invocations::Invocations;

/// The largest body that is kept. Lambda's largest is some 2.2 MiB: twice `maxBytes`, and some.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// How long a body waits while a healthy sink makes room for it.
pub const ROOM_PATIENCE: Duration = Duration::from_millis(250);

/// The host that Lambda posts to, as `/etc/hosts` of an environment has it.
const HOST: &str = "sandbox.localdomain";

/// The listener, once its port is open.
pub struct Listener {
    socket: TcpListener,
}

/// What connections share.
pub struct Intake {
    forwarder: Arc<Forwarder>,
    invocations: Arc<Invocations>,
    /// Every lane has its last line: what comes now is refused, so that nobody believes it was taken.
    closed: AtomicBool,
    /// Bodies that are being read or accepted.
    busy: AtomicUsize,
    last_body: Mutex<Instant>,
    settled: Notify,
}

impl Listener {
    /// Opens the port on the address that Lambda posts to.
    ///
    /// # Errors
    /// The port is taken, most likely by another extension.
    pub async fn bind(port: u16) -> std::io::Result<Self> {
        let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        // Where the name is unknown, Lambda may post from any interface.
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let address = address_of(HOST, &hosts).unwrap_or(any);
        let socket = match TcpListener::bind(SocketAddr::new(address, port)).await {
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                TcpListener::bind(SocketAddr::new(any, port)).await?
            }
            socket => socket?,
        };
        Ok(Self { socket })
    }

    /// Serves until dropped.
    pub async fn serve(self, intake: Arc<Intake>) {
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(serve_connection(stream, Arc::clone(&intake)));
                }
                // No descriptor is free, or the peer is gone again: neither is mended by trying at once.
                Err(error) => {
                    log::warn!(event = "listener_accept_failed", error = error.to_string().as_str(); "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

/// The address of a host in the text of a hosts file. Asking a name server instead might leave the environment, and take
/// seconds.
fn address_of(host: &str, hosts: &str) -> Option<IpAddr> {
    hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|name| name == host).then_some(address)
    })
}

async fn serve_connection(stream: TcpStream, intake: Arc<Intake>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let intake = Arc::clone(&intake);
        async move {
            let mut answer = Response::new(Empty::<Bytes>::new());
            if !intake.take(request).await {
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            Ok::<_, Infallible>(answer)
        }
    });
    if let Err(error) = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        log::debug!(event = "listener_connection_ended", error = error.to_string().as_str(); "a connection ended early");
    }
}

impl Intake {
    /// What is posted goes to this forwarder, and what it tells of requests to these invocations.
    pub fn new(forwarder: Arc<Forwarder>, invocations: Arc<Invocations>) -> Self {
        Self {
            forwarder,
            invocations,
            closed: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            last_body: Mutex::new(Instant::now()),
            settled: Notify::new(),
        }
    }

    /// `false` if it came too late.
    async fn take(&self, request: Request<Incoming>) -> bool {
        let _busy = Busy::new(self);
        let body = read(request.into_body()).await;
        if let Body::Whole(body) = &body {
            self.forwarder.room(body.len(), ROOM_PATIENCE).await;
        }
        if self.closed.load(Ordering::Relaxed) {
            return false;
        }
        match body {
            Body::Whole(body) => self.accept(&body),
            Body::TooLarge(bytes) => {
                log::warn!(event = "body_too_large", bytes, limit = MAX_BODY_BYTES; "a body of telemetry is over the bound and is lost");
                let error = format!("a body of {bytes} bytes is over the listener's bound of {MAX_BODY_BYTES}");
                self.forwarder.refuse_body(&error);
            }
            // Lambda posts it again.
            Body::Broken(error) => {
                log::debug!(event = "body_broken", error = error.to_string().as_str(); "a body ended early");
            }
        }
        true
    }

    /// From here on nothing is taken.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// A panic, which would be a bug, costs neither the answer nor the body.
    fn accept(&self, body: &[u8]) {
        match catch_unwind(AssertUnwindSafe(|| self.forwarder.accept(body))) {
            Ok(accepted) => self.invocations.note(&accepted),
            Err(_) => {
                log::error!(event = "accept_panicked", bytes = body.len(); "a body could not be processed and is forwarded as it is");
                self.forwarder
                    .accept_unparsed(body, "the forwarder failed to process this body");
            }
        }
    }

    /// Waits until no body is being read and none has come for `quiet`.
    pub async fn quiet(&self, quiet: impl Fn() -> Duration) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            let idle_since = *self.last_body.lock().unwrap_or_else(PoisonError::into_inner);
            let enough = idle_since + quiet();
            if self.busy.load(Ordering::Relaxed) > 0 {
                settled.await;
            } else if enough <= Instant::now() {
                return;
            } else {
                let _ = tokio::time::timeout_at(enough, settled).await;
            }
        }
    }

    /// From here on [`quiet`](Self::quiet) counts anew.
    pub fn expect_more(&self) {
        *self.last_body.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Marks the time in which a body is read and accepted.
struct Busy<'a>(&'a Intake);

impl<'a> Busy<'a> {
    fn new(intake: &'a Intake) -> Self {
        intake.busy.fetch_add(1, Ordering::Relaxed);
        Self(intake)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
        self.0.expect_more();
        self.0.settled.notify_waiters();
    }
}

enum Body {
    Whole(Bytes),
    TooLarge(usize),
    Broken(hyper::Error),
}

/// Reads a body to its end, but keeps no more than the bound.
async fn read(mut body: Incoming) -> Body {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => return Body::Broken(error),
        };
        length += data.len();
        if length > MAX_BODY_BYTES {
            (first, rest) = (Bytes::new(), BytesMut::new());
        } else if first.is_empty() {
            // A body that comes in one piece is not copied.
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    match length {
        _ if length > MAX_BODY_BYTES => Body::TooLarge(length),
        _ if rest.is_empty() => Body::Whole(first),
        _ => Body::Whole(rest.freeze()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_found_among_the_hosts() {
        let hosts = "127.0.0.1 localhost\n# 10.0.0.1 sandbox.localdomain\n169.254.100.6\tsandbox sandbox.localdomain # Lambda\n";
        assert_eq!(
            address_of(HOST, hosts),
            Some(IpAddr::V4(Ipv4Addr::new(169, 254, 100, 6)))
        );
        assert_eq!(address_of(HOST, "127.0.0.1 localhost"), None);
        assert_eq!(address_of(HOST, ""), None);
    }
}
