//! The task that posts one subscriber's batches: one at a time, with retries.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::cut::Body;
use super::fault::Befallen;
use super::hub::{AfterPost, Hub};
use super::subscriber::Batch;
use super::terms::Destination;

/// POSTs of one batch before it is given up.
const ATTEMPTS: u32 = 6;
/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest that a POST may take, not counting freezes.
const POST_LIMIT: Duration = Duration::from_secs(5);
/// The longest that the name of the destination's host may take to resolve.
const RESOLVE_LIMIT: Duration = Duration::from_millis(250);

impl Hub {
    /// Delivers to the subscriber of an index, for as long as the environment lives.
    pub(crate) async fn deliver(self: Arc<Self>, index: usize) {
        let Some(destination) = self.destination(index) else {
            return;
        };
        let mut poster = Poster::new(destination).await;
        loop {
            let mut batch = self.next_batch(index).await;
            for body in std::mem::take(&mut batch.bodies) {
                if !self.deliver_body(index, &mut poster, &mut batch, &body).await {
                    break;
                }
            }
        }
    }

    /// Posts one body until it is taken. `false` if it was given up, and what follows of the batch with it.
    async fn deliver_body(&self, index: usize, poster: &mut Poster, batch: &mut Batch, body: &Body) -> bool {
        let mut failures = 0;
        loop {
            let befallen = self.begin_post(index, batch, &body.events).await;
            let success = self.post(index, poster, body.text.clone(), befallen).await;
            match self.end_post(index, batch, &body.events, success) {
                AfterPost::Delivered => return true,
                AfterPost::Gone => {}
                AfterPost::Failed => {
                    failures += 1;
                    if failures == ATTEMPTS {
                        self.give_up(index, batch, &body.events);
                        return false;
                    }
                    tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(failures - 1)).await;
                }
            }
        }
    }

    /// One POST. Time that the subscriber is frozen does not count against the limit.
    async fn post(&self, index: usize, poster: &mut Poster, body: Bytes, befallen: Befallen) -> bool {
        let success = {
            let answer = poster.post_amid(body, befallen);
            tokio::pin!(answer);
            loop {
                tokio::select! {
                    success = &mut answer => break success,
                    () = self.closed(index) => break false,
                    () = tokio::time::sleep(POST_LIMIT) => {
                        if !self.is_paused() {
                            break false;
                        }
                    }
                }
            }
        };
        if !success {
            poster.connection = None;
        }
        success
    }
}

/// A connection that is kept alive, and made again after a failure.
struct Poster {
    destination: Destination,
    address: SocketAddr,
    connection: Option<Connection>,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Drives the connection; ends with it.
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Poster {
    /// The host is this machine, under whatever address it is known here.
    async fn new(destination: Destination) -> Self {
        let host = (destination.host.clone(), destination.port);
        let resolved = tokio::time::timeout(RESOLVE_LIMIT, tokio::net::lookup_host(host)).await;
        let address = match resolved {
            Ok(Ok(mut addresses)) => addresses.next(),
            _ => None,
        };
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, destination.port));
        Self {
            destination,
            address: address.unwrap_or(local),
            connection: None,
        }
    }

    /// A POST with what befalls it.
    async fn post_amid(&mut self, body: Bytes, befallen: Befallen) -> bool {
        if !befallen.delay.is_zero() {
            tokio::time::sleep(befallen.delay).await;
        }
        if befallen.breaks {
            // That it fails is what was wanted.
            let _ = self.break_off(&body).await;
            return false;
        }
        self.post(body).await && !befallen.unheard
    }

    /// Sends half of a POST and closes the connection.
    async fn break_off(&self, body: &[u8]) -> std::io::Result<()> {
        let Destination { host, port, path, .. } = &self.destination;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.get(..body.len() / 2).unwrap_or_default()).await?;
        stream.shutdown().await
    }

    /// True if the batch was answered with success.
    async fn post(&mut self, body: Bytes) -> bool {
        let request = hyper::Request::post(&self.destination.path)
            .header(HOST, format!("{}:{}", self.destination.host, self.destination.port))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body));
        let (Ok(request), Some(sender)) = (request, self.sender().await) else {
            return false;
        };
        let Ok(response) = sender.send_request(request).await else {
            return false;
        };
        let success = response.status().is_success();
        // Read to its end, so that the connection can be used again.
        success && response.into_body().collect().await.is_ok()
    }

    /// A connection that is ready for a request.
    async fn sender(&mut self) -> Option<&mut SendRequest<Full<Bytes>>> {
        let ready = match &mut self.connection {
            Some(connection) => connection.sender.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            let stream = TcpStream::connect(self.address).await.ok()?;
            // Without effect on what is sent; only on when.
            let _ = stream.set_nodelay(true);
            let (sender, driver) = handshake(TokioIo::new(stream)).await.ok()?;
            self.connection = Some(Connection {
                sender,
                driver: tokio::spawn(async {
                    let _ = driver.await;
                }),
            });
        }
        self.connection.as_mut().map(|connection| &mut connection.sender)
    }
}
