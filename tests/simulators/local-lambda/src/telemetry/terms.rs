//! Terms of a subscription to the Telemetry API, and reasons to refuse it. No I/O.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use crate::fault::Refusal;

/// The versions of the events' schema that Lambda knows.
const SCHEMA_VERSIONS: [&str; 3] = ["2022-07-01", "2022-12-13", "2025-01-29"];
/// Limits of the buffering. Telemetry API reference.
const MAX_ITEMS: RangeInclusive<u64> = 1_000..=10_000;
/// Bytes.
const MAX_BYTES: RangeInclusive<u64> = 262_144..=1_048_576;
/// Milliseconds.
const TIMEOUT_MS: RangeInclusive<u64> = 25..=30_000;
/// The names of the environment's own host.
const HOSTS: [&str; 2] = ["sandbox.localdomain", "sandbox"];
/// The port of Lambda's own APIs. Telemetry API reference.
const RESERVED_PORT: u16 = 9001;

/// Classes of events that one can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TelemetryType {
    /// Events of the platform: `platform.*`.
    Platform,
    /// Output of the function.
    Function,
    /// Output of the extensions.
    Extension,
}

impl TelemetryType {
    /// The name in a subscription.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Function => "function",
            Self::Extension => "extension",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Platform, Self::Function, Self::Extension]
            .into_iter()
            .find(|class| class.name() == name)
    }
}

/// Subscription of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The extension's name.
    pub extension: String,
    /// The destination as the extension gave it.
    pub uri: String,
    /// The destination's port. The host is this machine.
    pub port: u16,
    /// The destination's path, at least `/`.
    pub path: String,
    /// The version of the events' schema.
    pub schema_version: String,
    /// Classes of events it wants.
    pub types: Vec<TelemetryType>,
    /// Events after which a batch is sent.
    pub max_items: usize,
    /// Bytes of events after which a batch is sent.
    pub max_bytes: usize,
    /// Age of its oldest event after which a batch is sent.
    pub timeout: Duration,
}

/// A valid subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) schema_version: String,
    pub(crate) types: Vec<TelemetryType>,
    pub(crate) max_items: usize,
    pub(crate) max_bytes: usize,
    pub(crate) timeout: Duration,
    pub(crate) destination: Destination,
}

/// Destination of batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) uri: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    schema_version: Option<String>,
    types: Option<Vec<String>>,
    #[serde(default)]
    buffering: Buffering,
    destination: Option<RequestedDestination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Buffering {
    max_items: u64,
    max_bytes: u64,
    timeout_ms: u64,
}

impl Default for Buffering {
    fn default() -> Self {
        Self {
            max_items: 10_000,
            max_bytes: 262_144,
            timeout_ms: 1_000,
        }
    }
}

#[derive(Deserialize)]
struct RequestedDestination {
    protocol: Option<String>,
    #[serde(rename = "URI", alias = "uri")]
    uri: Option<String>,
}

impl Terms {
    /// Reads the body of a subscription; names all that is wrong with it at once.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let request: Request = serde_json::from_slice(body)
            .map_err(|error| Refusal::bad_request("Telemetry.DeserializationError", error.to_string()))?;
        let mut problems = Vec::new();

        let schema_version = request.schema_version.unwrap_or_default();
        if !SCHEMA_VERSIONS.contains(&schema_version.as_str()) {
            problems.push(format!(
                "schemaVersion should be one of {SCHEMA_VERSIONS:?}, not '{schema_version}'"
            ));
        }
        let types = types(&request.types.unwrap_or_default(), &mut problems);
        let buffering = request.buffering;
        within("maxItems", buffering.max_items, MAX_ITEMS, &mut problems);
        within("maxBytes", buffering.max_bytes, MAX_BYTES, &mut problems);
        within("timeoutMs", buffering.timeout_ms, TIMEOUT_MS, &mut problems);
        let destination = match request.destination {
            None => Err("destination is not provided".into()),
            Some(destination) => Destination::parse(&destination)?,
        };

        match destination {
            Ok(destination) if problems.is_empty() => Ok(Self {
                schema_version,
                types,
                max_items: usize::try_from(buffering.max_items).unwrap_or(usize::MAX),
                max_bytes: usize::try_from(buffering.max_bytes).unwrap_or(usize::MAX),
                timeout: Duration::from_millis(buffering.timeout_ms),
                destination,
            }),
            outcome => {
                problems.extend(outcome.err());
                Err(Refusal::bad_request("ValidationError", problems.join("; ")))
            }
        }
    }

    pub(crate) fn type_names(&self) -> Vec<&'static str> {
        self.types.iter().map(|class| class.name()).collect()
    }
}

impl Destination {
    /// The outer error is access denied, the inner one a problem among others.
    fn parse(requested: &RequestedDestination) -> Result<Result<Self, String>, Refusal> {
        match requested.protocol.as_deref() {
            Some("HTTP") => {}
            Some("TCP") => return Ok(Err("the local Lambda delivers over HTTP only, not TCP".into())),
            other => {
                let protocol = other.unwrap_or_default();
                return Ok(Err(format!("protocol should be HTTP, not '{protocol}'")));
            }
        }
        let text = requested.uri.as_deref().unwrap_or_default();
        let Ok(uri) = text.parse::<hyper::Uri>() else {
            return Ok(Err(format!("URI '{text}' is not one")));
        };
        let host = uri.host().unwrap_or_default();
        if uri.scheme_str() != Some("http") || !HOSTS.contains(&host) {
            let message = format!("the destination has to be http://sandbox.localdomain:PORT, not '{text}'");
            return Err(Refusal::forbidden("Telemetry.AccessDenied", message));
        }
        Ok(match uri.port_u16() {
            None => Err("URI port is not provided".into()),
            Some(RESERVED_PORT) => Err(format!("URI port {RESERVED_PORT} is reserved")),
            Some(0) => Err("URI port 0 is not one".into()),
            Some(port) => Ok(Self {
                uri: text.to_owned(),
                host: host.to_owned(),
                port,
                path: uri.path().to_owned(),
            }),
        })
    }
}

fn types(names: &[String], problems: &mut Vec<String>) -> Vec<TelemetryType> {
    let mut types = Vec::new();
    if names.is_empty() {
        problems.push("types should not be empty".into());
    }
    for name in names {
        match TelemetryType::named(name) {
            None => problems.push(format!("types has an unknown '{name}'")),
            Some(class) if types.contains(&class) => problems.push(format!("types has '{name}' twice")),
            Some(class) => types.push(class),
        }
    }
    types
}

fn within(field: &str, value: u64, range: RangeInclusive<u64>, problems: &mut Vec<String>) {
    if !range.contains(&value) {
        problems.push(format!(
            "{field} should be from {} to {}, not {value}",
            range.start(),
            range.end()
        ));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request() -> Value {
        json!({
            "schemaVersion": "2025-01-29",
            "types": ["platform", "function"],
            "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
            "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243/events"},
        })
    }

    fn parse(request: &Value) -> Result<Terms, Refusal> {
        Terms::parse(request.to_string().as_bytes())
    }

    #[test]
    fn a_valid_subscription_is_understood() {
        let terms = parse(&request()).unwrap();
        assert_eq!(terms.types, [TelemetryType::Platform, TelemetryType::Function]);
        assert_eq!((terms.max_items, terms.max_bytes), (1000, 262_144));
        assert_eq!(terms.timeout, Duration::from_millis(25));
        assert_eq!((terms.destination.port, &*terms.destination.path), (4243, "/events"));
    }

    #[test]
    fn buffering_has_defaults() {
        let mut request = request();
        request.as_object_mut().unwrap().remove("buffering");
        assert_eq!(parse(&request).unwrap().max_items, 10_000);
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_by_name() {
        for (pointer, value, told) in [
            ("/schemaVersion", json!("2021-01-01"), "schemaVersion"),
            ("/types", json!([]), "types should not be empty"),
            ("/types", json!(["platform", "platform"]), "twice"),
            ("/types", json!(["logs"]), "unknown 'logs'"),
            ("/buffering/maxItems", json!(999), "maxItems"),
            ("/buffering/maxItems", json!(10_001), "maxItems"),
            ("/buffering/maxBytes", json!(262_143), "maxBytes"),
            ("/buffering/maxBytes", json!(1_048_577), "maxBytes"),
            ("/buffering/timeoutMs", json!(24), "timeoutMs"),
            ("/buffering/timeoutMs", json!(30_001), "timeoutMs"),
            ("/destination/protocol", json!("TCP"), "TCP"),
            ("/destination/protocol", json!("UDP"), "protocol"),
            ("/destination/URI", json!("http://sandbox.localdomain"), "port"),
            ("/destination/URI", json!("http://sandbox.localdomain:9001"), "reserved"),
        ] {
            let mut request = request();
            *request.pointer_mut(pointer).unwrap() = value.clone();
            let refusal = parse(&request).unwrap_err();
            assert_eq!(refusal.status, 400, "{pointer} {value}");
            assert!(refusal.message.contains(told), "{pointer} {value}: {}", refusal.message);
        }
    }

    #[test]
    fn another_host_or_scheme_is_denied() {
        for uri in ["http://localhost:4243", "https://sandbox.localdomain:4243"] {
            let mut request = request();
            request["destination"]["URI"] = json!(uri);
            let refusal = parse(&request).unwrap_err();
            assert_eq!(
                (refusal.status, refusal.error_type),
                (403, "Telemetry.AccessDenied"),
                "{uri}"
            );
        }
    }

    #[test]
    fn what_is_no_json_is_a_deserialization_error() {
        let refusal = Terms::parse(b"{").unwrap_err();
        assert_eq!(refusal.error_type, "Telemetry.DeserializationError");
    }
}
