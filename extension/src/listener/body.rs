//! Reading a body: what all bodies that are being read hold together is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use hyper::body::Incoming;
use tokio::sync::Notify;

use super::connections::{Connection, Connections};

/// The largest body that is kept, with a buffer that has the room. Lambda's largest is some 2.2 MiB: twice `maxBytes`, and some.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Lambda's own bodies are kept, however small the buffer is.
const LEAST_BYTES: usize = 5 * 512 * 1024;

/// What all bodies that are being read may hold together.
#[derive(Debug)]
pub(super) struct Budget {
    /// And so the most that one of them may.
    pub(super) total: usize,
    held: AtomicUsize,
    freed: Notify,
}

/// What came.
#[derive(Debug)]
pub(super) enum Body {
    Whole(Bytes),
    /// Of so many bytes, which were not kept.
    TooLarge(usize),
    /// It ended early, after so much.
    Broken(Bytes, hyper::Error),
}

impl Budget {
    /// `buffer_bytes`: the bound of what the forwarder holds.
    pub(super) fn new(buffer_bytes: usize) -> Self {
        Self {
            total: buffer_bytes.clamp(LEAST_BYTES, MAX_BODY_BYTES),
            held: AtomicUsize::new(0),
            freed: Notify::new(),
        }
    }

    /// Reads a body to its end.
    pub(super) async fn read(
        self: &Arc<Self>,
        mut body: Incoming,
        connection: &Arc<Connection>,
        connections: &Connections,
        came: impl Fn(),
    ) -> (Body, Share) {
        let mut share = Share {
            budget: Arc::clone(self),
            connection: Arc::clone(connection),
            bytes: 0,
        };
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        let mut length = 0;
        loop {
            let expected = body.size_hint().exact().map_or(0, |bytes| bytes as usize);
            let data = match body.frame().await {
                None => break,
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(error)) => {
                    let text = if rest.is_empty() { first } else { rest.freeze() };
                    return (Body::Broken(text, error), share);
                }
            };
            came();
            length += data.len();
            if length > self.total {
                (first, rest) = (Bytes::new(), BytesMut::new());
                share.give_back();
                continue;
            }
            share.take(data.len(), connections).await;
            if first.is_empty() {
                // A body that comes in one piece is not copied.
                first = data;
                continue;
            }
            if rest.is_empty() {
                // Growing by doubling would hold it twice. What is not filled takes no memory.
                rest.reserve(first.len() + expected.min(self.total));
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
        let body = match length {
            _ if length > self.total => Body::TooLarge(length),
            _ if rest.is_empty() => Body::Whole(first),
            _ => Body::Whole(rest.freeze()),
        };
        (body, share)
    }
}

/// What one body holds of the budget, until it is dropped.
pub(super) struct Share {
    budget: Arc<Budget>,
    connection: Arc<Connection>,
    bytes: usize,
}

impl Share {
    /// Waits for room. The idlest of the others makes some.
    async fn take(&mut self, bytes: usize, connections: &Connections) {
        loop {
            let freed = self.budget.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            let held = self.budget.held.load(Ordering::Relaxed);
            // Alone it has room: no body is longer than the total.
            if held + bytes <= self.budget.total || held == self.bytes {
                break;
            }
            // Where there is none to close, those that hold the rest are whole, or closed and about to be dropped.
            connections.close_idlest_body(&self.connection);
            freed.await;
        }
        self.bytes += bytes;
        self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        self.connection.held.store(self.bytes, Ordering::Relaxed);
    }

    /// The body is whole: what becomes of it takes no time of the sender's, and it is not closed for others.
    pub(super) fn settle(&self) {
        self.connection.held.store(0, Ordering::Relaxed);
    }

    fn give_back(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
        self.connection.held.store(0, Ordering::Relaxed);
        self.budget.freed.notify_waiters();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}
