//! Where one life ends and the next begins within a process: around a snapshot.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Queue, Search};
use crate::delivery::lane::health::Health;
use crate::delivery::lane::ledger::Ledger;
use crate::record::chunk::Chunk;
use crate::record::envelope::Resource;
use crate::record::origin::Origin;
use crate::record::stats::IntakeStats;

/// A generator seeded by the operating system, so that no two environments share a sequence.
pub(super) fn random() -> fastrand::Rng {
    getrandom::u64().map_or_else(|_| fastrand::Rng::new(), fastrand::Rng::with_seed)
}

impl Queue {
    /// Some line got a `seq` in this life.
    pub(crate) fn is_used(&self) -> bool {
        self.writer.next_seq() > 0
    }

    /// Closes this life with its final report, if it had any line, and begins the next. What is still held of it is delivered
    /// under its own `id`, as if found on disk.
    pub(crate) fn begin_life(&mut self, id: &str, resource: &Resource, intake: &IntakeStats, now: Instant) {
        if self.is_used() {
            self.add_final_report(intake, now);
        }
        self.persist();
        self.seal();
        let origin = self.origin();
        for chunk in &mut self.in_flight {
            chunk.origin.get_or_insert_with(|| Arc::clone(&origin));
        }
        while let Some(mut chunk) = self.sealed.pop_front() {
            chunk.origin = Some(Arc::clone(&origin));
            self.older.push_back(chunk);
        }
        self.ledger = Ledger::inherit(&self.ledger.stats);
        self.begin(id, 0, resource, now);
    }

    /// This is an environment made from a snapshot. What the snapshot still held is in all of them, and none can say whether
    /// it was delivered: each gives it up, and announces that in its own first numbers. What came since `kept_since` came here.
    pub(crate) fn restore(&mut self, id: &str, resource: &Resource, kept_since: Option<Instant>, now: Instant) {
        self.seal();
        let origin = self.origin();
        // A put in flight is cancelled, and finds nothing to give back.
        self.return_in_flight();
        let mut held: Vec<Chunk> = Vec::new();
        held.extend(std::iter::from_fn(|| self.older.pop_front()));
        held.extend(std::iter::from_fn(|| self.sealed.pop_front()));
        let (mut lost, mut kept) = (0, 0);
        for mut chunk in held {
            if kept_since.is_some_and(|since| chunk.since >= since) {
                kept += chunk.len();
                chunk.origin.get_or_insert_with(|| Arc::clone(&origin));
                self.older.push_back(chunk);
            } else {
                lost += chunk.len();
                self.forget_on_disk(&chunk);
            }
        }
        for spooled in std::mem::take(&mut self.on_disk) {
            let chunk = self.unread(spooled);
            lost += chunk.len();
            self.forget_on_disk(&chunk);
        }
        self.ledger = Ledger::of_restored(kept, lost);
        self.begin(id, lost, resource, now);
    }

    fn origin(&self) -> Arc<Origin> {
        Arc::new(Origin {
            id: self.writer.id().to_owned(),
            sink: self.writer.name().to_owned(),
        })
    }

    fn begin(&mut self, id: &str, first: u64, resource: &Resource, now: Instant) {
        self.writer.begin_life(id, first, resource);
        self.health = Health::default();
        self.search = Search {
            limit: self.put_records,
            lone_failures: 0,
        };
        self.random = random();
        self.closed = false;
        self.last_report = now;
        self.reported = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::delivery::lane::{LaneSettings, PartitionKey};
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
            let mut queue = Queue::new(&settings, limits, "0", &resource, None);
            // Two copies of one memory.
            queue.random = fastrand::Rng::with_seed(1);
            queue.begin_life("1", &resource, &IntakeStats::default(), Instant::now());
            queue.partition_key()
        });
        assert_ne!(keys[0], keys[1]);
    }
}
