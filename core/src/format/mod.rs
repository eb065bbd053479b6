//! How lines stand in a record: one place that knows a format.

#[cfg(feature = "decode")]
mod decode;
#[cfg(feature = "decode")]
mod join;
#[cfg(feature = "decode")]
mod verify;

#[cfg(feature = "decode")]
pub use decode::{DecodeError, Forwarded, Line, Stamp, decode};
#[cfg(feature = "decode")]
pub use join::{Joined, Joiner};
#[cfg(feature = "decode")]
pub use verify::{Life, LifeReport, Standing, Verifier};

use bytes::Bytes;

use crate::chunk::{Chunk, Cut};

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Many lines, each ended by a line feed.
    #[default]
    Ndjson,
    /// One line, ended by a line feed.
    Json,
}

impl Format {
    /// The formats' names, as a configuration has them.
    pub const NAMES: [&str; 2] = ["ndjson", "json"];

    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ndjson" => Some(Self::Ndjson),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// How lines are cut into chunks so that each becomes a record of about `target` bytes.
    pub(crate) fn cut(self, target: usize) -> Cut {
        Cut {
            target,
            single: self == Self::Json,
        }
    }

    /// The data of the record that holds this chunk.
    pub fn encode(self, chunk: &Chunk) -> Bytes {
        match self {
            Self::Ndjson | Self::Json => chunk.lines.clone(),
        }
    }
}
