//! Formats of records: one place that knows them.
//!
//! # Layout
//! - this file: [`Format`] by name, and [`Encoding`]: the sizes that follow from it and from [`Compression`].
//! - `encode`: from a chunk to a record's data; `pack`: from lines to records, without a lane.
//! - `compress`: compressions by name, how each works, and how much it may add in the worst case.
//! - `kpl`: the aggregated record of the Kinesis Producer Library.
//!
//! The way back, from a record to events, is the crate `reader`'s.

mod compress;
mod encode;
#[cfg(feature = "kpl")]
mod kpl;
mod pack;

pub use compress::Compression;
pub use encode::Encoder;
pub use pack::Packer;

use crate::record::chunk::Cut;

/// Content of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Many lines, each ended by a line feed.
    #[default]
    Ndjson,
    /// One line, ended by a line feed.
    Json,
    /// An aggregated record of the Kinesis Producer Library, under one partition key; a lone line goes bare.
    #[cfg(feature = "kpl")]
    Kpl,
}

impl Format {
    /// The formats' names, as a configuration has them; some may not be built in.
    pub const NAMES: [&str; 3] = ["ndjson", "json", "kpl"];

    /// The format of this name, if it is built in. A format is built in by the feature of its name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ndjson" => Some(Self::Ndjson),
            "json" => Some(Self::Json),
            #[cfg(feature = "kpl")]
            "kpl" => Some(Self::Kpl),
            _ => None,
        }
    }

    /// Its name, as a configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Json => "json",
            #[cfg(feature = "kpl")]
            Self::Kpl => "kpl",
        }
    }
}

/// Encoding of a lane's lines into records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encoding {
    /// Content of a record.
    pub format: Format,
    /// Compression of the whole of it.
    pub compression: Compression,
}

impl Encoding {
    /// The longest line that fits into a record of `max_record` bytes whose key has `key` bytes, whatever is in it.
    pub(crate) fn longest_line(self, max_record: usize, key: usize) -> usize {
        let room = max_record.saturating_sub(key);
        room.saturating_sub(self.compression.growth(room))
    }

    /// Rules for cutting lines into chunks so that each becomes a record that aims at `target` bytes and never passes
    /// `max_record`, its key of `key` bytes included. With compression `target` is the size before it, without a key.
    pub(crate) fn cut(self, target: usize, max_record: usize, key: usize) -> Cut {
        let longest = self.longest_line(max_record, key);
        let target = if self.compression == Compression::None {
            target.saturating_sub(key)
        } else {
            target
        };
        Cut {
            target: target.min(longest).saturating_sub(self.record_overhead(key)),
            single: self.format == Format::Json,
            line_overhead: self.line_overhead(),
        }
    }

    /// The most bytes of a record of so many `lines`, of `bytes` together, with a key of `key` bytes. Exact for lines
    /// that are not compressed.
    pub(crate) fn most(self, bytes: usize, lines: u64, key: usize) -> usize {
        let lines = usize::try_from(lines).unwrap_or(usize::MAX);
        let overhead = if lines == 1 {
            0
        } else {
            self.record_overhead(key) + self.line_overhead().saturating_mul(lines)
        };
        let packed = bytes.saturating_add(overhead);
        packed + self.compression.growth(packed) + key
    }

    /// Bytes that a record has besides its lines and its key.
    fn record_overhead(self, key: usize) -> usize {
        match self.format {
            Format::Ndjson | Format::Json => {
                let _ = key;
                0
            }
            #[cfg(feature = "kpl")]
            Format::Kpl => kpl::record_overhead(key),
        }
    }

    /// Bytes that a line takes at most besides its own.
    fn line_overhead(self) -> usize {
        match self.format {
            Format::Ndjson | Format::Json => 0,
            #[cfg(feature = "kpl")]
            Format::Kpl => kpl::LINE_OVERHEAD,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_worst_case_a_record_is_as_large_as_it_may_be_and_no_larger() {
        let formats = Format::NAMES.into_iter().filter_map(Format::from_name);
        for format in formats {
            for compression in Compression::NAMES.into_iter().filter_map(Compression::from_name) {
                let encoding = Encoding { format, compression };
                for max_record in [4_096, 65_536, 131_072, 1_024_000, 1_048_576, 10_485_760] {
                    for (target, key) in [(25_000, 32), (max_record, 32), (max_record, 16), (max_record, 0)] {
                        let name = format!("{encoding:?}, {max_record} with a key of {key}");
                        let longest = encoding.longest_line(max_record, key);
                        let lone = longest + compression.growth(longest) + key;
                        assert!(
                            lone <= max_record && lone + 16 > max_record,
                            "{name}: a lone line makes {lone}"
                        );
                        let cut = encoding.cut(target, max_record, key);
                        let full = cut.target + encoding.record_overhead(key);
                        let full = full + compression.growth(full) + key;
                        assert!(full <= max_record, "{name}: a full record makes {full}");
                    }
                }
            }
        }
    }
}
