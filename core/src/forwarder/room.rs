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

/// The sure part of a lane whose sink fails is divided by this: what it holds beyond waits for a sink that may never take it,
/// in the way of one that does.
const FAILING_PART: usize = 2;

impl Forwarder {
    /// Near the bound nothing waits for its invocation's end any more. Past it moves the oldest lines of whichever lane
    /// holds most to disk, or gives them up, until all together hold no more than they may: of a lane whose sink fails
    /// first. A lane that holds no more than its sure part keeps it. Returns what is held then.
    pub(super) fn make_room(&self, intake: &mut Intake, queues: &mut Queues<'_>, now: Instant) -> usize {
        if held(queues) + intake.held() > self.high_water() {
            let_go(intake, now, queues, now);
        }
        // Lanes that have nothing left to give: what is in flight goes as soon as its put is judged.
        let mut spent = vec![false; queues.len()];
        loop {
            let held = held(queues) + intake.held();
            if held <= self.delivery().buffer_bytes {
                return held;
            }
            let candidates = queues.iter_mut().zip(&mut spent).filter(|(_, spent)| !**spent);
            let fullest = candidates
                .map(|(queue, spent)| ((queue.failing().is_some(), queue.held()), queue, spent))
                .filter(|((is_failing, held), ..)| *held > self.sure(*is_failing))
                .max_by_key(|(order, ..)| *order);
            let Some((_, queue, spent)) = fullest else { return held };
            *spent = !queue.shed_oldest();
        }
    }

    /// Bytes that a lane is sure of.
    fn sure(&self, is_failing: bool) -> usize {
        let sure = self.delivery().buffer_bytes / (SHARED_PART * self.lanes().len().max(1));
        if is_failing { sure / FAILING_PART } else { sure }
    }

    pub(super) fn high_water(&self) -> usize {
        self.delivery().buffer_bytes / 4 * 3
    }

    /// Waits until there is room for a body of this size, for as long as some sink makes room, at most `patience`.
    pub async fn room(&self, body_bytes: usize, patience: Duration) {
        let deadline = Instant::now() + patience;
        // With its envelopes, a body takes about twice its size.
        let most = self
            .delivery()
            .buffer_bytes
            .saturating_sub(2 * body_bytes)
            .min(self.high_water());
        loop {
            let (mut together, mut fullest) = (0, None);
            for (index, lane) in self.lanes().iter().enumerate() {
                let queue = lane.queue();
                // Nobody waits for a sick sink: of what its lane holds, all but the sure part is as good as free.
                if queue.failing().is_some() {
                    together += queue.held().min(self.sure(true));
                    continue;
                }
                together += queue.held();
                if !queue.is_empty() && fullest.is_none_or(|(held, _)| held < queue.held()) {
                    fullest = Some((queue.held(), index));
                }
            }
            let Some((index, lane)) = fullest.and_then(|(_, index)| Some((index, self.lanes().get(index)?))) else {
                return;
            };
            // Under `always` the disk must have room for it too.
            let is_disk_full = |spool: &Arc<Spool>| spool.is_always() && spool.room(index) < 2 * body_bytes;
            if together <= most && !self.delivery().spool.as_ref().is_some_and(is_disk_full) {
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
