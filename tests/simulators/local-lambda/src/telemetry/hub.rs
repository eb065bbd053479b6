//! All events in one order, and one queue a subscriber.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::event::Event;
use super::fault::{Befallen, Faults, TelemetryFault};
use super::records::{LogsDropped, PlatformRecord, TelemetrySubscription};
use super::subscriber::{Batch, Subscriber};
use super::terms::{Subscription, Terms};
use crate::config::LogFormat;
use crate::role::Role;
use crate::watched::Watched;

/// An event that was posted to a subscriber.
#[derive(Debug, Clone)]
pub struct HandedOver {
    /// The extension that it was posted to.
    pub subscriber: Arc<str>,
    /// The event exactly as it stood in the batch.
    pub json: Arc<str>,
    /// Time of its first POST.
    pub at: SystemTime,
    /// Number of POSTs with its end. More than one: a POST failed, and the subscriber may have the event twice. A line
    /// longer than the subscription's `maxBytes` begins in POSTs before.
    pub posts: u32,
    /// True if a POST with its end was answered with success.
    pub acknowledged: bool,
}

/// Result of a request to subscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subscribed {
    /// A task has to be started that delivers to the subscriber of this index.
    New(usize),
    /// The subscription of an earlier life of the extension goes on.
    Again,
}

/// The hub of all events. Everything that is known of deliveries is here too.
#[derive(Debug)]
pub(crate) struct Hub {
    log_format: LogFormat,
    /// Bytes that may wait for one subscriber.
    buffer_bytes: usize,
    state: Watched<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Every event there was, in order.
    events: Vec<Event>,
    subscribers: Vec<Subscriber>,
    handed_over: Vec<HandedOver>,
    /// Frozen processes are not posted to.
    paused: bool,
    /// Batches are due at once, full or not.
    flushing: bool,
    failed_posts: u64,
    faults: Faults,
}

impl State {
    fn push(&mut self, event: Event) {
        let now = Instant::now();
        for subscriber in &mut self.subscribers {
            subscriber.push(&event, now);
        }
        self.events.push(event);
    }

    /// Tells what a subscriber has lost, if it is time.
    fn tell_lost(&mut self, index: usize) {
        let lost = self.subscribers.get_mut(index).and_then(Subscriber::take_lost);
        if let Some(lost) = lost {
            self.push(Event::platform(&LogsDropped {
                reason: "Some logs were dropped because the downstream consumer is slower than the logs production rate",
                dropped_records: lost.records,
                dropped_bytes: lost.bytes,
            }));
        }
    }
}

impl Hub {
    pub(crate) fn new(log_format: LogFormat, buffer_bytes: usize) -> Self {
        Self {
            log_format,
            buffer_bytes,
            state: Watched::default(),
        }
    }

    /// An event of the platform. Its time is taken inside the lock, so that times are in order.
    pub(crate) fn emit<R: PlatformRecord>(&self, record: &R) {
        self.state.update(|state| state.push(Event::platform(record)));
    }

    /// A line that a process printed, its line break included.
    pub(crate) fn emit_line(&self, role: Role, printed: &str) {
        self.state
            .update(|state| state.push(Event::line(role, printed, self.log_format)));
    }

    /// An event that somebody else wrote.
    pub(crate) fn emit_foreign(&self, json: &str) -> Result<(), serde_json::Error> {
        let event = Event::foreign(json)?;
        self.state.update(|state| state.push(event));
        Ok(())
    }

    /// Subscribes an extension. It gets all events from the beginning of its environment.
    pub(crate) fn subscribe(&self, name: &str, terms: Terms) -> Subscribed {
        self.state.update(|state| {
            let known = state.subscribers.iter_mut().find(|known| &*known.name == name);
            let (outcome, record_state, types) = match known {
                Some(subscriber) => {
                    subscriber.open = true;
                    (Subscribed::Again, "Already subscribed", subscriber.terms.type_names())
                }
                None => {
                    let types = terms.type_names();
                    let subscriber = Subscriber::new(name, terms, self.buffer_bytes, &state.events);
                    state.subscribers.push(subscriber);
                    (Subscribed::New(state.subscribers.len() - 1), "Subscribed", types)
                }
            };
            state.push(Event::platform(&TelemetrySubscription {
                name,
                state: record_state,
                types,
            }));
            outcome
        })
    }

    /// Tells whether an extension listens. Events for one that does not are kept.
    pub(crate) fn set_open(&self, name: &str, open: bool) {
        self.state.update(|state| {
            for subscriber in state.subscribers.iter_mut().filter(|known| &*known.name == name) {
                subscriber.open = open;
            }
        });
    }

    /// Posts nothing more until [`resume`](Self::resume); what is on its way goes on.
    pub(crate) fn pause(&self) {
        self.state.update(|state| state.paused = true);
    }

    pub(crate) fn resume(&self) {
        self.state.update(|state| state.paused = false);
    }

    /// Puts a fault into force.
    pub(crate) fn set_fault(&self, fault: TelemetryFault) {
        self.state.update(|state| state.faults.set(fault));
    }

    pub(crate) fn clear_faults(&self) {
        self.state.update(|state| state.faults = Faults::default());
    }

    /// Waits until no POST is on its way.
    pub(crate) async fn quiet(&self) {
        let busy = |state: &State| state.subscribers.iter().any(|subscriber| subscriber.posting);
        self.state.wait(|state| (!busy(state)).then_some(())).await;
    }

    /// Delivers all that there is to those that listen, without waiting for batches to fill. Ends when nothing
    /// is left; dropped before, it leaves the rest to the usual course.
    pub(crate) async fn flush(&self) {
        struct Flushing<'a>(&'a Hub);
        impl Drop for Flushing<'_> {
            fn drop(&mut self) {
                self.0.state.update(|state| state.flushing = false);
            }
        }
        self.state.update(|state| state.flushing = true);
        let _flushing = Flushing(self);
        self.delivered().await;
    }

    /// Waits until all that listen have been handed everything.
    pub(crate) async fn delivered(&self) {
        let left = |state: &State| {
            let mut open = state.subscribers.iter().filter(|subscriber| subscriber.open);
            open.any(|subscriber| subscriber.left() > 0)
        };
        self.state.wait(|state| (!left(state)).then_some(())).await;
    }

    /// Events that subscribers have not acknowledged and that were not given up.
    pub(crate) fn undelivered(&self) -> usize {
        self.state
            .read(|state| state.subscribers.iter().map(Subscriber::left).sum())
    }

    pub(crate) fn handed_over(&self) -> Vec<HandedOver> {
        self.state.read(|state| state.handed_over.clone())
    }

    pub(crate) fn failed_posts(&self) -> u64 {
        self.state.read(|state| state.failed_posts)
    }

    /// Every event in the newest schema.
    pub(crate) fn events(&self) -> Vec<String> {
        self.state
            .read(|state| state.events.iter().map(|event| event.newest().to_string()).collect())
    }

    /// Waits for an event, those that were there before included.
    pub(crate) async fn event(&self, mut wanted: impl FnMut(&str) -> bool) -> String {
        let mut seen = 0;
        self.state
            .wait(|state| {
                let fresh = state.events.get(seen..).unwrap_or_default();
                seen = state.events.len();
                fresh
                    .iter()
                    .map(|event| event.newest())
                    .find(|json| wanted(json))
                    .map(ToString::to_string)
            })
            .await
    }

    pub(crate) fn subscriptions(&self) -> Vec<Subscription> {
        self.state
            .read(|state| state.subscribers.iter().map(Subscriber::subscription).collect())
    }
}

/// Calls of a subscriber's delivery task on the hub.
impl Hub {
    /// Waits for a batch that is due.
    pub(super) async fn next_batch(&self, index: usize) -> Batch {
        loop {
            // Either a batch, or when the next one is due.
            let step = self.state.wait(|state| {
                let (paused, flushing) = (state.paused, state.flushing);
                let subscriber = state.subscribers.get_mut(index)?;
                if paused || !subscriber.open {
                    return None;
                }
                let now = Instant::now();
                let due = subscriber.due(now, flushing)?;
                if due > now {
                    return Some(Err(due));
                }
                let batch = subscriber.take();
                // There is room again.
                state.tell_lost(index);
                Some(Ok(batch))
            });
            match step.await {
                Ok(batch) => return batch,
                Err(due) => {
                    // Sleeps until then, unless something changes that makes it due before.
                    let sooner = self.state.wait(|state| {
                        let (paused, flushing) = (state.paused, state.flushing);
                        let subscriber = state.subscribers.get(index)?;
                        let changed = paused || !subscriber.open || flushing || subscriber.full();
                        changed.then_some(())
                    });
                    // A time-out here is the batch's age, not an error.
                    let _ = tokio::time::timeout_at(due.into(), sooner).await;
                }
            }
        }
    }

    /// Waits until the subscriber may be posted to, and notes that a body is on its way with the end of these events.
    /// Answers what befalls it.
    pub(super) async fn begin_post(&self, index: usize, batch: &mut Batch, ended: &Range<usize>) -> Befallen {
        self.state
            .wait(|state| {
                let paused = state.paused;
                let subscriber = state.subscribers.get_mut(index)?;
                if paused || !subscriber.open {
                    return None;
                }
                subscriber.posting = true;
                let name = Arc::clone(&subscriber.name);
                let first = *batch.first.get_or_insert(state.handed_over.len());
                if first == state.handed_over.len() {
                    state.handed_over.extend(batch.events.iter().map(|json| HandedOver {
                        subscriber: Arc::clone(&name),
                        json: Arc::clone(json),
                        at: SystemTime::now(),
                        posts: 0,
                        acknowledged: false,
                    }));
                }
                for event in state.handed_over.iter_mut().skip(first + ended.start).take(ended.len()) {
                    event.posts += 1;
                }
                Some(state.faults.take())
            })
            .await
    }

    /// Notes how the POST of a body ended. Answers whether that is done with: delivered, or to be tried again later
    /// because nobody listens any more.
    pub(super) fn end_post(&self, index: usize, batch: &Batch, ended: &Range<usize>, success: bool) -> AfterPost {
        self.state.update(|state| {
            let Some(subscriber) = state.subscribers.get_mut(index) else {
                return AfterPost::Delivered;
            };
            subscriber.posting = false;
            if success {
                subscriber.in_hand = batch.events.len() - ended.end;
                let first = batch.first.unwrap_or(usize::MAX).saturating_add(ended.start);
                for event in state.handed_over.iter_mut().skip(first).take(ended.len()) {
                    event.acknowledged = true;
                }
                return AfterPost::Delivered;
            }
            state.failed_posts += 1;
            if subscriber.open {
                AfterPost::Failed
            } else {
                AfterPost::Gone
            }
        })
    }

    /// Drops what nobody would take, from the body with the end of these events on, and says so.
    pub(super) fn give_up(&self, index: usize, batch: &Batch, ended: &Range<usize>) {
        self.state.update(|state| {
            if let Some(subscriber) = state.subscribers.get_mut(index) {
                subscriber.in_hand = 0;
            }
            if !batch.only_losses {
                let taken: usize = batch.events.iter().take(ended.start).map(|event| event.len()).sum();
                state.push(Event::platform(&LogsDropped {
                    reason: "Some logs were dropped because the downstream consumer did not accept them",
                    dropped_records: batch.events.len() - ended.start,
                    dropped_bytes: batch.bytes - taken,
                }));
            }
        });
    }

    pub(super) fn destination(&self, index: usize) -> Option<super::Destination> {
        self.state
            .read(|state| Some(state.subscribers.get(index)?.terms.destination.clone()))
    }

    pub(super) fn is_paused(&self) -> bool {
        self.state.read(|state| state.paused)
    }

    /// Waits until the subscriber listens no more.
    pub(super) async fn closed(&self, index: usize) {
        self.state
            .wait(|state| (!state.subscribers.get(index)?.open).then_some(()))
            .await;
    }
}

/// Next step after a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterPost {
    Delivered,
    /// Try again, but not for ever.
    Failed,
    /// The process has ended: the batch waits for its next life.
    Gone,
}
