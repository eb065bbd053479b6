//! Whatever can happen to an environment, by a seed: the same seed is the same plan.
//!
//! - this file: the plan. Pure
//! - [`play`]: a plan played on a running local Lambda, and what is to be said against its extensions

mod play;

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

pub use play::Played;

use crate::builder::Builder;
use crate::config::LogFormat;
use crate::lifecycle::Trouble;
use crate::mode::Mode;
use crate::telemetry::TelemetryFault;

/// The longest pause between two invocations: long enough to be frozen in, short enough for many seeds.
const LONGEST_REST_MS: u64 = 120;

/// Schedule of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chaos {
    /// The seed that all of it comes from.
    pub seed: u64,
    /// The kind of Lambda.
    pub mode: Mode,
    /// The format of the log lines.
    pub log_format: LogFormat,
    /// True if the environment belongs to a tenant.
    pub tenant: bool,
    /// A limit of init that hardly anybody keeps: init runs again inside the first invocation.
    pub init_timeout: Option<Duration>,
    /// One after the other.
    pub steps: Vec<Step>,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An invocation, which may be struck by trouble.
    Invoke(Option<Trouble>),
    /// So many invocations at once, on a Managed Instance.
    Crowd(u32),
    /// Nothing, for this long; frozen, where the mode freezes.
    Rest(Duration),
    /// From now on something is wrong on the way of telemetry.
    Telemetry(TelemetryFault),
    /// The platform resets the environment, for this reason.
    Reset(&'static str),
}

impl Chaos {
    /// The plan of a seed. Every fourth seed has the same mode.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let modes = u64::try_from(Mode::ALL.len()).unwrap_or(1);
        let index = usize::try_from(seed % modes).unwrap_or_default();
        Self::of_mode(seed, Mode::ALL.get(index).copied().unwrap_or_default())
    }

    /// The plan of a seed for one mode.
    #[must_use]
    pub fn of_mode(seed: u64, mode: Mode) -> Self {
        let mut random = Rng::with_seed(seed);
        let log_format = if random.bool() {
            LogFormat::Json
        } else {
            LogFormat::Text
        };
        let tenant = random.u8(..4) == 0;
        let suppressed = mode == Mode::OnDemand && random.u8(..3) == 0;
        let init_timeout = suppressed.then(|| Duration::from_millis(random.u64(1..30)));
        let count = random.usize(6..14);
        let mut steps: Vec<Step> = (0..count).map(|_| step(&mut random, mode)).collect();
        if mode.concurrent() && random.u8(..4) == 0 {
            // It is the end of the environment.
            steps.push(Step::Invoke(Some(trouble(&mut random))));
        }
        Self {
            seed,
            mode,
            log_format,
            tenant,
            init_timeout,
            steps,
        }
    }

    /// Makes an environment one for this plan.
    pub fn configure(&self, builder: Builder) -> Builder {
        let mut builder = builder
            .mode(self.mode)
            .log_format(self.log_format)
            .tolerate_init_failure(self.init_timeout.is_some());
        if self.tenant {
            builder = builder.tenant_id("tenant-blue");
        }
        match self.init_timeout {
            Some(limit) => builder.init_timeout(limit),
            None => builder,
        }
    }
}

fn step(random: &mut Rng, mode: Mode) -> Step {
    match (mode.concurrent(), random.u8(..20)) {
        (true, 0..12) => Step::Crowd(random.u32(1..12)),
        (false, 0..9) => Step::Invoke(None),
        (false, 9..12) => Step::Invoke(Some(trouble(random))),
        (_, 12..16) => Step::Telemetry(telemetry_fault(random)),
        (false, 16) => Step::Reset(if random.bool() { "timeout" } else { "failure" }),
        _ => Step::Rest(Duration::from_millis(random.u64(..LONGEST_REST_MS))),
    }
}

fn trouble(random: &mut Rng) -> Trouble {
    let after = Duration::from_millis(random.u64(..20));
    match random.u8(..3) {
        0 => Trouble::Crash(after),
        1 => Trouble::OutOfMemory(after),
        _ => Trouble::Hang(after),
    }
}

fn telemetry_fault(random: &mut Rng) -> TelemetryFault {
    match random.u8(..4) {
        0 => TelemetryFault::LostAnswers(random.u32(1..4)),
        1 => TelemetryFault::BrokenPosts(random.u32(1..4)),
        2 => TelemetryFault::Slow(Duration::from_millis(random.u64(1..60))),
        _ => TelemetryFault::Slow(Duration::ZERO),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invoke(None) => f.write_str("invoke"),
            Self::Invoke(Some(trouble)) => write!(f, "invoke amid {trouble:?}"),
            Self::Crowd(count) => write!(f, "invoke {count} times at once"),
            Self::Rest(time) => write!(f, "rest {time:?}"),
            Self::Telemetry(fault) => write!(f, "telemetry: {fault:?}"),
            Self::Reset(reason) => write!(f, "reset, reason {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_is_a_plan() {
        for seed in 0..50 {
            assert_eq!(Chaos::of(seed), Chaos::of(seed));
        }
        assert_ne!(Chaos::of(0).steps, Chaos::of(4).steps);
    }

    #[test]
    fn fifty_seeds_have_everything_in_them() {
        let plans: Vec<Chaos> = (0..50).map(Chaos::of).collect();
        let modes: BTreeSet<&str> = plans.iter().map(|plan| plan.mode.name()).collect();
        assert_eq!(modes.len(), 4);
        assert!(plans.iter().any(|plan| plan.init_timeout.is_some()));
        assert!(plans.iter().any(|plan| plan.tenant));
        // The kind of a step is how it begins.
        let kinds: BTreeSet<String> = plans
            .iter()
            .flat_map(|plan| &plan.steps)
            .map(|step| {
                step.to_string()
                    .chars()
                    .filter(|letter| !letter.is_ascii_digit() && *letter != '.')
                    .take_while(|letter| *letter != '(')
                    .collect()
            })
            .collect();
        for kind in [
            "invoke",
            "invoke amid Crash",
            "invoke amid OutOfMemory",
            "invoke amid Hang",
            "invoke  times at once",
            "telemetry: LostAnswers",
            "telemetry: BrokenPosts",
            "telemetry: Slow",
            "reset, reason timeout",
            "reset, reason failure",
        ] {
            assert!(kinds.contains(kind), "{kind}: {kinds:#?}");
        }
    }

    #[test]
    fn a_managed_instance_is_broken_at_its_end_only() {
        for plan in (0..200).map(|seed| Chaos::of_mode(seed, Mode::ManagedInstances)) {
            let (_, before) = plan.steps.split_last().unwrap_or((&Step::Crowd(1), &[]));
            assert!(
                before
                    .iter()
                    .all(|step| !matches!(step, Step::Invoke(_) | Step::Reset(_))),
                "{plan:?}"
            );
        }
    }
}
