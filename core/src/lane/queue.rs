//! The lines that a lane holds.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{LaneSettings, PartitionKey};
use crate::backoff::Backoff;
use crate::chunk::{Chunk, Cut, OpenChunk};
use crate::envelope::{Envelope, Resource, Stamp};
use crate::format::Encoding;
use crate::invocation::Context;
use crate::own_event;
use crate::ranges::{DropReason, Unannounced};
use crate::sink::{Limits, Outcome, Reason};
use crate::stats::{IntakeStats, LaneStats};

/// How often a lane says what became of its lines.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

pub(crate) struct Queue {
    stamp: Stamp,
    envelope: Envelope,
    id: String,
    name: String,
    encoding: Encoding,
    cut: Cut,
    /// Longest line that fits into a record, in bytes.
    longest_line: usize,
    /// How records are keyed; `None` for a sink without keys.
    key: Option<PartitionKey>,
    put_bytes: usize,
    put_records: usize,
    max_age: Duration,

    open: OpenChunk,
    sealed: VecDeque<Chunk>,
    /// What the put in flight holds. Its lines are neither delivered nor lost until it is judged.
    in_flight: Vec<Chunk>,
    /// The size of each record in flight that is encoded, its key included. Bytes.
    in_flight_sizes: Vec<usize>,
    /// Cost of `sealed`, in bytes.
    sealed_cost: usize,
    in_flight_cost: usize,

    running: bool,
    draining: bool,
    retry_at: Option<Instant>,
    failing: Option<Reason>,
    /// A flush failed and no put succeeded since: nothing waits for this sink.
    breaker_open: bool,
    backoff: Backoff,
    /// Records in the next put, lowered while the service calls puts invalid: to find the record it means.
    batch_limit: usize,
    unannounced: Unannounced,
    last_report: Instant,
    /// What the last report said, so that nothing new needs no new report.
    reported: u64,
    pub(crate) stats: LaneStats,
}

/// When there is something to put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    At(Instant),
    Never,
}

/// What a put changed in the state of the sink, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Fails(Reason),
    Recovers,
}

impl Queue {
    pub(super) fn new(settings: &LaneSettings, limits: Limits, id: &str, resource: &Resource) -> Self {
        let key = limits.keyed.then_some(settings.partition_key);
        let key_bytes = key.map_or(0, PartitionKey::len);
        let max_record = settings
            .max_record_bytes
            .min(limits.record_bytes)
            .min(settings.put_bytes);
        let encoding = settings.encoding();
        Self {
            stamp: Stamp::new(settings.envelope, id, &settings.name, resource),
            envelope: settings.envelope,
            id: id.to_owned(),
            name: settings.name.clone(),
            encoding,
            cut: encoding.cut(settings.record_bytes, max_record, key_bytes),
            longest_line: encoding.longest_line(max_record, key_bytes),
            key,
            put_bytes: settings.put_bytes.min(limits.put_bytes),
            put_records: limits.put_records,
            max_age: settings.max_age,
            open: OpenChunk::new(0),
            sealed: VecDeque::new(),
            in_flight: Vec::new(),
            in_flight_sizes: Vec::new(),
            sealed_cost: 0,
            in_flight_cost: 0,
            running: true,
            draining: false,
            retry_at: None,
            failing: None,
            breaker_open: false,
            backoff: Backoff::default(),
            batch_limit: limits.put_records,
            unannounced: Unannounced::default(),
            last_report: Instant::now(),
            reported: 0,
            stats: LaneStats::default(),
        }
    }

    /// What the envelope says of the function from here on.
    pub(crate) fn set_resource(&mut self, resource: &Resource) {
        self.stamp = Stamp::new(self.envelope, &self.id, &self.name, resource);
    }

    /// Adds the line of one event.
    pub(crate) fn add(&mut self, event: &str, has_line_breaks: bool, context: Context<'_>, now: Instant) {
        self.stats.accepted += 1;
        let Self {
            open,
            stamp,
            sealed,
            sealed_cost,
            ..
        } = self;
        let seq = open.next_seq();
        let added = open.add(
            now,
            self.cut,
            self.longest_line,
            &mut |chunk: Chunk| {
                *sealed_cost += chunk.cost();
                sealed.push_back(chunk);
            },
            |out, seq| stamp.write_line(out, event, has_line_breaks, context, seq),
        );
        if added.is_err() {
            self.stats.drop_lines(DropReason::Oversize, 1);
            self.unannounced.add(DropReason::Oversize, &(seq..seq + 1));
        }
    }

    /// Adds a line of the forwarder's own; not in the envelope `raw`, which has no room for them.
    pub(crate) fn add_own(&mut self, event: &str, now: Instant) {
        if self.envelope != Envelope::Raw {
            let nobody = Context {
                request_id: None,
                tenant_id: None,
            };
            self.add(event, false, nobody, now);
        }
    }

    /// The last line of this life.
    pub(crate) fn add_final_report(&mut self, intake: &IntakeStats, now: Instant) {
        self.announce(now);
        let report = own_event::report(&self.stats, intake, self.open.next_seq() + 1, true);
        self.add_own(&report, now);
    }

    /// Adds a report if the last one is a minute old and there is something new to say.
    pub(crate) fn report_if_due(&mut self, intake: &IntakeStats, now: Instant) {
        if now.duration_since(self.last_report) < REPORT_INTERVAL || self.stats.accepted == self.reported {
            return;
        }
        self.last_report = now;
        let report = own_event::report(&self.stats, intake, self.open.next_seq() + 1, false);
        self.add_own(&report, now);
        self.reported = self.stats.accepted;
    }

    /// Adds what is to be said of lines that were given up.
    fn announce(&mut self, now: Instant) {
        if self.unannounced.is_empty() || self.envelope == Envelope::Raw {
            return;
        }
        for dropped in self.unannounced.take() {
            let event = own_event::dropped(&dropped);
            self.add_own(&event, now);
            self.open.announce(vec![dropped]);
            self.seal();
        }
    }

    fn seal(&mut self) {
        if let Some(chunk) = self.open.seal() {
            self.sealed_cost += chunk.cost();
            self.sealed.push_back(chunk);
        }
    }

    /// How much of the buffer's bound this lane takes. A put in flight exists once more, encoded, in the sink's hands.
    pub(crate) fn held(&self) -> usize {
        let encoded: usize = self.in_flight_sizes.iter().sum();
        self.open.len() + self.sealed_cost + self.in_flight_cost + encoded
    }

    /// Gives up the oldest chunk that is not in flight. `false` if there is none.
    pub(crate) fn give_up_oldest(&mut self, reason: DropReason) -> bool {
        if self.sealed.is_empty() {
            self.seal();
        }
        let Some(chunk) = self.sealed.pop_front() else {
            return false;
        };
        self.sealed_cost -= chunk.cost();
        self.give_up(chunk, reason);
        true
    }

    fn give_up(&mut self, chunk: Chunk, reason: DropReason) {
        self.stats.drop_lines(reason, chunk.len());
        self.unannounced.add(reason, &chunk.seq);
        self.unannounced.add_again(chunk.announces);
    }

    /// Gives up everything and says what that was.
    pub(crate) fn give_up_all(&mut self, reason: DropReason) -> Vec<crate::ranges::Dropped> {
        self.return_in_flight();
        self.seal();
        while self.give_up_oldest(reason) {}
        self.draining = false;
        self.unannounced.take()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight.is_empty() && self.sealed.is_empty() && self.open.since().is_none() && !self.may_announce()
    }

    fn may_announce(&self) -> bool {
        !self.unannounced.is_empty() && self.envelope != Envelope::Raw
    }

    pub(super) fn is_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    pub(super) fn run(&mut self, drain: bool) {
        self.running = true;
        self.draining |= drain || self.breaker_open;
    }

    pub(super) fn pause(&mut self) {
        self.running = false;
        self.draining = false;
    }

    /// Lets a put happen at once, whatever failed before: the last chance.
    pub(crate) fn forget_failures(&mut self) {
        self.retry_at = None;
        self.backoff.reset();
    }

    pub(crate) fn failing(&self) -> Option<Reason> {
        self.failing
    }

    pub(crate) fn is_breaker_open(&self) -> bool {
        self.breaker_open
    }

    pub(crate) fn open_breaker(&mut self) {
        self.breaker_open = true;
    }

    /// No attempt will be made before `deadline`.
    pub(super) fn hopeless_until(&self, deadline: Instant) -> bool {
        self.in_flight.is_empty() && self.retry_at.is_some_and(|retry_at| retry_at >= deadline)
    }

    /// Whether the worker shall put something.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        if self.is_empty() {
            self.draining = false;
            return Due::Never;
        }
        let due = if self.draining || (self.running && self.is_full()) {
            now
        } else {
            let oldest = self.sealed.front().map(|chunk| chunk.since).or(self.open.since());
            // With no line held, what is held is an announcement.
            oldest.map_or(now, |oldest| oldest + self.max_age)
        };
        match self.retry_at.map_or(due, |retry_at| retry_at.max(due)) {
            due if due <= now => Due::Now,
            due => Due::At(due),
        }
    }

    /// Whether what is sealed fills a put.
    fn is_full(&self) -> bool {
        self.sealed_cost >= self.put_bytes || self.sealed.len() >= self.put_records
    }

    /// Begins the next put. Whole puts go first; what is still open only when all is to go.
    pub(super) fn begin_put(&mut self, now: Instant) {
        // While the sink fails, announcements would only be given up in their turn.
        if self.failing.is_none() || (self.sealed.is_empty() && self.open.since().is_none()) {
            self.announce(now);
        }
        if !self.is_full() {
            self.seal();
        }
    }

    /// Moves one more chunk into flight, if the put certainly has room for its record.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        let encoded: usize = self.in_flight_sizes.iter().sum();
        let most = self.encoding.most(self.sealed.front()?, self.key_bytes());
        let full = self.in_flight.len() >= self.batch_limit || encoded + most > self.put_bytes;
        if full && !self.in_flight.is_empty() {
            return None;
        }
        let chunk = self.sealed.pop_front()?;
        self.sealed_cost -= chunk.cost();
        self.in_flight_cost += chunk.cost();
        self.in_flight.push(chunk.clone());
        Some(chunk)
    }

    /// Notes what the record of the chunk taken last came to, its key included.
    pub(super) fn encoded(&mut self, bytes: usize) {
        self.in_flight_sizes.push(bytes);
    }

    /// A key for one record of one attempt.
    pub(super) fn partition_key(&self, random: &mut fastrand::Rng) -> String {
        match self.key {
            None => String::new(),
            Some(PartitionKey::Random) => format!("{:032x}", random.u128(..)),
            Some(PartitionKey::Instance) => self.id.clone(),
        }
    }

    fn key_bytes(&self) -> usize {
        self.key.map_or(0, PartitionKey::len)
    }

    /// Puts the chunks in flight back to where they were: their put was cancelled, or its task died.
    pub(super) fn return_in_flight(&mut self) {
        self.in_flight_cost = 0;
        self.in_flight_sizes.clear();
        for chunk in self.in_flight.drain(..).rev() {
            self.sealed_cost += chunk.cost();
            self.sealed.push_front(chunk);
        }
    }

    /// Judges the put in flight: what was delivered goes, what failed comes back in its order.
    pub(super) fn judge(
        &mut self,
        result: Result<Vec<Outcome>, Reason>,
        now: Instant,
        random: &mut fastrand::Rng,
    ) -> Option<Change> {
        self.stats.puts += 1;
        let chunks = std::mem::take(&mut self.in_flight);
        let sizes = std::mem::take(&mut self.in_flight_sizes);
        self.in_flight_cost = 0;
        let outcomes = result.unwrap_or_else(|reason| {
            self.stats.failed_puts += 1;
            self.outcomes_of_failure(reason, chunks.len())
        });
        let mut failure = None;
        let mut delivered = false;
        let mut back = Vec::new();
        let mut outcomes = outcomes.into_iter();
        let mut sizes = sizes.into_iter();
        for chunk in chunks {
            let size = sizes.next().unwrap_or_default();
            match outcomes.next().unwrap_or(Outcome::Retry(Reason::Unknown)) {
                Outcome::Delivered => {
                    delivered = true;
                    self.stats.delivered += chunk.len();
                    self.stats.records += 1;
                    self.stats.bytes += size as u64;
                }
                Outcome::Retry(reason) => {
                    failure = failure.or(Some(reason));
                    self.stats.retried += chunk.len();
                    back.push(chunk);
                }
                Outcome::Rejected(reason) => {
                    log::warn!(event = "record_rejected", sink = self.name.as_str(), reason = reason.name(), first_seq = chunk.seq.start, lines = chunk.len(); "the sink refuses a record for good");
                    self.give_up(chunk, DropReason::Rejected);
                }
            }
        }
        for chunk in back.into_iter().rev() {
            self.sealed_cost += chunk.cost();
            self.sealed.push_front(chunk);
        }
        if delivered {
            self.breaker_open = false;
            self.batch_limit = self.batch_limit.saturating_mul(2).min(self.put_records);
        }
        self.note(failure, now, random)
    }

    /// A call that is called invalid holds one record that is: smaller calls find it. Alone, and with the sink known to
    /// take others, it is refused for good; otherwise the configuration may be what is invalid.
    fn outcomes_of_failure(&mut self, reason: Reason, records: usize) -> Vec<Outcome> {
        if reason == Reason::Invalid && self.stats.delivered > 0 {
            if records == 1 {
                self.batch_limit = self.put_records;
                return vec![Outcome::Rejected(reason)];
            }
            self.batch_limit = records.div_ceil(2);
        }
        vec![Outcome::Retry(reason); records]
    }

    fn note(&mut self, failure: Option<Reason>, now: Instant, random: &mut fastrand::Rng) -> Option<Change> {
        let before = std::mem::replace(&mut self.failing, failure);
        match failure {
            None => {
                self.retry_at = None;
                self.backoff.reset();
                before.map(|_| Change::Recovers)
            }
            Some(reason) => {
                // A search for the invalid record goes on at once: each call is smaller than the last.
                let searching = reason == Reason::Invalid && self.batch_limit < self.put_records;
                self.retry_at = if searching {
                    None
                } else {
                    Some(now + self.backoff.next(reason.treatment(), random))
                };
                (before != failure).then_some(Change::Fails(reason))
            }
        }
    }
}
