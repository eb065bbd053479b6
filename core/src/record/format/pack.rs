//! Packing without a lane: for tools that compute, and for benches.

use bytes::Bytes;
use tokio::time::Instant;

use super::{Encoder, Encoding};
use crate::record::chunk::{Chunk, Cut, OpenChunk};

/// Packs lines into records as a lane does, under one key.
pub struct Packer {
    encoder: Encoder,
    cut: Cut,
    longest_line: usize,
    open: OpenChunk,
    key: String,
    records: Vec<Bytes>,
}

impl Packer {
    /// A packer whose records aim at `record_bytes` and do not pass `max_record_bytes`, their key included.
    pub fn new(encoding: Encoding, record_bytes: usize, max_record_bytes: usize, key: &str) -> Self {
        Self {
            encoder: Encoder::new(encoding),
            cut: encoding.cut(record_bytes, max_record_bytes, key.len()),
            longest_line: encoding.longest_line(max_record_bytes, key.len()),
            open: OpenChunk::new(0),
            key: key.to_owned(),
            records: Vec::new(),
        }
    }

    /// Adds a line with its line feed. `false` if it is longer than a record may be.
    pub fn add(&mut self, line: &[u8]) -> bool {
        let Self {
            encoder,
            open,
            key,
            records,
            ..
        } = self;
        let mut sealed = |chunk: Chunk| records.push(encoder.encode(&chunk, key));
        let write = |out: &mut Vec<u8>, _| out.extend_from_slice(line);
        let added = open.add(Instant::now(), self.cut, self.longest_line, &mut sealed, write);
        if added.is_err() {
            open.skip().into_iter().for_each(sealed);
        }
        added.is_ok()
    }

    /// The data of the records so far, the one that was being filled included.
    pub fn finish(&mut self) -> Vec<Bytes> {
        if let Some(chunk) = self.open.seal() {
            self.records.push(self.encoder.encode(&chunk, &self.key));
        }
        std::mem::take(&mut self.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_the_records_that_a_lane_would_make() {
        let mut packer = Packer::new(Encoding::default(), 100, 200, "0123456789abcdef");
        assert!((0..5).all(|_| packer.add(b"thirty bytes with a line feed\n")));
        assert!(!packer.add(&[b'x'; 185]) && packer.add(b"last\n"));
        let lengths: Vec<_> = packer.finish().iter().map(Bytes::len).collect();
        assert_eq!(lengths, [60, 60, 30, 5]);
        assert!(packer.finish().is_empty());
    }
}
