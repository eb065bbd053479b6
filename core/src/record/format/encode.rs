//! From a chunk to the data of its record.

use bytes::Bytes;

#[cfg(feature = "gzip")]
use super::compress::Gzip;
#[cfg(feature = "zstd")]
use super::compress::Zstd;
use super::{Compression, Encoding};
#[cfg(feature = "kpl")]
use super::{Format, kpl};
use crate::record::chunk::Chunk;

/// Encodes the chunks of one lane, one after the other. What compression needs to work is allocated with the first chunk
/// and used again for each.
pub struct Encoder {
    encoding: Encoding,
    #[cfg(feature = "gzip")]
    gzip: Option<Gzip>,
    #[cfg(feature = "zstd")]
    zstd: Option<Zstd>,
}

impl Encoder {
    /// An encoder that has allocated nothing yet.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            #[cfg(feature = "gzip")]
            gzip: None,
            #[cfg(feature = "zstd")]
            zstd: None,
        }
    }

    /// The data of the record that holds this chunk and goes under this partition key, which some formats name in it.
    pub fn encode(&mut self, chunk: &Chunk, key: &str) -> Bytes {
        self.encode_lines(&chunk.lines, chunk.len(), key)
    }

    /// The data of the record that holds these lines, `count` of them.
    pub(crate) fn encode_lines(&mut self, lines: &Bytes, count: u64, key: &str) -> Bytes {
        let packed = self.pack(lines, count, key);
        match self.encoding.compression {
            Compression::None => packed,
            #[cfg(feature = "gzip")]
            Compression::Gzip => self.gzip.get_or_insert_with(Gzip::new).compress(&packed),
            #[cfg(feature = "zstd")]
            Compression::Zstd => self.zstd.get_or_insert_with(Zstd::new).compress(&packed),
        }
    }

    fn pack(&self, lines: &Bytes, count: u64, key: &str) -> Bytes {
        #[cfg(feature = "kpl")]
        if self.encoding.format == Format::Kpl && count > 1 {
            return kpl::encode(lines, key);
        }
        let _ = (key, count);
        lines.clone()
    }
}
