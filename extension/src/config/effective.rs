//! The configuration in force, setting by setting, with where each value came from.

use super::settings::SETTINGS;
use super::values::size_text;
use super::{Config, Inspection, Origin};

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Its dotted path.
    pub path: String,
    /// Its value; secrets are masked.
    pub value: String,
    /// Origin of the value; `None` for a default.
    pub origin: Option<Origin>,
}

/// Text in the place of a secret.
pub(super) const MASK: &str = "***";

/// Every setting that has a value.
pub fn effective(inspection: &Inspection, config: &Config) -> Vec<Effective> {
    let mut settings = Vec::new();
    for setting in SETTINGS {
        for path in paths(setting.path, config) {
            let set = inspection.set.iter().find(|set| set.path == path);
            let (value, origin) = match set {
                // The rules have a table of their own.
                Some(set) if set.value.is_empty() => (String::from("below"), Some(set.origin.clone())),
                Some(set) => (set.value.clone(), Some(set.origin.clone())),
                None => (
                    computed(&path, config).unwrap_or_else(|| setting.default.to_owned()),
                    None,
                ),
            };
            if !value.is_empty() {
                settings.push(Effective { path, value, origin });
            }
        }
    }
    settings
}

fn paths(path: &str, config: &Config) -> Vec<String> {
    match path.split_once('*') {
        Some((before, after)) => config
            .sinks
            .iter()
            .map(|sink| format!("{before}{}{after}", sink.name))
            .collect(),
        None => vec![path.to_owned()],
    }
}

/// Defaults that depend on other things; an empty one has no meaning there.
fn computed(path: &str, config: &Config) -> Option<String> {
    if path == "buffer.max_bytes" {
        return Some(size_text(config.buffer_bytes));
    }
    let (name, key) = path.strip_prefix("sinks.")?.split_once('.')?;
    let sink = config.sinks.iter().find(|sink| sink.name == name)?;
    match key {
        "type" => Some(sink.kind.name.to_owned()),
        "record_bytes" => Some(size_text(sink.packing.record_bytes)),
        "put_bytes" => Some(size_text(sink.packing.put_bytes)),
        "max_record_bytes" => Some(size_text(sink.packing.max_record_bytes)),
        "partition_key" | "protocol" if !sink.kind.has(key) => Some(String::new()),
        _ => None,
    }
}

/// A value as it may be shown: without what is secret by its setting or by its looks.
pub(super) fn shown(path: &str, value: &str) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    let secret = [
        "external_id",
        "secret",
        "token",
        "password",
        "credential",
        "access_key",
        "api_key",
    ];
    if secret.iter().any(|word| key.contains(word)) {
        return MASK.to_owned();
    }
    // `https://user:password@host`
    match value
        .split_once("://")
        .map(|(scheme, rest)| (scheme, rest.split_once('@')))
    {
        Some((scheme, Some((_, host)))) if !value.contains(' ') => format!("{scheme}://{MASK}@{host}"),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (path, value, expected) in [
            ("sinks.kinesis.external_id", "s3cret", "***"),
            ("sinks.kinesis.secret_access_key", "s3cret", "***"),
            (
                "sinks.kinesis.endpoint",
                "https://me:s3cret@host:1/x",
                "https://***@host:1/x",
            ),
            ("sinks.kinesis.endpoint", "https://host", "https://host"),
            ("sinks.kinesis.partition_key", "random", "random"),
        ] {
            assert_eq!(shown(path, value), expected);
        }
    }
}
