//! Streams of telemetry that are forwarded.

use crate::telemetry::event::Kind;

/// Which streams of telemetry are forwarded: `FORWARDER_TELEMETRY__TYPES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types {
    /// `platform.*` and whatever else Lambda may send.
    pub platform: bool,
    /// The function's log lines.
    pub function: bool,
    /// The extensions' log lines.
    pub extension: bool,
}

impl Types {
    /// True if events of this type are among them.
    pub fn include(self, kind: &Kind<'_>) -> bool {
        match kind {
            Kind::Function => self.function,
            Kind::Extension => self.extension,
            // Whoever names it gets it: it is made of what is subscribed in any case.
            Kind::Invocation => true,
            _ => self.platform,
        }
    }
}
