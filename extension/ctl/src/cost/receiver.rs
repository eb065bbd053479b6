//! A sink that takes everything, keeps nothing, and counts as AWS bills.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Record, Sink};

/// A KB on AWS's bills, bytes. Kinesis Data Streams pricing page.
const KB: usize = 1_024;

/// A PUT payload unit, bytes: 25 KB of a record begun. Kinesis Data Streams pricing page.
const PUT_UNIT: usize = 25 * KB;

/// Unit that Firehose rounds each record up to, bytes: 5 KB. Amazon Data Firehose pricing page.
const FIREHOSE_STEP: usize = 5 * KB;

/// Bytes that arrived, and as billed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records.
    pub records: u64,
    /// Data and keys, bytes.
    pub bytes: u64,
    /// KB on an on-demand stream: each record rounded up to 1 KB.
    pub on_demand_kb: u64,
    /// PUT payload units on a provisioned stream.
    pub put_units: u64,
    /// KB on Firehose: each record, without a key, rounded up to 5 KB.
    pub firehose_kb: u64,
}

impl Tally {
    fn add(&mut self, record: &Record) {
        let size = record.size();
        self.records += 1;
        self.bytes += size as u64;
        self.on_demand_kb += size.div_ceil(KB) as u64;
        self.put_units += size.div_ceil(PUT_UNIT) as u64;
        self.firehose_kb += (record.data.len().div_ceil(FIREHOSE_STEP) * FIREHOSE_STEP / KB) as u64;
    }
}

#[derive(Debug, Default)]
pub(super) struct Receiver(Mutex<Tally>);

impl Receiver {
    pub(super) fn tally(&self) -> Tally {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for Receiver {
    /// PutRecords: 500 records, 10 MiB; a record 1 MiB unless the stream allows more. Kinesis API reference.
    fn limits(&self) -> Limits {
        Limits {
            put_records: 500,
            put_bytes: 10 * 1_024 * KB,
            record_bytes: 1_024 * KB,
            keyed: true,
        }
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().for_each(|record| tally.add(record));
        Ok(vec![Outcome::Delivered; records.len()])
    }

    fn renew(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_rounded_as_the_pricing_pages_say() {
        let tally = |data: usize, key: usize| {
            let mut tally = Tally::default();
            tally.add(&Record {
                data: vec![0; data].into(),
                key: "k".repeat(key),
            });
            (tally.on_demand_kb, tally.put_units, tally.firehose_kb)
        };
        assert_eq!(tally(1_000, 24), (1, 1, 5));
        assert_eq!(tally(1_000, 25), (2, 1, 5));
        assert_eq!(tally(25_600, 0), (25, 1, 25));
        assert_eq!(tally(25_600, 1), (26, 2, 25));
    }
}
