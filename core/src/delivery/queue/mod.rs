//! The lines of one lane: what goes in, and its parts put together. Held under one lock.
//!
//! - this file: what a queue is made of, and how lines get into it.
//! - `put`: what is due, what a put takes, what becomes of it.
//! - `exchange`: between disk, lanes and processes; `end`: what is left at the end, and around a snapshot.

mod end;
mod exchange;
mod put;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::attempt::{Attempt, Content};
use super::ledger::Ledger;
use super::pacing::{self, Breaker, Pacing};
use super::settings::{LaneSettings, PartitionKey};
use super::share::Share;
use super::sink::{Limits, Reason};
use super::spool::Spool;
use super::store::{Copy, GivenUp, Held, Store};
use super::writer::Writer;
use crate::record::chunk::Cut;
use crate::record::envelope::Resource;
use crate::record::format::Encoding;
use crate::record::line::Line;
use crate::record::origin::Origin;
use crate::record::own_event::{self, OwnEvent};
use crate::record::ranges::{DropReason, Losses};
use crate::record::stats::{IntakeStats, LaneStats};
pub(super) use put::Taken;

/// Interval between reports of a lane.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

pub(crate) struct Queue {
    /// From events to lines.
    writer: Writer,
    /// What waits, in memory and on disk.
    store: Store,
    /// What is in flight.
    attempt: Attempt,
    /// When to put.
    pacing: Pacing,
    /// What became of each line, and what is to be announced.
    ledger: Ledger,
    reports: Reports,
    keys: Keys,
    shape: Shape,
    /// How much of what all lanes may put together is this one's.
    share: Share,
    disk: Option<Disk>,
}

/// What a put looks like.
#[derive(Debug, Clone, Copy)]
struct Shape {
    encoding: Encoding,
    cut: Cut,
    /// Bytes of a put at most, keys included.
    most: usize,
    /// Bytes of the put that began last.
    bytes: usize,
    records: usize,
}

/// Partition keys.
struct Keys {
    /// `None` for a sink without keys.
    key: Option<PartitionKey>,
    random: fastrand::Rng,
}

/// What was reported.
struct Reports {
    /// The final report is written.
    closed: bool,
    last: Instant,
    /// Counters of the last report: without news there is no new one.
    reported: u64,
    /// Version of the configuration, where it is kept elsewhere.
    config: Option<String>,
}

/// The spool, as far as losses go there.
struct Disk {
    spool: Arc<Spool>,
    lane: usize,
    /// A file of losses is there.
    has_losses: bool,
}

impl Queue {
    /// `lane`: its place among the forwarder's.
    pub(super) fn new(
        settings: &LaneSettings,
        limits: Limits,
        lane: usize,
        id: &str,
        resource: &Resource,
        spool: Option<Arc<Spool>>,
        share: Share,
    ) -> Self {
        let key = limits.keyed.then_some(settings.partition_key);
        let max_record = settings.max_record_bytes.min(limits.record_bytes);
        let writer = Writer::new(settings, max_record, key.map_or(0, PartitionKey::len), id, resource);
        let cut = writer.cut();
        let now = Instant::now();
        Self {
            store: Store::new(spool.clone(), lane, writer.tells_of_itself(), cut),
            attempt: Attempt::new(limits.put_records),
            pacing: Pacing::new(settings.max_age, settings.taken_over_bytes, now),
            ledger: Ledger::default(),
            reports: Reports {
                closed: false,
                last: now,
                reported: 0,
                config: None,
            },
            keys: Keys {
                key,
                random: pacing::random(),
            },
            shape: Shape {
                encoding: settings.encoding(),
                cut,
                most: settings.put_bytes.min(limits.put_bytes),
                bytes: 0,
                records: limits.put_records,
            },
            share,
            disk: spool.map(|spool| Disk {
                spool,
                lane,
                has_losses: false,
            }),
            writer,
        }
    }

    /// Sets the envelope's resource from here on.
    pub(crate) fn set_resource(&mut self, resource: &Resource) {
        self.writer.set_resource(resource);
    }

    /// Sets the version of the configuration that reports name.
    pub(crate) fn set_config(&mut self, version: &str) {
        self.reports.config = Some(version.to_owned());
    }

    pub(crate) fn stats(&self) -> LaneStats {
        LaneStats {
            in_memory: self.store.lines() + self.writer.open_lines() + self.attempt.lines() + self.ledger.lines(),
            spooled: self.store.spooled(),
            ..self.ledger.stats
        }
    }

    /// How much of the buffer's bound this lane takes: bookkeeping, what is encoded and the index of the disk included.
    pub(crate) fn held(&self) -> usize {
        self.writer.open_bytes() + self.store.cost() + self.attempt.cost() + self.ledger.cost()
    }

    /// Bytes of a put that begins now.
    fn put_bytes(&self) -> usize {
        self.shape.most.min(self.share.bytes())
    }

    /// Current failure of the sink.
    pub(crate) fn failing(&self) -> Option<Reason> {
        self.pacing.breaker.failing()
    }

    pub(crate) fn breaker(&mut self) -> &mut Breaker {
        &mut self.pacing.breaker
    }

    pub(crate) fn pacing(&mut self) -> &mut Pacing {
        &mut self.pacing
    }

    /// Adds the line of one event.
    #[inline]
    pub(crate) fn add(&mut self, line: &Line<'_>, now: Instant) {
        let Self { writer, store, .. } = self;
        let written = writer.write(line, now, &mut |chunk, own| store.add_sealed(chunk, own));
        self.ledger.stats.accepted += written.seq.end - written.seq.start;
        if !written.dropped.is_empty() {
            let own = Arc::clone(self.writer.own());
            self.ledger
                .gives_up(&own.sink, &own, &written.dropped, DropReason::Oversize, None);
        }
    }

    /// Adds a line of the forwarder's own; not in the envelope `raw`, which has no room for them.
    /// `false`: nothing of its own is sent here.
    pub(crate) fn add_own(&mut self, event: &OwnEvent, now: Instant) -> bool {
        let is_sent = self.writer.tells_of_itself();
        if is_sent {
            self.add(&event.line(), now);
        }
        is_sent
    }

    /// The last line under this `id`.
    pub(crate) fn add_final_report(&mut self, intake: &IntakeStats, now: Instant) {
        if !std::mem::replace(&mut self.reports.closed, true) {
            self.announce(now);
            self.add_report(intake, true, now);
        }
    }

    /// Adds a report if the last one is a minute old and there is something new to say.
    pub(crate) fn report_if_due(&mut self, intake: &IntakeStats, now: Instant) {
        let accepted = self.ledger.stats.accepted;
        if now.duration_since(self.reports.last) < REPORT_INTERVAL || accepted == self.reports.reported {
            return;
        }
        self.reports.last = now;
        self.add_report(intake, false, now);
        self.reports.reported = self.ledger.stats.accepted;
    }

    fn add_report(&mut self, intake: &IntakeStats, last: bool, now: Instant) {
        let report = own_event::report(
            &self.stats(),
            intake,
            self.reports.config.as_deref(),
            self.writer.next_seq() + 1,
            last,
        );
        self.add_own(&report, now);
    }

    /// Makes lines of what is to be announced.
    fn announce(&mut self, now: Instant) {
        self.seal();
        let Self { writer, ledger, .. } = self;
        let own = Arc::clone(writer.own());
        let stamped = writer.tells_of_itself();
        let can_write = |owner: &Origin| stamped || owner.sink != own.sink;
        ledger.write(&own, can_write, |dropped| {
            Some(writer.write_alone(&own_event::dropped(dropped), now))
        });
    }

    /// Something is to be announced that can be: in the envelope `raw` this lane's own losses cannot.
    fn is_owed(&self) -> bool {
        let stamped = self.writer.tells_of_itself();
        let own = &self.writer.own().sink;
        self.ledger.is_owed(|owner| stamped || owner.sink != *own)
    }

    fn seal(&mut self) {
        if let Some(chunk) = self.writer.seal() {
            self.store.add_sealed(chunk, self.writer.own());
        }
    }

    /// Makes room in memory: the oldest chunk that is not in flight goes to disk, or is given up. `false` if there is
    /// none.
    pub(crate) fn shed_oldest(&mut self) -> bool {
        if self.store.chunk_cost() == 0 {
            self.seal();
        }
        let Some(held) = self.store.pop_oldest() else {
            return false;
        };
        if let Some(held) = self.store.put_on_disk(held) {
            self.give_up(held, DropReason::BufferFull, None);
        }
        true
    }

    fn give_up(&mut self, held: Held, reason: DropReason, detail: Option<&str>) {
        self.store.forget(&held);
        let sink = &self.writer.own().sink;
        self.ledger.gives_up(sink, &held.owner, &held.chunk.seq, reason, detail);
    }

    fn give_up_all(&mut self, given_up: Vec<GivenUp>) {
        for GivenUp { owner, seq, reason } in given_up {
            self.ledger
                .gives_up(&self.writer.own().sink, &owner, &seq, reason, None);
        }
    }

    /// Under `always`, before Lambda gets its answer: writes every chunk to disk that is not there yet, and seals what
    /// is open. What the disk does not take stays in memory, and is noted on disk as lost if the process is killed.
    pub(crate) fn persist(&mut self) {
        let Some(Disk { spool, .. }) = &self.disk else { return };
        if !spool.is_always() {
            return;
        }
        self.seal();
        let missing = self.store.persist();
        self.save_losses(missing);
    }

    /// Leaves what is owed for the next process to announce, if this one is killed.
    pub(crate) fn save_losses(&mut self, more: Losses) {
        let Some(disk) = &mut self.disk else { return };
        let mut losses = self.ledger.owed();
        losses.append(more);
        for content in self.attempt.contents() {
            match content {
                Content::Announcement(announcement) => announcement.owed(&mut losses),
                Content::Lines(chunks) => {
                    let unwritten = chunks.iter().filter(|held| matches!(held.copy, Copy::None));
                    unwritten.for_each(|held| losses.add(&held.owner, DropReason::Shutdown, None, &held.chunk.seq));
                }
            }
        }
        if !losses.is_empty() || disk.has_losses {
            disk.has_losses = disk.spool.save_losses(disk.lane, &losses) && !losses.is_empty();
        }
    }

    /// Writes the file of losses if what it says is not true any more: whenever something may have been given up, or
    /// announced.
    fn renew_losses(&mut self) {
        let Some(disk) = &self.disk else { return };
        match (disk.spool.is_always(), disk.has_losses) {
            (true, has_losses) if has_losses || self.ledger.owes_something() => self.persist(),
            (false, true) => self.save_losses(Losses::default()),
            _ => {}
        }
    }

    /// A key for one record of one attempt.
    fn partition_key(&mut self) -> String {
        match self.keys.key {
            None => String::new(),
            Some(PartitionKey::Random) => format!("{:032x}", self.keys.random.u128(..)),
            Some(PartitionKey::Instance) => self.writer.own().id.clone(),
        }
    }

    fn key_bytes(&self) -> usize {
        self.keys.key.map_or(0, PartitionKey::len)
    }
}

/// One or more chunks as the lines of one record.
fn joined(chunks: &[Held]) -> Bytes {
    match chunks {
        [held] => held.chunk.lines.clone(),
        chunks => chunks
            .iter()
            .flat_map(|held| held.chunk.lines.iter().copied())
            .collect(),
    }
}
