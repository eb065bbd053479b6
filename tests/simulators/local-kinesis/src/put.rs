//! A put call as the layer sees it, whichever service it is for.

use bytes::Bytes;
use serde_json::Value;

/// Content of a put call.
#[derive(Debug)]
pub struct Put {
    /// The name of the stream; an ARN is resolved where the service takes one.
    pub(crate) stream: String,
    /// One record in its own call, or many.
    pub(crate) shape: Shape,
    pub(crate) records: Vec<Record>,
}

/// Wire format of a put call and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `PutRecord`: a refused record is a failed call.
    One,
    /// `PutRecords`, `PutRecordBatch`: each record has its own outcome.
    Many,
}

/// One record of a put call.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) data: Bytes,
    /// Empty on Firehose.
    pub(crate) key: String,
    /// Takes the place of the key's hash on Kinesis.
    pub(crate) explicit_hash_key: Option<String>,
}

/// Outcome of one record.
#[derive(Debug)]
pub enum Outcome {
    /// Stored; its entry in the answer.
    Stored(Value),
    /// Not stored.
    Refused {
        /// AWS's error code.
        code: String,
        /// The sentence that comes with it.
        message: String,
    },
}

impl Put {
    /// Bytes of all data and keys.
    pub(crate) fn bytes(&self) -> u64 {
        self.records.iter().map(Record::bytes).sum()
    }
}

impl Record {
    /// Bytes of data and key: what the limits and the bill go by.
    pub(crate) fn bytes(&self) -> u64 {
        self.data_bytes() + self.key_bytes()
    }

    pub(crate) fn data_bytes(&self) -> u64 {
        self.data.len() as u64
    }

    pub(crate) fn key_bytes(&self) -> u64 {
        self.key.len() as u64
    }
}
