//! The settings of one sink.

use forwarder_core::delivery::settings::PartitionKey;
use forwarder_core::nearest;
use forwarder_core::record::envelope::Envelope;
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::DROP;
use forwarder_sinks::arn::{StreamName, check_region, check_role};
use forwarder_sinks::kind::{self, Build, Protocol};
use forwarder_sinks::{AssumedRole, SinkKind};

use super::packing::{self, Packing};
use super::reader::Reader;
use super::settings;

/// One configured sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkConfig {
    /// Its name, as routes have it.
    pub name: String,
    /// Kind.
    pub kind: &'static SinkKind,
    /// The stream; `None` for a sink without one.
    pub stream: Option<StreamName>,
    /// The region, where it is not the environment's.
    pub region: Option<String>,
    /// The endpoint, where it is not the service's.
    pub endpoint: Option<String>,
    /// The role that puts are made under, where it is not the function's.
    pub assume_role: Option<AssumedRole>,
    /// Encoding of calls.
    pub protocol: Protocol,
    /// Packing of lines into records and calls.
    pub packing: Packing,
    /// Kind of partition key.
    pub partition_key: PartitionKey,
    /// Extent of the envelope.
    pub envelope: Envelope,
    /// Treatment of lines that are longer than a record may be.
    pub oversize: Oversize,
    /// The sink that takes what this one could not deliver.
    pub fallback: Option<String>,
}

/// Reads every sink that is named. A sink with a problem is left out.
pub(super) fn read_all(reader: &mut Reader, envelope: Envelope) -> Vec<SinkConfig> {
    let names = reader.keys("sinks");
    if names.is_empty() {
        // For the hint at whatever was set instead.
        for key in settings::sink_keys() {
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
    for key in settings::sink_keys() {
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
    for key in settings::sink_keys() {
        let is_of_some = kind::ALL.iter().any(|other| other.has(key));
        if is_of_some && !kind.has(key) && reader.has(&path(key)) {
            let message = format!("{} has no such setting; leave it out", kind.title);
            reader.problem(&path(key), message, None);
        }
    }
    let stream = match kind.build {
        Build::Stream { parse, .. } => stream(reader, &path("stream"), parse),
        Build::Plain { .. } => None,
    };
    let region = reader.parsed(&path("region"), |text| check_region(text).map(|()| text.to_owned()));
    if let (Some(region), Some(of_arn)) = (&region, stream.as_ref().and_then(StreamName::region))
        && region != of_arn
    {
        let message = format!("the ARN of the stream names another region, `{of_arn}`; leave this one out");
        reader.problem(&path("region"), message, None);
    }
    let config = SinkConfig {
        name: name.to_owned(),
        kind,
        stream,
        region,
        endpoint: reader.parsed(&path("endpoint"), endpoint),
        assume_role: assume_role(reader, &path("assume_role"), &path("external_id")),
        protocol: reader
            .choice(&path("protocol"), Protocol::from_name)
            .unwrap_or_default(),
        packing: packing::read(reader, name, kind),
        partition_key: reader
            .choice(&path("partition_key"), PartitionKey::from_name)
            .unwrap_or_default(),
        envelope: reader.choice(&path("envelope"), envelope_from_name).unwrap_or(envelope),
        oversize: reader
            .choice(&path("oversize"), Oversize::from_name)
            .unwrap_or_default(),
        fallback: reader.text(&path("fallback")),
    };
    (reader.problems.len() == problems).then_some(config)
}

fn kind(reader: &mut Reader, name: &str) -> Option<&'static SinkKind> {
    let path = format!("sinks.{name}.type");
    let kind = if reader.text_is_set(&path) {
        reader.choice(&path, SinkKind::from_name)?
    } else if let Some(kind) = SinkKind::from_name(name) {
        kind
    } else {
        let hint = nearest(name, kind::NAMES);
        let hint = hint.map_or(String::new(), |near| {
            format!("; if you meant the sink `{near}`, correct the name")
        });
        let message = format!(
            "the sink `{name}` needs a type ({}), since its name is none{hint}",
            kind::NAMES.join(", ")
        );
        reader.problem(&path, message, Some("kinesis"));
        return None;
    };
    if !kind.is_built() {
        let feature = kind.name;
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

fn stream(reader: &mut Reader, path: &str, parse: fn(&str) -> Result<StreamName, String>) -> Option<StreamName> {
    if !reader.text_is_set(path) {
        reader.problem(path, "the sink needs a stream's name or ARN", Some("telemetry"));
    }
    reader.parsed(path, parse)
}

fn assume_role(reader: &mut Reader, role: &str, external_id: &str) -> Option<AssumedRole> {
    let arn = reader.parsed(role, |text| {
        if !cfg!(feature = "assume-role") {
            return Err("this build cannot assume roles: it was built without the feature `assume-role`".into());
        }
        check_role(text).map(|()| text.to_owned())
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

/// The first setting of a sink, to point at.
fn first_set(reader: &Reader, name: &str) -> String {
    let keys = reader.keys(&format!("sinks.{name}"));
    keys.first()
        .map_or(format!("sinks.{name}"), |key| format!("sinks.{name}.{key}"))
}

/// `http://host`, `https://host:port/path`.
fn endpoint(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let rest = rest.ok_or("not an endpoint; it begins with `https://` or `http://`")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match host_and_port.rsplit_once(':') {
        // The colons of an IPv6 address are in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    let is_named = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte));
    let has_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let has_path = rest.bytes().all(|byte| byte.is_ascii_graphic());
    if is_named && has_port && has_path {
        return Ok(text.to_owned());
    }
    Err("not an endpoint: behind `https://` comes a host, and maybe `:` with a port".into())
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

pub(super) fn envelope_from_name(name: &str) -> Option<Envelope> {
    match name {
        "full" => Some(Envelope::Full),
        "lean" => Some(Envelope::Lean),
        "raw" => Some(Envelope::Raw),
        _ => None,
    }
}
