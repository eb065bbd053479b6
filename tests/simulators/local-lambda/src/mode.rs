//! The kinds of Lambda, and what tells them apart before anything runs.

use std::fmt;

/// The kind of Lambda that is played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Init when the first invocation comes, one invocation at a time, frozen in between.
    #[default]
    OnDemand,
    /// As on demand, but init runs ahead of any invocation and may take longer.
    ProvisionedConcurrency,
    /// Init runs when a version is published, everything is frozen in a snapshot, and the first invocation restores it.
    /// Credentials come from an endpoint instead of variables.
    SnapStart,
    /// Many invocations at once, never frozen, never reset; extensions hear of SHUTDOWN only.
    ManagedInstances,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::OnDemand,
        Self::ProvisionedConcurrency,
        Self::SnapStart,
        Self::ManagedInstances,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::ProvisionedConcurrency => "provisioned-concurrency",
            Self::SnapStart => "snapstart",
            Self::ManagedInstances => "managed-instances",
        }
    }

    /// The mode of a name: that on the command line, or Lambda's own.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name() == name || mode.initialization_type() == name)
    }

    /// Lambda's name of it: `AWS_LAMBDA_INITIALIZATION_TYPE`, and `initializationType` in events.
    #[must_use]
    pub fn initialization_type(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::ProvisionedConcurrency => "provisioned-concurrency",
            Self::SnapStart => "snap-start",
            Self::ManagedInstances => "lambda-managed-instances",
        }
    }

    /// True if invocations overlap, and with that: no INVOKE, no freeze, no reset.
    pub(crate) fn concurrent(self) -> bool {
        self == Self::ManagedInstances
    }

    /// True if init has a time limit of its own ahead of invocations, longer than that of a cold start.
    pub(crate) fn prepared(self) -> bool {
        self != Self::OnDemand
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_is_found_by_both_its_names() {
        for mode in Mode::ALL {
            assert_eq!(Mode::named(mode.name()), Some(mode));
            assert_eq!(Mode::named(mode.initialization_type()), Some(mode));
        }
        assert_eq!(Mode::named("on demand"), None);
    }
}
