//! An invocation's turn: what is done between INVOKE and `next`.
//!
//! `FORWARDER_LOG=debug` tells its story, one line a step, each with `requestId` and the time since INVOKE: `invoke`
//! with the strategy and why, `start_seen`, `done_seen`, `flush_begins`, `flush_ends`, `next` with the time that it was
//! held; and of the lanes `put_begins` and `put_ends`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forwarder_core::Forwarder;
use forwarder_core::forwarder::flush::{DEADLINE_MARGIN, FlushPolicy, Hold, Rhythm, Why};
use log::debug;
use tokio::time::{Instant, timeout_at};

use crate::clock::Moment;
use crate::extensions_api::Invoke;
use crate::invocations::Invocations;
use crate::listener::gate::Gate;
use crate::metrics::Metrics;

/// The longest that an invocation may take, for emulators that tell no deadline. Lambda's quotas.
const LONGEST_INVOCATION: Duration = Duration::from_secs(900);

/// An end that is seen so soon after the start came with it, in one POST.
const AT_ONCE: Duration = Duration::from_millis(1);

/// One turn after the other.
pub(crate) struct Turns {
    pub(crate) forwarder: Arc<Forwarder>,
    pub(crate) invocations: Arc<Invocations>,
    /// It may change with a configuration that is kept elsewhere.
    pub(crate) policy: Arc<Mutex<FlushPolicy>>,
    /// True if Lambda sends events.
    pub(crate) telemetry: bool,
    /// Time that Lambda may buffer an event.
    pub(crate) buffering: Duration,
    /// Events that wait for a configuration. They are waited for once.
    pub(crate) gate: Arc<Gate>,
    pub(crate) waited: AtomicBool,
    pub(crate) metrics: Option<Arc<Metrics>>,
    pub(crate) rhythm: Mutex<Rhythm>,
    /// Reference of invocations' times.
    pub(crate) epoch: Moment,
}

impl Turns {
    /// One invocation's turn. The function runs meanwhile; `next` is due when this returns.
    pub(crate) async fn take(&self, invoke: &Invoke) {
        let begun = Instant::now();
        let request_id = invoke.request_id.as_str();
        let held = match self.decide(request_id) {
            Hold::None => {
                self.forwarder.run(true);
                Duration::ZERO
            }
            Hold::UntilDone => self.until_done(invoke, begun).await,
        };
        self.invocations.forget(request_id);
        debug!(event = "next", requestId = request_id, after_ms = millis(begun.elapsed()), added_ms = millis(held); "ready for the next event");
    }

    fn decide(&self, request_id: &str) -> Hold {
        let mut rhythm = self.rhythm.lock().unwrap_or_else(PoisonError::into_inner);
        // An emulator may accept the subscription and post nothing: that is waited for once.
        let telemetry = self.telemetry && !self.invocations.is_blind();
        let (hold, why) = self.policy().on_invoke(&mut rhythm, self.epoch.elapsed(), telemetry);
        let strategy = match hold {
            Hold::None => "continuous",
            Hold::UntilDone => "end",
        };
        match rhythm.usual_gap().filter(|_| matches!(why, Why::Rare | Why::Frequent)) {
            Some(gap) => {
                debug!(event = "invoke", requestId = request_id, strategy, why = why.name(), gap_ms = millis(gap); "an invocation begins");
            }
            None => {
                debug!(event = "invoke", requestId = request_id, strategy, why = why.name(); "an invocation begins");
            }
        }
        hold
    }

    /// Waits for the invocation's end and delivers what is held. Returns for how long `next` was held after the end.
    async fn until_done(&self, invoke: &Invoke, begun: Instant) -> Duration {
        let request_id = invoke.request_id.as_str();
        let deadline = instant_of(invoke.deadline_ms);
        self.forwarder.run(false);
        let Some(held_already) = self.wait_until_done(request_id, deadline, begun).await else {
            // What is held goes out while the function still runs.
            debug!(event = "end_not_seen", requestId = request_id, after_ms = millis(begun.elapsed()); "the invocation's end was not seen in time, or may have been dropped by Lambda");
            self.forwarder.run(true);
            return Duration::ZERO;
        };
        let done = Instant::now();
        let remaining = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(done));
        let budget = self.policy().budget(remaining).saturating_sub(held_already);
        let debugs = log::log_enabled!(log::Level::Debug);
        let pending = if debugs { self.pending() } else { 0 };
        debug!(event = "flush_begins", requestId = request_id, after_ms = millis(begun.elapsed()), lines = pending, budget_ms = millis(budget); "what is held is delivered before `next`");
        let is_open = self.gate_opened(done + budget).await;
        let empty = is_open && self.forwarder.flush(done + budget).await;
        self.forwarder.pause().await;
        let held = done.elapsed();
        self.metrics.iter().for_each(|metrics| metrics.add_held(held));
        let left = if debugs { self.pending() } else { 0 };
        debug!(event = "flush_ends", requestId = request_id, after_ms = millis(begun.elapsed()), took_ms = millis(held), empty, left; "the flush is over");
        held
    }

    fn policy(&self) -> FlushPolicy {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, once, until events wait for no configuration. `false`: they still do, and there is nothing to deliver.
    async fn gate_opened(&self, deadline: Instant) -> bool {
        let is_first = !self.waited.swap(true, Ordering::Relaxed);
        let deadline = if is_first { deadline } else { Instant::now() };
        timeout_at(deadline, self.gate.opened()).await.is_ok()
    }

    /// Lines that are in memory.
    fn pending(&self) -> u64 {
        self.forwarder.stats().1.iter().map(|lane| lane.pending()).sum()
    }

    /// Waits for the invocation's end as long as there is hope, and time before its deadline. `None` if it was not
    /// seen, else for how long the function may have been over before its start was seen.
    async fn wait_until_done(&self, request_id: &str, deadline: Option<Instant>, begun: Instant) -> Option<Duration> {
        let now = Instant::now();
        let latest = deadline.map(|deadline| deadline.checked_sub(DEADLINE_MARGIN).unwrap_or(now));
        // Of a request's `platform.start`: as long as Lambda may buffer it, and the flush budget at least, of which it is a part.
        let patience = now + self.policy().start_patience(self.buffering);
        let started = self.invocations.started(request_id);
        timeout_at(latest.map_or(patience, |latest| latest.min(patience)), started)
            .await
            .ok()?;
        debug!(event = "start_seen", requestId = request_id, after_ms = millis(begun.elapsed()); "its platform.start has come");
        let start_seen = Instant::now();
        let done = self.invocations.done(request_id);
        let seen = timeout_at(latest.unwrap_or(now + LONGEST_INVOCATION), done).await;
        if !seen.unwrap_or(false) {
            return None;
        }
        debug!(event = "done_seen", requestId = request_id, after_ms = millis(begun.elapsed()); "its platform.runtimeDone has come");
        let together = start_seen.elapsed() < AT_ONCE;
        Some(if together { start_seen - now } else { Duration::ZERO })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Instant of a moment of the wall clock; now if it has passed. `None` where none is told, as with emulators that send
/// 0.
pub(crate) fn instant_of(epoch_ms: u64) -> Option<Instant> {
    if epoch_ms == 0 {
        return None;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ahead = Duration::from_millis(epoch_ms).saturating_sub(now);
    Instant::now().checked_add(ahead)
}
