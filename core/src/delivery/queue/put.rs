//! Puts: what is due, what one takes, what becomes of it.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Queue, joined};
use crate::delivery::attempt::{Content, InFlight};
use crate::delivery::pacing::backoff::PROBE_INTERVAL;
use crate::delivery::pacing::{Change, Due, Waiting};
use crate::delivery::sink::{Failure, Outcome, Reason};
use crate::delivery::store::Held;
use crate::record::ranges::DropReason;

/// A record to be encoded.
pub(in crate::delivery) struct Taken {
    pub lines: Bytes,
    pub count: u64,
    pub key: String,
}

impl Queue {
    /// When the worker puts something.
    pub(in crate::delivery) fn due(&mut self, now: Instant) -> Due {
        self.share.set_failing(self.failing().is_some());
        let waiting = self.waiting(now);
        self.pacing.due(waiting, now)
    }

    /// No attempt will be made before `deadline`.
    pub(in crate::delivery) fn hopeless_until(&self, deadline: Instant) -> bool {
        let waiting = self.waiting(Instant::now());
        let next = self.pacing.next_attempt(waiting.only_taken_over);
        self.attempt.is_empty() && next.is_some_and(|at| at >= deadline)
    }

    fn waiting(&self, now: Instant) -> Waiting {
        let own = !self.store.sealed.is_empty() || self.writer.open_since().is_some();
        let older = self.store.older.front();
        let announces = self.may_announce(now);
        Waiting {
            any: !self.is_empty(),
            old: older.is_some() || self.store.has_backlog() || (announces && !own),
            only_taken_over: older.is_some_and(|held| !self.is_allowed(held)) && !own && !announces,
            full_put: self.is_full(),
            // With no line in memory, what is held is an announcement, or on disk.
            oldest: older
                .or(self.store.sealed.front())
                .map(|held| held.chunk.since)
                .or(self.writer.open_since()),
        }
    }

    /// Nothing is held, in memory or on disk, and nothing is to be announced that can be.
    pub(crate) fn is_empty(&self) -> bool {
        self.attempt.is_empty() && self.store.is_empty() && self.writer.open_since().is_none() && !self.is_owed()
    }

    pub(in crate::delivery) fn is_in_flight(&self) -> bool {
        !self.attempt.is_empty()
    }

    /// Something was posted.
    pub(crate) fn posted(&mut self) {
        if self.is_full() {
            self.pacing.fills_a_put();
        }
    }

    /// What is sealed fills a put.
    fn is_full(&self) -> bool {
        self.store.sealed.cost() >= self.put_bytes() || self.store.sealed.len() >= self.shape.records
    }

    fn may_announce(&self, now: Instant) -> bool {
        self.is_owed() && self.pacing.announce_at.is_none_or(|at| at <= now)
    }

    /// What another lane handed over needs an allowance.
    fn is_allowed(&self, held: &Held) -> bool {
        let is_own = held.owner.sink == self.writer.own().sink;
        is_own
            || self
                .pacing
                .allowance
                .as_ref()
                .is_none_or(|allowance| allowance.is_left())
    }

    /// Begins the next put. Whole puts go first; what is still open only when all is to go.
    pub(in crate::delivery) fn begin_put(&mut self, now: Instant) {
        self.shape.bytes = self.put_bytes();
        self.share.set_in_flight(self.shape.bytes);
        self.load(self.shape.bytes);
        let has_lines = self.next_shelf().is_some() || self.writer.open_since().is_some();
        // While the sink fails, lines are what it is tried with.
        if self.may_announce(now) && (self.failing().is_none() || !has_lines) {
            self.announce(now);
        }
        if !self.is_full() {
            self.seal();
        }
        // What announces has a number from here on, which the next process must know of if this one is killed.
        self.renew_losses();
    }

    /// Moves one more record into flight, if the put certainly has room for it.
    pub(in crate::delivery) fn take(&mut self, now: Instant) -> Option<Taken> {
        if self.attempt.is_full() {
            return None;
        }
        let room = self.shape.bytes.saturating_sub(self.attempt.encoded_bytes());
        let (encoding, key_bytes) = (self.shape.encoding, self.key_bytes());
        let is_first = self.attempt.is_empty();
        let fits = |bytes: usize, lines: u64| is_first || encoding.most(bytes, lines, key_bytes) <= room;
        let announcement = match self.may_announce(now) {
            true => self.ledger.next_announcement(|line| fits(line.len(), 1)),
            false => None,
        };
        let (content, lines, count) = match announcement {
            Some(announcement) => {
                let line = announcement.line.clone();
                (Content::Announcement(announcement), line, 1)
            }
            None => {
                let chunks = self.take_chunks(fits)?;
                let lines = joined(&chunks);
                let count = chunks.iter().map(|held| held.chunk.len()).sum();
                (Content::Lines(chunks), lines, count)
            }
        };
        self.attempt.add(content);
        Some(Taken {
            lines,
            count,
            key: self.partition_key(),
        })
    }

    /// The shelf that the next record is made from: what comes from elsewhere goes first. `true`: that one.
    fn next_shelf(&self) -> Option<bool> {
        if self.store.older.front().is_some_and(|held| self.is_allowed(held)) {
            return Some(true);
        }
        (!self.store.sealed.is_empty()).then_some(false)
    }

    /// Takes chunks that fill one record together. What is suspected goes alone.
    fn take_chunks(&mut self, fits: impl Fn(usize, u64) -> bool) -> Option<Vec<Held>> {
        let from_older = self.next_shelf()?;
        let cut = self.shape.cut;
        let (mut bytes, mut lines) = (0, 0);
        let mut chunks: Vec<Held> = Vec::new();
        loop {
            let shelf = if from_older {
                &self.store.older
            } else {
                &self.store.sealed
            };
            let Some(next) = shelf.front() else { break };
            let (more_bytes, more_lines) = (bytes + next.chunk.lines.len(), lines + next.chunk.len());
            let is_alone = |held: &Held| held.suspected.is_some();
            let joins = chunks.last().is_none_or(|last| {
                let record_fits = !cut.single && cut.packed(more_bytes, more_lines) <= cut.target;
                record_fits && !is_alone(last) && !is_alone(next)
            });
            if !joins || !self.is_allowed(next) || !fits(more_bytes, more_lines) {
                break;
            }
            let shelf = if from_older {
                &mut self.store.older
            } else {
                &mut self.store.sealed
            };
            let Some(held) = shelf.pop_front() else { break };
            self.allow(&held, |allowance, bytes| allowance.take(bytes));
            (bytes, lines) = (more_bytes, more_lines);
            chunks.push(held);
        }
        (!chunks.is_empty()).then_some(chunks)
    }

    fn allow(&mut self, held: &Held, note: impl FnOnce(&mut super::pacing::Allowance, usize)) {
        if held.owner.sink != self.writer.own().sink
            && let Some(allowance) = &mut self.pacing.allowance
        {
            note(allowance, held.chunk.lines.len());
        }
    }

    /// Notes what the record taken last came to, its key included. Bytes.
    pub(in crate::delivery) fn encoded(&mut self, bytes: usize) {
        self.attempt.encoded(bytes);
    }

    /// A put found nothing to take, though something was due.
    pub(in crate::delivery) fn found_nothing(&mut self, now: Instant) {
        self.share.set_in_flight(0);
        self.pacing.found_nothing(now);
    }

    /// Puts back what is in flight: its put was cancelled, or its task died.
    pub(in crate::delivery) fn return_in_flight(&mut self) {
        self.share.set_in_flight(0);
        for record in self.attempt.take().into_iter().rev() {
            self.put_back(record.content);
        }
    }

    fn put_back(&mut self, content: Content) {
        match content {
            Content::Announcement(announcement) => self.ledger.put_back(announcement),
            Content::Lines(chunks) => {
                for held in chunks.into_iter().rev() {
                    self.allow(&held, |allowance, bytes| allowance.give_back(bytes));
                    self.store.put_back(held, self.writer.own());
                }
            }
        }
    }

    pub(in crate::delivery) fn add_put_time(&mut self, time: Duration) {
        self.ledger.stats.put_time += time;
    }

    pub(in crate::delivery) fn panicked(&mut self) {
        self.ledger.stats.panics += 1;
    }

    /// Judges the put in flight: what was delivered goes, what failed comes back in its order.
    pub(in crate::delivery) fn judge(&mut self, result: Result<Vec<Outcome>, Failure>, now: Instant) -> Option<Change> {
        self.share.set_in_flight(0);
        let change = self.judge_records(result, now);
        self.share.set_failing(self.failing().is_some());
        self.renew_losses();
        change
    }

    fn judge_records(&mut self, result: Result<Vec<Outcome>, Failure>, now: Instant) -> Option<Change> {
        let records = self.attempt.take();
        if records.is_empty() {
            // What was in flight was another environment's, and was given up while the answer came. A panic is one all the
            // same: without a pause the next one would follow at once.
            let panicked = result.is_err_and(|failure| failure.reason == Reason::Panicked);
            return if panicked {
                self.pacing.fails(Reason::Panicked, false, now)
            } else {
                None
            };
        }
        self.ledger.stats.puts += 1;
        let outcomes = match result {
            Ok(outcomes) => outcomes,
            Err(failure) => {
                self.ledger.stats.failed_puts += 1;
                if failure.reason == Reason::Invalid {
                    return self.search(records, &failure.message, now);
                }
                vec![Outcome::Retry(failure.reason); records.len()]
            }
        };
        let all = records.len();
        let (mut failure, mut back) = (None, Vec::new());
        let mut outcomes = outcomes.into_iter();
        for record in records {
            match outcomes.next().unwrap_or(Outcome::Retry(Reason::Unknown)) {
                Outcome::Delivered => self.delivered(&record),
                Outcome::Retry(reason) => {
                    failure = failure.or(Some(reason));
                    self.ledger.stats.retried += record.content.lines();
                    back.push(record.content);
                }
                Outcome::Rejected(reason) => self.reject(record.content, reason.name(), now),
            }
        }
        let refused = back.len();
        if failure == Some(Reason::Throttled) {
            self.attempt.throttled(all - refused);
        }
        back.into_iter().rev().for_each(|content| self.put_back(content));
        match failure {
            None => self.pacing.succeeds(),
            Some(reason) if 2 * refused <= all => self.pacing.mostly_succeeds(reason, now),
            Some(reason) => self.pacing.fails(reason, false, now),
        }
    }

    fn delivered(&mut self, record: &InFlight) {
        if let Content::Lines(chunks) = &record.content {
            chunks.iter().for_each(|held| self.store.forget(held));
        }
        self.ledger.delivers(record.content.lines(), record.bytes);
        self.pacing.delivered();
        self.attempt.delivered();
    }

    /// The sink will never take this record. `detail`: its own words.
    fn reject(&mut self, content: Content, detail: &str, now: Instant) {
        match content {
            Content::Lines(chunks) => {
                for held in chunks {
                    self.give_up(held, DropReason::Rejected, Some(detail));
                }
            }
            Content::Announcement(announcement) => {
                // What it announces is owed all the same, and said at the end where no line will do.
                self.ledger.revoke(announcement);
                self.pacing.announce_at = Some(now + PROBE_INTERVAL);
            }
        }
    }

    /// A call was called invalid: either one record in it is, or the configuration. Smaller calls tell, each made at
    /// once. A record that is refused alone is put aside; if others are delivered then and it is refused again, it is
    /// given up. If others are refused as well, it is the configuration, nothing is given up, and the sink is looked at
    /// now and then.
    fn search(&mut self, mut records: Vec<InFlight>, message: &str, now: Instant) -> Option<Change> {
        let lines: u64 = records.iter().map(|record| record.content.lines()).sum();
        self.ledger.stats.retried += lines;
        self.attempt.refused(records.len());
        if records.len() > 1 {
            records
                .into_iter()
                .rev()
                .for_each(|record| self.put_back(record.content));
            return self.pacing.fails(Reason::Invalid, true, now);
        }
        let delivered = self.ledger.stats.records;
        match records.pop()?.content {
            Content::Lines(chunks) => {
                let is_found = |held: &Held| held.suspected.is_some_and(|before| delivered > before);
                if chunks.len() == 1 && chunks.iter().any(is_found) {
                    self.reject(Content::Lines(chunks), message, now);
                    self.attempt.found();
                    return self.pacing.fails(Reason::Invalid, true, now);
                }
                for mut held in chunks {
                    self.allow(&held, |allowance, bytes| allowance.give_back(bytes));
                    held.suspected.get_or_insert(delivered);
                    self.store.put_last(held, self.writer.own());
                }
            }
            announcement @ Content::Announcement(_) => self.reject(announcement, message, now),
        }
        // With nothing else to try, waiting tells more.
        let others = self.store.older.len() + self.store.sealed.len() > 1;
        let at_once = self.attempt.refused_alone() && others;
        self.pacing.fails(Reason::Invalid, at_once, now)
    }
}
