//! The aggregated record of the Kinesis Producer Library: magic number, protobuf `AggregatedRecord`, MD5 of the
//! protobuf.
//!
//! Every line is a user record of its own, and all of them share the one partition key that the record is put under.
//! KCL drops, silently, an aggregate in which some user record's key belongs to another shard; with one key that cannot
//! be, not even after resharding.
//!
//! Layout: `aggregation-format.md` in awslabs/amazon-kinesis-producer. It is so small that it is written by hand.

use bytes::Bytes;
use md5::{Digest, Md5};

/// First bytes of an aggregated record.
const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// Bytes of the MD5 at its end.
const DIGEST: usize = 16;

/// `AggregatedRecord`: 1 `repeated string partition_key_table`, 3 `repeated Record records`; `Record`: 1 `required
/// uint64 partition_key_index`, 3 `required bytes data`. Each number shifted by its wire type.
mod tag {
    pub(super) const KEY: u8 = (1 << 3) | 2;
    pub(super) const RECORD: u8 = (3 << 3) | 2;
    pub(super) const KEY_INDEX: u8 = 1 << 3;
    pub(super) const DATA: u8 = (3 << 3) | 2;
}

/// Most that a line takes besides its own bytes: two tags, two lengths of up to four bytes (256 MiB), and the
/// key's place.
pub(super) const LINE_OVERHEAD: usize = (1 + 4) + 2 + (1 + 4);

/// Size of an aggregated record besides its lines: magic, digest, and the table of its one key of `key` bytes.
pub(super) fn record_overhead(key: usize) -> usize {
    MAGIC.len() + DIGEST + 1 + varint_len(key) + key
}

/// Packs lines, each ended by a line feed, under one key.
pub(super) fn encode(lines: &[u8], key: &str) -> Bytes {
    let count = memchr::memchr_iter(b'\n', lines).count();
    let mut out = Vec::with_capacity(lines.len() + record_overhead(key.len()) + LINE_OVERHEAD * count);
    out.extend_from_slice(&MAGIC);
    out.push(tag::KEY);
    write_varint(&mut out, key.len());
    out.extend_from_slice(key.as_bytes());
    let mut rest = lines;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let line;
        (line, rest) = rest.split_at(end);
        out.push(tag::RECORD);
        write_varint(&mut out, 2 + 1 + varint_len(line.len()) + line.len());
        out.extend_from_slice(&[tag::KEY_INDEX, 0, tag::DATA]);
        write_varint(&mut out, line.len());
        out.extend_from_slice(line);
    }
    let digest = Md5::digest(out.get(MAGIC.len()..).unwrap_or_default());
    out.extend_from_slice(&digest);
    Bytes::from(out)
}

fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn write_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        // The low seven bits.
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_bytes_written() {
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            268_435_455,
            usize::MAX,
        ] {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            assert_eq!(out.len(), varint_len(value), "{value}");
        }
    }

    #[test]
    fn an_aggregate_is_what_the_format_says_byte_by_byte() {
        let data = encode(b"a\nbc\n", "k");
        let body = [
            &[0x0a, 1, b'k'][..],
            &[0x1a, 6, 0x08, 0, 0x1a, 2, b'a', b'\n'],
            &[0x1a, 7, 0x08, 0, 0x1a, 3, b'b', b'c', b'\n'],
        ]
        .concat();
        let digest = Md5::digest(&body).to_vec();
        assert_eq!(data, [&[0xf3, 0x89, 0x9a, 0xc2][..], &body, &digest].concat());
        assert!(data.len() <= 5 + record_overhead(1) + 2 * LINE_OVERHEAD);
    }
}
