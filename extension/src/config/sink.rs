//! The settings of one sink.

use forwarder_core::delivery::lane::PartitionKey;
use forwarder_core::nearest;
use forwarder_core::record::envelope::Envelope;
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::DROP;

use super::packing::{self, Packing};
use super::reader::Reader;

/// The settings that a sink may have, below `sinks.<name>`.
const KEYS: [&str; 15] = [
    "type",
    "stream",
    "region",
    "endpoint",
    "format",
    "compression",
    "partition_key",
    "record_bytes",
    "put_bytes",
    "max_record_bytes",
    "oversize",
    "envelope",
    "assume_role",
    "external_id",
    "fallback",
];

/// What kind of place a sink is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkType {
    /// Kinesis Data Streams.
    Kinesis,
    /// Amazon Data Firehose.
    Firehose,
    /// Standard output.
    Stdout,
}

impl SinkType {
    /// The names, as a configuration has them.
    pub const NAMES: [&str; 3] = ["kinesis", "firehose", "stdout"];

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "kinesis" => Some(Self::Kinesis),
            "firehose" => Some(Self::Firehose),
            "stdout" => Some(Self::Stdout),
            _ => None,
        }
    }

    /// Its name, as a configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kinesis => "kinesis",
            Self::Firehose => "firehose",
            Self::Stdout => "stdout",
        }
    }

    /// Whether this build can deliver there.
    pub fn is_built(self) -> bool {
        match self {
            Self::Kinesis => cfg!(feature = "kinesis"),
            Self::Firehose => cfg!(feature = "firehose"),
            Self::Stdout => cfg!(feature = "stdout"),
        }
    }

    /// Whether its records have partition keys.
    pub fn is_keyed(self) -> bool {
        self == Self::Kinesis
    }

    /// The largest call, the largest record, and the largest record by default. Bytes, with keys.
    pub(super) fn limits(self) -> (usize, usize, usize) {
        match self {
            // PutRecords: 10 MiB; a record as much, but a stream allows 1 MiB unless it is told otherwise.
            Self::Kinesis => (10_485_760, 10_485_760, 1_048_576),
            // PutRecordBatch: 4 MiB; a record 1,000 KiB.
            Self::Firehose => (4_194_304, 1_024_000, 1_024_000),
            Self::Stdout => (1_048_576, 1_048_576, 1_048_576),
        }
    }
}

/// One configured sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkConfig {
    /// Its name, as routes have it.
    pub name: String,
    /// What it is.
    pub kind: SinkType,
    /// The stream's name or ARN; empty for standard output.
    pub stream: String,
    /// The region, where it is not the environment's.
    pub region: Option<String>,
    /// The endpoint, where it is not the service's.
    pub endpoint: Option<String>,
    /// The role that puts are made under, where it is not the function's.
    pub assume_role: Option<AssumedRole>,
    /// How lines become records and calls.
    pub packing: Packing,
    /// What the partition key is.
    pub partition_key: PartitionKey,
    /// How much the envelope says.
    pub envelope: Envelope,
    /// What becomes of lines that are longer than a record may be.
    pub oversize: Oversize,
    /// The sink that takes what this one could not deliver.
    pub fallback: Option<String>,
}

/// A role of another account, or of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy may ask for.
    pub external_id: Option<String>,
}

/// Reads every sink that is named. A sink with a problem is left out.
pub(super) fn read_all(reader: &mut Reader, envelope: Envelope) -> Vec<SinkConfig> {
    let names = reader.keys("sinks");
    if names.is_empty() {
        // For the hint at whatever was set instead.
        for key in KEYS {
            reader.raw(&format!("sinks.kinesis.{key}"));
        }
        reader.problem(
            "sinks.kinesis.stream",
            "there is no sink; name a stream",
            Some("telemetry"),
        );
    }
    check_fallbacks(reader, &names);
    names.iter().filter_map(|name| read(reader, name, envelope)).collect()
}

/// Every fallback is a sink, and none leads back to where it came from.
fn check_fallbacks(reader: &mut Reader, names: &[String]) {
    let fallback_of = |reader: &mut Reader, name: &str| reader.text(&format!("sinks.{name}.fallback"));
    for name in names {
        let path = format!("sinks.{name}.fallback");
        let Some(fallback) = fallback_of(reader, name) else {
            continue;
        };
        if !names.contains(&fallback) {
            let hint = nearest(&fallback, names.iter().map(String::as_str));
            let hint = hint.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let message = format!("unknown sink `{fallback}`{hint} (configured: {})", names.join(", "));
            reader.problem(&path, message, None);
            continue;
        }
        let mut chain = vec![name.clone()];
        let mut next = Some(fallback);
        while let Some(sink) = next {
            if sink == *name {
                let message = format!("this leads back to where it began: {} -> {name}", chain.join(" -> "));
                reader.problem(&path, message, None);
                break;
            }
            if chain.contains(&sink) {
                // A cycle further on is told where it begins.
                break;
            }
            next = fallback_of(reader, &sink);
            chain.push(sink);
        }
    }
}

fn read(reader: &mut Reader, name: &str, envelope: Envelope) -> Option<SinkConfig> {
    let path = |key: &str| format!("sinks.{name}.{key}");
    // Whatever else is wrong, a known setting is not an unknown one.
    for key in KEYS {
        reader.raw(&path(key));
    }
    if reader.keys(&format!("sinks.{name}")).is_empty() {
        reader.raw(&format!("sinks.{name}"));
        reader.problem(
            &format!("sinks.{name}"),
            "a sink needs a setting below its name, such as `stream` or `type`",
            None,
        );
        return None;
    }
    let problems = reader.problems.len();
    if !is_name(name) || name == DROP {
        let message = format!(
            "`{name}` cannot be a sink's name; it has lower-case letters, digits and single `_` between them, and is not `{DROP}`"
        );
        reader.problem(&first_set(reader, name), message, None);
        return None;
    }
    let kind = kind(reader, name)?;
    let stream = match kind {
        SinkType::Stdout => {
            for key in [
                "stream",
                "region",
                "endpoint",
                "partition_key",
                "assume_role",
                "external_id",
            ] {
                if reader.has(&path(key)) {
                    reader.problem(&path(key), "standard output has no such setting; leave it out", None);
                }
            }
            String::new()
        }
        SinkType::Kinesis | SinkType::Firehose => stream(reader, &path("stream"), kind),
    };
    if kind == SinkType::Firehose && reader.has(&path("partition_key")) {
        reader.problem(
            &path("partition_key"),
            "Firehose records have no partition keys; leave it out",
            None,
        );
    }
    let config = SinkConfig {
        name: name.to_owned(),
        kind,
        stream,
        region: reader.text(&path("region")),
        endpoint: reader.parsed(&path("endpoint"), "http://localhost:4566", endpoint),
        assume_role: assume_role(reader, &path("assume_role"), &path("external_id")),
        packing: packing::read(reader, name, kind),
        partition_key: reader
            .choice(&path("partition_key"), &PartitionKey::NAMES, PartitionKey::from_name)
            .unwrap_or_default(),
        envelope: reader
            .choice(&path("envelope"), &ENVELOPES, envelope_from_name)
            .unwrap_or(envelope),
        oversize: reader
            .choice(&path("oversize"), &Oversize::NAMES, Oversize::from_name)
            .unwrap_or_default(),
        fallback: reader.text(&path("fallback")),
    };
    (reader.problems.len() == problems).then_some(config)
}

fn kind(reader: &mut Reader, name: &str) -> Option<SinkType> {
    let path = format!("sinks.{name}.type");
    let kind = if reader.has(&path) {
        reader.choice(&path, &SinkType::NAMES, SinkType::from_name)?
    } else if let Some(kind) = SinkType::from_name(name) {
        kind
    } else {
        let hint = nearest(name, SinkType::NAMES);
        let hint = hint.map_or(String::new(), |near| {
            format!("; if you meant the sink `{near}`, mend the name")
        });
        let message = format!(
            "the sink `{name}` needs a type ({}), since its name is none{hint}",
            SinkType::NAMES.join(", ")
        );
        reader.problem(&path, message, Some("kinesis"));
        return None;
    };
    if !kind.is_built() {
        let feature = kind.name();
        let message = format!("this build cannot deliver to {feature}: it was built without the feature `{feature}`");
        let at = if reader.has(&path) {
            path
        } else {
            first_set(reader, name)
        };
        reader.problem(&at, message, None);
        return None;
    }
    Some(kind)
}

fn stream(reader: &mut Reader, path: &str, kind: SinkType) -> String {
    if reader.text(path).is_none() {
        reader.problem(path, "the sink needs a stream's name or ARN", Some("telemetry"));
    }
    let check = |text: &str| -> Result<String, String> {
        match kind {
            #[cfg(feature = "kinesis")]
            SinkType::Kinesis => forwarder_sinks::kinesis::Kinesis::parse_stream(text).map(|_| text.to_owned()),
            #[cfg(feature = "firehose")]
            SinkType::Firehose => forwarder_sinks::firehose::Firehose::parse_stream(text).map(|_| text.to_owned()),
            _ => Ok(text.to_owned()),
        }
    };
    reader.parsed(path, "telemetry", check).unwrap_or_default()
}

fn assume_role(reader: &mut Reader, role: &str, external_id: &str) -> Option<AssumedRole> {
    let arn = reader.parsed(role, ROLE_EXAMPLE, |text| {
        if !cfg!(feature = "assume-role") {
            return Err("this build cannot assume roles: it was built without the feature `assume-role`".into());
        }
        let parts: Vec<_> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, "iam", "", account, role]
                if partition.starts_with("aws") && account.len() == 12 && role.starts_with("role/") =>
            {
                Ok(text.to_owned())
            }
            _ => Err("not the ARN of a role".into()),
        }
    });
    let external_id_set = reader.text(external_id);
    if external_id_set.is_some() && !reader.has(role) {
        reader.problem(
            external_id,
            "an external id goes with `assume_role`, which is not set",
            None,
        );
    }
    Some(AssumedRole {
        arn: arn?,
        external_id: external_id_set,
    })
}

const ROLE_EXAMPLE: &str = "arn:aws:iam::123456789012:role/telemetry-writer";

/// The first setting of a sink, to point at.
fn first_set(reader: &Reader, name: &str) -> String {
    let keys = reader.keys(&format!("sinks.{name}"));
    keys.first()
        .map_or(format!("sinks.{name}"), |key| format!("sinks.{name}.{key}"))
}

fn endpoint(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !host.starts_with('/') => Ok(text.to_owned()),
        _ => Err("not an endpoint; it begins with `https://` or `http://`".into()),
    }
}

/// `[a-z][a-z0-9]*(_[a-z0-9]+)*`
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('_').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

pub(super) const ENVELOPES: [&str; 3] = ["full", "lean", "raw"];

pub(super) fn envelope_from_name(name: &str) -> Option<Envelope> {
    match name {
        "full" => Some(Envelope::Full),
        "lean" => Some(Envelope::Lean),
        "raw" => Some(Envelope::Raw),
        _ => None,
    }
}
