//! One put: which records are in flight, how many may be, and the search for one that the service calls invalid.

use crate::delivery::ledger::Announcement;
use crate::delivery::store::Held;

/// After so many different records that were refused one by one, it is not the records.
const LONE_FAILURES: u32 = 3;

/// A put in flight exists this many times beside its chunks: the records, the SDK's copy, the body in base64. In CBOR it is less.
const ENCODED_COPIES: usize = 3;

/// The put in flight. Its lines are neither delivered nor lost until it is judged.
#[derive(Debug)]
pub(super) struct Attempt {
    records: Vec<InFlight>,
    encoded_bytes: usize,
    cost: usize,
    /// Records in the next put.
    limit: usize,
    most_records: usize,
    /// Calls of one record in a row that were called invalid.
    lone_failures: u32,
}

/// One record of the put in flight.
#[derive(Debug)]
pub(super) struct InFlight {
    pub content: Content,
    /// Its size once it is encoded, its key included. Bytes.
    pub bytes: usize,
}

/// What a record is made of.
#[derive(Debug)]
pub(super) enum Content {
    /// Chunks, one after the other.
    Lines(Vec<Held>),
    Announcement(Announcement),
}

impl Content {
    /// Lines of the lane's accounts.
    pub(super) fn lines(&self) -> u64 {
        match self {
            Self::Lines(chunks) => chunks.iter().map(|held| held.chunk.len()).sum(),
            Self::Announcement(announcement) => announcement.lines(),
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::Lines(chunks) => chunks.iter().map(Held::cost).sum(),
            Self::Announcement(announcement) => announcement.cost(),
        }
    }
}

impl Attempt {
    pub(super) fn new(most_records: usize) -> Self {
        Self {
            records: Vec::new(),
            encoded_bytes: 0,
            cost: 0,
            limit: most_records,
            most_records,
            lone_failures: 0,
        }
    }

    /// Bytes of memory, what is encoded included.
    pub(super) fn cost(&self) -> usize {
        self.cost + ENCODED_COPIES * self.encoded_bytes
    }

    /// Lines in flight.
    pub(super) fn lines(&self) -> u64 {
        self.records.iter().map(|record| record.content.lines()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// No record more may be taken.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= self.limit
    }

    /// Bytes of the records so far, as they are sent.
    pub(super) fn encoded_bytes(&self) -> usize {
        self.encoded_bytes
    }

    pub(super) fn add(&mut self, content: Content) {
        self.cost += content.cost();
        self.records.push(InFlight { content, bytes: 0 });
    }

    /// Notes what the record added last came to, its key included. Bytes.
    pub(super) fn encoded(&mut self, bytes: usize) {
        if let Some(record) = self.records.last_mut() {
            record.bytes = bytes;
            self.encoded_bytes += bytes;
        }
    }

    /// What is in flight.
    pub(super) fn contents(&self) -> impl Iterator<Item = &Content> {
        self.records.iter().map(|record| &record.content)
    }

    /// Takes out what is in flight.
    pub(super) fn take(&mut self) -> Vec<InFlight> {
        (self.cost, self.encoded_bytes) = (0, 0);
        std::mem::take(&mut self.records)
    }

    /// A record was taken: more may be in the next put.
    pub(super) fn delivered(&mut self) {
        self.limit = self.limit.saturating_mul(2).min(self.most_records);
        self.lone_failures = 0;
    }

    /// A put was throttled, of which so many records were taken: the next one tries twice as many. More would be refused as
    /// well, and sent for nothing.
    pub(super) fn throttled(&mut self, taken: usize) {
        self.limit = taken.saturating_mul(2).clamp(1, self.most_records);
    }

    /// A put of so many records was called invalid: half as many are in the next one.
    pub(super) fn refused(&mut self, records: usize) {
        self.limit = records.div_ceil(2).max(1);
    }

    /// A record was refused alone. Whether the next one is tried at once: it may be this record, or all of them.
    pub(super) fn refused_alone(&mut self) -> bool {
        self.lone_failures += 1;
        self.lone_failures < LONE_FAILURES
    }

    /// The record that was searched for is found.
    pub(super) fn found(&mut self) {
        self.lone_failures = 0;
    }
}
