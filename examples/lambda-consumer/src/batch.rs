//! The records of an invocation: what is read, what is acknowledged, what Lambda is to hand over again.
//!
//! A record is the unit: it counts whole or not at all. What is acknowledged is never kept in memory only, since Lambda
//! would not hand it over again: so a line that is not whole at the end of a batch is told, not kept.

use std::time::SystemTime;

use aws_lambda_events::kinesis::KinesisEventRecord;

use crate::counts::Counts;
use crate::notice::Notice;
use crate::otlp::Lines;
use crate::record::{Raw, Reader, Record};
use crate::seen::Seen;

/// Totals of a batch's acknowledged records.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) counts: Counts,
    pub(crate) notices: Vec<Notice>,
    pub(crate) seen: Seen,
    /// The lines themselves, where they are sent on.
    pub(crate) lines: Lines,
    /// The sequence number of the first record that is not acknowledged: Lambda goes on with it. None: all are.
    pub(crate) go_on_at: Option<String>,
}

/// Ranges of numbers, metrics and durations that the records of a batch may come to: 20 MB, and 1 MB of log.
const MOST_KEPT: usize = 50_000;

/// Bytes of lines to be sent on that they may come to. One record more may add as many as a record may have.
const MOST_LINES_KEPT: usize = 16 * 1024 * 1024;

/// Lines that are not whole which have a notice each.
const MOST_NOTICES: usize = 20;

/// Reads records in their order, until all are read or it is `late`. At least one is read, or a batch that takes too long
/// would never end. `keeps_lines`: they are sent on.
pub(crate) fn read(batch: &[KinesisEventRecord], earlier: &Seen, keeps_lines: bool, late: impl Fn() -> bool) -> Read {
    let mut reader = Reader::new(earlier, keeps_lines);
    let mut records: Vec<Record> = Vec::with_capacity(batch.len());
    let (mut weight, mut bytes) = (0, 0);
    for record in batch {
        // Too much to keep until the end is as good as too late: Lambda hands the rest over again.
        if !records.is_empty() && (late() || weight > MOST_KEPT || bytes > MOST_LINES_KEPT) {
            break;
        }
        let record = reader.read(&raw(record));
        weight += record.seen.ranges() + record.counts.weight();
        bytes += record.lines.bytes();
        records.push(record);
    }

    let mut read = Read::default();
    if records.len() < batch.len() {
        // A line whose other parts may be in the records that are left is read again with them, unless that would mean to
        // begin with the first record for ever.
        let begun = reader
            .begun()
            .map(|begun| begun.record)
            .filter(|record| *record > 0)
            .min();
        records.truncate(begun.unwrap_or(records.len()));
        read.go_on_at = batch
            .get(records.len())
            .map(|record| record.kinesis.sequence_number.clone());
    }
    let acknowledged = records.len();
    for record in records {
        read.counts.merge(record.counts);
        read.notices.extend(record.notices);
        read.seen.merge(&record.seen);
        read.lines.append(record.lines);
    }
    let mut more = 0;
    for (index, begun) in reader.begun().filter(|begun| begun.record < acknowledged).enumerate() {
        read.counts.incomplete_lines += 1;
        if index < MOST_NOTICES {
            read.notices.push(begun.notice());
        } else {
            more += 1;
        }
    }
    if more > 0 {
        read.notices.push(Notice::IncompleteLines { count: more });
    }
    read
}

fn raw(record: &KinesisEventRecord) -> Raw<'_> {
    // An event's id is `<shard>:<sequence number>`.
    let id = record.event_id.as_deref().unwrap_or_default();
    Raw {
        shard: id.split_once(':').map_or("unknown", |(shard, _)| shard),
        sequence_number: &record.kinesis.sequence_number,
        data: &record.kinesis.data.0,
        arrival: SystemTime::from(record.kinesis.approximate_arrival_timestamp.0),
    }
}

#[cfg(test)]
mod tests;
