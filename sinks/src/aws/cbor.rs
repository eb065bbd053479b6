//! Answers in CBOR (RFC 8949), written as the JSON that the SDK's parsers read. A service answers so where it was asked so.

use std::borrow::Cow;
use std::io::Write as _;

/// Content type of calls and answers in CBOR.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-cbor-1.1";

/// Deepest nesting that is read. Answers have three levels.
const DEEPEST: usize = 16;

/// Value of the length bits of a value that has no length: it ends at a `BREAK`.
const OPEN: u8 = 31;

/// End of a value without a length.
const BREAK: u8 = 0xff;

/// The same value as JSON; `None` where this is no CBOR. Byte strings, which no answer has, are `null`. Takes time in proportion
/// to the bytes, and at most eight times their number in memory.
pub(crate) fn as_json(cbor: &[u8]) -> Option<Vec<u8>> {
    let mut answer = Answer {
        rest: cbor,
        json: Vec::with_capacity(cbor.len()),
    };
    answer.value(DEEPEST)?;
    answer.rest.is_empty().then_some(answer.json)
}

/// What is left of an answer, and the JSON of what was read.
struct Answer<'a> {
    rest: &'a [u8],
    json: Vec<u8>,
}

impl<'a> Answer<'a> {
    fn value(&mut self, deepest: usize) -> Option<()> {
        let deeper = deepest.checked_sub(1)?;
        let (major, info) = self.first()?;
        match major {
            0 => {
                let number = self.argument(info)?;
                write!(self.json, "{number}").ok()
            }
            1 => {
                let number = -1 - i128::from(self.argument(info)?);
                write!(self.json, "{number}").ok()
            }
            2 => {
                self.string(major, info)?;
                self.write(b"null")
            }
            3 => self.text(info),
            4 => {
                self.write(b"[")?;
                self.members(info, |answer| answer.value(deeper))?;
                self.write(b"]")
            }
            5 => {
                self.write(b"{")?;
                self.members(info, |answer| {
                    let (major, info) = answer.first()?;
                    if major != 3 {
                        return None;
                    }
                    answer.text(info)?;
                    answer.write(b":")?;
                    answer.value(deeper)
                })?;
                self.write(b"}")
            }
            // A tag says more of the value behind it: that a number is a time.
            6 => {
                self.argument(info)?;
                self.value(deeper)
            }
            _ => self.simple(info),
        }
    }

    /// Members of an array or a map, separated by commas.
    fn members(&mut self, info: u8, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let mut left = match info {
            OPEN => None,
            _ => Some(self.argument(info)?),
        };
        let mut is_first = true;
        loop {
            match &mut left {
                Some(0) => return Some(()),
                Some(left) => *left -= 1,
                None if self.rest.first() == Some(&BREAK) => {
                    self.take(1)?;
                    return Some(());
                }
                None => {}
            }
            if !std::mem::take(&mut is_first) {
                self.write(b",")?;
            }
            member(self)?;
        }
    }

    fn text(&mut self, info: u8) -> Option<()> {
        let pieces = self.string(3, info)?;
        let text = std::str::from_utf8(&pieces).ok()?;
        serde_json::to_writer(&mut self.json, text).ok()
    }

    /// Bytes of a string, of one piece or of many.
    fn string(&mut self, major: u8, info: u8) -> Option<Cow<'a, [u8]>> {
        if info != OPEN {
            let length = usize::try_from(self.argument(info)?).ok()?;
            return self.take(length).map(Into::into);
        }
        let mut whole = Vec::new();
        while self.rest.first() != Some(&BREAK) {
            let (of_piece, info) = self.first()?;
            if of_piece != major {
                return None;
            }
            let length = usize::try_from(self.argument(info)?).ok()?;
            whole.extend_from_slice(self.take(length)?);
        }
        self.take(1)?;
        Some(whole.into())
    }

    fn simple(&mut self, info: u8) -> Option<()> {
        match info {
            20 => self.write(b"false"),
            21 => self.write(b"true"),
            22 | 23 => self.write(b"null"),
            25 => {
                let bytes = self.take(2)?.try_into().ok()?;
                self.float(half(u16::from_be_bytes(bytes)))
            }
            26 => {
                let bytes = self.take(4)?.try_into().ok()?;
                self.float(f64::from(f32::from_be_bytes(bytes)))
            }
            27 => {
                let bytes = self.take(8)?.try_into().ok()?;
                self.float(f64::from_be_bytes(bytes))
            }
            _ => None,
        }
    }

    fn float(&mut self, number: f64) -> Option<()> {
        serde_json::to_writer(&mut self.json, &number).ok()
    }

    /// Type of the next value, and what tells its length.
    fn first(&mut self) -> Option<(u8, u8)> {
        let first = *self.take(1)?.first()?;
        Some((first >> 5, first & 0x1f))
    }

    /// Number behind the first byte of a value.
    fn argument(&mut self, info: u8) -> Option<u64> {
        let length = match info {
            0..24 => return Some(u64::from(info)),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return None,
        };
        let bytes = self.take(length)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn write(&mut self, json: &[u8]) -> Option<()> {
        self.json.write_all(json).ok()
    }
}

/// A number of 16 bits. RFC 8949, appendix D.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * f64::powi(2.0, -24),
        31 => f64::INFINITY,
        _ => (fraction + 1_024.0) * f64::powi(2.0, exponent - 25),
    };
    if bits >> 15 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use ciborium::Value;
    use serde_json::json;

    use super::*;

    fn cbor(value: &impl serde::Serialize) -> Vec<u8> {
        let mut out = Vec::new();
        ciborium::into_writer(value, &mut out).unwrap();
        out
    }

    fn read(cbor: &[u8]) -> Option<serde_json::Value> {
        as_json(cbor).map(|json| serde_json::from_slice(&json).unwrap())
    }

    #[test]
    fn what_another_implementation_writes_is_the_same_in_json() {
        for value in [
            json!({"FailedRecordCount": 1, "EncryptionType": "KMS", "Records": [
                {"SequenceNumber": "49590", "ShardId": "shardId-000000000001"},
                {"ErrorCode": "InternalFailure", "ErrorMessage": "a \"quoted\"\n message, ä€😀"},
            ]}),
            json!({"__type": "ResourceNotFoundException", "message": "Stream gone not found"}),
            json!([
                null,
                true,
                false,
                0,
                23,
                24,
                255,
                256,
                65_536,
                u64::MAX,
                -1,
                i64::MIN,
                {},
                []
            ]),
            json!([1.5, -0.1, 1e300, 6.103515625e-5, 1.52587890625e-5, -65_504.0]),
        ] {
            assert_eq!(read(&cbor(&value)), Some(value));
        }
    }

    #[test]
    fn values_without_a_length_tags_and_byte_strings_are_read() {
        // {_ "a": [_ 1, (_ "x", "yz")], "b": 1(1.5), "c": h'00'}, as RFC 8949 writes it.
        let open = b"\xbf\x61a\x9f\x01\x7f\x61x\x62yz\xff\xff\x61b\xc1\xfa\x3f\xc0\0\0\x61c\x41\0\xff";
        assert_eq!(read(open), Some(json!({"a": [1, "xyz"], "b": 1.5, "c": null})));
    }

    #[test]
    fn what_is_no_cbor_is_none_and_never_a_panic() {
        let whole = cbor(&json!({"Records": [{"ErrorCode": "InternalFailure"}], "FailedRecordCount": 70_000}));
        for end in 0..whole.len() {
            assert_eq!(as_json(&whole[..end]), None, "{end}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(as_json(&longer), None, "something behind it");
        // Each byte as the first of a value: promises of members that are not there, and of lengths past the end.
        for first in 0..=u8::MAX {
            as_json(&[first]);
            as_json(&[[first].as_slice(), &[0xff; 8]].concat());
        }
        assert_eq!(as_json(&vec![0x81; 1 << 20]), None, "nested without end");
        assert_eq!(
            as_json(&cbor(&Value::Map(vec![(1.into(), 2.into())]))),
            None,
            "a key that is no text"
        );
        assert_eq!(as_json(b"\x62\xff\xfe"), None, "text that is not UTF-8");
    }
}
