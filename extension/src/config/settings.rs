//! Every setting there is: what `forwarderctl` shows and describes. A test holds it against what is read.

use forwarder_core::delivery::lane::PartitionKey;
use forwarder_core::delivery::spool::SpoolMode;
use forwarder_core::record::format::{Compression, Format};
use forwarder_core::record::oversize::Oversize;

use super::SinkType;
use super::sink::ENVELOPES;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its dotted path; `*` stands for a sink's name.
    pub path: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is if nobody sets it; empty if it is absent then, or depends on other things.
    pub default: &'static str,
    /// What it is about.
    pub about: &'static str,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text.
    Text,
    /// One of these, in any case.
    Choice(&'static [&'static str]),
    /// A list of texts: `a,b`, or an array.
    List,
    /// A whole number.
    Number,
    /// Bytes, or with a unit.
    Size,
    /// `10s`, `250ms`.
    Duration,
    /// A text of rules, or `[[routes]]` tables.
    Routes,
}

const fn setting(path: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Setting {
    Setting {
        path,
        kind,
        default,
        about,
    }
}

/// All settings, in the order in which they are shown.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    setting("sinks.*.type", Kind::Choice(&SinkType::NAMES), "", "What the sink is; the name says it where it is a type's."),
    setting("sinks.*.stream", Kind::Text, "", "The stream's name or ARN."),
    setting("sinks.*.region", Kind::Text, "", "The region, where it is not the function's or the ARN's."),
    setting("sinks.*.endpoint", Kind::Text, "", "The endpoint, where it is not the service's."),
    setting("sinks.*.format", Kind::Choice(&Format::NAMES), "ndjson", "How lines stand in a record."),
    setting("sinks.*.compression", Kind::Choice(&Compression::NAMES), "none", "How a record is compressed."),
    setting("sinks.*.partition_key", Kind::Choice(&PartitionKey::NAMES), "random", "What the partition key of a record is."),
    setting("sinks.*.record_bytes", Kind::Size, "25000", "What a record aims at, key included."),
    setting("sinks.*.put_bytes", Kind::Size, "1MiB", "What a call aims at, keys included."),
    setting("sinks.*.max_record_bytes", Kind::Size, "1MiB", "What a record may not pass, key included."),
    setting("sinks.*.oversize", Kind::Choice(&Oversize::NAMES), "split", "What becomes of a line that is longer than a record may be."),
    setting("sinks.*.envelope", Kind::Choice(&ENVELOPES), "", "How much the envelope says, where it is not what `envelope` says."),
    setting("sinks.*.assume_role", Kind::Text, "", "The ARN of the role that puts are made under."),
    setting("sinks.*.external_id", Kind::Text, "", "What the trust policy of that role may ask for."),
    setting("sinks.*.fallback", Kind::Text, "", "The sink that takes what this one could not deliver."),
    setting("routes", Kind::Routes, "", "Which sinks take an event; without it all goes to the only sink."),
    setting("envelope", Kind::Choice(&ENVELOPES), "full", "How much the envelope says."),
    setting("invocations", Kind::Choice(&["off", "on"]), "off", "Rows of invocations, where there are no routes; with routes a rule names `forwarder.invocation`."),
    setting("attributes", Kind::List, "", "What `resource` in the envelope says besides: team=payments,stage=prod."),
    setting("redact", Kind::List, "", "What is masked: email, ipv4, credit_card, aws_access_key, jwt, bearer, and /regex/es."),
    setting("flush.strategy", Kind::Choice(&["adaptive", "end", "continuous"]), "adaptive", "When `next` waits for delivery."),
    setting("flush.max_age", Kind::Duration, "10s", "No event waits longer while the environment runs."),
    setting("flush.idle", Kind::Duration, "5s", "`adaptive` is `end` where invocations are rarer."),
    setting("flush.budget", Kind::Duration, "500ms", "The most that any flush holds `next`."),
    setting("buffer.max_bytes", Kind::Size, "", "What all sinks together may hold; by default a sixteenth of the function's memory, 4 to 64 MiB."),
    setting("spool.mode", Kind::Choice(&SpoolMode::NAMES), "overflow", "Whether what cannot be delivered is kept on disk."),
    setting("spool.dir", Kind::Text, super::SPOOL_DIR, "Where on disk."),
    setting("spool.max_bytes", Kind::Size, "64MiB", "How much of the disk it may take."),
    setting("telemetry.types", Kind::List, "platform,function", "What is forwarded: platform, function, extension."),
    setting("telemetry.port", Kind::Number, "4243", "The port that Lambda posts to."),
    setting("telemetry.max_items", Kind::Number, "1000", "Events that Lambda buffers."),
    setting("telemetry.max_bytes", Kind::Size, "262144", "Bytes that Lambda buffers."),
    setting("telemetry.timeout", Kind::Duration, "25ms", "How long Lambda buffers."),
    setting("log", Kind::Choice(&super::LOG_LEVELS), "warn", "What the forwarder itself logs."),
    setting("metrics", Kind::Choice(&["off", "emf"]), "off", "Whether the forwarder writes metrics."),
    setting("on_error", Kind::Choice(&["continue", "fail"]), "continue", "What becomes of the function if the configuration has mistakes."),
];
