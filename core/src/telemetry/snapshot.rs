//! Where the process is relative to a SnapStart snapshot.

/// Where the process stands towards a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Snapshot {
    /// None is expected.
    #[default]
    Unexpected,
    /// One will be taken when init is over.
    Expected,
    /// It may be taken at any moment. Each body is a life of its own, delivered and closed at once, so that environments
    /// made from the snapshot find nothing to send.
    Near,
    /// This environment was made from one.
    Restored,
}

impl Snapshot {
    /// Notes what `platform.initStart` says.
    pub(crate) fn note_init(&mut self, initialization_type: Option<&str>, phase: Option<&str>) {
        match self {
            // The environment was reset after its restore: there is an invocation, so no snapshot comes any more.
            Self::Expected if phase == Some("\"invoke\"") => *self = Self::Restored,
            // The variable did not tell, and there may be no time to prepare.
            Self::Unexpected if initialization_type == Some("\"snap-start\"") && phase != Some("\"invoke\"") => {
                *self = Self::Near;
            }
            _ => {}
        }
    }

    /// Notes a restore. `false` if it was noted before.
    pub(crate) fn is_restored(&mut self) -> bool {
        std::mem::replace(self, Self::Restored) != Self::Restored
    }
}
