//! From a record back to the events in it: for readers of a stream.
//!
//! - this file: a record of any format, line by line; `kpl`: aggregates.
//! - `event`: a line taken apart; `lenient`: JSON that strict readers refuse.
//! - `join`: parts of a line made whole; `verify`: what sequence numbers prove.

mod event;
mod join;
mod kpl;
#[cfg_attr(
    not(feature = "stream"),
    allow(dead_code, reason = "the program shows more than proofs need")
)]
pub(crate) mod lenient;
mod ranges;
mod verify;

use std::borrow::Cow;
use std::io::{self, Read};

pub use event::{Forwarded, Part, Stamp};
pub use join::{Joined, Joiner};
pub use verify::{Life, LifeReport, Standing, Verifier};

/// Reasons why a record or line could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The record begins like a compressed one, and is none.
    #[error("the record cannot be decompressed: {0}")]
    NotCompressed(io::Error),
    /// Decompressed, the record would be longer than its reader takes.
    #[error("decompressed, the record is longer than {most} bytes")]
    TooLong {
        /// The most bytes that it takes.
        most: usize,
    },
    /// The record begins like an aggregate of the Kinesis Producer Library, and is none.
    #[error("the record begins like a KPL aggregate, and is none")]
    NotAnAggregate,
    /// The data is not text.
    #[error("the record is not text: {0}")]
    NotText(std::str::Utf8Error),
    /// A line is not a JSON event.
    #[error("the line is not an event: it is no JSON object with a type")]
    NotAnEvent,
}

/// Longest decompressed record, bytes: the longest record that Kinesis takes, which the forwarder's never pass.
/// Whoever writes a stream may not mean its readers well.
pub const MOST_BYTES: usize = 10 * 1024 * 1024;

/// Lines of a record that are read. The shortest event of Lambda has 65 bytes, so that a record of the forwarder has
/// fewer.
pub const MOST_LINES: usize = MOST_BYTES / 64;

/// The largest window of zstd that is given memory, as a power of two: 16 MiB, more than a record may be.
pub(crate) const WINDOW: u32 = 24;

/// First bytes of a gzip member. RFC 1952.
pub(crate) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// First bytes of a zstd frame. RFC 8878.
pub(crate) const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Reads a record of any format, told by its first bytes. So is an object of many such records, one after the other as
/// Firehose writes them, if they are lines, gzip or zstd.
///
/// # Errors
/// The data is not what its first bytes say, or not text.
pub fn decode(data: &[u8]) -> Result<Decoded<'_>, DecodeError> {
    decode_within(data, usize::MAX)
}

/// As [`decode`], but gives up on what would be more than `most` bytes when decompressed: who writes a stream need not
/// mean its readers well. What the forwarder writes is never more than the longest record that its sink takes: 10 MiB.
///
/// # Errors
/// As `decode`, and [`DecodeError::TooLong`].
pub fn decode_within(data: &[u8], most: usize) -> Result<Decoded<'_>, DecodeError> {
    let text = if data.starts_with(&GZIP) {
        owned(read(flate2::bufread::MultiGzDecoder::new(data), most)?)?
    } else if data.starts_with(&ZSTD) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(data).map_err(DecodeError::NotCompressed)?;
        decoder.window_log_max(WINDOW).map_err(DecodeError::NotCompressed)?;
        owned(read(decoder, most)?)?
    } else if data.starts_with(&kpl::MAGIC) {
        owned(kpl::decode(data).ok_or(DecodeError::NotAnAggregate)?)?
    } else {
        Cow::Borrowed(std::str::from_utf8(data).map_err(DecodeError::NotText)?)
    };
    Ok(Decoded { text })
}

fn read(decompressed: impl Read, most: usize) -> Result<Vec<u8>, DecodeError> {
    let mut text = Vec::new();
    // One byte more, to see that there is more.
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = decompressed.take(limit).read_to_end(&mut text);
    read.map_err(DecodeError::NotCompressed)?;
    if text.len() > most {
        return Err(DecodeError::TooLong { most });
    }
    Ok(text)
}

fn owned(text: Vec<u8>) -> Result<Cow<'static, str>, DecodeError> {
    let text = String::from_utf8(text).map_err(|error| DecodeError::NotText(error.utf8_error()))?;
    Ok(Cow::Owned(text))
}

/// Content of a record.
#[derive(Debug, Clone)]
pub struct Decoded<'a> {
    text: Cow<'a, str>,
}

impl Decoded<'_> {
    /// The lines, in order.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.numbered_lines().map(|(_, line)| line)
    }

    /// The lines, each with its number, from 1; empty ones are counted, too.
    pub(crate) fn numbered_lines(&self) -> impl Iterator<Item = (usize, Line<'_>)> {
        let lines = (1..).zip(self.text.lines());
        lines
            .filter(|(_, line)| !line.is_empty())
            .map(|(number, line)| (number, Line(line)))
    }
}

/// One line: one event as JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a>(pub &'a str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_events() {
        let data = concat!(
            r#"{"time":"t","type":"function","record":"a\n","forwarder":{"id":"i","sink":"s","seq":3,"requestId":"r","resource":{"faas.name":"f"}}}"#,
            "\n",
            r#"{"type":"platform.start","record":{"x": 1}}"#,
            "\n"
        );
        let decoded = decode(data.as_bytes()).unwrap();
        let events: Vec<_> = decoded.lines().map(|line| line.event().unwrap()).collect();
        let [first, second] = events.as_slice() else {
            unreachable!()
        };
        let stamp = first.stamp.as_ref().unwrap();
        assert_eq!(
            (stamp.id.as_ref(), stamp.seq, stamp.request_id.as_deref()),
            ("i", 3, Some("r"))
        );
        assert_eq!(stamp.resource.get("faas.name").unwrap(), "f");
        assert_eq!(first.record.unwrap().get(), r#""a\n""#);
        assert!(second.stamp.is_none() && second.time.is_none());
        assert_eq!(second.record.unwrap().get(), r#"{"x": 1}"#);
    }

    #[test]
    fn no_record_takes_more_memory_than_its_reader_gives() {
        let lines = vec![b'\n'; 1_000_000];
        let gzip = {
            use std::io::Write;
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&lines).unwrap();
            gzip.finish().unwrap()
        };
        for bomb in [gzip, zstd::stream::encode_all(lines.as_slice(), 1).unwrap()] {
            assert!(bomb.len() < 10_000);
            assert!(decode(&bomb).is_ok() && decode_within(&bomb, lines.len()).is_ok());
            let refused = decode_within(&bomb, lines.len() - 1);
            assert!(matches!(refused, Err(DecodeError::TooLong { most: 999_999 })));
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (data, message) in [
            (&[0x1f, 0x8b, 8, 0][..], "cannot be decompressed"),
            (&[0x28, 0xb5, 0x2f, 0xfd, 0], "cannot be decompressed"),
            (&[0xf3, 0x89, 0x9a, 0xc2, 0], "KPL"),
            (&[0xff, 0xfe], "not text"),
        ] {
            assert!(decode(data).err().unwrap().to_string().contains(message));
        }
        assert!(Line("[]").event().unwrap_err().to_string().contains("not an event"));
    }
}
