//! A lane: everything between the routes and one sink. The one retry owner, and the one place that times out.
//!
//! The handle and the worker share one queue behind a lock. A panic in the sink or in the worker leaves the queue as it
//! is: the worker is started again over it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::queue::Queue;
use super::sink::{Reason, Sink};
use super::spool::Spool;
use super::worker;
use crate::record::envelope::{Envelope, Resource};
use crate::record::format::{Compression, Encoding, Format};
use crate::record::oversize::Oversize;

/// Name and packing of a lane.
#[derive(Debug, Clone)]
pub struct LaneSettings {
    /// The sink's name, as routes have it.
    pub name: String,
    /// Format of a record.
    pub format: Format,
    /// Compression of a whole record.
    pub compression: Compression,
    /// Extent of the envelope.
    pub envelope: Envelope,
    /// Partition key of a record.
    pub partition_key: PartitionKey,
    /// Target size of a record, key included; with compression before it, without the key. Bytes.
    pub record_bytes: usize,
    /// Target size of a call, keys included. Bytes.
    pub put_bytes: usize,
    /// Limit of a record, key included. Bytes.
    pub max_record_bytes: usize,
    /// Treatment of lines that are longer than that.
    pub oversize: Oversize,
    /// The lane that takes what this one's sink does not: its place among the forwarder's lanes.
    pub fallback: Option<usize>,
    /// Most that is put in a minute of lines that other lanes hand over. Bytes; `None`: any amount.
    pub taken_over_bytes: Option<usize>,
    /// No line waits longer while the environment runs.
    pub max_age: Duration,
    /// Time limit of a put, in time awake.
    pub put_timeout: Duration,
}

impl LaneSettings {
    /// Packing of lines into records.
    pub(crate) fn encoding(&self) -> Encoding {
        Encoding {
            format: self.format,
            compression: self.compression,
        }
    }
}

/// Partition key of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartitionKey {
    /// 128 random bits for each record, others on a retry: records spread evenly, and a retry leaves a hot shard.
    #[default]
    Random,
    /// The envelope's `id`: all records of an environment go to one shard.
    Instance,
}

impl PartitionKey {
    /// The names, as a configuration has them.
    pub const NAMES: [&str; 2] = ["random", "instance"];

    /// The key of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "random" => Some(Self::Random),
            "instance" => Some(Self::Instance),
            _ => None,
        }
    }

    /// Its length in bytes: 32 hexadecimal digits, or the 16 of an `id`.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Random => 32,
            Self::Instance => 16,
        }
    }
}

/// The handle of a lane.
#[derive(Clone)]
pub struct Lane(Arc<Shared>);

/// State that the handle and the worker share.
pub(super) struct Shared {
    pub(super) settings: LaneSettings,
    pub(super) sink: Arc<dyn Sink>,
    queue: Mutex<Queue>,
    /// Set once, when all lanes are there.
    fallback: OnceLock<Lane>,
    /// Something is due that was not, or the worker must look again. A permit is kept if it is not waiting.
    pub(super) work: Notify,
    /// A put was judged, or the worker found nothing to do.
    pub(super) settled: Notify,
    /// Its value changes when a put in flight is to be cancelled.
    pub(super) cancel: watch::Sender<u64>,
}

impl Lane {
    /// Starts the lane's worker on the current runtime. `index`: its place among the forwarder's lanes.
    pub(crate) fn start(
        settings: LaneSettings,
        sink: Arc<dyn Sink>,
        index: usize,
        id: &str,
        resource: &Resource,
        spool: Option<Arc<Spool>>,
    ) -> Self {
        let queue = Queue::new(&settings, sink.limits(), index, id, resource, spool);
        let shared = Arc::new(Shared {
            settings,
            sink,
            queue: Mutex::new(queue),
            fallback: OnceLock::new(),
            work: Notify::new(),
            settled: Notify::new(),
            cancel: watch::Sender::new(0),
        });
        tokio::spawn(worker::supervise(Arc::downgrade(&shared)));
        Self(shared)
    }

    /// The sink's name.
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue()
    }

    /// Says who takes what this lane's sink does not. There are no cycles.
    pub(crate) fn set_fallback(&self, fallback: Self) {
        // It is set once, at the start.
        let _ = self.0.fallback.set(fallback);
    }

    pub(crate) fn has_fallback(&self) -> bool {
        self.0.fallback.get().is_some()
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

impl Shared {
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
        fallback.wake();
        self.settled.notify_waiters();
        true
    }

    /// True if it matters for how long the sink has failed: only where its lines go to another one then.
    pub(super) fn counts_time(&self) -> bool {
        self.fallback.get().is_some() && self.queue().failing().is_some()
    }

    /// A panic while the queue was locked leaves it usable: each of its methods ends in a consistent state or touches
    /// nothing but counters after its first change.
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
