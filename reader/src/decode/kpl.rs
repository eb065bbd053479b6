//! User records of an aggregate of the Kinesis Producer Library: magic number, protobuf `AggregatedRecord`, MD5 of the
//! protobuf.
//!
//! Layout: `aggregation-format.md` in awslabs/amazon-kinesis-producer. It is so small that it is read by hand.

use md5::{Digest, Md5};

/// First bytes of an aggregated record.
pub(super) const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// Bytes of the MD5 at its end.
const DIGEST: usize = 16;

/// `AggregatedRecord`: 3 `repeated Record records`; `Record`: 3 `required bytes data`. Each number shifted by its wire
/// type.
mod tag {
    pub(super) const RECORD: u8 = (3 << 3) | 2;
    pub(super) const DATA: u8 = (3 << 3) | 2;
}

/// The user records of an aggregated record, one after the other, each ended by a line feed. `None` if it is none: its
/// digest is another, or its protobuf is broken.
pub(super) fn decode(data: &[u8]) -> Option<Vec<u8>> {
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

/// Rest of a message.
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

    /// Content of an aggregate with this body and its right digest.
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
