//! Between disk, lanes and lives.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::Queue;
use crate::delivery::spool::Spooled;
use crate::record::chunk::Chunk;
use crate::record::origin::Origin;
use crate::record::ranges::DropReason;

impl Queue {
    /// Takes note of chunks that an earlier life left on disk.
    pub(crate) fn recover(&mut self, spooled: Spooled) {
        self.ledger.recovers(&spooled);
        self.on_disk.push_back(spooled);
    }

    /// Loads from disk as much as one put takes, if memory has less than that waiting.
    pub(super) fn load(&mut self) {
        let Some(spool) = self.spool.clone() else { return };
        while self.older.cost < self.put_bytes
            && let Some(spooled) = self.on_disk.pop_front()
        {
            let lines = spool.read(&spooled.ticket);
            let mut chunk = self.unread(spooled);
            self.ledger.loads(&chunk);
            match lines {
                Some(lines) => {
                    chunk.lines = lines;
                    self.take_in(chunk);
                }
                None => self.give_up(chunk, DropReason::SpoolCorrupt),
            }
        }
    }

    /// The chunk on disk, without its lines.
    pub(super) fn unread(&self, spooled: Spooled) -> Chunk {
        let Spooled { id, sink, seq, ticket } = spooled;
        let is_own = id == self.writer.id() && sink == self.writer.name();
        Chunk {
            lines: Bytes::new(),
            seq,
            origin: (!is_own).then(|| Arc::new(Origin { id, sink })),
            since: Instant::now(),
            announces: Vec::new(),
            ticket: Some(ticket),
            suspected: None,
        }
    }

    fn take_in(&mut self, chunk: Chunk) {
        for chunk in chunk.cut(self.writer.cut()) {
            self.older.push_back(chunk);
        }
    }

    /// Hands everything over that waits in memory, if the sink's health asks for it. `at_once`: whatever its health.
    pub(in crate::delivery::lane) fn hand_over(&mut self, at_once: bool, now: Instant) -> Vec<Chunk> {
        // When the sink may be tried again, what waits is what it is tried with.
        let may_try = self.health.retry_at().is_none_or(|retry_at| retry_at <= now);
        if !at_once && (may_try || !self.health.hands_over(now)) {
            return Vec::new();
        }
        self.load();
        self.seal();
        let own = Arc::new(Origin {
            id: self.writer.id().to_owned(),
            sink: self.writer.name().to_owned(),
        });
        let mut chunks = Vec::new();
        while let Some(mut chunk) = self.older.pop_front().or_else(|| self.sealed.pop_front()) {
            self.ledger.hands_over(&chunk);
            chunk.origin.get_or_insert_with(|| Arc::clone(&own));
            chunks.push(chunk);
        }
        chunks
    }

    /// Takes over what another lane hands over.
    pub(in crate::delivery::lane) fn take_over(&mut self, chunks: Vec<Chunk>) {
        for chunk in chunks {
            self.ledger.takes_over(&chunk);
            self.take_in(chunk);
        }
    }
}
