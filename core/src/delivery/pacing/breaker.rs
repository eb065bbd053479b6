//! Health of a sink, and what follows from it: the one place for that policy.
//!
//! - **Failing**: puts fail, or take less than half of their records. It ends with a put that takes at least half.
//! - **Handing over**: a sink that somebody must repair is failing, or any other has failed for [`FALLBACK_AFTER`] of
//!   time awake; its lines go to the fallback then. A freeze counts as nothing: nobody tried meanwhile.
//! - **Open breaker**: a flush had its chance, and nothing was delivered. Later flushes do not wait for this sink until
//!   it takes a record.

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::sink::{Reason, Treatment};

/// A sink that fails for so long, though it may recover by itself, does not keep its lines from the fallback any more.
const FALLBACK_AFTER: Duration = Duration::from_secs(30);

/// A flush that had less time than this says nothing about a sink.
const LEAST_FLUSH: Duration = Duration::from_millis(100);

/// A failure for the same reason is said again after this long.
const WARN_AGAIN: Duration = Duration::from_secs(60);

/// What is known of one sink.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failing: Option<Failing>,
    is_open: bool,
    /// When each reason was said last.
    warned: Vec<(Reason, Instant)>,
    /// A recovery is to be said: the failure before it was.
    is_told: bool,
}

#[derive(Debug, Clone, Copy)]
struct Failing {
    reason: Reason,
    /// For how long, of time awake.
    awake: Duration,
}

/// Change by a put, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::delivery) enum Change {
    Fails(Reason),
    Recovers,
}

/// What a flush came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flush {
    /// How long it took.
    pub time: Duration,
    /// A put failed in it.
    pub failed: bool,
    /// A record was delivered in it.
    pub delivered: bool,
    /// Nothing is left.
    pub is_empty: bool,
}

impl Breaker {
    /// Current failure of the sink.
    pub(in crate::delivery) fn failing(&self) -> Option<Reason> {
        self.failing.map(|failing| failing.reason)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// A flush waited for this sink and is over.
    pub(crate) fn flushed(&mut self, flush: Flush) {
        let had_its_chance = flush.failed || flush.time >= LEAST_FLUSH;
        self.is_open |= had_its_chance && !flush.delivered && !flush.is_empty;
    }

    /// Some record was taken.
    pub(super) fn delivered(&mut self) {
        self.is_open = false;
    }

    /// A put took at least half of its records.
    pub(super) fn succeeds(&mut self) -> Option<Change> {
        self.failing = None;
        std::mem::take(&mut self.is_told).then_some(Change::Recovers)
    }

    /// A put failed, or took less than half. What is to be said of it, if that was not said within the last minute.
    pub(super) fn fails(&mut self, reason: Reason, now: Instant) -> Option<Change> {
        let awake = self.failing.map_or(Duration::ZERO, |failing| failing.awake);
        let is_news = self.failing() != Some(reason);
        self.failing = Some(Failing { reason, awake });
        self.warned.retain(|(_, said)| now.duration_since(*said) < WARN_AGAIN);
        let is_said = self.warned.iter().any(|(other, _)| *other == reason);
        if !is_news || is_said {
            return None;
        }
        self.warned.push((reason, now));
        self.is_told = true;
        Some(Change::Fails(reason))
    }

    /// The process was awake for this long while the sink was not asked, or did not answer.
    pub(in crate::delivery) fn was_awake(&mut self, time: Duration) {
        if let Some(failing) = &mut self.failing {
            failing.awake = failing.awake.saturating_add(time);
        }
    }

    /// True if a fallback gets what this sink does not take.
    pub(in crate::delivery) fn hands_over(&self) -> bool {
        self.failing
            .is_some_and(|failing| failing.reason.treatment() == Treatment::Probe || failing.awake >= FALLBACK_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_time_awake_makes_a_sink_hand_over_and_a_success_ends_it() {
        let mut breaker = Breaker::default();
        breaker.was_awake(FALLBACK_AFTER);
        assert_eq!(
            breaker.fails(Reason::Unreachable, Instant::now()),
            Some(Change::Fails(Reason::Unreachable))
        );
        assert!(!breaker.hands_over(), "time before the failure does not count");
        tokio::time::advance(Duration::from_secs(3_600)).await;
        breaker.fails(Reason::TimedOut, Instant::now());
        assert!(!breaker.hands_over(), "frozen time does not count");
        breaker.was_awake(FALLBACK_AFTER);
        assert!(breaker.hands_over());
        assert_eq!(breaker.succeeds(), Some(Change::Recovers));
        assert!(!breaker.hands_over() && breaker.failing().is_none());
        breaker.fails(Reason::AccessDenied, Instant::now());
        assert!(breaker.hands_over(), "somebody must repair it first");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reason_is_said_once_a_minute() {
        let mut breaker = Breaker::default();
        let mut said = 0;
        for _ in 0..600 {
            said += usize::from(breaker.fails(Reason::Throttled, Instant::now()).is_some());
            said += usize::from(breaker.fails(Reason::Service, Instant::now()).is_some());
            breaker.succeeds();
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(said, 20);
    }

    #[test]
    fn a_flush_without_time_or_failure_opens_nothing() {
        let flush = Flush {
            time: LEAST_FLUSH,
            failed: false,
            delivered: false,
            is_empty: false,
        };
        for (flush, opens) in [
            (flush, true),
            (
                Flush {
                    time: Duration::ZERO,
                    ..flush
                },
                false,
            ),
            (
                Flush {
                    time: Duration::ZERO,
                    failed: true,
                    ..flush
                },
                true,
            ),
            (
                Flush {
                    delivered: true,
                    ..flush
                },
                false,
            ),
            (
                Flush {
                    is_empty: true,
                    ..flush
                },
                false,
            ),
        ] {
            let mut breaker = Breaker::default();
            breaker.flushed(flush);
            assert_eq!(breaker.is_open(), opens, "{flush:?}");
            breaker.delivered();
            assert!(!breaker.is_open());
        }
    }
}
