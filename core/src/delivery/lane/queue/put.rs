//! What is due, what a put takes, what becomes of it.

use std::time::Duration;

use tokio::time::Instant;

use super::Queue;
use crate::delivery::lane::PartitionKey;
use crate::delivery::lane::health::{Change, Health};
use crate::delivery::sink::{Outcome, Reason};
use crate::record::chunk::Chunk;
use crate::record::ranges::DropReason;

/// What is taken over is put at no more than [`LaneSettings::taken_over_bytes`](super::LaneSettings::taken_over_bytes) in
/// this time.
const ALLOWANCE_INTERVAL: Duration = Duration::from_secs(60);

/// After so many different records that were refused one by one, it is not the records.
const LONE_FAILURES: u32 = 3;

/// When there is something to put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::delivery::lane) enum Due {
    Now,
    At(Instant),
    Never,
    /// The forwarder is gone.
    Stopped,
}

impl Queue {
    pub(in crate::delivery::lane) fn run(&mut self, drain: bool) {
        self.paused = None;
        self.draining |= drain || self.health.is_breaker_open();
    }

    pub(in crate::delivery::lane) fn pause(&mut self, now: Instant) {
        self.paused = Some(now);
        self.draining = false;
    }

    /// Something was posted: an environment that fills a put after a pause was not frozen.
    pub(crate) fn posted(&mut self) {
        if self.is_full() {
            self.paused = None;
        }
    }

    pub(in crate::delivery::lane) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    pub(crate) fn health_mut(&mut self) -> &mut Health {
        &mut self.health
    }

    /// No attempt will be made before `deadline`.
    pub(in crate::delivery::lane) fn hopeless_until(&self, deadline: Instant) -> bool {
        self.in_flight.is_empty() && self.next_attempt().is_some_and(|at| at >= deadline)
    }

    /// Before when no put can be made.
    fn next_attempt(&self) -> Option<Instant> {
        let only_taken_over =
            self.sealed.chunks.is_empty() && self.writer.open_since().is_none() && !self.may_announce();
        let spent = self
            .allowance
            .as_ref()
            .filter(|allowance| allowance.left == 0 && only_taken_over);
        let allowed = spent.map(|allowance| allowance.renewed + ALLOWANCE_INTERVAL);
        self.health.retry_at().max(allowed)
    }

    /// Whether the worker shall put something.
    pub(in crate::delivery::lane) fn due(&mut self, now: Instant) -> Due {
        if let Some(allowance) = &mut self.allowance
            && now.duration_since(allowance.renewed) >= ALLOWANCE_INTERVAL
        {
            (allowance.left, allowance.renewed) = (allowance.bytes, now);
        }
        if self.stopped {
            return Due::Stopped;
        }
        if self.is_empty() {
            self.draining = false;
            return Due::Never;
        }
        let old = !self.older.chunks.is_empty() || !self.on_disk.is_empty();
        let only_announces = self.may_announce() && !self.has_lines();
        let due = if self.draining || (self.paused.is_none() && (old || only_announces || self.is_full())) {
            now
        } else {
            // With no line in memory, what is held is an announcement, or on disk.
            let oldest = self.oldest().unwrap_or(now);
            // An environment that is still awake so long after a pause was not frozen.
            self.paused.map_or(oldest, |paused| paused.max(oldest)) + self.max_age
        };
        match self.next_attempt().map_or(due, |attempt| attempt.max(due)) {
            due if due <= now => Due::Now,
            due => Due::At(due),
        }
    }

    /// Since when the oldest line in memory waits.
    fn oldest(&self) -> Option<Instant> {
        let older = self.older.chunks.front().map(|chunk| chunk.since);
        let sealed = self.sealed.chunks.front().map(|chunk| chunk.since);
        older.or(sealed).or(self.writer.open_since())
    }

    /// Whether what is sealed fills a put.
    fn is_full(&self) -> bool {
        self.sealed.cost >= self.put_bytes || self.sealed.chunks.len() >= self.put_records
    }

    /// Begins the next put. Whole puts go first; what is still open only when all is to go.
    pub(in crate::delivery::lane) fn begin_put(&mut self, now: Instant) {
        self.load();
        // While the sink fails, announcements would only be given up in their turn.
        if self.health.failing().is_none() || !self.has_lines() {
            self.announce(now);
        }
        if !self.is_full() {
            self.seal();
        }
    }

    /// Moves one more chunk into flight, if the put certainly has room for its record.
    pub(in crate::delivery::lane) fn take(&mut self) -> Option<Chunk> {
        if self.in_flight.len() >= self.search.limit {
            return None;
        }
        let room = self.put_bytes.saturating_sub(self.encoded_bytes());
        let chunk = self.pop_for_put(room, self.in_flight.is_empty())?;
        self.in_flight_cost += chunk.cost();
        self.in_flight.push(chunk.clone());
        Some(chunk)
    }

    /// Notes what the record of the chunk taken last came to, its key included. Bytes.
    pub(in crate::delivery::lane) fn encoded(&mut self, bytes: usize) {
        self.in_flight_sizes.push(bytes);
    }

    pub(super) fn encoded_bytes(&self) -> usize {
        self.in_flight_sizes.iter().sum()
    }

    fn has_lines(&self) -> bool {
        !self.older.chunks.is_empty() || !self.sealed.chunks.is_empty() || self.writer.open_since().is_some()
    }

    /// The next chunk, if it fits into `room` bytes; the first of a put need not.
    fn pop_for_put(&mut self, room: usize, is_first: bool) -> Option<Chunk> {
        let (encoding, key_bytes) = (self.encoding, self.key_bytes());
        let fits = |chunk: &Chunk| is_first || encoding.most(chunk, key_bytes) <= room;
        let allowed = self.allowance.as_ref().is_none_or(|allowance| allowance.left > 0);
        if allowed && let Some(chunk) = self.older.chunks.front() {
            if !fits(chunk) {
                return None;
            }
            if let Some(allowance) = &mut self.allowance {
                allowance.left = allowance.left.saturating_sub(chunk.lines.len());
            }
            return self.older.pop_front();
        }
        self.sealed.chunks.front().filter(|chunk| fits(chunk))?;
        self.sealed.pop_front()
    }

    /// A key for one record of one attempt.
    pub(in crate::delivery::lane) fn partition_key(&mut self) -> String {
        match self.key {
            None => String::new(),
            Some(PartitionKey::Random) => format!("{:032x}", self.random.u128(..)),
            Some(PartitionKey::Instance) => self.writer.id().to_owned(),
        }
    }

    fn key_bytes(&self) -> usize {
        self.key.map_or(0, PartitionKey::len)
    }

    /// Puts the chunks in flight back to where they were: their put was cancelled, or its task died.
    pub(in crate::delivery::lane) fn return_in_flight(&mut self) {
        self.in_flight_cost = 0;
        self.in_flight_sizes.clear();
        for chunk in std::mem::take(&mut self.in_flight).into_iter().rev() {
            self.put_back(chunk);
        }
    }

    fn put_back(&mut self, chunk: Chunk) {
        if chunk.origin.is_some() {
            self.older.push_front(chunk);
        } else {
            self.sealed.push_front(chunk);
        }
    }

    pub(in crate::delivery::lane) fn add_put_time(&mut self, time: Duration) {
        self.ledger.stats.put_time += time;
    }

    pub(in crate::delivery::lane) fn panicked(&mut self) {
        self.ledger.stats.panics += 1;
    }

    /// Judges the put in flight: what was delivered goes, what failed comes back in its order.
    pub(in crate::delivery::lane) fn judge(
        &mut self,
        result: Result<Vec<Outcome>, Reason>,
        now: Instant,
    ) -> Option<Change> {
        let chunks = std::mem::take(&mut self.in_flight);
        if chunks.is_empty() {
            // They are another environment's, and were given up while the answer came.
            return None;
        }
        let mut sizes = std::mem::take(&mut self.in_flight_sizes).into_iter();
        self.in_flight_cost = 0;
        self.ledger.stats.puts += 1;
        let outcomes = match result {
            Ok(outcomes) => outcomes,
            Err(reason) => {
                self.ledger.stats.failed_puts += 1;
                if reason == Reason::Invalid {
                    return self.search(chunks, now);
                }
                vec![Outcome::Retry(reason); chunks.len()]
            }
        };
        let (mut failure, mut back) = (None, Vec::new());
        let mut outcomes = outcomes.into_iter();
        for chunk in chunks {
            let bytes = sizes.next().unwrap_or_default();
            match outcomes.next().unwrap_or(Outcome::Retry(Reason::Unknown)) {
                Outcome::Delivered => {
                    self.forget_on_disk(&chunk);
                    self.ledger.delivers(&chunk, bytes);
                    self.health.delivered();
                    self.search.limit = self.search.limit.saturating_mul(2).min(self.put_records);
                    self.search.lone_failures = 0;
                }
                Outcome::Retry(reason) => {
                    failure = failure.or(Some(reason));
                    self.ledger.stats.retried += chunk.len();
                    back.push(chunk);
                }
                Outcome::Rejected(_) => self.give_up(chunk, DropReason::Rejected),
            }
        }
        back.into_iter().rev().for_each(|chunk| self.put_back(chunk));
        match failure {
            None => self.health.succeeds(),
            Some(reason) => self.health.fails(reason, false, now, &mut self.random),
        }
    }

    /// A call was called invalid: either one record in it is, or the configuration. Smaller calls tell, each made at once.
    /// A record that is refused alone is put aside; if others are delivered then and it is refused again, it is given up.
    /// If others are refused as well, it is the configuration, nothing is given up, and the sink is looked at now and then.
    fn search(&mut self, mut chunks: Vec<Chunk>, now: Instant) -> Option<Change> {
        self.ledger.stats.retried += chunks.iter().map(Chunk::len).sum::<u64>();
        self.search.limit = chunks.len().div_ceil(2);
        if chunks.len() > 1 {
            chunks.into_iter().rev().for_each(|chunk| self.put_back(chunk));
            return self.health.fails(Reason::Invalid, true, now, &mut self.random);
        }
        let mut lone = chunks.pop()?;
        let delivered = self.ledger.stats.records;
        if lone.suspected.is_some_and(|before| delivered > before) {
            self.give_up(lone, DropReason::Rejected);
            self.search.lone_failures = 0;
            return self.health.fails(Reason::Invalid, true, now, &mut self.random);
        }
        lone.suspected.get_or_insert(delivered);
        let others = self.older.chunks.len() + self.sealed.chunks.len() > 0;
        match &lone.origin {
            Some(_) => self.older.push_back(lone),
            None => self.sealed.push_back(lone),
        }
        self.search.lone_failures += 1;
        let at_once = others && self.search.lone_failures < LONE_FAILURES;
        self.health.fails(Reason::Invalid, at_once, now, &mut self.random)
    }
}
