//! The aggregated record of the Kinesis Producer Library: magic number, protobuf `AggregatedRecord`, MD5 of the protobuf.
//!
//! Every line is a user record of its own, and all of them share the one partition key that the record is put under.
//! KCL drops, silently, an aggregate in which some user record's key belongs to another shard; with one key that cannot
//! be, not even after resharding.
//!
//! Layout: `aggregation-format.md` in awslabs/amazon-kinesis-producer. It is so small that it is written by hand.

/// How an aggregated record begins.
pub(super) const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// Bytes of the MD5 at its end.
const DIGEST: usize = 16;

/// `AggregatedRecord`: 1 `repeated string partition_key_table`, 3 `repeated Record records`; `Record`: 1 `required uint64
/// partition_key_index`, 3 `required bytes data`. Each number shifted by its wire type.
mod tag {
    #[cfg(feature = "kpl")]
    pub(super) const KEY: u8 = (1 << 3) | 2;
    pub(super) const RECORD: u8 = (3 << 3) | 2;
    #[cfg(feature = "kpl")]
    pub(super) const KEY_INDEX: u8 = 1 << 3;
    pub(super) const DATA: u8 = (3 << 3) | 2;
}

#[cfg(feature = "kpl")]
pub(super) use encode::{LINE_OVERHEAD, encode, record_overhead};

#[cfg(feature = "kpl")]
mod encode {
    use bytes::Bytes;
    use md5::{Digest, Md5};

    use super::{DIGEST, MAGIC, tag};

    /// What a line takes besides its own bytes, at most: two tags, two lengths of up to four bytes (256 MiB), and the
    /// key's place.
    pub(in super::super) const LINE_OVERHEAD: usize = (1 + 4) + 2 + (1 + 4);

    /// What an aggregated record has besides its lines: magic, digest, and the table of its one key of `key` bytes.
    pub(in super::super) fn record_overhead(key: usize) -> usize {
        MAGIC.len() + DIGEST + 1 + varint_len(key) + key
    }

    /// Packs lines, each ended by a line feed, under one key.
    pub(in super::super) fn encode(lines: &[u8], key: &str) -> Bytes {
        let count = memchr::memchr_iter(b'\n', lines).count();
        let mut out = Vec::with_capacity(lines.len() + record_overhead(key.len()) + LINE_OVERHEAD * count);
        out.extend_from_slice(&MAGIC);
        out.push(tag::KEY);
        write_varint(&mut out, key.len());
        out.extend_from_slice(key.as_bytes());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
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
}

#[cfg(feature = "decode")]
pub(super) use decode::decode;

#[cfg(feature = "decode")]
mod decode {
    use md5::{Digest, Md5};

    use super::{DIGEST, MAGIC, tag};

    /// The user records of an aggregated record, one after the other, each ended by a line feed. `None` if it is none: its
    /// digest is another, or its protobuf is broken.
    pub(in super::super) fn decode(data: &[u8]) -> Option<Vec<u8>> {
        let body = data.strip_prefix(&MAGIC)?;
        let (body, digest) = body.split_at_checked(body.len().checked_sub(DIGEST)?)?;
        if Md5::digest(body).as_slice() != digest {
            return None;
        }
        let mut lines = Vec::with_capacity(body.len());
        let mut fields = Fields(body);
        while let Some(field) = fields.next()? {
            let Field {
                tag: tag::RECORD,
                data: record,
            } = field
            else {
                continue;
            };
            let mut fields = Fields(record);
            while let Some(field) = fields.next()? {
                if field.tag == tag::DATA {
                    lines.extend_from_slice(field.data);
                    if !field.data.ends_with(b"\n") {
                        lines.push(b'\n');
                    }
                }
            }
        }
        Some(lines)
    }

    /// A field of a message; `data` is empty for numbers, which nobody here asks for.
    struct Field<'a> {
        tag: u8,
        data: &'a [u8],
    }

    /// What is left of a message.
    struct Fields<'a>(&'a [u8]);

    impl<'a> Fields<'a> {
        /// The next field; inside, `None` at the end; outside, `None` for what is no protobuf.
        fn next(&mut self) -> Option<Option<Field<'a>>> {
            if self.0.is_empty() {
                return Some(None);
            }
            let tag = self.varint()?;
            let data = match tag & 7 {
                0 => {
                    self.varint()?;
                    &[]
                }
                1 => self.take(8)?,
                2 => {
                    let length = usize::try_from(self.varint()?).ok()?;
                    self.take(length)?
                }
                5 => self.take(4)?,
                _ => return None,
            };
            // A tag of more than a byte is a field that does not exist yet; no field has the tag 0.
            let tag = u8::try_from(tag).unwrap_or(0);
            Some(Some(Field { tag, data }))
        }

        fn take(&mut self, length: usize) -> Option<&'a [u8]> {
            let (taken, rest) = self.0.split_at_checked(length)?;
            self.0 = rest;
            Some(taken)
        }

        fn varint(&mut self) -> Option<u64> {
            let mut value = 0_u64;
            for shift in (0..64).step_by(7) {
                let (&byte, rest) = self.0.split_first()?;
                self.0 = rest;
                value |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    return Some(value);
                }
            }
            None
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// What is inside an aggregate with this body and its right digest.
        fn decode_body(body: &[u8]) -> Option<Vec<u8>> {
            decode(&[&MAGIC[..], body, Md5::digest(body).as_slice()].concat())
        }

        #[test]
        fn fields_of_others_are_passed_over_and_lines_are_ended() {
            let body = [
                &[0x0a, 1, b'k', 0x12, 1, b'h'][..],
                // Index 0, hash key index 0, data without its line feed, a tag; then a field 200 that nobody knows.
                &[0x1a, 12, 0x08, 0, 0x10, 0, 0x1a, 1, b'a', 0x22, 3, 0x0a, 1, b't'],
                &[0xc0, 0x0c, 5],
                &[0x1a, 6, 0x08, 0, 0x1a, 2, b'b', b'\n'],
            ]
            .concat();
            assert_eq!(decode_body(&body).unwrap(), b"a\nb\n");
        }

        #[test]
        fn what_is_broken_is_no_aggregate() {
            assert!(decode_body(&[0x1a, 9, 0x08]).is_none(), "shorter than it says");
            assert!(decode_body(&[0x1b]).is_none(), "a wire type that does not exist");
            assert!(decode_body(&[0xff; 12]).is_none(), "a number without an end");
            assert!(decode(&MAGIC).is_none(), "nothing in it");
            let mut data = [&MAGIC[..], &[0x0a, 0], Md5::digest([0x0a, 0]).as_slice()].concat();
            assert!(decode(&data).is_some());
            let last = data.len() - 1;
            data[last] ^= 1;
            assert!(decode(&data).is_none(), "another digest");
        }
    }
}
