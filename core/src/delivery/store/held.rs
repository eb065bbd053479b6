//! A chunk that a lane holds: whose it is, and where it is on disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::delivery::spool::{self, Spool, Ticket};
use crate::record::chunk::{Chunk, Cut};
use crate::record::origin::Origin;

/// A chunk of a lane.
#[derive(Debug)]
pub(in crate::delivery) struct Held {
    pub chunk: Chunk,
    /// Who numbered its lines: this lane in this process, an earlier process, or another lane.
    pub owner: Arc<Origin>,
    pub copy: Copy,
    /// The sink called it invalid, alone, when it had taken so many records.
    pub suspected: Option<u64>,
}

/// What of a chunk is on disk.
#[derive(Debug)]
pub(in crate::delivery) enum Copy {
    /// Nothing.
    None,
    /// All of it.
    Whole(Ticket),
    /// It is a piece of a chunk that is on disk as a whole.
    Piece(Arc<Pieces>),
}

/// The pieces of a chunk on disk, which is free once each of them is delivered or elsewhere.
#[derive(Debug)]
pub(in crate::delivery) struct Pieces {
    ticket: Ticket,
    left: AtomicUsize,
}

impl Pieces {
    pub(super) fn done(&self, spool: &Spool) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            spool.done(&self.ticket);
        }
    }
}

impl Copy {
    /// What is on disk is not needed any more.
    pub(super) fn done(&self, spool: Option<&Arc<Spool>>) {
        let Some(spool) = spool else { return };
        match self {
            Self::None => {}
            Self::Whole(ticket) => spool.done(ticket),
            Self::Piece(pieces) => pieces.done(spool),
        }
    }

    fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::None => None,
            Self::Whole(ticket) => Some(*ticket),
            Self::Piece(pieces) => Some(pieces.ticket),
        }
    }
}

/// Memory of a chunk besides its lines: its own struct, twice since a list may have twice the room that it needs, and what
/// an allocation of lines and a ticket for pieces take. Bytes.
const OVERHEAD_BYTES: usize = 2 * size_of::<Held>() + 64;

impl Held {
    pub(in crate::delivery) fn new(chunk: Chunk, owner: Arc<Origin>) -> Self {
        Self {
            chunk,
            owner,
            copy: Copy::None,
            suspected: None,
        }
    }

    /// Bytes of memory.
    pub(in crate::delivery) fn cost(&self) -> usize {
        self.chunk.lines.len() + OVERHEAD_BYTES
    }

    /// Bytes that it takes on disk, at most.
    pub(in crate::delivery) fn bytes_on_disk(&self) -> usize {
        self.chunk.lines.len() + spool::ENTRY_BYTES
    }

    /// Cuts it as a lane's records need it.
    pub(super) fn cut(self, cut: Cut) -> Vec<Self> {
        let Self { chunk, owner, copy, .. } = self;
        let mut chunks = chunk.cut(cut);
        if chunks.len() <= 1 {
            let whole = chunks.pop().map(|chunk| Self {
                chunk,
                owner,
                copy,
                suspected: None,
            });
            return whole.into_iter().collect();
        }
        let pieces = match copy {
            Copy::None => None,
            Copy::Whole(ticket) => {
                let left = AtomicUsize::new(chunks.len());
                Some(Arc::new(Pieces { ticket, left }))
            }
            Copy::Piece(pieces) => {
                pieces.left.fetch_add(chunks.len() - 1, Ordering::Relaxed);
                Some(pieces)
            }
        };
        let held = chunks.into_iter().map(|chunk| Self {
            chunk,
            owner: Arc::clone(&owner),
            copy: pieces
                .as_ref()
                .map_or(Copy::None, |pieces| Copy::Piece(Arc::clone(pieces))),
            suspected: None,
        });
        held.collect()
    }
}

/// Chunks in order, and what they come to.
#[derive(Debug, Default)]
pub(in crate::delivery) struct Shelf {
    chunks: VecDeque<Held>,
    cost: usize,
    lines: u64,
}

impl Shelf {
    pub(in crate::delivery) fn cost(&self) -> usize {
        self.cost
    }

    pub(in crate::delivery) fn lines(&self) -> u64 {
        self.lines
    }

    pub(in crate::delivery) fn len(&self) -> usize {
        self.chunks.len()
    }

    pub(in crate::delivery) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(in crate::delivery) fn front(&self) -> Option<&Held> {
        self.chunks.front()
    }

    pub(in crate::delivery) fn push_back(&mut self, held: Held) {
        self.cost += held.cost();
        self.lines += held.chunk.len();
        self.chunks.push_back(held);
    }

    pub(in crate::delivery) fn push_front(&mut self, held: Held) {
        self.cost += held.cost();
        self.lines += held.chunk.len();
        self.chunks.push_front(held);
    }

    pub(in crate::delivery) fn pop_front(&mut self) -> Option<Held> {
        let held = self.chunks.pop_front()?;
        self.cost -= held.cost();
        self.lines -= held.chunk.len();
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
        Some(held)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.chunks.iter()
    }

    /// What is not on disk, the oldest first.
    pub(super) fn unwritten(&mut self) -> impl Iterator<Item = &mut Held> {
        self.chunks.iter_mut().filter(|held| matches!(held.copy, Copy::None))
    }

    /// Where these chunks are on disk.
    pub(super) fn tickets(&self) -> impl Iterator<Item = Ticket> {
        self.chunks.iter().filter_map(|held| held.copy.ticket())
    }
}
