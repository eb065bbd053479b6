//! How a sink fares, and what follows from it: when to try again, whether to wait for it, whom to hand over to.

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::backoff::Backoff;
use crate::delivery::sink::{Reason, Treatment};

/// A sink that fails for so long, though it may recover by itself, does not keep its lines from the fallback any more.
const FALLBACK_AFTER: Duration = Duration::from_secs(30);

/// The health of one sink.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failing: Option<Failing>,
    retry_at: Option<Instant>,
    backoff: Backoff,
    /// A flush failed and no put succeeded since: nothing waits for this sink.
    breaker_open: bool,
}

#[derive(Debug, Clone, Copy)]
struct Failing {
    reason: Reason,
    since: Instant,
}

/// What a put changed, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Fails(Reason),
    Recovers,
}

impl Health {
    /// What the sink fails with just now.
    pub(super) fn failing(&self) -> Option<Reason> {
        self.failing.map(|failing| failing.reason)
    }

    /// When the next put may be made.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    pub(crate) fn is_breaker_open(&self) -> bool {
        self.breaker_open
    }

    pub(crate) fn open_breaker(&mut self) {
        self.breaker_open = true;
    }

    /// Some record of a put was taken.
    pub(super) fn delivered(&mut self) {
        self.breaker_open = false;
        self.backoff.reset();
    }

    /// The next put may be made at once, whatever failed before.
    pub(crate) fn forget_pause(&mut self) {
        self.retry_at = None;
        self.backoff.reset();
    }

    /// A put took everything.
    pub(super) fn succeeds(&mut self) -> Option<Change> {
        self.forget_pause();
        self.failing.take().map(|_| Change::Recovers)
    }

    /// A put failed, wholly or in part. `at_once`: the next one shall not wait.
    pub(super) fn fails(
        &mut self,
        reason: Reason,
        at_once: bool,
        now: Instant,
        random: &mut fastrand::Rng,
    ) -> Option<Change> {
        let before = self.failing;
        self.failing = Some(Failing {
            reason,
            since: before.map_or(now, |failing| failing.since),
        });
        self.retry_at = if at_once {
            None
        } else {
            Some(now + self.backoff.next(reason.treatment(), random))
        };
        (before.map(|failing| failing.reason) != Some(reason)).then_some(Change::Fails(reason))
    }

    /// Whether a fallback shall have what this sink does not take: at once where somebody must mend it first, after a
    /// while where it may recover by itself.
    pub(crate) fn hands_over(&self, now: Instant) -> bool {
        self.failing.is_some_and(|failing| {
            failing.reason.treatment() == Treatment::Probe || now.duration_since(failing.since) >= FALLBACK_AFTER
        })
    }
}
