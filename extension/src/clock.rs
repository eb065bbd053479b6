//! A clock that does not stand still while the environment is frozen.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// A moment, and how long ago it is. A machine that is paused as a whole may find its monotonic clock where it was, and its
/// wall clock set forward; a wall clock alone may be set back. Whichever of them went further tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.monotonic.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn the_clock_that_went_further_tells() {
        let now = Moment::now();
        let stood_still = Moment {
            wall: now.wall - HOUR,
            ..now
        };
        let set_back = Moment {
            wall: now.wall + HOUR,
            ..now
        };
        assert!(stood_still.elapsed() >= HOUR);
        assert!(set_back.elapsed() < HOUR);
    }
}
