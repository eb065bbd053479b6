//! How much a lane puts of the lines that other lanes hand over: `taken_over_bytes` a minute.

use std::time::Duration;

use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_secs(60);

/// What may still be put before the interval is over.
#[derive(Debug)]
pub(in crate::delivery) struct Allowance {
    bytes: usize,
    left: usize,
    renewed: Instant,
}

impl Allowance {
    pub(super) fn new(bytes: usize, now: Instant) -> Self {
        Self {
            bytes,
            left: bytes,
            renewed: now,
        }
    }

    pub(super) fn renew(&mut self, now: Instant) {
        if now.duration_since(self.renewed) >= INTERVAL {
            (self.left, self.renewed) = (self.bytes, now);
        }
    }

    /// The next chunk may be taken, even if it is larger than what is left.
    pub(in crate::delivery) fn is_left(&self) -> bool {
        self.left > 0
    }

    pub(in crate::delivery) fn take(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    /// What was taken comes back: its put failed.
    pub(in crate::delivery) fn give_back(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes).min(self.bytes);
    }

    /// When there is something left again, if there is nothing now.
    pub(super) fn spent_until(&self) -> Option<Instant> {
        (self.left == 0).then(|| self.renewed + INTERVAL)
    }
}
