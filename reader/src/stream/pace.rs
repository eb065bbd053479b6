//! Pace: time of a shard's next call, and its size. Pure but for jitter.

use std::time::Duration;

use tokio::time::Instant;

use super::api::Error;

/// Between two looks at the list of shards where none has anything to read.
pub(super) const LISTING: Duration = Duration::from_secs(1);

/// The pause after a first failure is below this.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// No pause after a failure is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Most that a call gives, bytes. Kinesis API reference, `GetRecords`. Half of it leaves room for the next call.
const ANSWER: usize = 5 * 1024 * 1024;

/// Records that a call may give at most. Kinesis API reference, `GetRecords`.
pub(super) const MOST_RECORDS: usize = 10_000;

/// Records of a first call, which does not know how large they are: 5 MB of those that the forwarder fills.
const FIRST_RECORDS: usize = 200;

/// Reading speed of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two calls for a shard.
    pub interval: Duration,
    /// Bytes that may be read of a shard in a second.
    pub bytes_per_second: f64,
    /// Number of failures in a row of a call that may succeed later.
    pub attempts: u32,
}

impl Default for Pace {
    /// Kinesis' limits: five calls and 2 MB a second and shard. Kinesis developer guide, quotas. Patience has no end.
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(200),
            bytes_per_second: 2.0 * 1024.0 * 1024.0,
            attempts: u32::MAX,
        }
    }
}

impl Pace {
    /// For a Kinesis of one's own on the same machine, which has no limits; what fails fails at once.
    #[must_use]
    pub fn local() -> Self {
        Self {
            interval: Duration::from_millis(20),
            bytes_per_second: f64::INFINITY,
            attempts: 1,
        }
    }

    /// Wait after an answer of so many bytes to a call that was made at `called`.
    pub(super) fn after_answer(&self, called: Instant, bytes: usize) -> Duration {
        // An infinite pace divides to no time at all.
        let due = self
            .interval
            .max(Duration::from_secs_f64(bytes as f64 / self.bytes_per_second));
        due.saturating_sub(called.elapsed())
    }

    /// Wait after so many failures in a row, of which `error` is the last; `None`: it is final.
    pub(super) fn after_failure(&self, error: &Error, failures: u32) -> Option<Duration> {
        (error.may_pass() && failures < self.attempts).then(|| self.pause(failures))
    }

    /// Exponential with full jitter, and never no time at all.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let ceiling = FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
        ceiling.mul_f64(0.2 + 0.8 * fastrand::f64())
    }
}

/// Number of records to ask for after an answer: as many of its size as fit.
pub(super) fn limit(records: usize, bytes: usize) -> Option<usize> {
    let average = bytes.checked_div(records)?.max(1);
    Some((ANSWER / average).clamp(1, MOST_RECORDS))
}

/// See [`limit`].
pub(super) fn first_limit() -> usize {
    FIRST_RECORDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_shard_is_asked_five_times_and_for_two_megabytes_a_second() {
        let pace = Pace::default();
        let called = Instant::now();
        assert_eq!(pace.after_answer(called, 0), Duration::from_millis(200));
        assert_eq!(pace.after_answer(called, 10 * 1024 * 1024), Duration::from_secs(5));
        tokio::time::advance(Duration::from_millis(150)).await;
        assert_eq!(pace.after_answer(called, 100), Duration::from_millis(50));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(pace.after_answer(called, 100), Duration::ZERO);
        assert_eq!(Pace::local().after_answer(called, usize::MAX), Duration::ZERO);
    }

    #[test]
    fn pauses_double_up_to_their_ceiling_and_are_never_none() {
        let pace = Pace::default();
        for (failures, ceiling) in [(1, 500), (2, 1_000), (5, 8_000), (6, 10_000), (99, 10_000)] {
            let ceiling = Duration::from_millis(ceiling);
            let pauses: Vec<_> = (0..100).map(|_| pace.pause(failures)).collect();
            assert!(
                pauses.iter().all(|pause| *pause <= ceiling && *pause >= ceiling / 5),
                "{pauses:?}"
            );
            assert!(pauses.iter().any(|pause| *pause > ceiling / 2), "{pauses:?}");
        }
    }

    #[test]
    fn as_many_records_are_asked_for_as_fit() {
        assert_eq!(limit(200, 200 * 25_000), Some(209));
        assert_eq!(limit(1, 10 * 1024 * 1024), Some(1));
        assert_eq!(limit(10, 10), Some(10_000));
        assert_eq!(limit(0, 0), None);
    }
}
