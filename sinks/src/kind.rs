//! Description of a sink type: all that configuration, help, `version`, the schema and `cost` need to know of it.
//!
//! Each sink has one, beside its code; [`ALL`] in `lib.rs` lists them. It exists in every build: a sink that is not compiled in has
//! no constructor, so that a configuration that names it gets a reason.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use forwarder_core::delivery::sink::{Limits, Sink};
use forwarder_core::record::format::Format;

pub use crate::ALL;
use crate::arn::StreamName;

/// Names of all sink types, as a configuration has them.
#[allow(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
pub const NAMES: [&str; ALL.len()] = {
    let mut names = [""; ALL.len()];
    let mut index = 0;
    while index < ALL.len() {
        names[index] = ALL[index].name;
        index += 1;
    }
    names
};

/// One sink type.
pub struct SinkKind {
    /// Name in a configuration, and of the cargo feature.
    pub name: &'static str,
    /// Name in messages.
    pub title: &'static str,
    /// Largest call and record that it takes.
    pub limits: Limits,
    /// Largest record by default. Bytes, with its key. Less than in `limits` where the service must be told to take
    /// more.
    pub default_record_bytes: usize,
    /// Formats that it does not take, each with the reason.
    pub refused_formats: &'static [(&'static str, &'static str)],
    /// Reason why it takes no compressed records, if it does not.
    pub refuses_compression: Option<&'static str>,
    /// Settings below `sinks.<name>` that it has beside those that every sink has.
    pub settings: &'static [&'static str],
    /// Bytes a minute that it takes of other sinks' lines, if that is bounded.
    pub taken_over_bytes: Option<usize>,
    /// True if the service is called with the stream's name alone, so that the account of an ARN is lost.
    pub called_by_name: bool,
    /// True if its output is a log of this extension, which Lambda would hand over again.
    pub is_own_log: bool,
    /// Constructor of its sinks.
    pub build: Build,
}

/// Constructor of the sinks of a type. Nothing is connected to before the first put. `new` is `None` if the type is not
/// compiled in.
#[derive(Clone, Copy)]
pub enum Build {
    /// A sink that writes into a stream of an AWS service.
    Stream {
        /// Parser of the setting `stream`: a name or an ARN.
        parse: fn(&str) -> Result<StreamName, String>,
        /// Makes the sink.
        new: Option<NewStream>,
    },
    /// A sink without a target.
    Plain {
        /// Makes the sink.
        new: Option<NewPlain>,
    },
}

/// Makes a sink that writes into a stream.
pub type NewStream = fn(StreamName, Connection) -> Arc<dyn Sink>;

/// Makes a sink without a target.
pub type NewPlain = fn() -> Arc<dyn Sink>;

/// Way to an AWS service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The region; else that of the stream's ARN, else what the environment says.
    pub region: Option<String>,
    /// The endpoint's URL; else what the environment says, else the service's own.
    pub endpoint: Option<String>,
    /// The role that calls are made under; else the environment's own credentials. Needs the feature `assume-role`.
    pub assume_role: Option<AssumedRole>,
    /// Encoding of calls.
    pub protocol: Protocol,
    /// The time that one attempt may take, awake.
    pub attempt_timeout: Duration,
}

/// Encoding of calls, where the service takes more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// CBOR: records as they are. A service that refuses it is called in JSON from then on.
    #[default]
    Cbor,
    /// JSON: records in base64, a third longer.
    Json,
}

impl Protocol {
    /// The names, as a configuration has them.
    pub const NAMES: [&str; 2] = ["cbor", "json"];

    /// The encoding of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "cbor" => Some(Self::Cbor),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// A role of another account, or of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its ARN.
    pub arn: String,
    /// External id that its trust policy may require.
    pub external_id: Option<String>,
}

impl SinkKind {
    /// The sink type of this name.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|kind| kind.name == name)
    }

    /// True if this build can deliver there.
    pub fn is_built(&self) -> bool {
        match self.build {
            Build::Stream { new, .. } => new.is_some(),
            Build::Plain { new } => new.is_some(),
        }
    }

    /// True if it has this setting beside those that every sink has.
    pub fn has(&self, setting: &str) -> bool {
        self.settings.contains(&setting)
    }

    /// The reason why it does not take this format; `None` if it does.
    pub fn refuses(&self, format: Format) -> Option<&'static str> {
        let refused = self.refused_formats.iter().find(|(name, _)| *name == format.name());
        refused.map(|(_, reason)| *reason)
    }
}

impl fmt::Debug for SinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for SinkKind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for SinkKind {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_defaults_are_within_limits() {
        for kind in ALL {
            assert_eq!(SinkKind::from_name(kind.name), Some(kind));
            assert_eq!(NAMES.iter().filter(|name| **name == kind.name).count(), 1);
            assert!(kind.default_record_bytes <= kind.limits.record_bytes, "{kind:?}");
            assert!(kind.limits.record_bytes <= kind.limits.put_bytes, "{kind:?}");
            assert_eq!(
                kind.has("stream"),
                matches!(kind.build, Build::Stream { .. }),
                "{kind:?}"
            );
            assert_eq!(kind.has("partition_key"), kind.limits.keyed, "{kind:?}");
            for (format, _) in kind.refused_formats {
                assert!(Format::NAMES.contains(format), "{kind:?}: {format}");
            }
        }
    }
}
