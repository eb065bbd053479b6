//! Wait before the next attempt: exponential with full jitter.
//!
//! Full jitter (a wait drawn evenly from zero to the ceiling) spreads the retries of a thousand environments that
//! failed together better than any other.

use std::time::Duration;

use crate::delivery::sink::Treatment;

/// Pauses between attempts.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

/// How often a sink is looked at that somebody must repair first.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(30);

impl Backoff {
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure.
    pub(crate) fn next(&mut self, treatment: Treatment, random: &mut fastrand::Rng) -> Duration {
        let ceiling = ceiling(treatment, self.failures);
        self.failures = self.failures.saturating_add(1);
        match treatment {
            // A probe is rare as it is; jitter only keeps environments apart.
            Treatment::Probe => ceiling.mul_f64(0.9 + 0.1 * random.f64()),
            Treatment::Retry | Treatment::RetrySlowly => ceiling.mul_f64(random.f64()),
        }
    }
}

/// The longest pause after so many failures before this one.
fn ceiling(treatment: Treatment, failures: u32) -> Duration {
    let (base, cap) = match treatment {
        Treatment::Retry => (Duration::from_millis(50), Duration::from_secs(2)),
        Treatment::RetrySlowly => (Duration::from_millis(500), Duration::from_secs(10)),
        Treatment::Probe => (PROBE_INTERVAL, PROBE_INTERVAL),
    };
    base.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX))
        .min(cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_their_cap() {
        let millis = |treatment, failures| ceiling(treatment, failures).as_millis();
        assert_eq!(
            [0, 1, 2, 5, 6, 40].map(|n| millis(Treatment::Retry, n)),
            [50, 100, 200, 1600, 2000, 2000]
        );
        assert_eq!(
            [0, 1, 4, 5].map(|n| millis(Treatment::RetrySlowly, n)),
            [500, 1000, 8000, 10000]
        );
        assert_eq!([0, 9].map(|n| millis(Treatment::Probe, n)), [30000, 30000]);
    }

    #[test]
    fn pauses_fill_the_whole_range_below_the_ceiling_and_start_anew_after_a_success() {
        let mut random = fastrand::Rng::with_seed(1);
        let pauses: Vec<_> = (0..200)
            .map(|_| {
                let mut backoff = Backoff { failures: 3 };
                backoff.next(Treatment::Retry, &mut random)
            })
            .collect();
        let ceiling = Duration::from_millis(400);
        assert!(pauses.iter().all(|pause| *pause < ceiling));
        assert!(
            pauses.iter().any(|pause| *pause < ceiling / 10) && pauses.iter().any(|pause| *pause > ceiling * 9 / 10)
        );
        let mut backoff = Backoff { failures: 30 };
        backoff.reset();
        assert!(backoff.next(Treatment::Retry, &mut random) < Duration::from_millis(50));
    }

    #[test]
    fn a_probe_comes_at_least_every_thirty_seconds() {
        let mut random = fastrand::Rng::with_seed(2);
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            let pause = backoff.next(Treatment::Probe, &mut random);
            assert!(pause <= PROBE_INTERVAL && pause >= PROBE_INTERVAL.mul_f64(0.9));
        }
    }
}
