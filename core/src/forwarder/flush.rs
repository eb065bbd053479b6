//! Flush policy: when `next` is held back, and for how long: policy only, without a clock or a task of its own.

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

/// The longest that an invocation's `platform.start` is waited for, however Lambda buffers.
const START_PATIENCE: Duration = Duration::from_secs(2);

/// Time left of an invocation when every wait ends.
pub const DEADLINE_MARGIN: Duration = Duration::from_millis(100);

/// A gap counts as this many times [`FlushPolicy::idle`] at most: after one long pause two invocations in a quick
/// rhythm are held, not ten.
const LONGEST_GAP: u32 = 4;

/// Action at an INVOKE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// `next` at once; what the last invocation left goes out while this one runs.
    None,
    /// Wait for the invocation's end, flush, then `next`.
    UntilDone,
}

/// The reason for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The strategy says so.
    Configured,
    /// Nothing is known of the rhythm yet.
    FirstInvocation,
    /// Invocations are rarer than [`FlushPolicy::idle`].
    Rare,
    /// They are not.
    Frequent,
    /// Lambda sends no events, so the end of an invocation is never seen.
    NoTelemetry,
}

impl Why {
    /// A stable name for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::FirstInvocation => "first_invocation",
            Self::Rare => "rare",
            Self::Frequent => "frequent",
            Self::NoTelemetry => "no_telemetry",
        }
    }
}

/// Decides for each invocation.
#[derive(Debug, Clone, Copy)]
pub struct FlushPolicy {
    /// As configured.
    pub strategy: Strategy,
    /// The most that a flush holds `next` after `platform.runtimeDone`.
    pub budget: Duration,
    /// [`Strategy::Adaptive`] is [`Strategy::End`] where the usual gap is longer.
    pub idle: Duration,
}

impl FlushPolicy {
    /// `at`: when the invocation begins. `telemetry`: whether Lambda sends events at all.
    pub fn on_invoke(&self, rhythm: &mut Rhythm, at: Duration, telemetry: bool) -> (Hold, Why) {
        rhythm.beat(at, self.idle * LONGEST_GAP);
        if self.strategy == Strategy::Continuous {
            return (Hold::None, Why::Configured);
        }
        if !telemetry {
            return (Hold::None, Why::NoTelemetry);
        }
        if self.strategy == Strategy::End {
            return (Hold::UntilDone, Why::Configured);
        }
        match rhythm.usual_gap() {
            None => (Hold::UntilDone, Why::FirstInvocation),
            Some(gap) if gap > self.idle => (Hold::UntilDone, Why::Rare),
            Some(_) => (Hold::None, Why::Frequent),
        }
    }

    /// How long an invocation's `platform.start` may take to come before its end is not waited for. The function may
    /// have ended long before, so this counts like a flush: no more than the budget, unless Lambda buffers for longer
    /// (`buffering`).
    pub fn start_patience(&self, buffering: Duration) -> Duration {
        self.budget.max(buffering * 2).min(START_PATIENCE)
    }

    /// Longest time that a flush may hold `next`. `remaining`: until the invocation's deadline.
    pub fn budget(&self, remaining: Duration) -> Duration {
        self.budget.min(remaining.saturating_sub(DEADLINE_MARGIN))
    }
}

/// Arrival rate of invocations: a moving mean of the gaps between them, in which each gap counts as much as all before
/// it. A new one, as at a cold start and after a restore, knows nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rhythm {
    last: Option<Duration>,
    gap: Option<Duration>,
}

impl Rhythm {
    /// An invocation begins. `at` is a time on any clock that does not stand still while the environment is frozen.
    fn beat(&mut self, at: Duration, longest: Duration) {
        if let Some(last) = self.last.replace(at) {
            let gap = at.saturating_sub(last).min(longest);
            // The first gap is all that is known: a new environment under load must not hold its second invocation.
            self.gap = Some(self.gap.map_or(gap, |before| (before + gap) / 2));
        }
    }

    /// `None` before the second invocation.
    pub fn usual_gap(&self) -> Option<Duration> {
        self.gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: FlushPolicy = FlushPolicy {
        strategy: Strategy::Adaptive,
        budget: Duration::from_millis(500),
        idle: Duration::from_secs(5),
    };

    /// For each arrival, in milliseconds, whether its invocation is held (`e` for `end`) or not (`c` for `continuous`).
    fn chosen(arrivals: impl IntoIterator<Item = u64>) -> String {
        let mut rhythm = Rhythm::default();
        let hold = |at| match POLICY.on_invoke(&mut rhythm, Duration::from_millis(at), true).0 {
            Hold::UntilDone => 'e',
            Hold::None => 'c',
        };
        arrivals.into_iter().map(hold).collect()
    }

    /// Arrivals from the gaps before them; the first is at 1,000 s.
    fn after(gaps: &[&[u64]]) -> Vec<u64> {
        let gaps = gaps.iter().flat_map(|gaps| gaps.iter().copied());
        let sums = gaps.scan(1_000_000, |at, gap| {
            *at += gap;
            Some(*at)
        });
        std::iter::once(1_000_000).chain(sums).collect()
    }

    #[test]
    fn rare_invocations_are_held_and_frequent_ones_are_not() {
        for (name, gaps, expected) in [
            ("50 a second", vec![20; 10], "ecccccccccc"),
            ("one a second", vec![1_000; 10], "ecccccccccc"),
            ("as far apart as `idle`", vec![5_000; 5], "eccccc"),
            ("a little rarer than `idle`", vec![5_001; 5], "eeeeee"),
            ("one per 20 s", vec![20_000; 5], "eeeeee"),
            ("one an hour", vec![3_600_000; 3], "eeee"),
        ] {
            assert_eq!(chosen(after(&[&gaps])), expected, "{name}");
        }
    }

    #[test]
    fn changes_of_the_rhythm() {
        for (name, gaps, expected) in [
            (
                "a slowdown to one per 20 s",
                &[&[20; 5][..], &[20_000; 4]][..],
                "eccccceeee",
            ),
            ("a slowdown to one per 6 s", &[&[20; 5], &[6_000; 5]], "eccccccceee"),
            ("a speed-up after rare ones", &[&[20_000; 3], &[20; 4]], "eeeeeecc"),
            ("one pause of a minute", &[&[20; 5], &[60_000], &[20; 4]], "eccccceeccc"),
            (
                "one pause of a day",
                &[&[20; 5], &[86_400_000], &[20; 4]],
                "eccccceeccc",
            ),
            (
                "a pause shorter than `idle`",
                &[&[20; 5], &[4_000], &[20; 4]],
                "ecccccccccc",
            ),
            (
                "bursts of two, a minute apart",
                &[&[100, 60_000, 100, 60_000, 100, 60_000]],
                "eceeeee",
            ),
        ] {
            assert_eq!(chosen(after(gaps)), expected, "{name}");
        }
        assert_eq!(
            chosen([10_000, 20_000, 20_020, 5_000, 5_020]),
            "eeecc",
            "a clock that is set back"
        );
    }

    #[test]
    fn a_restored_environment_begins_anew() {
        let mut rhythm = Rhythm::default();
        for at in [0, 20, 40] {
            POLICY.on_invoke(&mut rhythm, Duration::from_millis(at), true);
        }
        rhythm = Rhythm::default();
        let first = POLICY.on_invoke(&mut rhythm, Duration::from_millis(60), true);
        assert_eq!(first, (Hold::UntilDone, Why::FirstInvocation));
    }

    #[test]
    fn only_an_end_that_can_be_seen_is_waited_for() {
        let hold = |strategy, telemetry| {
            let policy = FlushPolicy { strategy, ..POLICY };
            policy.on_invoke(&mut Rhythm::default(), Duration::ZERO, telemetry)
        };
        assert_eq!(hold(Strategy::End, true), (Hold::UntilDone, Why::Configured));
        assert_eq!(hold(Strategy::End, false), (Hold::None, Why::NoTelemetry));
        assert_eq!(hold(Strategy::Adaptive, true), (Hold::UntilDone, Why::FirstInvocation));
        assert_eq!(hold(Strategy::Adaptive, false), (Hold::None, Why::NoTelemetry));
        assert_eq!(hold(Strategy::Continuous, true), (Hold::None, Why::Configured));
    }

    #[test]
    fn the_budget_ends_before_the_deadline() {
        let budget = |remaining| POLICY.budget(Duration::from_millis(remaining)).as_millis();
        assert_eq!([10_000, 600, 400, 100, 0].map(budget), [500, 500, 300, 0, 0]);
    }
}
