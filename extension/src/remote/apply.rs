//! From a document to the configuration in force. It is refused as a whole if anything in it is wrong.

use forwarder_core::Types;
use forwarder_core::forwarder::Changes;
use forwarder_sinks::Document;
use forwarder_sinks::document::Source;

use super::Parts;
use crate::config::{self, Config, RemoteDocument};

/// Puts a document in force. `false`: it is refused, or nothing of it can count before the next environment.
pub(super) fn apply(document: &Document, source: &Source, begun: &Config, parts: &Parts) -> bool {
    let (name, version) = (source.to_string(), document.version.as_str());
    let remote = RemoteDocument {
        name: name.clone(),
        text: document.text.clone(),
    };
    let (basics, config) = config::load_with(&parts.variables, parts.account.as_deref(), Some(&remote));
    let config = match config {
        Ok(config) => config,
        Err(problems) => {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            let problems = problems.join("; ");
            log::error!(event = "config_refused", source = name.as_str(), version, problems = problems.as_str(); "the configuration has mistakes and is refused as a whole; the last good one stays in force");
            return false;
        }
    };
    for warning in &basics.warnings {
        log::warn!(event = "configuration_warning", source = name.as_str(), version; "{warning}");
    }
    let later = unchangeable(begun, &config);
    if !later.is_empty() {
        let settings = later.join(", ");
        log::warn!(event = "config_later", source = name.as_str(), version, settings = settings.as_str(); "these settings cannot change while the forwarder runs: they count from its next start");
    }
    if !same_lanes(begun, &config) {
        log::warn!(event = "config_not_yet", source = name.as_str(), version; "its routes are for other sinks than those that run: nothing of it counts before the next start");
        return true;
    }
    crate::logger::set_level(basics.log);
    *parts.policy.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = config.flush;
    parts.forwarder.reconfigure(Changes {
        routes: config.routes,
        types: subscribed(config.types, begun.types),
        redaction: config.redaction,
        attributes: config.attributes,
        max_age: config.max_age,
        version: version.to_owned(),
    });
    log::info!(event = "config", source = name.as_str(), version; "this configuration is in force");
    true
}

/// Routes know sinks by their places.
fn same_lanes(begun: &Config, config: &Config) -> bool {
    let names = |config: &Config| config.sinks.iter().map(|sink| sink.name.clone()).collect::<Vec<_>>();
    names(begun) == names(config)
}

/// Settings that differ, and cannot change.
fn unchangeable(begun: &Config, config: &Config) -> Vec<&'static str> {
    let more_types = subscribed(config.types, begun.types) != config.types;
    let differences = [
        ("sinks", begun.sinks != config.sinks),
        ("buffer", begun.buffer_bytes != config.buffer_bytes),
        ("spool", begun.spool != config.spool),
        ("telemetry.types", more_types),
        ("telemetry.port", begun.port != config.port),
        (
            "telemetry.max_items, max_bytes, timeout",
            begun.buffering != config.buffering,
        ),
        ("metrics", begun.emf != config.emf),
    ];
    let changed = differences.into_iter().filter(|(_, differs)| *differs);
    changed.map(|(name, _)| name).collect()
}

/// Types, as far as Lambda was asked for them. It always sends those of the platform.
fn subscribed(types: Types, begun: Types) -> Types {
    Types {
        platform: types.platform,
        function: types.function && begun.function,
        extension: types.extension && begun.extension,
    }
}
