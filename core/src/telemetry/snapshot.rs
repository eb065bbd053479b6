//! State of the process relative to a SnapStart snapshot.

use crate::telemetry::change::Change;

/// State of the process relative to a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Snapshot {
    /// None is expected.
    #[default]
    Unexpected,
    /// One will be taken when init is over.
    Expected,
    /// It may be taken at any moment. Each body is a life of its own, delivered and closed at once, so that
    /// environments made from the snapshot find nothing to send.
    Near,
    /// This environment was made from one.
    Restored,
}

impl Snapshot {
    /// Notes the lifecycle fact of an event. `true` for a restore that was not known before.
    pub(crate) fn note(&mut self, change: &Change<'_>) -> bool {
        match change {
            Change::InitStarted {
                initialization_type,
                phase,
                ..
            } => {
                self.note_init(*initialization_type, *phase);
                false
            }
            Change::Restored { .. } => std::mem::replace(self, Self::Restored) != Self::Restored,
            _ => false,
        }
    }

    fn note_init(&mut self, initialization_type: Option<&str>, phase: Option<&str>) {
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
}
