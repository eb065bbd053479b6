//! The limits and choices of the lifecycle. No clock of its own, no tasks.

use std::time::Duration;

/// How the environment is led through its life.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// The `initializationType` of the platform's events.
    pub(crate) initialization_type: &'static str,
    /// The longest that init may take in a phase of its own. Inside an invocation the function's timeout holds.
    pub(crate) init_limit: Duration,
    /// Whether processes are stopped between invocations.
    pub(crate) freeze: bool,
    /// The longest that a freeze waits for a POST that is on its way.
    pub(crate) freeze_grace: Duration,
    /// What extensions have for their shutdown after a reset. Extensions API reference: 2,000 ms.
    pub(crate) reset_budget: Duration,
    /// The longest that telemetry is flushed before SHUTDOWN.
    pub(crate) flush_limit: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            initialization_type: "on-demand",
            init_limit: Duration::from_secs(10),
            freeze: true,
            freeze_grace: Duration::from_millis(250),
            reset_budget: Duration::from_secs(2),
            flush_limit: Duration::from_secs(1),
        }
    }
}

impl Policy {
    /// The runtime's part of the time for shutdown, as AWS's own code divides it: 30 %.
    pub(crate) fn runtime_share(&self, budget: Duration) -> Duration {
        budget.mul_f64(0.3)
    }

    /// The time for telemetry before SHUTDOWN: at most half of what is left.
    pub(crate) fn flush_share(&self, left: Duration) -> Duration {
        self.flush_limit.min(left / 2)
    }

    /// Whether Lambda uses the environment again after a shutdown for this reason. Everything but a reset is
    /// the end.
    pub(crate) fn survives(&self, reason: &str) -> bool {
        ["timeout", "failure"]
            .iter()
            .any(|reset| reason.eq_ignore_ascii_case(reset))
    }

    /// What is billed for an invocation: whole milliseconds, begun ones included.
    pub(crate) fn billed_ms(&self, duration: Duration, init: Option<Duration>) -> u64 {
        let nanos = (duration + init.unwrap_or_default()).as_nanos();
        u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn billing_rounds_up_and_holds_init() {
        let policy = Policy::default();
        let micros = Duration::from_micros;
        assert_eq!(policy.billed_ms(micros(226_311), Some(micros(612_410))), 839);
        assert_eq!(policy.billed_ms(micros(61_000), None), 61);
    }

    #[test]
    fn only_resets_are_survived() {
        let policy = Policy::default();
        assert!(policy.survives("timeout") && policy.survives("FAILURE"));
        assert!(!policy.survives("spindown") && !policy.survives("anything"));
    }
}
