//! Between disk, lanes and processes.

use tokio::time::Instant;

use super::Queue;
use crate::delivery::store::Held;
use crate::record::ranges::Losses;

/// A fallback that holds this many puts of what it took over takes no more for now.
const TAKEN_OVER_PUTS: usize = 2;

/// What one lane hands over to another: lines, and what is to be announced.
pub(in crate::delivery) struct HandedOver {
    chunks: Vec<Held>,
    losses: Losses,
}

impl Queue {
    /// A segment that an earlier process left is this lane's.
    pub(crate) fn recover(&mut self, segment: u64) {
        self.store.recover(segment);
    }

    /// What an earlier process gave up is to be announced here.
    pub(crate) fn owe(&mut self, losses: Losses) {
        self.ledger.owes(losses);
    }

    /// Loads from disk until memory holds `enough` bytes of it.
    pub(super) fn load(&mut self, enough: usize) {
        if self.attempt.is_empty() {
            let given_up = self.store.load(enough, &mut self.ledger.stats.recovered);
            self.give_up_all(given_up);
        }
    }

    /// Bytes that this lane takes over just now.
    pub(in crate::delivery) fn takes_over(&self) -> usize {
        (TAKEN_OVER_PUTS * self.put_bytes()).saturating_sub(self.store.older.cost())
    }

    /// Hands over what waits, up to `room` bytes, if the sink's health asks for it. `at_once`: whatever its health.
    pub(in crate::delivery) fn hand_over(&mut self, at_once: bool, room: usize, now: Instant) -> Option<HandedOver> {
        // When the sink may be tried again, what waits is what it is tried with.
        let asks = self.pacing.is_waiting(now) && self.pacing.breaker.hands_over();
        if room == 0 || (!at_once && !asks) {
            return None;
        }
        self.load(self.put_bytes().min(room));
        self.seal();
        let (mut chunks, mut cost) = (Vec::new(), 0);
        while cost < room
            && let Some(held) = self.store.pop_oldest()
        {
            cost += held.cost();
            self.ledger.stats.handed_over += held.chunk.len();
            chunks.push(held);
        }
        let own = self.writer.own();
        let stamped = self.writer.tells_of_itself();
        // Lines of the envelope `raw` have no numbers that another lane could name.
        let losses = self.ledger.take_owed(|owner| stamped || owner.sink != own.sink);
        (!chunks.is_empty() || !losses.is_empty()).then_some(HandedOver { chunks, losses })
    }

    /// Takes over what another lane hands over.
    pub(in crate::delivery) fn take_over(&mut self, handed_over: HandedOver) {
        let HandedOver { chunks, losses } = handed_over;
        for mut held in chunks {
            self.ledger.stats.taken_over += held.chunk.len();
            held.suspected = None;
            self.store.adopt(held);
        }
        self.ledger.owes(losses);
        self.persist();
    }

    /// What was handed over is safe with the other lane.
    pub(in crate::delivery) fn handed_over(&mut self) {
        self.renew_losses();
    }
}
