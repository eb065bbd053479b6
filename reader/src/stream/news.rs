//! News of a reader.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::api::Error;

/// A record as Kinesis gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The shard it was read from.
    pub shard: String,
    /// Its place in the shard. A decimal number of many digits.
    pub sequence_number: String,
    /// The key it was put with; empty where it has none.
    pub partition_key: String,
    /// Its data.
    pub data: Bytes,
    /// `ApproximateArrivalTimestamp`, to the millisecond.
    pub arrival: SystemTime,
}

/// Result of one call for one shard.
#[derive(Debug)]
pub struct Batch {
    /// The shard.
    pub shard: String,
    /// In the shard's order; may be none.
    pub records: Vec<Record>,
    /// Lag behind the last put.
    pub behind: Duration,
}

/// News of a reader.
#[derive(Debug)]
pub enum News {
    /// Records were read, or a shard has none at present.
    Batch(Batch),
    /// A call failed and is made again.
    Trouble(Trouble),
    /// Unread records of this shard are no longer in the stream: it was away for longer than the stream keeps records.
    Expired(String),
}

/// A call that failed, and is made again.
#[derive(Debug)]
pub struct Trouble {
    /// For which shard; none for the list of shards.
    pub shard: Option<String>,
    /// The error.
    pub error: Error,
    /// Time of the next try.
    pub again_in: Duration,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(shard) = &self.shard {
            write!(f, "{shard}: ")?;
        }
        write!(f, "{}; again in {:.1} s", self.error, self.again_in.as_secs_f64())
    }
}
