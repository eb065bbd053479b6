//! From a chunk to the data of its record.

use bytes::Bytes;

use super::Encoding;
use super::compress::Compressor;
#[cfg(feature = "kpl")]
use super::{Format, kpl};
use crate::record::chunk::Chunk;

/// Encodes the chunks of one lane, one after the other. What compression needs to work is allocated with the first chunk
/// and used again for each.
pub struct Encoder {
    #[cfg(feature = "kpl")]
    format: Format,
    compressor: Compressor,
}

impl Encoder {
    /// An encoder that has allocated nothing yet.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            #[cfg(feature = "kpl")]
            format: encoding.format,
            compressor: Compressor::new(encoding.compression),
        }
    }

    /// The data of the record that holds this chunk and goes under this partition key, which some formats name in it.
    pub fn encode(&mut self, chunk: &Chunk, key: &str) -> Bytes {
        self.encode_lines(&chunk.lines, chunk.len(), key)
    }

    /// The data of the record that holds these lines, `count` of them.
    pub(crate) fn encode_lines(&mut self, lines: &Bytes, count: u64, key: &str) -> Bytes {
        let packed = self.pack(lines, count, key);
        self.compressor.compress(packed)
    }

    fn pack(&self, lines: &Bytes, count: u64, key: &str) -> Bytes {
        #[cfg(feature = "kpl")]
        if self.format == Format::Kpl && count > 1 {
            return kpl::encode(lines, key);
        }
        let _ = (key, count);
        lines.clone()
    }
}
