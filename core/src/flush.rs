//! When `next` is held back, and for how long: policy only, without a clock or a task of its own.

use std::time::Duration;

/// `FORWARDER_FLUSH__STRATEGY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// As [`End`](Self::End) while invocations are rare, else as [`Continuous`](Self::Continuous).
    #[default]
    Adaptive,
    /// After each invocation everything is delivered before `next`: nothing waits in a frozen environment.
    End,
    /// `next` at once; what is left is delivered while the next invocation runs.
    Continuous,
}

impl Strategy {
    /// The names, as a configuration has them.
    pub const NAMES: [&str; 3] = ["adaptive", "end", "continuous"];

    /// The strategy of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "adaptive" => Some(Self::Adaptive),
            "end" => Some(Self::End),
            "continuous" => Some(Self::Continuous),
            _ => None,
        }
    }
}

/// How long an invocation's `platform.start` may take to come before it is not waited for.
pub const START_PATIENCE: Duration = Duration::from_secs(2);

/// What is left of an invocation's time when every wait ends.
pub const DEADLINE_MARGIN: Duration = Duration::from_millis(100);

/// What happens at an INVOKE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// `next` at once; what the last invocation left goes out while this one runs.
    None,
    /// Wait for the invocation's end, flush, then `next`.
    UntilDone,
}

/// Decides for each invocation.
#[derive(Debug, Clone, Copy)]
pub struct FlushPolicy {
    /// As configured.
    pub strategy: Strategy,
    /// The most that a flush holds `next` after `platform.runtimeDone`.
    pub budget: Duration,
}

impl FlushPolicy {
    /// `telemetry`: whether Lambda sends events at all; without them the end of an invocation is never seen.
    pub fn on_invoke(&self, telemetry: bool) -> Hold {
        match self.strategy {
            Strategy::Continuous => Hold::None,
            // Invocations' rhythm is not known yet: as for the first one.
            Strategy::End | Strategy::Adaptive if telemetry => Hold::UntilDone,
            Strategy::End | Strategy::Adaptive => Hold::None,
        }
    }

    /// How long a flush may hold `next`. `remaining`: until the invocation's deadline.
    pub fn budget(&self, remaining: Duration) -> Duration {
        self.budget.min(remaining.saturating_sub(DEADLINE_MARGIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_that_can_be_seen_is_waited_for() {
        let hold = |strategy, telemetry| {
            let budget = Duration::from_millis(500);
            FlushPolicy { strategy, budget }.on_invoke(telemetry)
        };
        assert_eq!(hold(Strategy::End, true), Hold::UntilDone);
        assert_eq!(hold(Strategy::End, false), Hold::None);
        assert_eq!(hold(Strategy::Adaptive, true), Hold::UntilDone);
        assert_eq!(hold(Strategy::Adaptive, false), Hold::None);
        assert_eq!(hold(Strategy::Continuous, true), Hold::None);
    }

    #[test]
    fn the_budget_ends_before_the_deadline() {
        let policy = FlushPolicy {
            strategy: Strategy::End,
            budget: Duration::from_millis(500),
        };
        let budget = |remaining| policy.budget(Duration::from_millis(remaining)).as_millis();
        assert_eq!([10_000, 600, 400, 100, 0].map(budget), [500, 500, 300, 0, 0]);
    }
}
