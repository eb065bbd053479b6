//! When a lane puts: policy only. Every instant is passed in.
//!
//! - this file: whether the environment runs, and when the next put is due.
//! - `breaker`: how the sink fares, and what follows from it; [`backoff`]: pauses between attempts.
//! - `allowance`: how much is put of what other lanes hand over.

mod allowance;
pub mod backoff;
mod breaker;

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::sink::Reason;
pub(in crate::delivery) use allowance::Allowance;
use backoff::Backoff;
pub(in crate::delivery) use breaker::Change;
pub(crate) use breaker::{Breaker, Flush};

/// Time at which there is something to put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::delivery) enum Due {
    Now,
    At(Instant),
    Never,
    /// The forwarder is gone.
    Stopped,
}

/// What waits in a lane, as far as it matters for when to put.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::delivery) struct Waiting {
    /// Something is held: in memory, on disk, or to be announced.
    pub any: bool,
    /// It is not this process's own lines alone, so that waiting for more makes no sense.
    pub old: bool,
    /// Nothing can be put but what the allowance is for.
    pub only_taken_over: bool,
    /// Memory holds as much as a put takes.
    pub full_put: bool,
    /// Since when the oldest line in memory waits.
    pub oldest: Option<Instant>,
}

/// The times of one lane.
#[derive(Debug)]
pub(crate) struct Pacing {
    pub(in crate::delivery) breaker: Breaker,
    backoff: Backoff,
    /// No put before.
    retry_at: Option<Instant>,
    /// No announcement before: the sink called one invalid.
    pub(in crate::delivery) announce_at: Option<Instant>,
    pub(in crate::delivery) allowance: Option<Allowance>,
    /// Since when no put is to be started; `None` while the environment runs.
    paused: Option<Instant>,
    draining: bool,
    stopped: bool,
    /// No line waits longer while the environment runs.
    max_age: Duration,
    random: fastrand::Rng,
}

/// After a put that had nothing in it, though something was due.
const EMPTY_PUT_PAUSE: Duration = Duration::from_millis(250);

impl Pacing {
    pub(in crate::delivery) fn new(max_age: Duration, taken_over_bytes: Option<usize>, now: Instant) -> Self {
        Self {
            breaker: Breaker::default(),
            backoff: Backoff::default(),
            retry_at: None,
            announce_at: None,
            allowance: taken_over_bytes.map(|bytes| Allowance::new(bytes, now)),
            paused: None,
            draining: false,
            stopped: false,
            max_age,
            random: random(),
        }
    }

    /// From here on no line waits longer while the environment runs.
    pub(crate) fn set_max_age(&mut self, max_age: Duration) {
        self.max_age = max_age;
    }

    /// The environment runs. `drain`: whatever is held is put at once.
    pub(in crate::delivery) fn run(&mut self, drain: bool) {
        self.paused = None;
        self.draining |= drain || self.breaker.is_open();
    }

    pub(crate) fn pause(&mut self, now: Instant) {
        self.paused = Some(now);
        self.draining = false;
    }

    /// No put is to be started for a while.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// An environment that fills a put after a pause was not frozen.
    pub(in crate::delivery) fn fills_a_put(&mut self) {
        self.paused = None;
    }

    pub(in crate::delivery) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(in crate::delivery) fn stop_draining(&mut self) {
        self.draining = false;
    }

    /// True if the worker puts something now.
    pub(in crate::delivery) fn due(&mut self, waiting: Waiting, now: Instant) -> Due {
        if let Some(allowance) = &mut self.allowance {
            allowance.renew(now);
        }
        if self.stopped {
            return Due::Stopped;
        }
        if !waiting.any {
            self.draining = false;
            return Due::Never;
        }
        // An environment that is still awake so long after a pause was not frozen. All that is old goes then, not one put.
        self.paused = self.paused.filter(|paused| now.duration_since(*paused) < self.max_age);
        let at_once = self.draining || (self.paused.is_none() && (waiting.old || waiting.full_put));
        let due = if at_once {
            now
        } else {
            let oldest = waiting.oldest.unwrap_or(now);
            self.paused.map_or(oldest, |paused| paused.max(oldest)) + self.max_age
        };
        match self
            .next_attempt(waiting.only_taken_over)
            .map_or(due, |attempt| attempt.max(due))
        {
            due if due <= now => Due::Now,
            due => Due::At(due),
        }
    }

    /// Before when no put can be made.
    pub(in crate::delivery) fn next_attempt(&self, only_taken_over: bool) -> Option<Instant> {
        let spent = self.allowance.as_ref().filter(|_| only_taken_over);
        self.retry_at.max(spent.and_then(Allowance::spent_until))
    }

    /// A pause between attempts is not over.
    pub(in crate::delivery) fn is_waiting(&self, now: Instant) -> bool {
        self.retry_at.is_some_and(|retry_at| retry_at > now)
    }

    /// The next put may be made at once, whatever failed before.
    pub(crate) fn forget_pause(&mut self) {
        self.retry_at = None;
        self.announce_at = None;
        self.backoff.reset();
    }

    /// A put took everything.
    pub(in crate::delivery) fn succeeds(&mut self) -> Option<Change> {
        self.retry_at = None;
        self.backoff.reset();
        self.breaker.succeeds()
    }

    /// A put took most of its records: what it refused is tried again soon, and nothing else follows from that.
    pub(in crate::delivery) fn mostly_succeeds(&mut self, reason: Reason, now: Instant) -> Option<Change> {
        self.backoff.reset();
        self.pause_for(reason, now);
        self.breaker.succeeds()
    }

    /// A put failed, or took only a small part. `at_once`: the next one need not wait.
    pub(in crate::delivery) fn fails(&mut self, reason: Reason, at_once: bool, now: Instant) -> Option<Change> {
        if at_once {
            self.retry_at = None;
        } else {
            self.pause_for(reason, now);
        }
        self.breaker.fails(reason, now)
    }

    /// Some record was taken.
    pub(in crate::delivery) fn delivered(&mut self) {
        self.breaker.delivered();
        self.backoff.reset();
    }

    /// Something was due, and a put found nothing that it could take.
    pub(in crate::delivery) fn found_nothing(&mut self, now: Instant) {
        self.retry_at = self.retry_at.max(Some(now + EMPTY_PUT_PAUSE));
    }

    fn pause_for(&mut self, reason: Reason, now: Instant) {
        self.retry_at = Some(now + self.backoff.next(reason.treatment(), &mut self.random));
    }

    /// This is another environment: its sink is not known to be sick, and its random numbers are its own.
    pub(in crate::delivery) fn begin(&mut self) {
        self.breaker = Breaker::default();
        self.backoff = Backoff::default();
        self.retry_at = None;
        self.announce_at = None;
        self.random = random();
    }
}

/// A generator seeded by the operating system, so that no two environments share a sequence.
pub(in crate::delivery) fn random() -> fastrand::Rng {
    getrandom::u64().map_or_else(|_| fastrand::Rng::new(), fastrand::Rng::with_seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_due_follows_from_what_waits() {
        let now = Instant::now();
        let age = Duration::from_secs(10);
        let mut pacing = Pacing::new(age, Some(100), now);
        let lines = Waiting {
            any: true,
            oldest: Some(now),
            ..Waiting::default()
        };
        let old = Waiting { old: true, ..lines };
        assert_eq!(pacing.due(Waiting::default(), now), Due::Never);
        assert_eq!(pacing.due(lines, now), Due::At(now + age));
        assert_eq!(pacing.due(old, now), Due::Now);
        let full_put = Waiting {
            full_put: true,
            ..lines
        };
        assert_eq!(pacing.due(full_put, now), Due::Now);
        pacing.pause(now + age);
        assert_eq!(
            pacing.due(old, now),
            Due::At(now + 2 * age),
            "nothing is put in a pause"
        );
        assert_eq!(
            [pacing.due(old, now + 2 * age), pacing.due(old, now)],
            [Due::Now; 2],
            "which is over"
        );
        pacing.pause(now + age);
        pacing.run(true);
        assert_eq!(pacing.due(lines, now), Due::Now);
        // What the allowance is for waits for it, and only that.
        if let Some(allowance) = &mut pacing.allowance {
            allowance.take(100);
        }
        let only_taken_over = Waiting {
            only_taken_over: true,
            ..old
        };
        assert_eq!(pacing.due(only_taken_over, now), Due::At(now + Duration::from_secs(60)));
        assert_eq!(pacing.due(old, now), Due::Now);
        // A put that finds nothing is not made again at once.
        pacing.found_nothing(now);
        assert_eq!(pacing.due(old, now), Due::At(now + EMPTY_PUT_PAUSE));
        pacing.stop();
        assert_eq!(pacing.due(old, now), Due::Stopped);
    }
}
