//! The lines that a lane holds, in memory and on disk.
//!
//! - this file: what a queue is made of, and how lines get into it.
//! - `hold`: what it holds, what it gives up, what it leaves behind.
//! - `exchange`: between disk, lanes and lives; `life`: where one life ends and the next begins.
//! - `put`: what is due, what a put takes, what becomes of it.

mod exchange;
mod hold;
mod life;
pub(super) mod put;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::health::Health;
use super::ledger::Ledger;
use super::writer::Writer;
use super::{LaneSettings, PartitionKey};
use crate::delivery::sink::Limits;
use crate::delivery::spool::{Spool, Spooled};
use crate::record::chunk::Chunk;
use crate::record::envelope::Resource;
use crate::record::format::Encoding;
use crate::record::line::Line;
use crate::record::own_event::{self, OwnEvent};
use crate::record::ranges::DropReason;
use crate::record::stats::{IntakeStats, LaneStats};

/// How often a lane says what became of its lines.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

pub(crate) struct Queue {
    writer: Writer,
    ledger: Ledger,
    health: Health,
    random: fastrand::Rng,
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
    search: Search,
    allowance: Option<Allowance>,
    /// The final report is written.
    closed: bool,
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

/// The search for the record that the service means when it calls a put invalid.
struct Search {
    /// Records in the next put.
    limit: usize,
    /// Calls of one record in a row that were called invalid.
    lone_failures: u32,
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
            random: life::random(),
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
            search: Search {
                limit: limits.put_records,
                lone_failures: 0,
            },
            allowance: settings.taken_over_bytes.map(|bytes| Allowance {
                bytes,
                left: bytes,
                renewed: now,
            }),
            closed: false,
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
    /// `false`: nothing of its own is sent here.
    pub(crate) fn add_own(&mut self, event: &OwnEvent, now: Instant) -> bool {
        let is_sent = self.writer.tells_of_itself();
        if is_sent {
            self.add(event.line(), now);
        }
        is_sent
    }

    /// The last line of this life.
    pub(crate) fn add_final_report(&mut self, intake: &IntakeStats, now: Instant) {
        if !std::mem::replace(&mut self.closed, true) {
            self.announce(now);
            self.add_report(intake, true, now);
        }
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
