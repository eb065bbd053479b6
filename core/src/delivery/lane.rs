//! A lane: everything between the routes and one sink. The one retry owner, and the one place that times out.

use std::sync::{Arc, MutexGuard};

use tokio::time::Instant;

use super::queue::Queue;
use super::settings::LaneSettings;
use super::share::Share;
use super::shared::Shared;
use super::sink::{Reason, Sink};
use super::spool::Spool;
use super::worker;
use crate::record::envelope::Resource;
use crate::record::format::Format;

/// The handle of a lane.
#[derive(Clone)]
pub struct Lane(Arc<Shared>);

impl Lane {
    /// Starts the lane's worker on the current runtime. `index`: its place among the forwarder's lanes.
    pub(crate) fn start(
        settings: LaneSettings,
        sink: Arc<dyn Sink>,
        index: usize,
        id: &str,
        resource: &Resource,
        spool: Option<Arc<Spool>>,
        share: Share,
    ) -> Self {
        let queue = Queue::new(&settings, sink.limits(), index, id, resource, spool, share);
        let shared = Arc::new(Shared::new(settings, sink, queue));
        tokio::spawn(worker::supervise(Arc::downgrade(&shared)));
        Self(shared)
    }

    /// The sink's name.
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// Format of its records.
    pub(crate) fn format(&self) -> Format {
        self.0.settings.format
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue()
    }

    /// Says who takes what this lane's sink does not. There are no cycles.
    pub(crate) fn set_fallback(&self, fallback: Self) {
        self.0.set_fallback(fallback.0);
    }

    pub(crate) fn has_fallback(&self) -> bool {
        self.0.has_fallback()
    }

    /// Hands everything over to the fallback that waits in memory.
    pub(crate) fn hand_over(&self) {
        self.0.hand_over(true);
    }

    /// Lets the worker look whether something has become due.
    pub(crate) fn wake(&self) {
        self.0.work.notify_one();
    }

    /// From here on the worker may put by size and age, and `drain` says whether to put at once all that is held.
    pub(crate) fn run(&self, drain: bool) {
        self.queue().pacing().run(drain);
        self.wake();
    }

    /// From here on the worker starts no put, for a while. One in flight is cancelled, its lines kept; but not the one
    /// that shows whether a sink behind an open breaker is well again: a short invocation would always cancel it.
    pub(crate) fn pause(&self) {
        let probes = {
            let mut queue = self.queue();
            queue.pacing().pause(Instant::now());
            queue.breaker().is_open()
        };
        if !probes {
            self.cancel_put();
        }
        self.wake();
    }

    /// A put is in flight that shows whether a sink behind an open breaker is well again.
    pub(crate) fn is_probing(&self) -> bool {
        let mut queue = self.queue();
        queue.is_in_flight() && queue.breaker().is_open()
    }

    /// As [`pause`](Self::pause), and nothing is left in flight.
    pub(crate) async fn halt(&self) {
        self.queue().pacing().pause(Instant::now());
        self.cancel_put();
        self.wake();
        self.idle().await;
    }

    fn cancel_put(&self) {
        self.0.cancel.send_modify(|epoch| *epoch = epoch.wrapping_add(1));
    }

    /// Waits until nothing is held, or until nothing can be expected before `deadline`, which bounds the wait.
    /// `true` if nothing is held.
    pub(crate) async fn settle(&self, deadline: Instant) -> bool {
        loop {
            let settled = self.0.settled.notified();
            tokio::pin!(settled);
            // From here on a notification is not missed, though nobody awaits it yet.
            settled.as_mut().enable();
            {
                let mut queue = self.queue();
                if queue.is_empty() {
                    return true;
                }
                let is_handed_over = self.has_fallback() && queue.breaker().hands_over();
                if queue.hopeless_until(deadline) && !is_handed_over {
                    return false;
                }
            }
            tokio::select! {
                biased;
                () = settled => {}
                () = tokio::time::sleep_until(deadline) => return self.queue().is_empty(),
            }
        }
    }

    /// Waits until no put is in flight; after a cancellation that is as soon as the worker is polled.
    pub(crate) async fn idle(&self) {
        loop {
            let settled = self.0.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if !self.queue().is_in_flight() {
                return;
            }
            settled.await;
        }
    }

    /// Ends the worker: whatever is held stays where it is.
    pub(crate) fn stop(&self) {
        self.queue().pacing().stop();
        self.cancel_put();
        self.wake();
    }

    /// Waits until the worker has judged one more put.
    pub(crate) async fn progress(&self, deadline: Instant) -> Result<(), tokio::time::error::Elapsed> {
        tokio::time::timeout_at(deadline, self.0.settled.notified()).await
    }

    /// Drops the sink's idle connections.
    pub(crate) fn renew(&self) {
        self.0.sink.renew();
    }

    /// Cancels what is in flight, keeps its lines and renews the sink: this is another environment.
    pub(crate) fn forget(&self) {
        self.cancel_put();
        self.0.sink.forget();
    }

    pub(crate) fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.0.sink)
    }

    /// Current failure of the sink.
    pub fn failing(&self) -> Option<Reason> {
        self.queue().failing()
    }
}
