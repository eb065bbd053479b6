//! Duration of each part of a start, from `main` to the first `next`.

use std::time::{Duration, Instant};

/// Measures one part of the start after the other.
pub(crate) struct Start {
    began: Instant,
    register: Duration,
    configure: Duration,
    listen: Duration,
    subscribe: Duration,
}

impl Start {
    /// Begins with asking Lambda for the registration.
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            register: Duration::ZERO,
            configure: Duration::ZERO,
            listen: Duration::ZERO,
            subscribe: Duration::ZERO,
        }
    }

    pub(crate) fn registered(&mut self) {
        self.register = self.rest();
    }

    pub(crate) fn configured(&mut self) {
        self.configure = self.rest();
    }

    /// The port is open, and the lanes are set up.
    pub(crate) fn listens(&mut self) {
        self.listen = self.rest();
    }

    /// Says where the time went, at `debug`.
    pub(crate) fn subscribed(&mut self) {
        self.subscribe = self.rest();
        let us = |time: Duration| time.as_micros() as u64;
        log::debug!(
            event = "started", register_us = us(self.register), configure_us = us(self.configure),
            listen_us = us(self.listen), subscribe_us = us(self.subscribe);
            "where the time of the start went"
        );
    }

    /// Time since the last part that was measured.
    fn rest(&self) -> Duration {
        let measured = self.register + self.configure + self.listen + self.subscribe;
        self.began.elapsed().saturating_sub(measured)
    }
}
