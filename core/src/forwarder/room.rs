//! The bound of what all lanes hold together, and which of them gives way.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Forwarder;
use super::state::{Queues, let_go};
use crate::delivery::spool::Spool;
use crate::intake::Intake;

/// Each lane is sure of its part of the buffer, divided by this; the rest is for whoever needs it first. What is in
/// flight takes at most the other half.
const SHARED_PART: usize = 2;

impl Forwarder {
    /// Near the bound nothing waits for its invocation's end any more. Past it moves the oldest lines of whichever lane
    /// holds most to disk, or gives them up, until all together hold no more than they may. A lane that holds no more
    /// than its sure part keeps it. Returns what is held then.
    pub(super) fn make_room(&self, intake: &mut Intake, queues: &mut Queues<'_>, now: Instant) -> usize {
        if held(queues) + intake.held() > self.high_water() {
            let_go(intake, now, queues, now);
        }
        let sure = self.buffer_bytes / (SHARED_PART * queues.len().max(1));
        // Lanes that have nothing left to give: what is in flight goes as soon as its put is judged.
        let mut spent = vec![false; queues.len()];
        loop {
            let held = held(queues) + intake.held();
            if held <= self.buffer_bytes {
                return held;
            }
            let candidates = queues.iter_mut().zip(&mut spent).filter(|(_, spent)| !**spent);
            let fullest = candidates
                .map(|(queue, spent)| (queue.held(), queue, spent))
                .filter(|(held, ..)| *held > sure)
                .max_by_key(|(held, ..)| *held);
            let Some((_, queue, spent)) = fullest else { return held };
            *spent = !queue.shed_oldest();
        }
    }

    pub(super) fn high_water(&self) -> usize {
        self.buffer_bytes / 4 * 3
    }

    /// Waits until there is room for a body of this size, for as long as some sink makes room, at most `patience`.
    pub async fn room(&self, body_bytes: usize, patience: Duration) {
        let deadline = Instant::now() + patience;
        // With its envelopes, a body takes about twice its size.
        let most = self.buffer_bytes.saturating_sub(2 * body_bytes).min(self.high_water());
        loop {
            let held: Vec<_> = self.lanes.iter().map(|lane| lane.queue().held()).collect();
            let fullest = self.lanes.iter().enumerate().max_by_key(|(lane, _)| held.get(*lane));
            let Some((index, lane)) = fullest else { return };
            // Under `always` the disk must have room for it too.
            let is_disk_full = |spool: &Arc<Spool>| spool.is_always() && spool.room(index) < 2 * body_bytes;
            let is_full = held.iter().sum::<usize>() > most || self.spool.as_ref().is_some_and(is_disk_full);
            // The lane that holds most is the one that gives way. If its sink is sick nobody waits for it: it gives up its
            // own lines, and those of others have their room.
            if !is_full || lane.failing().is_some() || lane.queue().is_empty() {
                return;
            }
            if lane.progress(deadline).await.is_err() {
                return;
            }
        }
    }
}

fn held(queues: &Queues<'_>) -> usize {
    queues.iter().map(|queue| queue.held()).sum()
}
