//! Lines on their way: what a lane stores, and what becomes a record.

use std::ops::Range;

use bytes::Bytes;
use tokio::time::Instant;

/// Unencoded lines of one owner, contiguous in `seq`.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The lines, each ended by a line feed; nowhere else is there one.
    pub lines: Bytes,
    /// The `seq` of each line, in order.
    pub seq: Range<u64>,
    /// Time at which its oldest line was accepted.
    pub(crate) since: Instant,
}

impl Chunk {
    /// Number of lines.
    pub fn len(&self) -> u64 {
        self.seq.end - self.seq.start
    }

    /// `true` if there is no line; no sealed chunk is empty.
    pub fn is_empty(&self) -> bool {
        self.seq.is_empty()
    }

    /// Cuts at line ends into pieces of at most `cut.target` bytes, where its lines allow it. Each piece has memory of
    /// its own, so that the last one that waits does not keep the others' in use.
    pub(crate) fn cut(self, cut: Cut) -> Vec<Self> {
        let fits = cut.packed(self.lines.len(), self.len()) <= cut.target;
        if self.len() <= 1 || (!cut.single && fits) {
            return vec![self];
        }
        let mut pieces: Vec<Self> = Vec::new();
        let (mut start, mut end, mut seq) = (0, 0, self.seq.start..self.seq.start);
        let mut close = |start: usize, end: usize, seq: &Range<u64>| {
            pieces.push(Self {
                lines: Bytes::copy_from_slice(self.lines.get(start..end).unwrap_or_default()),
                seq: seq.clone(),
                since: self.since,
            });
        };
        for line_end in memchr::memchr_iter(b'\n', &self.lines).map(|at| at + 1) {
            let packed = cut.packed(line_end - start, seq.end - seq.start + 1);
            if end > start && (cut.single || packed > cut.target) {
                close(start, end, &seq);
                (start, seq) = (end, seq.end..seq.end);
            }
            end = line_end;
            seq.end += 1;
        }
        if end > start {
            close(start, end, &seq);
        }
        pieces
    }
}

/// Rules for cutting lines into chunks, as a format packs them into records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Bytes of lines that a chunk aims at.
    pub target: usize,
    /// Each line is a chunk of its own.
    pub single: bool,
    /// Bytes of the target that each line takes besides its own, at most.
    pub line_overhead: usize,
}

impl Cut {
    /// Most of the target that this many bytes in this many lines take.
    pub(crate) fn packed(self, bytes: usize, lines: u64) -> usize {
        let lines = usize::try_from(lines).unwrap_or(usize::MAX);
        bytes.saturating_add(self.line_overhead.saturating_mul(lines))
    }
}

/// The chunk that is being filled. Its buffer is used again for the next one: a sealed chunk has memory of its own, of
/// exactly its size, so that what is counted is what is in use.
#[derive(Debug)]
pub(crate) struct OpenChunk {
    buffer: Vec<u8>,
    seq: Range<u64>,
    since: Instant,
}

/// A buffer that grew past this for one long line is given back. Bytes.
const KEPT_BUFFER: usize = 256 * 1024;

impl OpenChunk {
    pub(crate) fn new(first_seq: u64) -> Self {
        Self {
            buffer: Vec::new(),
            seq: first_seq..first_seq,
            since: Instant::now(),
        }
    }

    /// Bytes of lines in it.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Number of lines in it.
    pub(crate) fn lines(&self) -> u64 {
        self.seq.end - self.seq.start
    }

    /// The `seq` that the next line gets.
    pub(crate) fn next_seq(&self) -> u64 {
        self.seq.end
    }

    pub(crate) fn since(&self) -> Option<Instant> {
        (!self.seq.is_empty()).then_some(self.since)
    }

    /// Adds the line that `write` appends. A line longer than `longest` bytes is taken back: `Err` with its length.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        cut: Cut,
        longest: usize,
        sealed: &mut impl FnMut(Chunk),
        write: impl FnOnce(&mut Vec<u8>, u64),
    ) -> Result<(), usize> {
        let before = self.buffer.len();
        write(&mut self.buffer, self.seq.end);
        let line = self.buffer.len() - before;
        if line > longest {
            self.buffer.truncate(before);
            return Err(line);
        }
        let mut packed = cut.packed(self.buffer.len(), self.lines() + 1);
        if before > 0 && packed > cut.target {
            sealed(self.chunk(before));
            self.buffer.drain(..before);
            packed = cut.packed(self.buffer.len(), 1);
        }
        if self.seq.is_empty() {
            self.since = now;
        }
        self.seq.end += 1;
        if cut.single || packed >= cut.target {
            self.seal().into_iter().for_each(sealed);
        }
        Ok(())
    }

    /// Uses up one `seq` without a line. What was open before is sealed, since a chunk has no gaps.
    pub(crate) fn skip(&mut self) -> Option<Chunk> {
        let sealed = self.seal();
        self.seq = self.seq.end + 1..self.seq.end + 1;
        sealed
    }

    /// Closes the chunk, if there is a line in it.
    pub(crate) fn seal(&mut self) -> Option<Chunk> {
        if self.seq.is_empty() {
            return None;
        }
        let chunk = self.chunk(self.buffer.len());
        self.buffer.clear();
        if self.buffer.capacity() > KEPT_BUFFER {
            self.buffer = Vec::new();
        }
        Some(chunk)
    }

    /// A chunk of the first `bytes` bytes, which hold all lines that have a `seq`.
    fn chunk(&mut self, bytes: usize) -> Chunk {
        let next = self.seq.end..self.seq.end;
        Chunk {
            lines: Bytes::copy_from_slice(self.buffer.get(..bytes).unwrap_or_default()),
            seq: std::mem::replace(&mut self.seq, next),
            since: self.since,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds lines of the given lengths; returns `(bytes, seq)` of each chunk, the open one last.
    fn cut(target: usize, single: bool, longest: usize, lengths: &[usize]) -> Vec<(usize, Range<u64>)> {
        outline(chunks(plain(target, single), longest, lengths))
    }

    /// As lines are cut that take nothing besides their bytes.
    fn plain(target: usize, single: bool) -> Cut {
        Cut {
            target,
            single,
            line_overhead: 0,
        }
    }

    fn chunks(cut: Cut, longest: usize, lengths: &[usize]) -> Vec<Chunk> {
        let mut open = OpenChunk::new(0);
        let mut chunks = Vec::new();
        for &length in lengths {
            let added = open.add(
                Instant::now(),
                cut,
                longest,
                &mut |chunk: Chunk| chunks.push(chunk),
                |out, _| {
                    out.extend_from_slice(&vec![b'x'; length - 1]);
                    out.extend_from_slice(b"\n");
                },
            );
            if added.is_err() {
                chunks.extend(open.skip());
            }
        }
        chunks.extend(open.seal());
        chunks
    }

    fn outline(chunks: Vec<Chunk>) -> Vec<(usize, Range<u64>)> {
        chunks.into_iter().map(|chunk| (chunk.lines.len(), chunk.seq)).collect()
    }

    #[test]
    fn a_chunk_is_cut_again_as_another_lane_cuts() {
        let chunk = || chunks(plain(1_000, false), 1_000, &[10, 20, 30, 40]).remove(0);
        let again = |target, single| outline(chunk().cut(plain(target, single)));
        assert_eq!(again(100, false), [(100, 0..4)]);
        assert_eq!(again(60, false), [(60, 0..3), (40, 3..4)]);
        assert_eq!(again(25, false), [(10, 0..1), (20, 1..2), (30, 2..3), (40, 3..4)]);
        assert_eq!(again(1_000, true), [(10, 0..1), (20, 1..2), (30, 2..3), (40, 3..4)]);
    }

    #[test]
    fn a_chunk_is_full_before_it_passes_its_target() {
        assert_eq!(cut(100, false, 1000, &[40, 40, 40]), [(80, 0..2), (40, 2..3)]);
        assert_eq!(cut(100, false, 1000, &[40, 60, 1]), [(100, 0..2), (1, 2..3)]);
        assert_eq!(cut(100, false, 1000, &[300, 10]), [(300, 0..1), (10, 1..2)]);
        assert_eq!(
            cut(100, false, 1000, &[10, 300, 10]),
            [(10, 0..1), (300, 1..2), (10, 2..3)]
        );
    }

    #[test]
    fn what_lines_take_besides_their_bytes_counts() {
        let cut = Cut {
            target: 100,
            single: false,
            line_overhead: 10,
        };
        // 40 and 30 take 90, and 10 more would take 110; 90 fills the target alone, 91 more than that.
        let lengths = [40, 30, 10, 90, 91];
        assert_eq!(
            outline(chunks(cut, 1_000, &lengths)),
            [(70, 0..2), (10, 2..3), (90, 3..4), (91, 4..5)]
        );
        let whole = chunks(plain(1_000, false), 1_000, &lengths).remove(0);
        assert_eq!(
            outline(whole.cut(cut)),
            [(70, 0..2), (10, 2..3), (90, 3..4), (91, 4..5)]
        );
    }

    #[test]
    fn single_lines_are_chunks_of_their_own() {
        assert_eq!(cut(100, true, 1000, &[10, 10]), [(10, 0..1), (10, 1..2)]);
    }

    #[test]
    fn a_line_that_is_too_long_uses_its_seq_and_leaves_no_gap_inside_a_chunk() {
        assert_eq!(cut(100, false, 200, &[10, 201, 10, 10]), [(10, 0..1), (20, 2..4)]);
    }
}
