//! What a lane holds, in memory and on disk.
//!
//! - this file: chunks in memory, and what they cost; how they go to disk and come back.
//! - `held`: a chunk with its owner and its place on disk; `backlog`: what is on disk only.

mod backlog;
mod held;

use std::sync::Arc;

use tokio::time::Instant;

use crate::delivery::spool::Spool;
use crate::record::chunk::{Chunk, Cut};
use crate::record::origin::Origin;
use crate::record::ranges::{DropReason, Losses};
use backlog::Backlog;
pub(super) use held::{Copy, Held, Shelf};

/// Chunks of an earlier process that cannot be read, in one go; then the rest of their segment is given up unread. Each is
/// a read and a write of the one thread, and a segment that holds so many was not written by us.
const MOST_UNREADABLE: usize = 64;

/// The chunks of one lane that are not in flight.
pub(super) struct Store {
    spool: Option<Arc<Spool>>,
    /// Place of the lane among the forwarder's.
    lane: usize,
    /// True if lines of this lane carry the member `forwarder`.
    stamped: bool,
    cut: Cut,
    /// Lines from elsewhere: from disk, an earlier process, another lane.
    pub older: Shelf,
    /// This process's own, in order.
    pub sealed: Shelf,
    backlog: Backlog,
}

/// Lines that cannot be kept.
#[derive(Debug)]
pub(super) struct GivenUp {
    pub owner: Arc<Origin>,
    pub seq: std::ops::Range<u64>,
    pub reason: DropReason,
}

impl Store {
    pub(super) fn new(spool: Option<Arc<Spool>>, lane: usize, stamped: bool, cut: Cut) -> Self {
        Self {
            spool,
            lane,
            stamped,
            cut,
            older: Shelf::default(),
            sealed: Shelf::default(),
            backlog: Backlog::default(),
        }
    }

    /// Bytes of memory.
    pub(super) fn cost(&self) -> usize {
        let index = self.spool.as_ref().map_or(0, |spool| spool.cost(self.lane));
        self.older.cost() + self.sealed.cost() + self.backlog.cost() + index
    }

    /// Bytes of the chunks in memory.
    pub(super) fn chunk_cost(&self) -> usize {
        self.older.cost() + self.sealed.cost()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.older.is_empty() && self.sealed.is_empty() && self.backlog.is_empty()
    }

    pub(super) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Lines in memory.
    pub(super) fn lines(&self) -> u64 {
        self.older.lines() + self.sealed.lines()
    }

    /// Lines on disk only, as far as they are known: segments of earlier processes are not before they are listed.
    pub(super) fn spooled(&self) -> u64 {
        self.backlog.lines()
    }

    pub(super) fn add_sealed(&mut self, chunk: Chunk, owner: &Arc<Origin>) {
        self.sealed.push_back(Held::new(chunk, Arc::clone(owner)));
    }

    /// Takes chunks in that were cut for another lane, or earlier. They are cut as this lane's records need it.
    pub(super) fn take_in(&mut self, held: Held) {
        held.cut(self.cut)
            .into_iter()
            .for_each(|held| self.older.push_back(held));
    }

    /// Puts a chunk back to where it came from: `own` is the owner of this lane's own lines.
    pub(super) fn put_back(&mut self, held: Held, own: &Arc<Origin>) {
        if held.owner == *own {
            self.sealed.push_front(held);
        } else {
            self.older.push_front(held);
        }
    }

    /// As [`put_back`](Self::put_back), but behind all others.
    pub(super) fn put_last(&mut self, held: Held, own: &Arc<Origin>) {
        if held.owner == *own {
            self.sealed.push_back(held);
        } else {
            self.older.push_back(held);
        }
    }

    /// Puts a chunk among what comes from elsewhere.
    pub(super) fn keep(&mut self, held: Held) {
        self.older.push_back(held);
    }

    /// What is sealed comes from elsewhere from here on: its `id` is closed.
    pub(super) fn sealed_is_older(&mut self) {
        while let Some(held) = self.sealed.pop_front() {
            self.older.push_back(held);
        }
    }

    /// Bytes that the chunks in memory would take on disk, as far as they are not there.
    pub(super) fn unwritten_bytes(&self) -> usize {
        let chunks = self.older.iter().chain(self.sealed.iter());
        let unwritten = chunks.filter(|held| !matches!(held.copy, Copy::Whole(_)));
        unwritten.map(Held::bytes_on_disk).sum()
    }

    /// Lets a chunk go that is on disk; gives it back if it is not.
    pub(super) fn leave_on_disk(&mut self, held: Held) -> Option<Held> {
        match held.copy {
            Copy::Whole(_) => self.put_on_disk(held),
            Copy::None | Copy::Piece(_) => Some(held),
        }
    }

    /// Takes the oldest chunk out of memory.
    pub(super) fn pop_oldest(&mut self) -> Option<Held> {
        self.older.pop_front().or_else(|| self.sealed.pop_front())
    }

    /// Moves a chunk to disk; gives it back if the disk does not take it.
    pub(super) fn put_on_disk(&mut self, held: Held) -> Option<Held> {
        let Some(spool) = &self.spool else { return Some(held) };
        let ticket = match &held.copy {
            Copy::Whole(ticket) => Some(*ticket),
            // A piece has no place of its own on disk, so it is written as a chunk.
            Copy::None | Copy::Piece(_) => spool.append(self.lane, &held.owner, &held.chunk.seq, &held.chunk.lines),
        };
        let Some(ticket) = ticket else { return Some(held) };
        if let Copy::Piece(piece) = &held.copy {
            piece.done(spool);
        }
        self.backlog.add(held.owner, held.chunk.seq, ticket);
        None
    }

    /// Writes every sealed chunk that is not on disk: under `always`, before Lambda gets its answer. Returns what the
    /// disk does not take, which stays in memory only.
    pub(super) fn persist(&mut self) -> Losses {
        let mut missing = Losses::default();
        let Some(spool) = &self.spool else { return missing };
        let mut takes = true;
        for held in self.sealed.unwritten() {
            let Held { chunk, owner, copy, .. } = held;
            if takes && let Some(ticket) = spool.append(self.lane, owner, &chunk.seq, &chunk.lines) {
                *copy = Copy::Whole(ticket);
            } else {
                takes = false;
                missing.add(owner, DropReason::Shutdown, None, &chunk.seq);
            }
        }
        for held in self.older.iter().filter(|held| matches!(held.copy, Copy::None)) {
            missing.add(&held.owner, DropReason::Shutdown, None, &held.chunk.seq);
        }
        missing
    }

    /// Writes what another lane handed over, under `always`, and forgets its place among that lane's.
    pub(super) fn adopt(&mut self, mut held: Held) {
        let Some(spool) = &self.spool else {
            return self.take_in(held);
        };
        let ticket = spool
            .is_always()
            .then(|| spool.append(self.lane, &held.owner, &held.chunk.seq, &held.chunk.lines))
            .flatten();
        held.copy.done(Some(spool));
        held.copy = ticket.map_or(Copy::None, Copy::Whole);
        self.take_in(held);
    }

    /// A chunk needs no place on disk any more.
    pub(super) fn forget(&self, held: &Held) {
        held.copy.done(self.spool.as_ref());
    }

    /// A segment of an earlier process is this lane's.
    pub(super) fn recover(&mut self, segment: u64) {
        self.backlog.add_found(segment);
    }

    /// Loads from disk until memory holds `enough` bytes of what comes from there. Nothing may be in flight.
    /// `recovered` counts lines that were found and not known before.
    pub(super) fn load(&mut self, enough: usize, recovered: &mut u64) -> Vec<GivenUp> {
        let mut given_up = Vec::new();
        let Some(spool) = self.spool.clone() else {
            return given_up;
        };
        let mut unreadable = 0;
        while self.older.cost() < enough {
            let in_memory = || self.older.tickets().chain(self.sealed.tickets());
            let Some(on_disk) = self.backlog.next(&spool, in_memory, recovered, &mut given_up) else {
                break;
            };
            let chunk = spool.read(&on_disk.ticket).map(|lines| Chunk {
                lines,
                seq: on_disk.seq.clone(),
                since: Instant::now(),
            });
            let stamped = self.stamped;
            let is_sound = |chunk: &Chunk| {
                !spool.is_found(&on_disk.ticket) || crate::record::recovered::is_sound(chunk, &on_disk.owner, stamped)
            };
            match chunk.filter(is_sound) {
                Some(chunk) => self.take_in(Held {
                    copy: Copy::Whole(on_disk.ticket),
                    ..Held::new(chunk, on_disk.owner)
                }),
                None => {
                    unreadable += usize::from(spool.is_found(&on_disk.ticket));
                    spool.done(&on_disk.ticket);
                    given_up.push(GivenUp {
                        owner: on_disk.owner,
                        seq: on_disk.seq,
                        reason: DropReason::SpoolCorrupt,
                    });
                    if unreadable == MOST_UNREADABLE {
                        unreadable = 0;
                        let chunks = self.backlog.give_up_rest(recovered, &mut given_up);
                        spool.give_up(on_disk.ticket.segment, chunks);
                    }
                }
            }
        }
        given_up
    }

    /// Gives up all that is on disk only, with its place there.
    pub(super) fn give_up_backlog(&mut self, recovered: &mut u64) -> Vec<GivenUp> {
        let mut given_up = Vec::new();
        let Some(spool) = self.spool.clone() else {
            return given_up;
        };
        let in_memory = || self.older.tickets().chain(self.sealed.tickets());
        while let Some(on_disk) = self.backlog.next(&spool, in_memory, recovered, &mut given_up) {
            spool.done(&on_disk.ticket);
            given_up.push(GivenUp {
                owner: on_disk.owner,
                seq: on_disk.seq,
                reason: DropReason::Shutdown,
            });
        }
        given_up
    }
}
