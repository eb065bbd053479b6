//! Settings of a lane.

use std::time::Duration;

use crate::record::envelope::Envelope;
use crate::record::format::{Compression, Encoding, Format};
use crate::record::oversize::Oversize;

/// Name and packing of a lane.
#[derive(Debug, Clone)]
pub struct LaneSettings {
    /// The sink's name, as routes have it.
    pub name: String,
    /// Format of a record.
    pub format: Format,
    /// Compression of a whole record.
    pub compression: Compression,
    /// Extent of the envelope.
    pub envelope: Envelope,
    /// Partition key of a record.
    pub partition_key: PartitionKey,
    /// Target size of a record, key included; with compression before it, without the key. Bytes.
    pub record_bytes: usize,
    /// Target size of a call, keys included. Bytes.
    pub put_bytes: usize,
    /// Limit of a record, key included. Bytes.
    pub max_record_bytes: usize,
    /// Treatment of lines that are longer than that.
    pub oversize: Oversize,
    /// The lane that takes what this one's sink does not: its place among the forwarder's lanes.
    pub fallback: Option<usize>,
    /// Most that is put in a minute of lines that other lanes hand over. Bytes; `None`: any amount.
    pub taken_over_bytes: Option<usize>,
    /// No line waits longer while the environment runs.
    pub max_age: Duration,
    /// Time limit of a put, in time awake.
    pub put_timeout: Duration,
}

impl LaneSettings {
    /// Packing of lines into records.
    pub(crate) fn encoding(&self) -> Encoding {
        Encoding {
            format: self.format,
            compression: self.compression,
        }
    }
}

/// Partition key of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartitionKey {
    /// 128 random bits for each record, others on a retry: records spread evenly, and a retry leaves a hot shard.
    #[default]
    Random,
    /// The envelope's `id`: all records of an environment go to one shard.
    Instance,
}

impl PartitionKey {
    /// The names, as a configuration has them.
    pub const NAMES: [&str; 2] = ["random", "instance"];

    /// The key of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "random" => Some(Self::Random),
            "instance" => Some(Self::Instance),
            _ => None,
        }
    }

    /// Its length in bytes: 32 hexadecimal digits, or the 16 of an `id`.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Random => 32,
            Self::Instance => 16,
        }
    }
}
