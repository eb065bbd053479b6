//! One subscriber: what waits for it, when a batch of it is due, and what it lost. No I/O, no clock of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::cut::{Bodies, Body};
use super::event::Event;
use super::terms::{Subscription, Terms};

#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) name: Arc<str>,
    pub(super) terms: Terms,
    queue: VecDeque<Queued>,
    queued_bytes: usize,
    /// The most that may wait, in bytes of events.
    buffer_bytes: usize,
    /// Events that found no room since the last announced loss.
    lost: Lost,
    /// Events of the batch that is being delivered.
    pub(super) in_hand: usize,
    /// True while a POST is on its way.
    pub(super) posting: bool,
    /// True if somebody listens: the extension has subscribed since its start, or is past its init.
    pub(super) open: bool,
}

/// Events that found no room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct Queued {
    event: Event,
    since: Instant,
}

/// Events that are posted together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) events: Vec<Arc<str>>,
    pub(super) bytes: usize,
    /// Several where a line is cut.
    pub(super) bodies: Vec<Body>,
    /// Of the batch's first event in the list of what was handed over; `None` before the first POST.
    pub(super) first: Option<usize>,
    pub(super) only_losses: bool,
}

impl Subscriber {
    /// One that listens, with everything that happened before.
    pub(super) fn new(name: &str, terms: Terms, buffer_bytes: usize, events: &[Event]) -> Self {
        let mut subscriber = Self {
            name: name.into(),
            terms,
            queue: VecDeque::new(),
            queued_bytes: 0,
            buffer_bytes,
            lost: Lost::default(),
            in_hand: 0,
            posting: false,
            open: true,
        };
        let now = Instant::now();
        for event in events {
            subscriber.push(event, now);
        }
        subscriber
    }

    /// Events that it has not acknowledged.
    pub(super) fn left(&self) -> usize {
        self.queue.len() + self.in_hand
    }

    /// Its terms, for who asks.
    pub(super) fn subscription(&self) -> Subscription {
        let terms = &self.terms;
        Subscription {
            extension: self.name.to_string(),
            uri: terms.destination.uri.clone(),
            port: terms.destination.port,
            path: terms.destination.path.clone(),
            schema_version: terms.schema_version.clone(),
            types: terms.types.clone(),
            max_items: terms.max_items,
            max_bytes: terms.max_bytes,
            timeout: terms.timeout,
        }
    }

    /// Queues an event that was subscribed to, if there is room.
    pub(super) fn push(&mut self, event: &Event, since: Instant) {
        if !self.terms.types.contains(&event.class) {
            return;
        }
        let bytes = event.text(&self.terms.schema_version).len();
        if self.queued_bytes + bytes > self.buffer_bytes && !event.tells_loss {
            self.lost.records += 1;
            self.lost.bytes += bytes;
            return;
        }
        self.queued_bytes += bytes;
        self.queue.push_back(Queued {
            event: event.clone(),
            since,
        });
    }

    pub(super) fn full(&self) -> bool {
        self.queue.len() >= self.terms.max_items || self.queued_bytes >= self.terms.max_bytes
    }

    /// Due time of the next batch; `None` while there is none.
    pub(super) fn due(&self, now: Instant, flushing: bool) -> Option<Instant> {
        let oldest = self.queue.front()?;
        if flushing || self.full() {
            Some(now)
        } else {
            Some(oldest.since + self.terms.timeout)
        }
    }

    /// Losses that are not announced yet, once there is room for it.
    pub(super) fn take_lost(&mut self) -> Option<Lost> {
        let room = self.queued_bytes < self.buffer_bytes;
        (room && self.lost != Lost::default()).then(|| std::mem::take(&mut self.lost))
    }

    /// Takes as many events as fit, and one in any case.
    pub(super) fn take(&mut self) -> Batch {
        let mut batch = Batch {
            events: Vec::new(),
            bytes: 0,
            bodies: Vec::new(),
            first: None,
            only_losses: true,
        };
        let mut bodies = Bodies::new(self.terms.max_bytes);
        while let Some(next) = self.queue.front() {
            let text = next.event.text(&self.terms.schema_version);
            if batch.events.len() >= self.terms.max_items || !bodies.fits(text) {
                break;
            }
            bodies.push(text);
            batch.bytes += text.len();
            batch.only_losses &= next.event.tells_loss;
            batch.events.push(Arc::clone(text));
            self.queued_bytes -= text.len();
            self.queue.pop_front();
        }
        self.in_hand = batch.events.len();
        batch.bodies = bodies.finish();
        batch
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::{Destination, TelemetryType};

    fn subscriber(max_items: usize, max_bytes: usize) -> Subscriber {
        let destination = Destination {
            uri: "http://sandbox.localdomain:4243".into(),
            host: "sandbox.localdomain".into(),
            port: 4243,
            path: "/".into(),
        };
        let terms = Terms {
            schema_version: "2025-01-29".into(),
            types: vec![TelemetryType::Function],
            max_items,
            max_bytes,
            timeout: Duration::from_millis(25),
            destination,
        };
        Subscriber::new("one", terms, 1_000, &[])
    }

    /// An event of 100 bytes.
    fn event(class: &str) -> Event {
        let frame = format!(r#"{{"type":"{class}","record":""}}"#).len();
        let json = format!(r#"{{"type":"{class}","record":"{}"}}"#, "x".repeat(100 - frame));
        Event::foreign(&json).unwrap()
    }

    #[test]
    fn a_batch_is_due_by_items_by_bytes_or_by_age() {
        let now = Instant::now();
        for (max_items, max_bytes, by) in [(3, 10_000, "items"), (100, 300, "bytes")] {
            let mut subscriber = subscriber(max_items, max_bytes);
            assert_eq!(subscriber.due(now, true), None, "there is nothing");
            subscriber.push(&event("function"), now);
            subscriber.push(&event("function"), now);
            assert_eq!(subscriber.due(now, false), Some(now + Duration::from_millis(25)), "age");
            assert_eq!(subscriber.due(now, true), Some(now), "flush");
            subscriber.push(&event("function"), now);
            assert_eq!(subscriber.due(now, false), Some(now), "{by}");
        }
    }

    #[test]
    fn a_batch_keeps_both_limits_and_has_one_event_at_least() {
        for (max_items, max_bytes, sizes) in [(3, 10_000, [3, 3, 1]), (100, 350, [3, 3, 1]), (100, 50, [1, 1, 1])] {
            let mut subscriber = subscriber(max_items, max_bytes);
            for _ in 0..7 {
                subscriber.push(&event("function"), Instant::now());
            }
            let taken = [(); 3].map(|()| subscriber.take().events.len());
            assert_eq!(taken, sizes, "at most {max_items} items, {max_bytes} bytes");
        }
    }

    #[test]
    fn what_finds_no_room_is_lost_and_told_once_there_is_room() {
        let mut subscriber = subscriber(4, 10_000);
        for _ in 0..12 {
            subscriber.push(&event("function"), Instant::now());
        }
        assert_eq!(
            (subscriber.left(), subscriber.take_lost()),
            (10, None),
            "no room to tell it"
        );
        subscriber.take();
        let lost = Lost { records: 2, bytes: 200 };
        assert_eq!((subscriber.take_lost(), subscriber.take_lost()), (Some(lost), None));
    }

    #[test]
    fn only_what_was_subscribed_is_queued() {
        let mut subscriber = subscriber(1000, 10_000);
        subscriber.push(&event("platform.start"), Instant::now());
        assert_eq!(subscriber.left(), 0);
    }
}
