//! Compressed data of one file: members and frames one after the other, each told by its first bytes; what is not
//! compressed as it is.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
use zstd::stream::read::Decoder;

use crate::decode::{GZIP, WINDOW, ZSTD};

/// Decompresses while it reads.
pub(super) struct Inflated<R: BufRead> {
    member: Member<R>,
}

enum Member<R: BufRead> {
    /// The next member, or the end, comes.
    Between(R),
    Gzip(GzDecoder<R>),
    Zstd(Decoder<'static, R>),
    Plain(R),
    Over,
}

impl<R: BufRead> Inflated<R> {
    pub(super) fn new(data: R) -> Self {
        Self {
            member: Member::Between(data),
        }
    }
}

/// Of what has come so far of a member, all is as its first bytes are.
fn begins(data: &[u8], magic: &[u8]) -> bool {
    data.iter().zip(magic).all(|(byte, wanted)| byte == wanted)
}

impl<R: BufRead> Member<R> {
    fn begin(mut data: R) -> io::Result<Self> {
        let first = data.fill_buf()?;
        Ok(if first.is_empty() {
            Self::Over
        } else if begins(first, &GZIP) {
            Self::Gzip(GzDecoder::new(data))
        } else if begins(first, &ZSTD) {
            let mut decoder = Decoder::with_buffer(data)?.single_frame();
            decoder.window_log_max(WINDOW)?;
            Self::Zstd(decoder)
        } else {
            Self::Plain(data)
        })
    }
}

impl<R: BufRead> Read for Inflated<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            // After an error nothing more is read.
            let (read, next) = match std::mem::replace(&mut self.member, Member::Over) {
                Member::Over => return Ok(0),
                Member::Between(data) => (0, Member::begin(data)?),
                Member::Gzip(mut decoder) => match decoder.read(out)? {
                    0 => (0, Member::Between(decoder.into_inner())),
                    read => (read, Member::Gzip(decoder)),
                },
                Member::Zstd(mut decoder) => match decoder.read(out)? {
                    0 => (0, Member::Between(decoder.finish())),
                    read => (read, Member::Zstd(decoder)),
                },
                Member::Plain(mut data) => match data.read(out)? {
                    0 => return Ok(0),
                    read => (read, Member::Plain(data)),
                },
            };
            self.member = next;
            if read > 0 {
                return Ok(read);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Write as _};

    fn gzip(text: &str) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    }

    fn zstd(text: &str) -> Vec<u8> {
        zstd::stream::encode_all(text.as_bytes(), 1).unwrap()
    }

    fn read(data: &[u8]) -> (String, io::Result<usize>) {
        // As a slow pipe gives it.
        let mut inflated = Inflated::new(BufReader::with_capacity(1, data));
        let (mut text, mut block) = (Vec::new(), [0; 7]);
        loop {
            match inflated.read(&mut block) {
                Ok(read) if read > 0 => text.extend_from_slice(&block[..read]),
                end => return (String::from_utf8(text).unwrap(), end),
            }
        }
    }

    #[test]
    fn members_and_frames_follow_each_other_whatever_they_are() {
        let all = [
            gzip("one\n"),
            gzip(""),
            zstd("two\n"),
            zstd(""),
            gzip("three\n"),
            b"four\n".to_vec(),
        ]
        .concat();
        assert_eq!(read(&all).0, "one\ntwo\nthree\nfour\n");
        assert_eq!(read(b"plain (\x28 too)").0, "plain (( too)");
        assert_eq!(read(b"").0, "");
    }

    #[test]
    fn what_is_cut_off_gives_what_there_is_and_an_error() {
        for whole in [
            [gzip("one\n"), gzip("two\n")].concat(),
            [zstd("one\n"), zstd("two\n")].concat(),
        ] {
            let (text, end) = read(&whole[..whole.len() - 3]);
            assert!(text.starts_with("one\n") && end.is_err(), "{text:?} {end:?}");
        }
    }
}
