//! The limits and choices of the lifecycle. No clock of its own, no tasks.

use std::time::Duration;

use crate::mode::Mode;

/// The environment from its start to its end.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// The kind of Lambda.
    pub(crate) mode: Mode,
    /// The longest that init may take in a phase of its own, where it is not Lambda's. Inside an invocation the
    /// function's timeout holds.
    pub(crate) init_limit: Option<Duration>,
    /// The longest that a restore may take. Lambda developer guide, SnapStart: 10 s.
    pub(crate) restore_limit: Duration,
    /// Processes are stopped between invocations.
    pub(crate) freeze: bool,
    /// The longest that a freeze waits for a POST that is on its way.
    pub(crate) freeze_grace: Duration,
    /// Time that extensions have for their shutdown after a reset. Extensions API reference: 2,000 ms.
    pub(crate) reset_budget: Duration,
    /// The longest that telemetry is flushed before SHUTDOWN.
    pub(crate) flush_limit: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::OnDemand,
            init_limit: None,
            restore_limit: Duration::from_secs(10),
            freeze: true,
            freeze_grace: Duration::from_millis(250),
            reset_budget: Duration::from_secs(2),
            flush_limit: Duration::from_secs(1),
        }
    }
}

impl Policy {
    /// The longest that init may take in a phase of its own. Lambda developer guide: 10 s on demand, else 130 s or the
    /// function's timeout, whichever is longer.
    pub(crate) fn init_limit(&self, timeout: Duration) -> Duration {
        let of_mode = if self.mode.prepared() {
            timeout.clamp(Duration::from_secs(130), Duration::from_secs(900))
        } else {
            Duration::from_secs(10)
        };
        self.init_limit.unwrap_or(of_mode)
    }

    /// Processes are stopped while all of them wait.
    pub(crate) fn freezes(&self) -> bool {
        self.freeze && !self.mode.concurrent()
    }

    /// The runtime's part of the time for shutdown, as AWS's own code divides it: 30 %, on Managed Instances 600 ms.
    pub(crate) fn runtime_share(&self, budget: Duration) -> Duration {
        let share = budget.mul_f64(0.3);
        if self.mode.concurrent() {
            share.min(Duration::from_millis(600))
        } else {
            share
        }
    }

    /// The time for telemetry before SHUTDOWN: at most half of what is left.
    pub(crate) fn flush_share(&self, left: Duration) -> Duration {
        self.flush_limit.min(left / 2)
    }

    /// True if Lambda uses the environment again after a shutdown for this reason. Everything but a reset is
    /// the end, and on Managed Instances there are no resets: another environment takes its place.
    pub(crate) fn survives(&self, reason: &str) -> bool {
        !self.mode.concurrent()
            && ["timeout", "failure"]
                .iter()
                .any(|reset| reason.eq_ignore_ascii_case(reset))
    }

    /// Billed duration of an invocation. An init ahead of any invocation is billed in another way.
    pub(crate) fn billed_ms(&self, duration: Duration, init: Option<Duration>) -> u64 {
        let init = init.filter(|_| !self.mode.prepared());
        whole_ms(duration + init.unwrap_or_default())
    }
}

/// Whole milliseconds, begun ones included.
pub(crate) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(mode: Mode) -> Policy {
        Policy {
            mode,
            ..Policy::default()
        }
    }

    #[test]
    fn prepared_environments_have_more_time_for_init() {
        let limit = |mode, timeout| policy(mode).init_limit(Duration::from_secs(timeout)).as_secs();
        assert_eq!(limit(Mode::OnDemand, 60), 10);
        assert_eq!(limit(Mode::ProvisionedConcurrency, 60), 130);
        assert_eq!(limit(Mode::SnapStart, 300), 300);
        assert_eq!(limit(Mode::ManagedInstances, 5_400), 900);
    }

    #[test]
    fn managed_instances_are_never_frozen_nor_reset() {
        let policy = policy(Mode::ManagedInstances);
        assert!(!policy.freezes() && !policy.survives("failure"));
        assert_eq!(policy.runtime_share(Duration::from_secs(10)).as_millis(), 600);
    }

    #[test]
    fn billing_rounds_up_and_holds_init() {
        let policy = Policy::default();
        let micros = Duration::from_micros;
        assert_eq!(policy.billed_ms(micros(226_311), Some(micros(612_410))), 839);
        assert_eq!(policy.billed_ms(micros(61_000), None), 61);
        let prepared = self::policy(Mode::ProvisionedConcurrency);
        assert_eq!(prepared.billed_ms(micros(226_311), Some(micros(612_410))), 227);
    }

    #[test]
    fn only_resets_are_survived() {
        let policy = Policy::default();
        assert!(policy.survives("timeout") && policy.survives("FAILURE"));
        assert!(!policy.survives("spindown") && !policy.survives("anything"));
    }
}
