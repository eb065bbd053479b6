//! Configuration: defaults, files, variables; every mistake told at once.
//!
//! # Layout
//! - `layers`: figment merges files and variables and remembers where each value came from.
//! - `values`: what people write for sizes, durations, lists.
//! - `reader`: typed reads that collect [`Problem`]s.
//! - `sink`: the settings of one sink; `packing`: how it packs records; `attributes`: those of the envelope's
//!   `resource`; `network`: what others say of certificates and proxies; this file: all others.
//! - [`settings`]: all of them, as `forwarderctl` describes them; `effective`: as they are in force.

mod attributes;
mod effective;
mod layers;
mod network;
mod packing;
mod reader;
mod routes;
pub mod settings;
mod sink;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::forwarder::flush::{FlushPolicy, Strategy};
use forwarder_core::intake::redact::Redaction;
use forwarder_core::record::envelope::Envelope;
use forwarder_core::route::Routes;
use forwarder_core::telemetry::event::Kind;
use forwarder_core::{Types, nearest};
use forwarder_sinks::arn::StreamName;
use forwarder_sinks::document::Source;
use log::LevelFilter;

pub use effective::{Effective, effective};
pub use forwarder_sinks::SinkKind;
pub use layers::{Origin, RemoteDocument};
pub use packing::{Packing, default_put_bytes, default_record_bytes};
pub use reader::Problem;
use reader::Reader;
pub use sink::SinkConfig;

use crate::telemetry_api::Buffering;

/// Port of the Runtime API; nobody else may listen there.
const RUNTIME_API_PORT: u64 = 9001;

/// Assumed memory of a function whose memory is not known, in MB.
const DEFAULT_MEMORY_MB: usize = 128;

const MIB: usize = 1_048_576;

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The sinks, by name.
    pub sinks: Vec<SinkConfig>,
    /// Which of them take an event; targets are places in `sinks`.
    pub routes: Routes,
    /// Flush settings: when `next` is held back.
    pub flush: FlushPolicy,
    /// No line waits longer while the environment runs.
    pub max_age: Duration,
    /// Limit of what all lanes together hold. Bytes.
    pub buffer_bytes: usize,
    /// Spool for lines that memory cannot hold.
    pub spool: SpoolSettings,
    /// Types that are forwarded.
    pub types: Types,
    /// Redaction.
    pub redaction: Redaction,
    /// The port that the listener opens.
    pub port: u16,
    /// Buffering by Lambda.
    pub buffering: Buffering,
    /// Its counters go to CloudWatch, in the embedded metric format.
    pub emf: bool,
    /// Attributes of the user's own, in the envelope's `resource`.
    pub attributes: Vec<(String, String)>,
    /// Place of the configuration, where it is kept elsewhere.
    pub remote: Option<Source>,
    /// Interval at which it is read again; `None`: never.
    pub refresh: Option<Duration>,
}

/// Reaction to a configuration with mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Stand by, the function unharmed.
    #[default]
    Continue,
    /// Let the function's init fail.
    Fail,
}

/// Settings that hold even in a configuration with mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basics {
    /// Level of the forwarder's log.
    pub log: LevelFilter,
    /// Reaction to mistakes.
    pub on_error: OnError,
    /// Values that are likely not meant, and no reason to forward nothing.
    pub warnings: Vec<String>,
}

/// The process's environment variables. What is not UTF-8 has U+FFFD in its place, which no setting takes: it is
/// reported and not left out. Without that a redaction that cannot be read would mask nothing.
pub fn environment() -> BTreeMap<String, String> {
    let text = |value: OsString| value.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// Reads the configuration that these environment variables make, files included.
///
/// # Errors
/// Every mistake in it.
pub fn load(variables: &BTreeMap<String, String>) -> (Basics, Result<Config, Vec<Problem>>) {
    load_in(variables, None)
}

/// As [`load`], for a function in this account, if that is known.
///
/// # Errors
/// Every mistake in it.
pub fn load_in(variables: &BTreeMap<String, String>, account: Option<&str>) -> (Basics, Result<Config, Vec<Problem>>) {
    load_with(variables, account, None)
}

/// As [`load_in`], with the document that is kept elsewhere.
///
/// # Errors
/// Every mistake in it.
pub fn load_with(
    variables: &BTreeMap<String, String>,
    account: Option<&str>,
    document: Option<&RemoteDocument>,
) -> (Basics, Result<Config, Vec<Problem>>) {
    let inspection = inspect_in(variables, account, document);
    (inspection.basics, inspection.config)
}

/// A configuration, and what it is made of.
#[derive(Debug)]
pub struct Inspection {
    /// Settings that hold even with mistakes.
    pub basics: Basics,
    /// The configuration, or every mistake in it.
    pub config: Result<Config, Vec<Problem>>,
    /// Values that were set, with their origins.
    pub set: Vec<Set>,
    /// The dotted paths of all settings that were looked for.
    pub known: BTreeSet<String>,
}

/// A setting that somebody set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Its dotted path.
    pub path: String,
    /// Its value, with secrets masked; lists as `a,b`; empty for tables.
    pub value: String,
    /// Origin of the value.
    pub origin: Origin,
}

/// As [`load`], with where everything came from.
pub fn inspect(variables: &BTreeMap<String, String>) -> Inspection {
    inspect_in(variables, None, None)
}

/// As [`inspect`], with the document that is kept elsewhere in the place of files.
pub fn inspect_with(variables: &BTreeMap<String, String>, document: &RemoteDocument) -> Inspection {
    inspect_in(variables, None, Some(document))
}

fn inspect_in(
    variables: &BTreeMap<String, String>,
    account: Option<&str>,
    document: Option<&RemoteDocument>,
) -> Inspection {
    let (layers, errors) = layers::Layers::read(variables, document);
    let mut reader = Reader::new(layers, errors);
    let log = reader.choice("log", log_level).unwrap_or(LevelFilter::Warn);
    let on_error = reader.choice("on_error", |name| match name {
        "continue" => Some(OnError::Continue),
        "fail" => Some(OnError::Fail),
        _ => None,
    });
    let config = read(&mut reader, variables);
    if let Some(account) = account {
        refuse_foreign_streams(&mut reader, &config.sinks, account);
    }
    let findings = reader.finish();
    let basics = Basics {
        log,
        on_error: on_error.unwrap_or_default(),
        warnings: findings.warnings,
    };
    Inspection {
        basics,
        config: if findings.problems.is_empty() {
            Ok(config)
        } else {
            Err(findings.problems)
        },
        set: findings.set,
        known: findings.known,
    }
}

const LOG_LEVELS: [&str; 7] = ["error", "warn", "warning", "info", "debug", "trace", "off"];

fn log_level(name: &str) -> Option<LevelFilter> {
    match name {
        "warning" => Some(LevelFilter::Warn),
        name => name.parse().ok(),
    }
}

fn read(reader: &mut Reader, variables: &BTreeMap<String, String>) -> Config {
    let envelope = reader
        .choice("envelope", sink::envelope_from_name)
        .unwrap_or(Envelope::Full);
    let sinks = sink::read_all(reader, envelope);
    let types = types(reader);
    let invocations = reader
        .choice("invocations", |name| match name {
            "off" => Some(false),
            "on" => Some(true),
            _ => None,
        })
        .unwrap_or(false);
    let routes = routes::read(reader, &sinks, invocations);
    if invocations && !routes.name_rows() {
        let message = "no rows are made: name them in a rule, as in `forwarder.invocation -> kinesis`";
        reader.warn("invocations", message);
    }
    refuse_feedback(reader, types, &routes, &sinks);
    network::check(reader, variables, &sinks);
    Config {
        remote: layers::remote_source(variables).and_then(Result::ok),
        refresh: reader.parsed_or_default("config_refresh", refresh).unwrap_or_default(),
        attributes: attributes::read(reader, variables),
        flush: FlushPolicy {
            strategy: reader.choice("flush.strategy", Strategy::from_name).unwrap_or_default(),
            budget: reader.duration("flush.budget"),
            idle: reader.duration("flush.idle"),
        },
        max_age: reader.duration("flush.max_age"),
        buffer_bytes: reader
            .size("buffer.max_bytes")
            .unwrap_or_else(|| default_buffer(variables)),
        spool: spool(reader),
        types,
        redaction: redaction(reader),
        port: port(reader),
        buffering: Buffering {
            max_items: reader.number("telemetry.max_items"),
            max_bytes: reader.size("telemetry.max_bytes").unwrap_or_default(),
            timeout: reader.duration("telemetry.timeout"),
        },
        emf: reader
            .choice("metrics", |name| match name {
                "off" => Some(false),
                "emf" => Some(true),
                _ => None,
            })
            .unwrap_or_default(),
        sinks,
        routes,
    }
}

/// A configuration that is kept elsewhere is not read more often.
const SHORTEST_REFRESH: Duration = Duration::from_secs(30);

fn refresh(text: &str) -> Result<Option<Duration>, String> {
    // YAML makes `false` of a bare `off`.
    if ["off", "false"].iter().any(|off| text.eq_ignore_ascii_case(off)) {
        return Ok(None);
    }
    let interval = values::duration(text)?;
    if interval < SHORTEST_REFRESH {
        return Err("out of bounds; allowed are 30s and more, and off".to_owned());
    }
    Ok(Some(interval))
}

/// Some services are called by the stream's name: the ARN of another account's stream would mean the stream of this
/// name in the function's own account.
fn refuse_foreign_streams(reader: &mut Reader, sinks: &[SinkConfig], account: &str) {
    for sink in sinks
        .iter()
        .filter(|sink| sink.kind.called_by_name && sink.assume_role.is_none())
    {
        if let Some(StreamName::Arn(arn)) = &sink.stream
            && arn.account != account
        {
            let message = format!(
                "the stream is in the account {}, the function in {account}, and {} is called by name; set assume_role to a role of that account",
                arn.account, sink.kind.title
            );
            reader.problem(&format!("sinks.{}.stream", sink.name), message, None);
        }
    }
}

/// A sixteenth of the function's memory, 4 to 64 MiB.
fn default_buffer(variables: &BTreeMap<String, String>) -> usize {
    let memory = variables
        .get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        .and_then(|text| text.trim().parse::<usize>().ok())
        .unwrap_or(DEFAULT_MEMORY_MB);
    memory.saturating_mul(MIB / 16).clamp(4 * MIB, 64 * MIB)
}

fn spool(reader: &mut Reader) -> SpoolSettings {
    let absolute = |text: &str| match PathBuf::from(text) {
        path if path.is_absolute() => Ok(path),
        _ => Err("not an absolute path".to_owned()),
    };
    SpoolSettings {
        dir: reader.parsed_or_default("spool.dir", absolute).unwrap_or_default(),
        max_bytes: reader.size("spool.max_bytes").unwrap_or_default() as u64,
        mode: reader.choice("spool.mode", SpoolMode::from_name).unwrap_or_default(),
    }
}

fn types(reader: &mut Reader) -> Types {
    const NAMES: [&str; 3] = ["platform", "function", "extension"];
    let path = "telemetry.types";
    let named = reader.list(path).filter(|names| !names.is_empty());
    let named = named.unwrap_or_else(|| {
        let default = settings::find(path).map_or("", |setting| setting.default);
        values::list(default)
    });
    for name in &named {
        if !NAMES.contains(&name.as_str()) {
            let hint = nearest(name, NAMES).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let message = format!("unknown type `{name}`{hint} (allowed: {})", NAMES.join(", "));
            reader.problem(path, message, Some("platform,function"));
        }
    }
    let has = |name: &str| named.iter().any(|other| other == name);
    Types {
        platform: has("platform"),
        function: has("function"),
        extension: has("extension"),
    }
}

fn redaction(reader: &mut Reader) -> Redaction {
    let path = "redact";
    let items = reader.list_by(path, |text| {
        forwarder_core::route::list(text)
            .into_iter()
            .map(str::to_owned)
            .collect()
    });
    Redaction::parse(&items.unwrap_or_default()).unwrap_or_else(|errors| {
        for error in errors {
            reader.problem(path, error, Some("email,credit_card,/token=[a-z0-9]+/"));
        }
        Redaction::default()
    })
}

fn port(reader: &mut Reader) -> u16 {
    let port = reader.number("telemetry.port");
    if port == RUNTIME_API_PORT {
        reader.problem(
            "telemetry.port",
            "this port is the Runtime API's own; choose another",
            Some("4243"),
        );
    }
    u16::try_from(port).unwrap_or_default()
}

/// Standard output is a log of this extension: fed with extension logs it would feed itself.
fn refuse_feedback(reader: &mut Reader, types: Types, routes: &Routes, sinks: &[SinkConfig]) {
    let feeds_itself =
        |(index, sink): (usize, &SinkConfig)| sink.kind.is_own_log && routes.may_send(&Kind::Extension, index);
    if types.extension && sinks.iter().enumerate().any(feeds_itself) {
        let message = "extension events are routed to standard output, which is an extension's log: that would feed itself; leave `extension` out, or route it elsewhere";
        reader.problem("telemetry.types", message, Some("platform,function"));
    }
}

#[cfg(test)]
mod tests;
