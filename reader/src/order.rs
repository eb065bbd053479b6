//! The order in which each forwarder sent its lines. A stream keeps an order within a shard only, and a forwarder's
//! records are spread over all of them; the numbers tell. Pure: the time is told.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::event::{Event, Place};

/// Longest wait of a line for those that belong before it. A shard is asked every 200 ms.
const WAIT: Duration = Duration::from_secs(1);

/// Longest wait of the last line for what may continue it.
const QUIET: Duration = Duration::from_millis(400);

/// After this long without a line, a forwarder is forgotten.
const FORGET: Duration = Duration::from_secs(15 * 60);

/// What may wait altogether, bytes; past it everything is let go.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What an event takes besides its line, bytes.
const KEPT: usize = 256;

/// Processes of which the next number is remembered.
const MOST_PROCESSES: usize = 20_000;

/// Lines that wait for others.
#[derive(Debug, Default)]
pub struct Order {
    lives: BTreeMap<(String, String), Life>,
    bytes: usize,
}

#[derive(Debug)]
struct Life {
    /// The number that comes next; none: nothing was let go yet.
    next: Option<u64>,
    waiting: BTreeMap<u64, Event>,
    /// Since when a number has been missing.
    missing_since: Instant,
    last_arrival: Instant,
}

impl Order {
    /// Takes an event. Answers it again if nothing is known that it could wait for.
    pub fn push(&mut self, event: Event, now: Instant) -> Option<Event> {
        let Some(Place { id, sink, seq, .. }) = &event.place else {
            return Some(event);
        };
        let life = self.lives.entry((id.clone(), sink.clone())).or_insert_with(|| Life {
            next: None,
            waiting: BTreeMap::new(),
            missing_since: now,
            last_arrival: now,
        });
        life.last_arrival = now;
        if life.next.is_some_and(|next| *seq < next) {
            // The others did not wait for it any longer.
            return Some(event);
        }
        self.bytes += event.line.len() + KEPT;
        life.waiting.insert(*seq, event);
        None
    }

    /// Appends what need not wait any longer: each forwarder's lines together, in order.
    pub fn release(&mut self, now: Instant, out: &mut Vec<Event>) {
        if self.is_full() {
            return self.flush(out);
        }
        let before = out.len();
        self.lives.retain(|_, life| {
            life.release(now, out);
            !life.waiting.is_empty() || now.duration_since(life.last_arrival) < FORGET
        });
        let gone = out.iter().skip(before).map(|event| event.line.len() + KEPT);
        self.bytes = self.bytes.saturating_sub(gone.sum());
        self.forget();
    }

    /// True if more waits than there is room for: [`release`](Self::release) lets it go.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes > MOST_BYTES
    }

    /// Past the bound, all of them at once but for those with lines that wait: that costs some order, and no line.
    fn forget(&mut self) {
        if self.lives.len() > MOST_PROCESSES {
            self.lives.retain(|_, life| !life.waiting.is_empty());
        }
    }

    /// Lets everything go.
    pub fn flush(&mut self, out: &mut Vec<Event>) {
        for life in self.lives.values_mut() {
            while let Some((seq, event)) = life.waiting.pop_first() {
                life.let_go(seq, event, out);
            }
        }
        self.bytes = 0;
        self.forget();
    }

    /// Waiting lines.
    pub fn waiting(&self) -> impl Iterator<Item = &Event> {
        self.lives.values().flat_map(|life| life.waiting.values())
    }
}

impl Life {
    fn release(&mut self, now: Instant, out: &mut Vec<Event>) {
        let Some((&first, _)) = self.waiting.first_key_value() else {
            self.missing_since = now;
            return;
        };
        let next = match self.next {
            Some(next) => next,
            None if first == 0 => 0,
            None => u64::MAX,
        };
        if first != next {
            if now.duration_since(self.missing_since) < WAIT {
                return;
            }
            self.next = Some(first);
        }
        self.missing_since = now;
        let quiet = now.duration_since(self.last_arrival) >= QUIET;
        let until = if quiet { u64::MAX } else { self.last_group(first) };
        let mut next = first;
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() != next || next >= until {
                break;
            }
            let (seq, event) = entry.remove_entry();
            next = self.let_go(seq, event, out);
        }
    }

    /// Answers the number that comes next.
    fn let_go(&mut self, seq: u64, event: Event, out: &mut Vec<Event>) -> u64 {
        let span = event.place.as_ref().map_or(1, |place| place.span);
        let next = seq.saturating_add(span);
        self.next = Some(next);
        out.push(event);
        next
    }

    /// Index, in the lines without a gap from `first`, at which the last one begins that others may continue; what
    /// continues it stands behind it. [`u64::MAX`] if nothing can follow.
    fn last_group(&self, first: u64) -> u64 {
        let mut next = first;
        let mut begin = u64::MAX;
        let mut before: Option<&Event> = None;
        for (seq, event) in &self.waiting {
            if *seq != next {
                // The gap keeps what follows apart anyhow.
                break;
            }
            if !event.is_log {
                begin = u64::MAX;
            } else if begin == u64::MAX || !before.is_some_and(|before| event.goes_on_with(before)) {
                begin = *seq;
            }
            before = Some(event);
            next = seq.saturating_add(event.place.as_ref().map_or(1, |place| place.span));
        }
        begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unpack::tests::line;

    struct World {
        order: Order,
        now: Instant,
    }

    impl World {
        fn new() -> Self {
            Self {
                order: Order::default(),
                now: Instant::now(),
            }
        }

        /// Lines arrive; what passes without waiting is answered.
        fn arrive(&mut self, lines: &[(&str, u64, &str)]) -> Vec<String> {
            let texts = lines.iter().filter_map(|(id, seq, text)| {
                let event = Event::of_line(line(id, *seq, &format!("\"{text}\""))).unwrap();
                self.order.push(event, self.now)
            });
            texts.map(|event| event.line).collect()
        }

        fn after(&mut self, millis: u64) -> Vec<String> {
            self.now += Duration::from_millis(millis);
            let mut out = Vec::new();
            self.order.release(self.now, &mut out);
            let places = out.iter().map(|event| event.place.as_ref().unwrap());
            places.map(|place| format!("{}{}", place.id, place.seq)).collect()
        }
    }

    #[test]
    fn lines_come_in_the_order_in_which_each_forwarder_sent_them() {
        let mut world = World::new();
        world.arrive(&[("a", 2, "x"), ("b", 0, "x")]);
        assert_eq!(world.after(500), ["b0"], "a2 waits for a0");
        world.arrive(&[("a", 1, "x"), ("a", 0, "x"), ("b", 1, "x")]);
        assert_eq!(world.after(400), ["a0", "a1", "a2", "b1"]);
        assert_eq!(world.order.waiting().count(), 0);
        assert_eq!(world.order.bytes, 0);
    }

    #[test]
    fn what_does_not_come_is_waited_for_only_so_long() {
        let mut world = World::new();
        world.arrive(&[("a", 0, "x"), ("a", 3, "x")]);
        assert_eq!(world.after(400), ["a0"]);
        assert_eq!(world.after(500), [""; 0]);
        assert_eq!(world.after(500), ["a3"]);
        assert_eq!(world.arrive(&[("a", 1, "late")]).len(), 1, "it comes at once");
    }

    #[test]
    fn a_reader_that_begins_in_the_middle_begins_with_the_first_that_it_has() {
        let mut world = World::new();
        world.arrive(&[("a", 7, "x"), ("a", 6, "x")]);
        assert_eq!(world.after(900), [""; 0]);
        assert_eq!(world.after(100), ["a6", "a7"]);
        world.arrive(&[("a", 8, "x")]);
        assert_eq!(world.after(400), ["a8"]);
    }

    #[test]
    fn a_trace_is_not_torn() {
        let mut world = World::new();
        world.arrive(&[("a", 0, "x"), ("a", 1, "error"), ("a", 2, "  at f")]);
        assert_eq!(world.after(100), ["a0"], "the trace may go on");
        world.arrive(&[("a", 3, "  at g"), ("a", 4, "next")]);
        assert_eq!(world.after(100), ["a1", "a2", "a3"]);
        assert_eq!(world.after(400), ["a4"]);
    }

    #[test]
    fn there_is_a_bound_to_what_waits() {
        let mut world = World::new();
        let long = "x".repeat(1024 * 1024);
        for seq in 1..=16 {
            world.arrive(&[("a", seq, &long)]);
        }
        assert_eq!(world.after(0).len(), 16);
        assert_eq!(world.order.bytes, 0);
    }
    #[test]
    fn there_is_a_bound_to_the_processes_that_are_remembered() {
        let mut world = World::new();
        for id in 0..MOST_PROCESSES + 1 {
            world.arrive(&[(&id.to_string(), 0, "x")]);
        }
        world.after(400);
        assert_eq!(world.order.lives.len(), 0);
    }
}
