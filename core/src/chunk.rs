//! Lines on their way: what queue, budget and lane handle.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use crate::ranges::Dropped;

/// Unencoded lines of one lane, contiguous in `seq`; one chunk becomes one record.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The lines, each ended by a line feed; nowhere else is there one.
    pub lines: Bytes,
    /// The `seq` of each line, in order.
    pub seq: Range<u64>,
    /// When its oldest line was accepted.
    pub(crate) since: Instant,
    /// What its `forwarder.dropped` lines announce. If the chunk itself is given up, that must be announced anew.
    pub(crate) announces: Vec<Dropped>,
}

/// What a chunk costs besides its lines: its own struct and its buffer's header.
const OVERHEAD_BYTES: usize = size_of::<Chunk>() + 32;

impl Chunk {
    /// How much of the buffer's bound this chunk takes, in bytes.
    pub fn cost(&self) -> usize {
        self.lines.len() + OVERHEAD_BYTES
    }

    /// How many lines it holds.
    pub fn len(&self) -> u64 {
        self.seq.end - self.seq.start
    }

    /// Whether it holds no line; no sealed chunk does.
    pub fn is_empty(&self) -> bool {
        self.seq.is_empty()
    }
}

/// How lines are cut into chunks, which is how a format packs them into records.
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
    /// What this many bytes in this many lines take of the target, at most.
    fn packed(self, bytes: usize, lines: usize) -> usize {
        bytes.saturating_add(self.line_overhead.saturating_mul(lines))
    }
}

/// The chunk that is being filled.
#[derive(Debug)]
pub(crate) struct OpenChunk {
    buffer: BytesMut,
    seq: Range<u64>,
    since: Instant,
    announces: Vec<Dropped>,
}

impl OpenChunk {
    pub(crate) fn new(first_seq: u64) -> Self {
        Self {
            buffer: BytesMut::new(),
            seq: first_seq..first_seq,
            since: Instant::now(),
            announces: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    fn lines(&self) -> usize {
        usize::try_from(self.seq.end - self.seq.start).unwrap_or(usize::MAX)
    }

    /// The `seq` that the next line gets.
    pub(crate) fn next_seq(&self) -> u64 {
        self.seq.end
    }

    pub(crate) fn since(&self) -> Option<Instant> {
        (!self.seq.is_empty()).then_some(self.since)
    }

    /// Adds the line that `write` appends. A line longer than `longest` bytes is taken back: `Err` with its length; its
    /// `seq` is used up, and what was open before it is sealed, since a chunk has no gaps.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        cut: Cut,
        longest: usize,
        sealed: &mut impl FnMut(Chunk),
        write: impl FnOnce(&mut BytesMut, u64),
    ) -> Result<(), usize> {
        let before = self.buffer.len();
        write(&mut self.buffer, self.seq.end);
        let line = self.buffer.len() - before;
        if line > longest {
            self.buffer.truncate(before);
            self.seal().into_iter().for_each(&mut *sealed);
            self.seq = self.seq.end + 1..self.seq.end + 1;
            return Err(line);
        }
        if before > 0 && cut.packed(self.buffer.len(), self.lines() + 1) > cut.target {
            let full = self.buffer.split_to(before);
            sealed(self.chunk(full.freeze()));
        }
        if self.seq.is_empty() {
            self.since = now;
        }
        self.seq.end += 1;
        if cut.single || cut.packed(self.buffer.len(), self.lines()) >= cut.target {
            self.seal().into_iter().for_each(sealed);
        }
        Ok(())
    }

    /// Notes that the line added last announces this.
    pub(crate) fn announce(&mut self, dropped: Vec<Dropped>) {
        self.announces = dropped;
    }

    /// Closes the chunk, if there is a line in it.
    pub(crate) fn seal(&mut self) -> Option<Chunk> {
        if self.seq.is_empty() {
            return None;
        }
        let lines = self.buffer.split().freeze();
        Some(self.chunk(lines))
    }

    fn chunk(&mut self, lines: Bytes) -> Chunk {
        let next = self.seq.end..self.seq.end;
        Chunk {
            lines,
            seq: std::mem::replace(&mut self.seq, next),
            since: self.since,
            announces: std::mem::take(&mut self.announces),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds lines of the given lengths; returns `(bytes, seq)` of each chunk, the open one last.
    fn cut(target: usize, single: bool, longest: usize, lengths: &[usize]) -> Vec<(usize, Range<u64>)> {
        let mut open = OpenChunk::new(0);
        let mut chunks = Vec::new();
        for &length in lengths {
            let _ = open.add(
                Instant::now(),
                Cut {
                    target,
                    single,
                    line_overhead: 0,
                },
                longest,
                &mut |chunk: Chunk| chunks.push(chunk),
                |out, _| out.extend_from_slice(&vec![b'x'; length]),
            );
        }
        chunks.extend(open.seal());
        chunks.into_iter().map(|chunk| (chunk.lines.len(), chunk.seq)).collect()
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
        let mut open = OpenChunk::new(0);
        let cut = Cut {
            target: 100,
            single: false,
            line_overhead: 10,
        };
        let mut chunks = Vec::new();
        for length in [40, 30, 10, 90, 91] {
            let write = |out: &mut BytesMut, _| out.extend_from_slice(&vec![b'x'; length]);
            open.add(
                Instant::now(),
                cut,
                1000,
                &mut |chunk: Chunk| chunks.push(chunk.seq),
                write,
            )
            .unwrap();
        }
        // 40 and 30 take 90, and 10 more would take 110; 90 fills the target alone, 91 more than that.
        assert_eq!(chunks, [0..2, 2..3, 3..4, 4..5]);
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
