//! What becomes of a body.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use forwarder_core::Forwarder;
use forwarder_core::forwarder::{Accepted, SLICE};
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::body::{Body, Budget};
use super::connections::{Connection, Connections};
use super::gate::{Gate, Kept};
use super::path::Paths;
use crate::invocations::Invocations;
use crate::warnings::Rarely;

/// Longest wait of a body while a healthy sink makes room for it.
pub const ROOM_PATIENCE: Duration = Duration::from_millis(250);

/// Turns of others between two slices of a body: a request of theirs takes some, each of which may be its first.
const TURNS: usize = 4;

/// State that connections share.
pub struct Intake {
    forwarder: Arc<Forwarder>,
    invocations: Arc<Invocations>,
    pub(super) paths: Arc<Paths>,
    budget: Arc<Budget>,
    refused: Rarely,
    /// Every lane has its last line: what comes now is refused, so that nobody believes it was taken.
    closed: AtomicBool,
    /// Bodies that are whole and wait for room.
    waiting: AtomicUsize,
    /// When a piece of a body came last.
    last_piece: Mutex<Instant>,
    settled: Notify,
    /// Bodies that wait for a configuration.
    gate: Arc<Gate>,
    /// Held by whoever opens it, so that bodies stay in their order.
    opening: tokio::sync::Mutex<()>,
}

impl Intake {
    /// What is posted to `paths` goes to this forwarder, and what it tells of requests to these invocations.
    /// `buffer_bytes`: the bound of what the forwarder holds, and of bodies that are being read.
    pub fn new(
        forwarder: Arc<Forwarder>,
        invocations: Arc<Invocations>,
        paths: Arc<Paths>,
        buffer_bytes: usize,
        gate: Arc<Gate>,
    ) -> Self {
        Self {
            forwarder,
            invocations,
            paths,
            budget: Arc::new(Budget::new(buffer_bytes)),
            refused: Rarely::default(),
            closed: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            last_piece: Mutex::new(Instant::now()),
            settled: Notify::new(),
            gate,
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// Counts a request that is not Lambda's.
    pub(super) fn refuse(&self, status: StatusCode) {
        self.forwarder.refuse_request();
        if let Some(requests) = self.refused.due() {
            log::warn!(event = "listener_refused", requests, status = status.as_u16(); "requests to the telemetry port that are not Lambda's were refused");
        }
    }

    /// Takes a POST. Returns how it is answered.
    pub(super) async fn take(
        &self,
        request: Request<Incoming>,
        connection: &Arc<Connection>,
        connections: &Connections,
    ) -> StatusCode {
        let open_path = self.paths.is_open().then(|| request.uri().path().to_owned());
        let came = || self.expect_more();
        came();
        let (body, share) = self
            .budget
            .read(request.into_body(), connection, connections, came)
            .await;
        let waiting = Waiting::new(self);
        share.settle();
        if let Body::Whole(body) = &body {
            self.forwarder.room(body.len(), ROOM_PATIENCE).await;
        }
        if self.closed.load(Ordering::Relaxed) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let status = self.settle(body, open_path).await;
        drop(waiting);
        status
    }

    async fn settle(&self, body: Body, open_path: Option<String>) -> StatusCode {
        match body {
            Body::Whole(body) => {
                let kept = self.gate.keep(&body);
                if kept == Kept::Yes {
                    let facts = catch_unwind(|| Forwarder::facts(&body)).unwrap_or_default();
                    self.note(&facts, open_path);
                    return StatusCode::OK;
                }
                if kept == Kept::Full {
                    // Its bytes are the connection's until then.
                    self.gate.opened().await;
                }
                match self.accept(&body).await {
                    Ok(accepted) => self.note(&accepted, open_path),
                    Err(status) => return status,
                }
            }
            Body::TooLarge(bytes) => {
                let limit = self.budget.total;
                log::warn!(event = "body_too_large", bytes, limit; "a body of telemetry is over the bound and is lost");
                let error = format!("a body of {bytes} bytes is over the listener's bound of {limit}");
                self.forwarder.refuse_body(&error);
            }
            // Lambda posts it again.
            Body::Broken(text, error) => {
                let bytes = text.len();
                log::debug!(event = "body_broken", bytes, error = error.to_string().as_str(); "a body ended early");
                return StatusCode::BAD_REQUEST;
            }
        }
        StatusCode::OK
    }

    /// From here on nothing is taken.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Takes what waited for a configuration, in its order; from then on nothing waits.
    pub async fn open_gate(&self) {
        let _opening = self.opening.lock().await;
        while let Some(body) = self.gate.take() {
            // What it told of requests was noted when it came.
            let _ = self.accept(&body).await;
        }
    }

    /// Waits until nothing waits for a configuration any more.
    pub async fn opened(&self) {
        self.gate.opened().await;
    }

    /// Waits until no more may wait for a configuration.
    pub async fn is_full(&self) {
        self.gate.full().await;
    }

    /// Notes what a body told of requests.
    fn note(&self, accepted: &Accepted, open_path: Option<String>) {
        let told = accepted.started.iter().chain(&accepted.done).chain(&accepted.reported);
        if let Some(path) = open_path.filter(|_| self.invocations.knows_any(told)) {
            self.paths.shown(&path);
        }
        self.invocations.note(accepted);
    }

    /// Takes a body in slices, between which others have turns. A panic, which would be a bug, costs neither the answer nor
    /// the body.
    async fn accept(&self, body: &[u8]) -> Result<Accepted, StatusCode> {
        let begun = catch_unwind(AssertUnwindSafe(|| self.forwarder.join(body)));
        let Ok(mut whole) = begun else {
            self.accept_unparsed(body);
            return Err(StatusCode::OK);
        };
        let whole = &mut whole;
        let begin = move || {
            // Moved here, not lent: what is begun outlives this closure.
            let whole = whole;
            self.forwarder.begin(whole)
        };
        let Ok(mut taking) = catch_unwind(AssertUnwindSafe(begin)) else {
            self.accept_unparsed(body);
            return Err(StatusCode::OK);
        };
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.forwarder.take(&mut taking, SLICE))) {
                Ok(true) => return Ok(taking.into_accepted()),
                Ok(false) => {}
                Err(_) => {
                    self.accept_unparsed(body);
                    return Err(StatusCode::OK);
                }
            }
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            if self.closed.load(Ordering::Relaxed) {
                return Err(StatusCode::SERVICE_UNAVAILABLE);
            }
        }
    }

    fn accept_unparsed(&self, body: &[u8]) {
        log::error!(event = "accept_panicked", bytes = body.len(); "a body could not be processed and is forwarded as it is");
        let unparsed = || {
            self.forwarder
                .accept_unparsed(body, "the forwarder failed to process this body");
        };
        if catch_unwind(AssertUnwindSafe(unparsed)).is_err() {
            log::error!(event = "accept_panicked", bytes = body.len(); "and that failed, too: it is lost");
        }
    }

    /// Waits until no whole body waits for room and no piece of one has come for `quiet`. One that stalls is not waited
    /// for.
    pub async fn quiet(&self, quiet: impl Fn() -> Duration) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            let idle_since = *self.last_piece.lock().unwrap_or_else(PoisonError::into_inner);
            let enough = idle_since + quiet();
            if self.waiting.load(Ordering::Relaxed) > 0 {
                settled.await;
            } else if enough <= Instant::now() {
                return;
            } else {
                let _ = tokio::time::timeout_at(enough, settled).await;
            }
        }
    }

    /// From here on [`quiet`](Self::quiet) counts again from the beginning.
    pub fn expect_more(&self) {
        *self.last_piece.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Marks the time in which a whole body waits for room and is accepted.
struct Waiting<'a>(&'a Intake);

impl<'a> Waiting<'a> {
    fn new(intake: &'a Intake) -> Self {
        intake.waiting.fetch_add(1, Ordering::Relaxed);
        Self(intake)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.expect_more();
        self.0.settled.notify_waiters();
    }
}
