//! State that the handle of a lane and its worker share: one queue behind a lock. A panic in the sink or in the worker
//! leaves the queue as it is: the worker is started again over it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::queue::Queue;
use super::settings::LaneSettings;
use super::sink::Sink;

/// State that the handle and the worker share.
pub(super) struct Shared {
    pub(super) settings: LaneSettings,
    pub(super) sink: Arc<dyn Sink>,
    queue: Mutex<Queue>,
    /// Set once, when all lanes are there.
    fallback: OnceLock<Arc<Shared>>,
    /// Something is due that was not, or the worker must look again. A permit is kept if it is not waiting.
    pub(super) work: Notify,
    /// A put was judged, or the worker found nothing to do.
    pub(super) settled: Notify,
    /// Its value changes when a put in flight is to be cancelled.
    pub(super) cancel: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(settings: LaneSettings, sink: Arc<dyn Sink>, queue: Queue) -> Self {
        Self {
            settings,
            sink,
            queue: Mutex::new(queue),
            fallback: OnceLock::new(),
            work: Notify::new(),
            settled: Notify::new(),
            cancel: watch::Sender::new(0),
        }
    }

    /// Names the lane that takes what this one's sink does not. It is set once, at the start.
    pub(super) fn set_fallback(&self, fallback: Arc<Self>) {
        let is_first = self.fallback.set(fallback).is_ok();
        debug_assert!(is_first, "a lane has one fallback");
    }

    pub(super) fn has_fallback(&self) -> bool {
        self.fallback.get().is_some()
    }

    /// Hands over what waits, if the sink's health asks for it or it is asked for. `true` if something was.
    pub(super) fn hand_over(&self, at_once: bool) -> bool {
        let Some(fallback) = self.fallback.get() else {
            return false;
        };
        let room = if at_once {
            usize::MAX
        } else {
            fallback.queue().takes_over()
        };
        let handed_over = self.queue().hand_over(at_once, room, Instant::now());
        let Some(handed_over) = handed_over else {
            return false;
        };
        fallback.queue().take_over(handed_over);
        self.queue().handed_over();
        fallback.work.notify_one();
        self.settled.notify_waiters();
        true
    }

    /// True if it matters for how long the sink has failed: only where its lines go to another one then.
    pub(super) fn counts_time(&self) -> bool {
        self.has_fallback() && self.queue().failing().is_some()
    }

    /// A panic while the queue was locked leaves it usable: each of its methods ends in a consistent state or touches
    /// nothing but counters after its first change.
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
