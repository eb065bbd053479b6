//! What a queue holds, what it gives up, what it leaves behind.

use std::sync::Arc;

use tokio::time::Instant;

use super::Queue;
use crate::delivery::spool::Spooled;
use crate::record::chunk::Chunk;
use crate::record::ranges::{DropReason, Lost};
use crate::record::stats::IntakeStats;

/// A put in flight exists this many times beside its chunks: the records, the SDK's copy, the body in base64.
const ENCODED_COPIES: usize = 3;

/// What is kept free on disk at the end for announcements and the final report. Bytes.
const ROOM_FOR_LAST_WORDS: usize = 64 * 1024;

impl Queue {
    /// How much of the buffer's bound this lane takes.
    pub(crate) fn held(&self) -> usize {
        let in_flight = self.in_flight_cost + ENCODED_COPIES * self.encoded_bytes();
        self.writer.open_bytes() + self.older.cost + self.sealed.cost + in_flight
    }

    /// Nothing is held, in memory or on disk.
    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight.is_empty() && !self.has_waiting() && self.on_disk.is_empty()
    }

    /// The final report is written.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Something waits in memory.
    pub(super) fn has_waiting(&self) -> bool {
        let lines =
            !self.older.chunks.is_empty() || !self.sealed.chunks.is_empty() || self.writer.open_since().is_some();
        lines || self.may_announce()
    }

    pub(in crate::delivery::lane) fn is_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Makes room in memory: the oldest chunk that is not in flight goes to disk, or is given up. `false` if there is
    /// none.
    pub(crate) fn shed_oldest(&mut self) -> bool {
        let Some(chunk) = self.pop_oldest() else { return false };
        if let Some(chunk) = self.put_on_disk(chunk) {
            self.give_up(chunk, DropReason::BufferFull);
        }
        true
    }

    fn pop_oldest(&mut self) -> Option<Chunk> {
        if let Some(at) = self.older.chunks.iter().position(|chunk| !is_stub(chunk)) {
            let chunk = self.older.chunks.remove(at)?;
            self.older.cost -= chunk.cost();
            return Some(chunk);
        }
        if self.sealed.chunks.is_empty() {
            self.seal();
        }
        self.sealed.pop_front()
    }

    /// Moves a chunk from memory to disk; gives it back if the disk does not take it.
    fn put_on_disk(&mut self, chunk: Chunk) -> Option<Chunk> {
        let Some(spool) = self.spool.clone() else {
            return Some(chunk);
        };
        let spooled = match &chunk.ticket {
            // It is there already; of a piece nobody knows where it begins, so it is written anew.
            Some(ticket) if ticket.is_whole() => Some(self.labelled(&chunk, Arc::clone(ticket))),
            _ => {
                let (id, sink) = self.owner(&chunk);
                let spooled = spool.append(&id, &sink, &chunk.seq, &chunk.lines);
                if let (Some(ticket), Some(_)) = (&chunk.ticket, &spooled) {
                    spool.done(ticket);
                }
                spooled
            }
        };
        let Some(spooled) = spooled else { return Some(chunk) };
        self.ledger.spools(&chunk);
        self.on_disk.push_back(spooled);
        None
    }

    fn owner(&self, chunk: &Chunk) -> (String, String) {
        match &chunk.origin {
            Some(origin) => (origin.id.clone(), origin.sink.clone()),
            None => (self.writer.id().to_owned(), self.writer.name().to_owned()),
        }
    }

    fn labelled(&self, chunk: &Chunk, ticket: Arc<crate::delivery::spool::Ticket>) -> Spooled {
        let (id, sink) = self.owner(chunk);
        Spooled {
            id,
            sink,
            seq: chunk.seq.clone(),
            ticket,
        }
    }

    /// Writes every sealed chunk to disk that is not there yet, and seals what is open: under `always`, before Lambda
    /// gets its answer. What the disk does not take stays in memory only.
    pub(crate) fn persist(&mut self) {
        let Some(spool) = self.spool.clone().filter(|spool| spool.is_always()) else {
            return;
        };
        self.seal();
        let unwritten = self
            .sealed
            .chunks
            .iter()
            .rev()
            .take_while(|chunk| chunk.ticket.is_none())
            .count();
        let from = self.sealed.chunks.len() - unwritten;
        for chunk in self.sealed.chunks.range_mut(from..) {
            let spooled = spool.append(self.writer.id(), self.writer.name(), &chunk.seq, &chunk.lines);
            chunk.ticket = spooled.map(|spooled| spooled.ticket);
        }
    }

    pub(super) fn give_up(&mut self, chunk: Chunk, reason: DropReason) {
        self.forget_on_disk(&chunk);
        match &chunk.origin {
            None => {
                self.ledger.drop_own(reason, &chunk.seq);
                self.ledger.announce_again(chunk.announces);
            }
            // The gap is in another life's or lane's numbers, so its announcement takes the first of them.
            Some(origin) => {
                let stub = self.ledger.drop_foreign(reason, &chunk, origin);
                self.older.push_front(stub);
            }
        }
    }

    pub(super) fn forget_on_disk(&self, chunk: &Chunk) {
        if let (Some(spool), Some(ticket)) = (&self.spool, &chunk.ticket) {
            spool.done(ticket);
        }
    }

    /// The end, with nobody to come after: gives up all that waits, to be announced by what is still sent, and says what
    /// that was.
    pub(crate) fn give_up_rest(&mut self, now: Instant) -> Lost {
        self.return_in_flight();
        self.seal();
        let mut lost = Lost::default();
        for spooled in std::mem::take(&mut self.on_disk) {
            let chunk = self.unread(spooled);
            self.ledger.loads(&chunk);
            self.older.push_back(chunk);
        }
        let waiting: Vec<_> =
            std::iter::from_fn(|| self.older.pop_front().or_else(|| self.sealed.pop_front())).collect();
        for chunk in waiting {
            if is_stub(&chunk) {
                self.older.push_back(chunk);
                continue;
            }
            lost.add(self.owner(&chunk), DropReason::Shutdown, &chunk.seq);
            self.give_up(chunk, DropReason::Shutdown);
        }
        self.announce(now);
        lost
    }

    /// The end: what is left goes to disk, if there is a next life to find it there, and is given up otherwise. Says what
    /// was given up of whose lines; how many are on disk is in the accounts then.
    pub(crate) fn leave(&mut self, has_successor: bool, intake: &IntakeStats, now: Instant) -> Lost {
        self.return_in_flight();
        self.draining = false;
        if has_successor && !self.is_empty() {
            self.fit_to_disk();
            self.add_final_report(intake, now);
            self.announce(now);
        }
        self.seal();
        let mut lost = Lost::default();
        while let Some(chunk) = self.older.pop_front().or_else(|| self.sealed.pop_front()) {
            let left = if has_successor {
                self.put_on_disk(chunk)
            } else {
                Some(chunk)
            };
            if let Some(chunk) = left {
                self.forget_on_disk(&chunk);
                self.ledger.stats.drop_lines(DropReason::Shutdown, chunk.len());
                lost.add(self.owner(&chunk), DropReason::Shutdown, &chunk.seq);
                // What it was to announce is not announced either.
                lost.add_again(&self.owner(&chunk), chunk.announces);
            }
        }
        let own = (self.writer.id().to_owned(), self.writer.name().to_owned());
        lost.add_again(&own, self.ledger.take_unannounced());
        lost
    }

    /// Gives up the oldest lines until the disk has room for the others, and for what tells about them.
    fn fit_to_disk(&mut self) {
        let Some(spool) = self.spool.clone() else { return };
        let room = spool.room().saturating_sub(ROOM_FOR_LAST_WORDS);
        while self.older.cost + self.sealed.cost + self.writer.open_bytes() > room
            && let Some(chunk) = self.pop_oldest()
        {
            self.give_up(chunk, DropReason::BufferFull);
        }
    }
}

/// What only announces the loss of others' lines: it is small, and has no other place.
fn is_stub(chunk: &Chunk) -> bool {
    chunk.origin.is_some() && !chunk.announces.is_empty()
}
