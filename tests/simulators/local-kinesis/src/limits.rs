//! Checks by which AWS refuses a put call: one place for both services.

use crate::fault::CallError;
use crate::put::{Put, Shape};

/// The limits of a put call to one stream.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Records in one call.
    pub(crate) records: usize,
    /// Data and keys of one call, bytes.
    pub(crate) call_bytes: u64,
    /// Data of one record as the API's model allows it, bytes.
    pub(crate) data_bytes: u64,
    /// Data and key of one record as the stream allows it, bytes.
    pub(crate) record_bytes: u64,
    /// Characters of a partition key, at least one; none where there are no keys.
    pub(crate) key_chars: Option<usize>,
}

/// Kinesis, for a stream that takes records of `record_bytes`.
pub(crate) const fn kinesis(record_bytes: u64) -> Limits {
    Limits {
        // Kinesis API reference, PutRecords.
        records: 500,
        // Kinesis API reference, PutRecords: 10 MiB, partition keys included (5 MiB until October 2025).
        call_bytes: 10 * MIB,
        // Kinesis API reference, PutRecordsRequestEntry.
        data_bytes: 10 * MIB,
        record_bytes,
        // Kinesis API reference, PutRecordsRequestEntry: Unicode characters.
        key_chars: Some(256),
    }
}

/// Firehose, for every stream.
pub(crate) const FIREHOSE: Limits = Limits {
    // Firehose API reference, PutRecordBatch.
    records: 500,
    // Firehose API reference, PutRecordBatch: 4 MiB for the entire request.
    call_bytes: 4 * MIB,
    // Firehose API reference, Record: 1,000 KiB before base64.
    data_bytes: 1_024_000,
    record_bytes: 1_024_000,
    key_chars: None,
};

/// A KiB, bytes: the unit of a stream's `MaxRecordSizeInKiB`.
pub(crate) const KIB: u64 = 1_024;
const MIB: u64 = 1_024 * KIB;

impl Limits {
    /// Refuses what is past a limit, with AWS's error type.
    pub(crate) fn check(&self, put: &Put) -> Result<(), CallError> {
        let path = |index: usize, field: &str| match put.shape {
            Shape::One => first_lower(field),
            Shape::Many => format!("records.{}.member.{}", index + 1, first_lower(field)),
        };
        if put.records.is_empty() {
            return Err(constraint("records", "greater than or equal to 1"));
        }
        if put.records.len() > self.records {
            return Err(constraint(
                "records",
                &format!("less than or equal to {}", self.records),
            ));
        }
        for (index, record) in put.records.iter().enumerate() {
            if let Some(most) = self.key_chars {
                if record.key.is_empty() {
                    return Err(constraint(&path(index, "PartitionKey"), "greater than or equal to 1"));
                }
                if record.key.chars().count() > most {
                    return Err(constraint(
                        &path(index, "PartitionKey"),
                        &format!("less than or equal to {most}"),
                    ));
                }
            }
            if record.data_bytes() > self.data_bytes {
                let most = format!("less than or equal to {}", self.data_bytes);
                return Err(constraint(&path(index, "Data"), &most));
            }
            if record.bytes() > self.record_bytes {
                return Err(invalid(format!(
                    "Record at {} has {} bytes with its key; the stream takes {}",
                    path(index, "Data"),
                    record.bytes(),
                    self.record_bytes
                )));
            }
        }
        if put.bytes() > self.call_bytes {
            return Err(invalid(format!(
                "Records size exceeds {} MB limit",
                self.call_bytes / MIB
            )));
        }
        Ok(())
    }
}

/// AWS's sentence for a member whose length is wrong.
fn constraint(path: &str, length: &str) -> CallError {
    CallError::new(400, "ValidationException").with_message(format!(
        "1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must have length {length}"
    ))
}

fn invalid(message: String) -> CallError {
    CallError::new(400, "InvalidArgumentException").with_message(message)
}

/// `PartitionKey` is `partitionKey` in AWS's validation errors.
fn first_lower(field: &str) -> String {
    let mut chars = field.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
