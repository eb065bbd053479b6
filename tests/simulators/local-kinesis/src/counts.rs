//! Counters of put calls, and the arithmetic of AWS's bill.

use std::time::Instant;

/// Counters of one stream since the start, or since the counts were reset.
///
/// "Put calls" are `PutRecords` and `PutRecord`, for Firehose `PutRecordBatch` and `PutRecord`. A call whose stream could
/// not be read from it is counted under the empty name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Put calls received. Less the three below: calls still in flight.
    pub calls: u64,
    /// Calls answered with 200, refused records in them or not.
    pub calls_answered: u64,
    /// Calls answered with an error.
    pub calls_failed: u64,
    /// Calls that got no answer: reset, silent, or the client hung up.
    pub calls_unanswered: u64,
    /// Records refused one by one in calls answered with 200: the sum of `FailedRecordCount` or `FailedPutCount`.
    pub records_refused: u64,
    /// HTTP bodies of put calls, bytes, base64 and all.
    pub body_bytes: u64,
    /// Most records in one call.
    pub largest_call_records: u64,
    /// Largest call, bytes of data and keys.
    pub largest_call_bytes: u64,
    /// All records that arrived, those of failed calls and repeats included.
    pub received: Tally,
    /// The records that were stored: what can be read back, and what AWS would bill.
    pub stored: Tally,
}

/// A number of records and their sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records.
    pub records: u64,
    /// Bytes of data, before base64.
    pub data_bytes: u64,
    /// Bytes of partition keys, in UTF-8. 0 on Firehose.
    pub key_bytes: u64,
    /// The KB (1,024 bytes) that AWS bills for, each record rounded up by itself.
    ///
    /// Kinesis, on-demand: up to the next 1 KB (Kinesis Data Streams pricing page: "the size of each record rounded up to
    /// the nearest 1 KB (1,024 bytes)"); the key is counted in, as the limits count it. Firehose: up to the next 5 KB
    /// (Amazon Data Firehose pricing page: a 3 KB record is billed as 5 KB, per record and not per call).
    pub billed_kb: u64,
    /// PUT payload units, what provisioned streams are billed by: each record's started 25 KB "chunks" (Kinesis Data
    /// Streams pricing page: a 5 KB record is one unit, a 45 KB record two). 25 KB is taken as 25,600 bytes. 0 on Firehose.
    pub put_units: u64,
    /// The largest record, bytes of data and key.
    pub largest_record: u64,
}

/// One put call, in the order of their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Time at which its whole body had been read.
    pub at: Instant,
    /// The connection it came on; they are numbered from 0 in the order they were opened.
    pub connection: u64,
    /// Records in it.
    pub records: u64,
    /// Bytes of data and keys in it.
    pub bytes: u64,
    /// Status.
    pub ended: Ended,
}

/// Result of a put call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With 200, and this many records refused.
    Answered {
        /// `FailedRecordCount` or `FailedPutCount`.
        refused: u64,
    },
    /// With an error of this type.
    Failed {
        /// The HTTP status.
        status: u16,
        /// AWS's error type.
        code: String,
    },
    /// Without an answer.
    Unanswered,
}

/// Rounding of a service's bill.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounding {
    /// Each record is billed in steps of this many KB.
    pub(crate) step_kb: u64,
    /// A PUT payload unit, bytes; none where there are no such units.
    pub(crate) put_unit: Option<u64>,
}

/// A KB on AWS's bills, bytes. Kinesis Data Streams pricing page.
pub(crate) const KB: u64 = 1_024;

impl Tally {
    pub(crate) fn add(&mut self, data_bytes: u64, key_bytes: u64, rounding: Rounding) {
        let size = data_bytes + key_bytes;
        self.records += 1;
        self.data_bytes += data_bytes;
        self.key_bytes += key_bytes;
        // An empty record, which Kinesis takes, is billed as one step.
        self.billed_kb += size.div_ceil(rounding.step_kb * KB).max(1) * rounding.step_kb;
        self.put_units += rounding.put_unit.map_or(0, |unit| size.div_ceil(unit).max(1));
        self.largest_record = self.largest_record.max(size);
    }

    fn merge(&mut self, other: Self) {
        self.records += other.records;
        self.data_bytes += other.data_bytes;
        self.key_bytes += other.key_bytes;
        self.billed_kb += other.billed_kb;
        self.put_units += other.put_units;
        self.largest_record = self.largest_record.max(other.largest_record);
    }
}

impl Counts {
    /// Calls that have arrived and not ended.
    #[must_use]
    pub fn calls_in_flight(&self) -> u64 {
        self.calls
            .saturating_sub(self.calls_answered + self.calls_failed + self.calls_unanswered)
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.calls += other.calls;
        self.calls_answered += other.calls_answered;
        self.calls_failed += other.calls_failed;
        self.calls_unanswered += other.calls_unanswered;
        self.records_refused += other.records_refused;
        self.body_bytes += other.body_bytes;
        self.largest_call_records = self.largest_call_records.max(other.largest_call_records);
        self.largest_call_bytes = self.largest_call_bytes.max(other.largest_call_bytes);
        self.received.merge(other.received);
        self.stored.merge(other.stored);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINESIS: Rounding = Rounding {
        step_kb: 1,
        put_unit: Some(25 * KB),
    };
    const FIREHOSE: Rounding = Rounding {
        step_kb: 5,
        put_unit: None,
    };

    fn billed(size: u64, rounding: Rounding) -> (u64, u64) {
        let mut tally = Tally::default();
        tally.add(size - 1, 1, rounding);
        (tally.billed_kb, tally.put_units)
    }

    #[test]
    fn records_are_rounded_as_the_pricing_pages_say() {
        assert_eq!(billed(1, KINESIS), (1, 1));
        assert_eq!(billed(1_024, KINESIS), (1, 1));
        assert_eq!(billed(1_025, KINESIS), (2, 1));
        assert_eq!(billed(4_608, KINESIS), (5, 1), "4.5 KB count as 5 KB");
        assert_eq!(billed(25_600, KINESIS), (25, 1));
        assert_eq!(billed(25_601, KINESIS), (26, 2));
        assert_eq!(
            billed(45 * KB, KINESIS),
            (45, 2),
            "a 45 KB record is two PUT payload units"
        );
        assert_eq!(billed(3 * KB, FIREHOSE), (5, 0), "a 3 KB record is billed as 5 KB");
        assert_eq!(billed(12 * KB, FIREHOSE), (15, 0));
    }

    #[test]
    fn an_empty_record_costs_a_step() {
        let mut tally = Tally::default();
        tally.add(0, 0, FIREHOSE);
        assert_eq!((tally.records, tally.billed_kb), (1, 5));
    }
}
