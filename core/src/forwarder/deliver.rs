//! Delivery of all lanes: while the environment runs, before it is frozen, after it was, and at its end.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::state::{let_go, send_rows};
use super::{Forwarder, Undelivered};
use crate::delivery::lane::Lane;
use crate::delivery::pacing::Flush;
use crate::delivery::sink::Target;
use crate::record::ranges::Losses;
use crate::telemetry::snapshot::Snapshot;

/// Part of the remaining time that is kept at the end for each lane's final report.
const LAST_WORDS_TIME: Duration = Duration::from_millis(150);

/// Part of the remaining time that is kept at the end for the fallbacks.
const FALLBACK_TIME: Duration = Duration::from_millis(400);

impl Forwarder {
    /// The environment runs: lanes may put by size and age. `drain`: and at once whatever they hold.
    pub fn run(&self, drain: bool) {
        self.lanes().iter().for_each(|lane| lane.run(drain));
    }

    /// Delivers all that is held, until `deadline` at the latest. A lane that delivers nothing in that time opens its
    /// breaker: later flushes do not wait for it until a put succeeds. `true` if nothing is held.
    pub async fn flush(&self, deadline: Instant) -> bool {
        let started = Instant::now();
        let before: Vec<_> = self
            .lanes()
            .iter()
            .map(|lane| {
                let mut queue = lane.queue();
                (!queue.breaker().is_open(), queue.stats())
            })
            .collect();
        self.run(true);
        // Twice: what a lane hands over, its fallback delivers.
        for (lane, (waits, _)) in self.lanes().iter().zip(&before).chain(self.lanes().iter().zip(&before)) {
            if *waits {
                lane.settle(deadline).await;
            }
        }
        for (lane, (waits, before)) in self.lanes().iter().zip(&before) {
            let mut queue = lane.queue();
            let now = queue.stats();
            if *waits {
                let is_empty = queue.is_empty();
                queue.breaker().flushed(Flush {
                    time: started.elapsed(),
                    failed: now.failed_puts > before.failed_puts,
                    delivered: now.records != before.records,
                    is_empty,
                });
            }
        }
        self.lanes().iter().all(|lane| lane.queue().is_empty())
    }

    /// Cancels what is in flight and starts no put, for a while: the environment is about to be frozen. Returns as soon
    /// as nothing is in flight, but for what shows whether a sink behind an open breaker is well again.
    pub async fn pause(&self) {
        self.lanes().iter().for_each(Lane::pause);
        for lane in self.lanes() {
            if !lane.queue().breaker().is_open() {
                lane.idle().await;
            }
        }
    }

    /// Drops the sinks' idle connections, after a pause that they are not likely to have survived.
    pub fn renew(&self) {
        self.lanes().iter().for_each(Lane::renew);
    }

    /// Opens the sinks' connections while nobody waits for them; those of one that does not answer keep no other
    /// waiting.
    pub async fn warm_up(&self) {
        let mut opening = JoinSet::new();
        for sink in self.lanes().iter().map(Lane::sink) {
            opening.spawn(async move { sink.warm_up().await });
        }
        while opening.join_next().await.is_some() {}
    }

    /// Asks the target of each sink if it goes with the sink's format, and says where it does not. `false`: one did not
    /// answer.
    pub async fn look_at_targets(&self) -> bool {
        let mut all_answered = true;
        for lane in self.lanes() {
            let sink = lane.name();
            match lane.sink().look_at_target(lane.format()).await {
                Target::Fits => {}
                Target::Loses(why) => log::error!(event = "target_loses", sink; "{why}"),
                Target::Closed(why) => log::warn!(event = "target_not_seen", sink; "{why}"),
                Target::Silent => all_answered = false,
            }
        }
        all_answered
    }

    /// Looks for what earlier processes left on disk, and delivers it with its own `id`, `sink` and `seq`; what they
    /// could not announce is announced.
    pub async fn recover(&self) {
        let Some(spool) = &self.delivery().spool else { return };
        let mut found = spool.look_for_earlier();
        for (lane, segment) in found.segments.drain(..) {
            let lane = self.lanes().get(lane);
            lane.iter().for_each(|lane| lane.queue().recover(segment));
        }
        for (lane, losses) in found.losses.drain(..) {
            let lane = self.lanes().get(lane);
            lane.iter().for_each(|lane| lane.queue().owe(losses.clone()));
        }
        // On disk again, under this process's name, before it is removed there.
        for lane in self.lanes() {
            lane.queue().save_losses(Losses::default());
        }
        spool.forget(found);
        self.lanes().iter().for_each(Lane::wake);
        tokio::task::yield_now().await;
    }

    /// The end of this life: delivers until shortly before `deadline`, at last to the fallbacks, and closes each lane
    /// with its final report. What is left goes to disk if there is a life after this one to find it (`has_successor`);
    /// otherwise it is given up, announced if the sink still takes that, and returned. Nothing may be accepted any
    /// more.
    pub async fn close(&self, deadline: Instant, has_successor: bool) -> Vec<Undelivered> {
        let intake = {
            let mut state = self.state();
            let mut queues: Vec<_> = self.lanes().iter().map(Lane::queue).collect();
            let now = Instant::now();
            if state.intake.snapshot == Snapshot::Near {
                // Other environments made from the snapshot may end like this, and the `id` is in all of them.
                self.begin_life_in(&mut state, &mut queues, now);
            }
            let halves = state.intake.halves.take_all();
            self.give_up_halves(halves, &mut state, &mut queues, now);
            // An invocation that has no end by now did not end well.
            send_rows(&state.intake.finish_rows(now.into_std()), &mut queues, now);
            let_go(&mut state.intake, now, &mut queues, now);
            self.make_room(&mut state.intake, &mut queues, now);
            state.intake.stats
        };
        let last_words_at = deadline.checked_sub(LAST_WORDS_TIME).unwrap_or(deadline);
        // What has been in flight for long, towards a sink that is known to be sick, gets a chance on a new connection.
        for lane in self.lanes().iter().filter(|lane| lane.is_probing()) {
            lane.halt().await;
            lane.renew();
        }
        self.try_again();
        let mut handed_over = Vec::new();
        if self.lanes().iter().any(Lane::has_fallback) {
            let hand_over_at = last_words_at.checked_sub(FALLBACK_TIME).unwrap_or(deadline);
            for lane in self.lanes().iter().filter(|lane| lane.has_fallback()) {
                if !lane.settle(hand_over_at).await {
                    lane.halt().await;
                    lane.hand_over();
                    handed_over.push(lane.name());
                }
            }
            self.run(true);
        }
        for lane in self.lanes() {
            lane.settle(last_words_at).await;
        }
        let mut lost = Losses::default();
        // What a lane says last may have to go to its fallback, so fallbacks close after those.
        let (with_fallback, others): (Vec<_>, Vec<_>) = self.lanes().iter().partition(|lane| lane.has_fallback());
        let stuck: Vec<_> = self
            .lanes()
            .iter()
            .filter(|lane| !lane.queue().is_empty())
            .map(Lane::name)
            .collect();
        for lane in with_fallback.into_iter().chain(others) {
            if stuck.contains(&lane.name()) {
                lane.halt().await;
                if has_successor {
                    continue;
                }
                lost.append(lane.queue().give_up_rest());
            }
            lane.queue().add_final_report(&intake, Instant::now());
            lane.queue().persist();
            if lane.failing().is_some() || handed_over.contains(&lane.name()) {
                lane.hand_over();
            }
        }
        self.try_again();
        for lane in self
            .lanes()
            .iter()
            .filter(|lane| !has_successor || lane.queue().is_closed())
        {
            lane.settle(deadline).await;
        }
        for lane in self.lanes() {
            lane.halt().await;
            lost.append(lane.queue().leave(has_successor, &intake, Instant::now()));
        }
        self.delivery().spool.iter().for_each(|spool| spool.close());
        let lost = lost.into_dropped().map(|(owner, dropped)| Undelivered {
            id: owner.id.clone(),
            sink: owner.sink.clone(),
            dropped,
        });
        lost.collect()
    }

    /// Lets every lane put at once, whatever failed before.
    fn try_again(&self) {
        for lane in self.lanes() {
            lane.queue().pacing().forget_pause();
        }
        self.run(true);
    }
}
