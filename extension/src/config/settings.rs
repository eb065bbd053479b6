//! The table of settings: each with its kind, bounds, default and text, once. The reader, `forwarderctl check`, the JSON
//! Schema and the tables of the documents come from it or are tested against it.
//!
//! To add a setting: a line here, and the place that reads it.

use std::time::Duration;

use forwarder_core::delivery::settings::PartitionKey;
use forwarder_core::delivery::spool::SpoolMode;
use forwarder_core::forwarder::flush::Strategy;
use forwarder_core::nearest;
use forwarder_core::record::format::{Compression, Format};
use forwarder_core::record::oversize::Oversize;
use forwarder_sinks::kind::{NAMES as SINK_TYPES, Protocol};

use super::values;

/// Extents of the envelope.
const ENVELOPES: [&str; 3] = ["full", "lean", "raw"];

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its dotted path; `*` is a sink's name.
    pub path: &'static str,
    /// Its values.
    pub kind: Kind,
    /// Its value if nobody sets it; empty if it is absent then, or depends on other things.
    pub default: &'static str,
    /// A right value, for messages; empty if the default is one.
    example: &'static str,
    /// Its meaning.
    pub about: &'static str,
}

/// Values of a setting. Bounds include both ends.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text.
    Text,
    /// One of these, in any case.
    Choice(&'static [&'static str]),
    /// A list of texts: `a,b`, or an array.
    List,
    /// A whole number.
    Number {
        /// Lower bound.
        least: u64,
        /// Upper bound.
        most: u64,
    },
    /// Bytes, or with a unit.
    Size {
        /// Lower bound. Bytes.
        least: usize,
        /// Upper bound. Bytes. Of a sink's settings: of the sink that takes most.
        most: usize,
    },
    /// `10s`, `250ms`.
    Duration {
        /// Lower bound.
        least: Duration,
        /// Upper bound.
        most: Duration,
    },
    /// A text of rules, or `[[routes]]` tables.
    Routes,
}

const KIB: usize = 1_024;
const MIB: usize = 1_024 * KIB;

/// Upper bound of what memory or the disk may hold: what a function can have of each. Lambda quotas.
const MOST_HELD: usize = 10_240 * MIB;

/// Upper bound of a record and of a call, of the sink that takes most.
const MOST_SENT: usize = 10 * MIB;

/// Lower bound of `max_record_bytes`: the forwarder's own reports must fit.
const LEAST_MAX_RECORD: usize = 4 * KIB;

/// A function runs no longer. Lambda quotas.
const LONGEST_RUN: Duration = Duration::from_secs(900);

const fn setting(path: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Setting {
    Setting {
        path,
        kind,
        default,
        example: "",
        about,
    }
}

const fn size(least: usize, most: usize) -> Kind {
    Kind::Size { least, most }
}

const fn duration(least: u64, most: Duration) -> Kind {
    let least = Duration::from_millis(least);
    Kind::Duration { least, most }
}

const fn number(least: u64, most: u64) -> Kind {
    Kind::Number { least, most }
}

impl Setting {
    const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    /// A right value, for messages. `None` if there is no typical one.
    pub fn right_value(&self) -> Option<&'static str> {
        let choice = match self.kind {
            Kind::Choice(names) => names.first().copied().unwrap_or_default(),
            _ => "",
        };
        [self.example, choice, self.default]
            .into_iter()
            .find(|value| !value.is_empty())
    }

    /// Its bounds as a sentence with a blank before it, for documents. `None` if it has none.
    pub fn bounds(&self) -> Option<String> {
        match self.kind {
            Kind::Number { least, most } => Some(format!(" From {least} to {most}.")),
            Kind::Size { least, most } => {
                let (least, most) = (values::size_text(least), values::size_text(most));
                Some(format!(" From {least} to {most}."))
            }
            Kind::Duration { least, most } => Some(format!(" From {least:?} to {most:?}.")),
            _ => None,
        }
    }

    /// True if this is the setting of a dotted path.
    fn is_at(&self, path: &str) -> bool {
        match self.path.split_once('*') {
            None => self.path == path,
            Some((before, after)) => path
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|name| !name.contains('.')),
        }
    }
}

/// The setting of a dotted path.
pub fn find(path: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.is_at(path))
}

/// Settings below the name of a sink.
pub(super) fn sink_keys() -> impl Iterator<Item = &'static str> {
    SETTINGS
        .iter()
        .filter_map(|setting| setting.path.strip_prefix(ANY_SINK))
}

/// Prefix of the settings of sinks.
const ANY_SINK: &str = "sinks.*.";

/// The default of a size. Bytes.
pub(super) fn default_size(path: &str) -> usize {
    let default = find(path).map_or("", |setting| setting.default);
    values::size(default).unwrap_or_default()
}

/// Names that a setting begins with.
fn first_names() -> impl Iterator<Item = &'static str> {
    let paths = SETTINGS.iter().map(|setting| setting.path);
    paths.filter_map(|path| path.split('.').next()).chain(["config"])
}

/// True if an unknown path begins like a setting, so that it is likely a mistake. Otherwise it may be another tool's.
pub(super) fn begins_like_one(path: &str) -> bool {
    let begins_with = |name: &str| {
        let rest = path.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_']))
    };
    let first = path.split('.').next().unwrap_or_default();
    first_names().any(begins_with) || nearest(first, first_names()).is_some()
}

/// The setting that a path names with the wrong number of underscores, as a dotted path.
pub(super) fn with_right_underscores(path: &str) -> Option<String> {
    let bare = |text: &str| text.replace(['.', '_'], "");
    let plain = SETTINGS
        .iter()
        .find(|setting| bare(setting.path) == bare(path) && !setting.path.contains('*'));
    if let Some(setting) = plain {
        return Some(setting.path.to_owned());
    }
    let rest = path.strip_prefix("sinks")?.trim_start_matches(['.', '_']);
    let names = sink_keys().filter_map(|key| {
        let name = rest.strip_suffix(key)?.trim_end_matches(['.', '_']);
        (!name.is_empty() && name.len() < rest.len() - key.len()).then_some((key, name))
    });
    // Of `record_bytes` and `max_record_bytes` the longer one is meant.
    let (key, name) = names.max_by_key(|(key, _)| key.len())?;
    Some(format!("sinks.{}.{key}", name.replace('.', "_")))
}

/// All settings, in the order in which they are shown.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    setting("sinks.*.type", Kind::Choice(&SINK_TYPES), "", "Sink type. Default: the sink's name, if that is a type.").example("kinesis"),
    setting("sinks.*.stream", Kind::Text, "", "Name or ARN of the stream.").example("telemetry"),
    setting("sinks.*.region", Kind::Text, "", "Region of the stream. Default: that of its ARN, else the function's.").example("eu-west-1"),
    setting("sinks.*.endpoint", Kind::Text, "", "URL of the endpoint. Default: the service's own.").example("http://localhost:4566"),
    setting("sinks.*.format", Kind::Choice(&Format::NAMES), "ndjson", "Layout of lines in a record."),
    setting("sinks.*.compression", Kind::Choice(&Compression::NAMES), "none", "Compression of a record."),
    setting("sinks.*.partition_key", Kind::Choice(&PartitionKey::NAMES), "random", "Partition key of a record."),
    setting("sinks.*.protocol", Kind::Choice(&Protocol::NAMES), "cbor", "Encoding of calls: `cbor`, records as they are; `json`, in base64."),
    setting("sinks.*.record_bytes", size(KIB, MOST_SENT), "25000", "Target size of a record, with its key. Default with compression: 256 KiB before it."),
    setting("sinks.*.put_bytes", size(KIB, MOST_SENT), "1MiB", "Target size of a call, with keys."),
    setting("sinks.*.max_record_bytes", size(LEAST_MAX_RECORD, MOST_SENT), "1MiB", "Largest record, with its key. Default of a Firehose sink: 1,000 KiB."),
    setting("sinks.*.oversize", Kind::Choice(&Oversize::NAMES), "split", "Treatment of a line that is longer than a record may be."),
    setting("sinks.*.envelope", Kind::Choice(&ENVELOPES), "", "Size of the envelope. Default: `envelope`."),
    setting("sinks.*.assume_role", Kind::Text, "", "ARN of the role to put under. Default: the function's own.").example("arn:aws:iam::123456789012:role/telemetry-writer"),
    setting("sinks.*.external_id", Kind::Text, "", "External id that the trust policy of that role asks for."),
    setting("sinks.*.fallback", Kind::Text, "", "Sink that takes what this one cannot deliver."),
    setting("routes", Kind::Routes, "", "Rules that say which sinks take an event. Default: all to the only sink."),
    setting("envelope", Kind::Choice(&ENVELOPES), "full", "Size of the envelope: `full`, `lean` (without `resource`), `raw` (none)."),
    setting("invocations", Kind::Choice(&["off", "on"]), "off", "Rows of invocations where there are no routes. With routes a rule names `forwarder.invocation`."),
    setting("attributes", Kind::List, "", "Members of `resource` in the envelope beside Lambda's own: key=value,key=value.").example("team=payments,deployment.environment.name=prod"),
    setting("redact", Kind::List, "", "Masks: email, ipv4, ipv6, phone, credit_card, iban, aws_access_key, aws_secret_key, jwt, bearer, and /regex/.").example("email,credit_card,/token=[a-z0-9]+/"),
    setting("flush.strategy", Kind::Choice(&Strategy::NAMES), "adaptive", "Time of delivery: `end` of each invocation, `continuous` beside it, or `adaptive`."),
    setting("flush.max_age", duration(10, LONGEST_RUN), "10s", "Longest time that an event waits while the environment runs."),
    setting("flush.idle", duration(0, Duration::from_secs(3_600)), "5s", "Gap between invocations above which `adaptive` is `end`."),
    setting("flush.budget", duration(0, LONGEST_RUN), "500ms", "Longest time that a flush holds `next`."),
    setting("buffer.max_bytes", size(MIB, MOST_HELD), "", "Memory for all sinks together. Default: a sixteenth of the function's memory, 4 to 64 MiB.").example("16MiB"),
    setting("spool.mode", Kind::Choice(&SpoolMode::NAMES), "overflow", "Use of the disk: `off`; `overflow`: for what memory cannot hold; `always`."),
    setting("spool.dir", Kind::Text, "/tmp/telemetry-forwarder", "Folder on disk."),
    setting("spool.max_bytes", size(MIB, MOST_HELD), "64MiB", "Most that the disk holds."),
    setting("telemetry.types", Kind::List, "platform,function", "Telemetry that is forwarded: platform, function, extension."),
    setting("telemetry.port", number(1, 65_535), "4243", "Port that Lambda posts to."),
    setting("telemetry.max_items", number(1_000, 10_000), "1000", "Events that Lambda buffers."),
    setting("telemetry.max_bytes", size(256 * KIB, MIB), "1MiB", "Bytes that Lambda buffers. A longer line is cut over several POSTs.").example("256KiB"),
    setting("telemetry.timeout", duration(25, Duration::from_secs(30)), "25ms", "Time that Lambda buffers."),
    setting("config_refresh", Kind::Text, "5m", "Interval at which a configuration that is kept elsewhere is read again, from 30s; `off`: never."),
    setting("log", Kind::Choice(&super::LOG_LEVELS), "warn", "Level of the forwarder's own log."),
    setting("metrics", Kind::Choice(&["off", "emf"]), "off", "Metrics of the forwarder: `emf` writes CloudWatch's embedded metric format."),
    setting("on_error", Kind::Choice(&["continue", "fail"]), "continue", "Treatment of a wrong configuration: `continue` without forwarding, or `fail` the function's init."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_default_and_example_is_a_value_within_the_bounds() {
        for setting in SETTINGS {
            for value in [setting.default, setting.example] {
                let is_right = value.is_empty()
                    || match setting.kind {
                        Kind::Choice(names) => names.contains(&value),
                        Kind::Number { least, most } => {
                            value.parse().is_ok_and(|value| (least..=most).contains(&value))
                        }
                        Kind::Size { least, most } => {
                            values::size(value).is_ok_and(|value| (least..=most).contains(&value))
                        }
                        Kind::Duration { least, most } => {
                            values::duration(value).is_ok_and(|value| (least..=most).contains(&value))
                        }
                        Kind::Text | Kind::List | Kind::Routes => true,
                    };
                assert!(is_right, "{}: {value}", setting.path);
            }
        }
    }

    #[test]
    fn the_largest_bounds_are_those_of_the_sink_that_takes_most() {
        let most = |size: fn(&forwarder_core::delivery::sink::Limits) -> usize| {
            forwarder_sinks::kind::ALL.iter().map(|kind| size(&kind.limits)).max()
        };
        assert_eq!(most(|limits| limits.put_bytes), Some(MOST_SENT));
        assert_eq!(most(|limits| limits.record_bytes), Some(MOST_SENT));
    }

    #[test]
    fn what_a_sink_has_is_in_the_table() {
        for kind in forwarder_sinks::kind::ALL {
            for key in kind.settings {
                assert!(sink_keys().any(|known| known == *key), "{kind:?}: {key}");
            }
        }
    }

    #[test]
    fn underscores_are_put_right() {
        for (path, expected) in [
            ("sinks_kinesis_stream", Some("sinks.kinesis.stream")),
            ("sinks.kinesis_stream", Some("sinks.kinesis.stream")),
            ("sinks_audit_2_max_record_bytes", Some("sinks.audit_2.max_record_bytes")),
            ("flush_max_age", Some("flush.max_age")),
            ("on.error", Some("on_error")),
            ("sinks_stream", None),
            ("nonsense", None),
        ] {
            assert_eq!(with_right_underscores(path).as_deref(), expected, "{path}");
        }
    }
}
