//! What is left at the end of a process, and where one `id` ends and the next begins: around a snapshot.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Queue, pacing};
use crate::delivery::attempt::Attempt;
use crate::delivery::ledger::Ledger;
use crate::delivery::store::{GivenUp, Held};
use crate::record::envelope::Resource;
use crate::record::origin::Origin;
use crate::record::ranges::{DropReason, Losses};
use crate::record::stats::IntakeStats;

/// What is kept free on disk at the end for the final report. Bytes.
const ROOM_FOR_LAST_WORDS: usize = 64 * 1024;

impl Queue {
    /// The final report is written.
    pub(crate) fn is_closed(&self) -> bool {
        self.reports.closed
    }

    /// The end, with nobody to come after: gives up all that waits, to be announced by what is still sent, and says what
    /// that was.
    pub(crate) fn give_up_rest(&mut self) -> Losses {
        self.return_in_flight();
        self.seal();
        let mut lost = Losses::default();
        let mut given_up = self.store.give_up_backlog(&mut self.ledger.stats.recovered);
        while let Some(held) = self.store.pop_oldest() {
            self.store.forget(&held);
            given_up.push(GivenUp {
                owner: held.owner,
                seq: held.chunk.seq,
                reason: DropReason::Shutdown,
            });
        }
        for GivenUp { owner, seq, reason } in &given_up {
            lost.add(owner, *reason, None, seq);
        }
        self.give_up_all(given_up);
        lost
    }

    /// The end: what is left goes to disk, if there is a next process to find it there, and is given up otherwise. Says what
    /// was given up of whose lines and could not be announced, unless it is left to the next process to announce.
    pub(crate) fn leave(&mut self, has_successor: bool, intake: &IntakeStats, now: Instant) -> Losses {
        self.return_in_flight();
        self.pacing.stop_draining();
        if has_successor && !self.is_empty() {
            if let Some(disk) = &self.disk {
                disk.spool.begin_end(disk.lane);
            }
            self.fit_to_disk();
            self.add_final_report(intake, now);
        }
        self.seal();
        while let Some(held) = self.store.pop_oldest() {
            let left = if has_successor {
                self.store.put_on_disk(held)
            } else {
                Some(held)
            };
            if let Some(held) = left {
                self.give_up(held, DropReason::Shutdown, None);
            }
        }
        let owed = self.ledger.take_owed(|_| true);
        let Some(disk) = &self.disk else { return owed };
        let left = if has_successor { owed.clone() } else { Losses::default() };
        let is_left = disk.spool.save_losses(disk.lane, &left);
        if has_successor && is_left {
            Losses::default()
        } else {
            owed
        }
    }

    /// Gives up the oldest lines until the disk has room for the others, and for what tells about them.
    fn fit_to_disk(&mut self) {
        let Some(disk) = &self.disk else { return };
        let room = disk.spool.room(disk.lane).saturating_sub(ROOM_FOR_LAST_WORDS);
        self.seal();
        let mut needed = self.store.unwritten_bytes();
        while needed > room
            && let Some(held) = self.store.pop_oldest()
        {
            let bytes = held.bytes_on_disk();
            // What is there already needs no more room.
            if let Some(held) = self.store.leave_on_disk(held) {
                needed = needed.saturating_sub(bytes);
                self.give_up(held, DropReason::BufferFull, None);
            }
        }
    }

    /// No line came here, was found on disk or is owed to anybody.
    pub(crate) fn is_untouched(&self) -> bool {
        !self.is_used() && self.is_empty() && !self.is_closed() && !self.ledger.owes_something()
    }

    /// Some line got a `seq` under this `id`.
    pub(crate) fn is_used(&self) -> bool {
        self.writer.next_seq() > 0
    }

    /// Closes this `id` with its final report, if it had any line, and begins the next. What is still held is delivered under
    /// the old one, as if found on disk.
    pub(crate) fn begin_life(&mut self, id: &str, resource: &Resource, intake: &IntakeStats, now: Instant) {
        if self.is_used() {
            self.add_final_report(intake, now);
        }
        self.persist();
        self.seal();
        self.store.sealed_is_older();
        let stats = self.stats();
        self.ledger.begin(stats.in_memory + stats.spooled);
        self.begin(id, 0, resource, now);
    }

    /// This is an environment made from a snapshot. What the snapshot still held is in all of them, and none can say whether
    /// it was delivered: each gives it up, and announces that in its own first numbers. What came since `kept_since` came here.
    pub(crate) fn restore(&mut self, id: &str, resource: &Resource, kept_since: Option<Instant>, now: Instant) {
        self.seal();
        // A put in flight is cancelled, and finds nothing to give back.
        self.return_in_flight();
        self.attempt = Attempt::new(self.shape.records);
        // What was owed before the snapshot is announced by each environment.
        let owed = self.ledger.take_owed(|_| true);
        let held: Vec<Held> = std::iter::from_fn(|| self.store.pop_oldest()).collect();
        let (mut lost, mut kept) = (0, 0);
        for held in held {
            if kept_since.is_some_and(|since| held.chunk.since >= since) {
                kept += held.chunk.len();
                self.store.keep(held);
            } else {
                lost += held.chunk.len();
                self.store.forget(&held);
            }
        }
        for GivenUp { seq, .. } in self.store.give_up_backlog(&mut 0) {
            lost += seq.end - seq.start;
        }
        self.ledger = Ledger::default();
        self.ledger.begin(kept);
        self.ledger.owes(owed);
        self.begin(id, lost, resource, now);
        if lost > 0 {
            self.ledger.stats.accepted = lost;
            let own = Arc::clone(self.writer.own());
            self.ledger
                .gives_up(&own.sink, &own, &(0..lost), DropReason::Shutdown, None);
        }
    }

    fn begin(&mut self, id: &str, first: u64, resource: &Resource, now: Instant) {
        let own = Origin {
            id: id.to_owned(),
            sink: self.writer.own().sink.clone(),
        };
        self.writer.begin(Arc::new(own), first, resource);
        self.pacing.begin();
        self.keys.random = pacing::random();
        self.reports = super::Reports {
            closed: false,
            last: now,
            reported: 0,
            config: self.reports.config.take(),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::delivery::Share;
    use crate::delivery::settings::{LaneSettings, PartitionKey};
    use crate::delivery::sink::Limits;
    use crate::record::envelope::Envelope;
    use crate::record::format::{Compression, Format};
    use crate::record::oversize::Oversize;

    #[test]
    fn environments_made_from_one_snapshot_do_not_share_a_sequence_of_keys() {
        let limits = Limits {
            put_records: 500,
            put_bytes: 1 << 20,
            record_bytes: 1 << 20,
            keyed: true,
        };
        let settings = LaneSettings {
            name: "kinesis".into(),
            format: Format::Ndjson,
            compression: Compression::None,
            envelope: Envelope::Full,
            partition_key: PartitionKey::Random,
            record_bytes: 25_000,
            put_bytes: 1 << 20,
            max_record_bytes: 1 << 20,
            oversize: Oversize::Split,
            fallback: None,
            taken_over_bytes: None,
            max_age: Duration::from_secs(10),
            put_timeout: Duration::from_secs(5),
        };
        let resource = Resource::default();
        let keys = [(); 2].map(|()| {
            let mut queue = Queue::new(
                &settings,
                limits,
                0,
                "0",
                &resource,
                None,
                Share::of(1 << 20, 1).next().unwrap(),
            );
            // Two copies of one memory.
            queue.keys.random = fastrand::Rng::with_seed(1);
            queue.begin_life("1", &resource, &IntakeStats::default(), Instant::now());
            queue.partition_key()
        });
        assert_ne!(keys[0], keys[1]);
    }
}
