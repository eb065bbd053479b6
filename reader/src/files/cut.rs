//! Bytes of a file into pieces of whole lines. Each byte is looked at once, however they come.

use std::io;

use crate::decode::MOST_BYTES;
use crate::stream::Record;
use crate::unpack::Unreadable;

use super::{Piece, first_time};

/// Takes bytes as they come and gives whole lines.
pub(super) struct Cutter {
    path: String,
    /// The beginning of a line whose end is still to come.
    begun: Vec<u8>,
    /// That line is longer than any that is read: what is left of it is skipped.
    is_too_long: bool,
    /// Whole lines so far.
    lines: u64,
    is_finished: bool,
}

impl Cutter {
    pub(super) fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            begun: Vec::new(),
            is_too_long: false,
            lines: 0,
            is_finished: false,
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.is_finished
    }

    pub(super) fn take(&mut self, block: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let Some(last) = block.iter().rposition(|byte| *byte == b'\n') else {
            self.begin(block);
            return pieces;
        };
        let (mut whole, rest) = block.split_at(last + 1);
        if std::mem::take(&mut self.is_too_long) {
            let end = whole.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            whole = whole.get(end..).unwrap_or_default();
            self.lines += 1;
            pieces.push(Piece::Bad(self.unreadable(
                Some(self.lines),
                1,
                format!("the line is longer than {MOST_BYTES} bytes"),
            )));
        }
        let mut text = std::mem::take(&mut self.begun);
        text.extend_from_slice(whole);
        self.piece(text, &mut pieces);
        self.begin(rest);
        pieces
    }

    /// The last line may have no end.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        self.is_finished = true;
        if self.begun.is_empty() && !self.is_too_long {
            return Vec::new();
        }
        self.take(b"\n")
    }

    pub(super) fn broken(&self, error: &io::Error) -> Piece {
        Piece::Broken(self.unreadable(None, 1, error.to_string()))
    }

    fn begin(&mut self, bytes: &[u8]) {
        if self.is_too_long || self.begun.len() + bytes.len() > MOST_BYTES {
            self.is_too_long = true;
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }

    /// Whole lines; those that are no text cost only themselves.
    fn piece(&mut self, text: Vec<u8>, pieces: &mut Vec<Piece>) {
        let before = self.lines;
        self.lines += text.iter().filter(|byte| **byte == b'\n').count() as u64;
        if std::str::from_utf8(&text).is_ok() {
            pieces.extend(self.lines(text, before));
            return;
        }
        let mut good = Vec::with_capacity(text.len());
        let mut bad: Option<(u64, u64, String)> = None;
        for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(before + 1..) {
            match std::str::from_utf8(line) {
                Ok(_) => good.extend_from_slice(line),
                Err(error) => {
                    bad.get_or_insert_with(|| (number, 0, format!("it is not text: {error}")))
                        .1 += 1;
                    // Its number stays taken.
                    good.push(b'\n');
                }
            }
        }
        if let Some((first, count, reason)) = bad {
            pieces.push(Piece::Bad(self.unreadable(Some(first), count, reason)));
        }
        pieces.extend(self.lines(good, before));
    }

    fn lines(&self, text: Vec<u8>, before: u64) -> Option<Piece> {
        let arrival = first_time(&text);
        let record = Record {
            shard: self.path.clone(),
            sequence_number: String::new(),
            partition_key: String::new(),
            data: text.into(),
            arrival,
        };
        (!record.data.is_empty()).then_some(Piece::Lines { record, before })
    }

    fn unreadable(&self, line: Option<u64>, count: u64, reason: String) -> Unreadable {
        Unreadable {
            shard: self.path.clone(),
            sequence_number: String::new(),
            line: line.map(|line| usize::try_from(line).unwrap_or(usize::MAX)),
            count,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines with their numbers, and the numbers of those that are bad.
    type Pieces = (Vec<(u64, String)>, Vec<(usize, u64)>);

    fn cut(blocks: &[&[u8]]) -> Pieces {
        let (mut lines, mut bad) = (Vec::new(), Vec::new());
        let mut cutter = Cutter::new("f");
        let mut pieces: Vec<_> = blocks.iter().flat_map(|block| cutter.take(block)).collect();
        pieces.extend(cutter.finish());
        for piece in pieces {
            match piece {
                Piece::Lines { record, before } => {
                    let text = String::from_utf8(record.data.to_vec()).unwrap();
                    lines.extend((before + 1..).zip(text.lines().map(str::to_owned)));
                }
                Piece::Bad(unreadable) | Piece::Broken(unreadable) => {
                    bad.push((unreadable.line.unwrap(), unreadable.count));
                }
            }
        }
        lines.retain(|(_, line)| !line.is_empty());
        (lines, bad)
    }

    #[test]
    fn lines_are_whole_however_the_bytes_come() {
        let expected: Vec<_> = [(1, "one"), (2, "zwei ä"), (3, "three")]
            .map(|(number, line)| (number, line.to_owned()))
            .into();
        let text = "one\nzwei ä\nthree".as_bytes();
        for size in 1..text.len() {
            let blocks: Vec<_> = text.chunks(size).collect();
            assert_eq!(cut(&blocks), (expected.clone(), vec![]), "{size}");
        }
        assert_eq!(cut(&[]), (vec![], vec![]));
    }

    #[test]
    fn a_line_that_is_no_text_or_too_long_costs_only_itself() {
        let (lines, bad) = cut(&[b"one\n\xff\xfe\nthree\n\xff\n"]);
        assert_eq!(lines, [(1, "one".to_owned()), (3, "three".to_owned())]);
        assert_eq!(bad, [(2, 2)]);
        let block = vec![b'x'; 1024 * 1024];
        let mut blocks: Vec<&[u8]> = vec![b"one\n"];
        blocks.extend(std::iter::repeat_n(block.as_slice(), 11));
        blocks.push(b"x\nthree\n");
        let (lines, bad) = cut(&blocks);
        assert_eq!(lines, [(1, "one".to_owned()), (3, "three".to_owned())]);
        assert_eq!(bad, [(2, 1)]);
    }
}
