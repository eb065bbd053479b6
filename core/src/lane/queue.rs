//! The lines that a lane holds, in memory and on disk: what is due, what a put takes, what becomes of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::health::{Change, Health};
use super::ledger::Ledger;
use super::writer::{Line, Writer};
use super::{LaneSettings, PartitionKey};
use crate::chunk::{Chunk, Origin};
use crate::envelope::Resource;
use crate::format::Encoding;
use crate::own_event::{self, OwnEvent};
use crate::ranges::{DropReason, Dropped, Lost};
use crate::sink::{Limits, Outcome, Reason};
use crate::spool::{Spool, Spooled};
use crate::stats::{IntakeStats, LaneStats};

/// How often a lane says what became of its lines.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// What is taken over is put at no more than [`LaneSettings::taken_over_bytes`] in this time.
const ALLOWANCE_INTERVAL: Duration = Duration::from_secs(60);

/// A put in flight exists this many times beside its chunks: the records, the SDK's copy, the body in base64.
const ENCODED_COPIES: usize = 3;

pub(crate) struct Queue {
    writer: Writer,
    ledger: Ledger,
    health: Health,
    spool: Option<Arc<Spool>>,
    encoding: Encoding,
    /// How records are keyed; `None` for a sink without keys.
    key: Option<PartitionKey>,
    put_bytes: usize,
    put_records: usize,
    max_age: Duration,

    /// What comes from elsewhere: from the disk, an earlier life, another lane.
    older: Held,
    /// This life's own, in order.
    sealed: Held,
    /// What the put in flight holds. Its lines are neither delivered nor lost until it is judged.
    in_flight: Vec<Chunk>,
    /// The size of each record in flight that is encoded, its key included. Bytes.
    in_flight_sizes: Vec<usize>,
    in_flight_cost: usize,
    /// What is on disk only, oldest first.
    on_disk: VecDeque<Spooled>,

    /// Since when no put is to be started; `None` while the environment runs.
    paused: Option<Instant>,
    draining: bool,
    stopped: bool,
    /// Records in the next put, lowered while the service calls puts invalid: to find the record it means.
    batch_limit: usize,
    allowance: Option<Allowance>,
    last_report: Instant,
    /// What the last report said, so that nothing new needs no new report.
    reported: u64,
}

/// Chunks in order, and what they cost of the buffer's bound.
#[derive(Default)]
struct Held {
    chunks: VecDeque<Chunk>,
    cost: usize,
}

impl Held {
    fn push_back(&mut self, chunk: Chunk) {
        self.cost += chunk.cost();
        self.chunks.push_back(chunk);
    }

    fn push_front(&mut self, chunk: Chunk) {
        self.cost += chunk.cost();
        self.chunks.push_front(chunk);
    }

    fn pop_front(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.pop_front()?;
        self.cost -= chunk.cost();
        Some(chunk)
    }
}

/// What may still be put of other lanes' lines before the interval is over.
struct Allowance {
    bytes: usize,
    left: usize,
    renewed: Instant,
}

/// When there is something to put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    At(Instant),
    Never,
    /// The forwarder is gone.
    Stopped,
}

/// Writing lines.
impl Queue {
    pub(super) fn new(
        settings: &LaneSettings,
        limits: Limits,
        id: &str,
        resource: &Resource,
        spool: Option<Arc<Spool>>,
    ) -> Self {
        let key = limits.keyed.then_some(settings.partition_key);
        let max_record = settings.max_record_bytes.min(limits.record_bytes);
        let now = Instant::now();
        Self {
            writer: Writer::new(settings, max_record, key.map_or(0, PartitionKey::len), id, resource),
            ledger: Ledger::default(),
            health: Health::default(),
            spool,
            encoding: settings.encoding(),
            key,
            put_bytes: settings.put_bytes.min(limits.put_bytes),
            put_records: limits.put_records,
            max_age: settings.max_age,
            older: Held::default(),
            sealed: Held::default(),
            in_flight: Vec::new(),
            in_flight_sizes: Vec::new(),
            in_flight_cost: 0,
            on_disk: VecDeque::new(),
            paused: None,
            draining: false,
            stopped: false,
            batch_limit: limits.put_records,
            allowance: settings.taken_over_bytes.map(|bytes| Allowance {
                bytes,
                left: bytes,
                renewed: now,
            }),
            last_report: now,
            reported: 0,
        }
    }

    /// What the envelope says of the function from here on.
    pub(crate) fn set_resource(&mut self, resource: &Resource) {
        self.writer.set_resource(resource);
    }

    pub(crate) fn stats(&self) -> LaneStats {
        self.ledger.stats
    }

    /// Adds the line of one event.
    pub(crate) fn add(&mut self, line: Line<'_>, now: Instant) {
        let Self { writer, sealed, .. } = self;
        let written = writer.write(line, now, &mut |chunk| sealed.push_back(chunk));
        self.ledger.stats.accepted += written.seq.end - written.seq.start;
        if written.dropped {
            self.ledger.drop_own(DropReason::Oversize, &written.seq);
        }
    }

    /// Adds a line of the forwarder's own; not in the envelope `raw`, which has no room for them.
    pub(crate) fn add_own(&mut self, event: &OwnEvent, now: Instant) {
        if self.writer.tells_of_itself() {
            self.add(event.line(), now);
        }
    }

    /// The last line of this life.
    pub(crate) fn add_final_report(&mut self, intake: &IntakeStats, now: Instant) {
        self.announce(now);
        self.add_report(intake, true, now);
    }

    /// Adds a report if the last one is a minute old and there is something new to say.
    pub(crate) fn report_if_due(&mut self, intake: &IntakeStats, now: Instant) {
        if now.duration_since(self.last_report) < REPORT_INTERVAL || self.ledger.stats.accepted == self.reported {
            return;
        }
        self.last_report = now;
        self.add_report(intake, false, now);
        self.reported = self.ledger.stats.accepted;
    }

    fn add_report(&mut self, intake: &IntakeStats, last: bool, now: Instant) {
        let report = own_event::report(&self.ledger.stats, intake, self.writer.next_seq() + 1, last);
        self.add_own(&report, now);
    }

    /// Adds what is to be said of lines that were given up.
    fn announce(&mut self, now: Instant) {
        if !self.may_announce() {
            return;
        }
        for dropped in self.ledger.take_unannounced() {
            self.seal();
            self.add_own(&own_event::dropped(&dropped), now);
            self.seal();
            // The line is in a chunk of its own now, the newest.
            if let Some(chunk) = self.sealed.chunks.back_mut() {
                chunk.announces = vec![dropped];
            }
        }
    }

    fn may_announce(&self) -> bool {
        self.ledger.has_unannounced() && self.writer.tells_of_itself()
    }

    fn seal(&mut self) {
        if let Some(chunk) = self.writer.seal() {
            self.sealed.push_back(chunk);
        }
    }
}

/// Holding and giving up.
impl Queue {
    /// How much of the buffer's bound this lane takes.
    pub(crate) fn held(&self) -> usize {
        let in_flight = self.in_flight_cost + ENCODED_COPIES * self.encoded_bytes();
        self.writer.open_bytes() + self.older.cost + self.sealed.cost + in_flight
    }

    /// Nothing is held, in memory or on disk.
    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight.is_empty() && !self.has_waiting() && self.on_disk.is_empty()
    }

    /// Something waits in memory.
    fn has_waiting(&self) -> bool {
        let lines =
            !self.older.chunks.is_empty() || !self.sealed.chunks.is_empty() || self.writer.open_since().is_some();
        lines || self.may_announce()
    }

    pub(super) fn is_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Makes room in memory: the oldest chunk that is not in flight goes to disk, or is given up. `false` if there is
    /// none.
    pub(crate) fn shed_oldest(&mut self) -> bool {
        let Some(chunk) = self.pop_oldest() else { return false };
        if let Some(chunk) = self.put_on_disk(chunk) {
            self.give_up(chunk, DropReason::BufferFull);
        }
        true
    }

    fn pop_oldest(&mut self) -> Option<Chunk> {
        // What only announces the loss of others' lines is small, and has no other place.
        let is_stub = |chunk: &Chunk| chunk.origin.is_some() && !chunk.announces.is_empty();
        if let Some(at) = self.older.chunks.iter().position(|chunk| !is_stub(chunk)) {
            let chunk = self.older.chunks.remove(at)?;
            self.older.cost -= chunk.cost();
            return Some(chunk);
        }
        if self.sealed.chunks.is_empty() {
            self.seal();
        }
        self.sealed.pop_front()
    }

    /// Moves a chunk from memory to disk; gives it back if the disk does not take it.
    fn put_on_disk(&mut self, chunk: Chunk) -> Option<Chunk> {
        let Some(spool) = self.spool.clone() else {
            return Some(chunk);
        };
        let spooled = match &chunk.ticket {
            // It is there already; of a piece nobody knows where it begins, so it is written anew.
            Some(ticket) if ticket.is_whole() => Some(self.labelled(&chunk, Arc::clone(ticket))),
            _ => {
                let (id, sink) = self.owner(&chunk);
                let spooled = spool.append(&id, &sink, &chunk.seq, &chunk.lines);
                if let (Some(ticket), Some(_)) = (&chunk.ticket, &spooled) {
                    spool.done(ticket);
                }
                spooled
            }
        };
        let Some(spooled) = spooled else { return Some(chunk) };
        self.ledger.spools(&chunk);
        self.on_disk.push_back(spooled);
        None
    }

    fn owner(&self, chunk: &Chunk) -> (String, String) {
        match &chunk.origin {
            Some(origin) => (origin.id.clone(), origin.sink.clone()),
            None => (self.writer.id().to_owned(), self.writer.name().to_owned()),
        }
    }

    fn labelled(&self, chunk: &Chunk, ticket: Arc<crate::spool::Ticket>) -> Spooled {
        let (id, sink) = self.owner(chunk);
        Spooled {
            id,
            sink,
            seq: chunk.seq.clone(),
            ticket,
        }
    }

    /// Writes every sealed chunk to disk that is not there yet, and seals what is open: under `always`, before Lambda
    /// gets its answer. What the disk does not take stays in memory only.
    pub(crate) fn persist(&mut self) {
        let Some(spool) = self.spool.clone().filter(|spool| spool.is_always()) else {
            return;
        };
        self.seal();
        let unwritten = self
            .sealed
            .chunks
            .iter()
            .rev()
            .take_while(|chunk| chunk.ticket.is_none())
            .count();
        let from = self.sealed.chunks.len() - unwritten;
        for chunk in self.sealed.chunks.range_mut(from..) {
            let spooled = spool.append(self.writer.id(), self.writer.name(), &chunk.seq, &chunk.lines);
            chunk.ticket = spooled.map(|spooled| spooled.ticket);
        }
    }

    fn give_up(&mut self, chunk: Chunk, reason: DropReason) {
        self.forget_on_disk(&chunk);
        match &chunk.origin {
            None => {
                self.ledger.drop_own(reason, &chunk.seq);
                self.ledger.announce_again(chunk.announces);
            }
            // The gap is in another life's or lane's numbers, so its announcement takes the first of them.
            Some(origin) => {
                let stub = self.ledger.drop_foreign(reason, &chunk, origin);
                self.older.push_front(stub);
            }
        }
    }

    fn forget_on_disk(&self, chunk: &Chunk) {
        if let (Some(spool), Some(ticket)) = (&self.spool, &chunk.ticket) {
            spool.done(ticket);
        }
    }

    /// The end: what is left goes to disk, if there is a next life to find it there, and is given up otherwise. Says what
    /// was given up of whose lines; how many are on disk is in the accounts then.
    pub(crate) fn leave(&mut self, has_successor: bool, now: Instant) -> Vec<(Origin, Vec<Dropped>)> {
        self.return_in_flight();
        if has_successor {
            self.announce(now);
        }
        self.seal();
        self.draining = false;
        let mut lost = Lost::default();
        while let Some(chunk) = self.older.pop_front().or_else(|| self.sealed.pop_front()) {
            let left = if has_successor {
                self.put_on_disk(chunk)
            } else {
                Some(chunk)
            };
            if let Some(chunk) = left {
                self.forget_on_disk(&chunk);
                self.ledger.stats.drop_lines(DropReason::Shutdown, chunk.len());
                lost.add(self.owner(&chunk), DropReason::Shutdown, &chunk.seq);
                // What it was to announce is not announced either.
                lost.add_again(&self.owner(&chunk), chunk.announces);
            }
        }
        if !has_successor {
            for spooled in std::mem::take(&mut self.on_disk) {
                self.ledger.lose_on_disk(DropReason::Shutdown, &spooled);
                lost.add((spooled.id, spooled.sink), DropReason::Shutdown, &spooled.seq);
            }
        }
        let own = (self.writer.id().to_owned(), self.writer.name().to_owned());
        lost.add_again(&own, self.ledger.take_unannounced());
        lost.into_ranges()
    }
}

/// Between disk, lanes and lives.
impl Queue {
    /// Takes note of chunks that an earlier life left on disk.
    pub(crate) fn recover(&mut self, spooled: Spooled) {
        self.ledger.recovers(&spooled);
        self.on_disk.push_back(spooled);
    }

    /// Loads from disk as much as one put takes, if memory has less than that waiting.
    fn load(&mut self) {
        let Some(spool) = self.spool.clone() else { return };
        while self.older.cost < self.put_bytes
            && let Some(spooled) = self.on_disk.pop_front()
        {
            let is_own = spooled.id == self.writer.id() && spooled.sink == self.writer.name();
            let origin = (!is_own).then(|| {
                Arc::new(Origin {
                    id: spooled.id.clone(),
                    sink: spooled.sink.clone(),
                })
            });
            let lines = spool.read(&spooled.ticket);
            let chunk = Chunk {
                lines: lines.clone().unwrap_or_default(),
                seq: spooled.seq.clone(),
                origin,
                since: Instant::now(),
                announces: Vec::new(),
                ticket: Some(spooled.ticket),
            };
            self.ledger.loads(&chunk);
            match lines {
                Some(_) => self.take_in(chunk),
                None => self.give_up(chunk, DropReason::SpoolCorrupt),
            }
        }
    }

    fn take_in(&mut self, chunk: Chunk) {
        for chunk in chunk.cut(self.writer.cut()) {
            self.older.push_back(chunk);
        }
    }

    /// Hands everything over that waits in memory, if the sink's health asks for it. `at_once`: whatever its health.
    pub(super) fn hand_over(&mut self, at_once: bool, now: Instant) -> Vec<Chunk> {
        // When the sink may be tried again, what waits is what it is tried with.
        let may_try = self.health.retry_at().is_none_or(|retry_at| retry_at <= now);
        if !at_once && (may_try || !self.health.hands_over(now)) {
            return Vec::new();
        }
        self.load();
        self.seal();
        let own = Arc::new(Origin {
            id: self.writer.id().to_owned(),
            sink: self.writer.name().to_owned(),
        });
        let mut chunks = Vec::new();
        while let Some(mut chunk) = self.older.pop_front().or_else(|| self.sealed.pop_front()) {
            self.ledger.hands_over(&chunk);
            chunk.origin.get_or_insert_with(|| Arc::clone(&own));
            chunks.push(chunk);
        }
        chunks
    }

    /// Takes over what another lane hands over.
    pub(super) fn take_over(&mut self, chunks: Vec<Chunk>) {
        for chunk in chunks {
            self.ledger.takes_over(&chunk);
            self.take_in(chunk);
        }
    }
}

/// Putting.
impl Queue {
    pub(super) fn run(&mut self, drain: bool) {
        self.paused = None;
        self.draining |= drain || self.health.is_breaker_open();
    }

    pub(super) fn pause(&mut self, now: Instant) {
        self.paused = Some(now);
        self.draining = false;
    }

    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    pub(crate) fn health_mut(&mut self) -> &mut Health {
        &mut self.health
    }

    /// No attempt will be made before `deadline`.
    pub(super) fn hopeless_until(&self, deadline: Instant) -> bool {
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
    pub(super) fn due(&mut self, now: Instant) -> Due {
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
    pub(super) fn begin_put(&mut self, now: Instant) {
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
    pub(super) fn take(&mut self) -> Option<Chunk> {
        if self.in_flight.len() >= self.batch_limit {
            return None;
        }
        let room = self.put_bytes.saturating_sub(self.encoded_bytes());
        let chunk = self.pop_for_put(room, self.in_flight.is_empty())?;
        self.in_flight_cost += chunk.cost();
        self.in_flight.push(chunk.clone());
        Some(chunk)
    }

    /// Notes what the record of the chunk taken last came to, its key included. Bytes.
    pub(super) fn encoded(&mut self, bytes: usize) {
        self.in_flight_sizes.push(bytes);
    }

    fn encoded_bytes(&self) -> usize {
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
    pub(super) fn partition_key(&self, random: &mut fastrand::Rng) -> String {
        match self.key {
            None => String::new(),
            Some(PartitionKey::Random) => format!("{:032x}", random.u128(..)),
            Some(PartitionKey::Instance) => self.writer.id().to_owned(),
        }
    }

    fn key_bytes(&self) -> usize {
        self.key.map_or(0, PartitionKey::len)
    }

    /// Puts the chunks in flight back to where they were: their put was cancelled, or its task died.
    pub(super) fn return_in_flight(&mut self) {
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

    pub(super) fn panicked(&mut self) {
        self.ledger.stats.panics += 1;
    }

    /// Judges the put in flight: what was delivered goes, what failed comes back in its order.
    pub(super) fn judge(
        &mut self,
        result: Result<Vec<Outcome>, Reason>,
        now: Instant,
        random: &mut fastrand::Rng,
    ) -> Option<Change> {
        let chunks = std::mem::take(&mut self.in_flight);
        let mut sizes = std::mem::take(&mut self.in_flight_sizes).into_iter();
        self.in_flight_cost = 0;
        self.ledger.stats.puts += 1;
        let outcomes = result.unwrap_or_else(|reason| {
            self.ledger.stats.failed_puts += 1;
            self.outcomes_of_failure(reason, chunks.len())
        });
        let (mut failure, mut back) = (None, Vec::new());
        let mut outcomes = outcomes.into_iter();
        for chunk in chunks {
            let bytes = sizes.next().unwrap_or_default();
            match outcomes.next().unwrap_or(Outcome::Retry(Reason::Unknown)) {
                Outcome::Delivered => {
                    self.forget_on_disk(&chunk);
                    self.ledger.delivers(&chunk, bytes);
                    self.health.delivered();
                    self.batch_limit = self.batch_limit.saturating_mul(2).min(self.put_records);
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
        let Some(reason) = failure else {
            return self.health.succeeds();
        };
        // A search for the invalid record goes on at once: each call is smaller than the last.
        let searching = reason == Reason::Invalid && self.batch_limit < self.put_records;
        self.health.fails(reason, searching, now, random)
    }

    /// A call that is called invalid holds one record that is: smaller calls find it. Alone, and with the sink known to
    /// take others, it is refused for good; otherwise the configuration may be what is invalid.
    fn outcomes_of_failure(&mut self, reason: Reason, records: usize) -> Vec<Outcome> {
        if reason == Reason::Invalid && self.ledger.stats.delivered > 0 {
            if records == 1 {
                self.batch_limit = self.put_records;
                return vec![Outcome::Rejected(reason)];
            }
            self.batch_limit = records.div_ceil(2);
        }
        vec![Outcome::Retry(reason); records]
    }
}
