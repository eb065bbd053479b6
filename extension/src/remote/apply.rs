//! From a document to the configuration in force. It is refused as a whole if anything in it is wrong.

use std::sync::Arc;

use forwarder_core::Types;
use forwarder_core::forwarder::{Changes, LaneSet};
use forwarder_sinks::Document;
use forwarder_sinks::document::Source;

use super::Parts;
use crate::config::{self, Config, RemoteDocument};
use crate::{sinks, tasks};

/// Puts a document in force. `begun`: what the lanes are made of. `false`: it is refused.
pub(super) fn apply(document: &Document, source: &Source, begun: &mut Config, parts: &Parts) -> bool {
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
    let changes = Changes {
        routes: config.routes.clone(),
        types: subscribed(config.types, begun.types),
        redaction: config.redaction.clone(),
        attributes: config.attributes.clone(),
        max_age: config.max_age,
        version: version.to_owned(),
    };
    let is_in_force = other_lanes(begun, &config, &changes, parts);
    let later = unchangeable(begun, &config);
    if !later.is_empty() {
        let settings = later.join(", ");
        log::warn!(event = "config_later", source = name.as_str(), version, settings = settings.as_str(); "these settings cannot change while the forwarder runs: they count from the next environment");
    }
    if !same_lanes(begun, &config) {
        log::warn!(event = "config_not_yet", source = name.as_str(), version; "its routes are for other sinks than those that run: nothing of it counts before the next environment");
        return true;
    }
    crate::logger::set_level(basics.log);
    *parts.policy.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = config.flush;
    if !is_in_force {
        parts.forwarder.reconfigure(changes);
    }
    log::info!(event = "config", source = name.as_str(), version; "this configuration is in force");
    true
}

/// Before anything has come, lanes are made of this configuration where it differs, and all of it is in force. `false`:
/// nothing was done.
fn other_lanes(begun: &mut Config, config: &Config, changes: &Changes, parts: &Parts) -> bool {
    // The last good copy stays where it is looked for.
    let mut spool = config.spool.clone();
    spool.dir.clone_from(&begun.spool.dir);
    let is_same = begun.sinks == config.sinks && begun.buffer_bytes == config.buffer_bytes && begun.spool == spool;
    if is_same {
        return false;
    }
    let set = LaneSet {
        lanes: sinks::build(config),
        buffer_bytes: config.buffer_bytes,
        spool: spool.clone(),
    };
    if !parts.forwarder.replace_lanes(set, changes) {
        return false;
    }
    begun.sinks.clone_from(&config.sinks);
    (begun.buffer_bytes, begun.spool) = (config.buffer_bytes, spool);
    let forwarder = Arc::clone(&parts.forwarder);
    // These sinks are not ready yet, and nobody has asked for their targets.
    let make_ready = async move {
        forwarder.warm_up().await;
        forwarder.look_at_targets().await;
    };
    tokio::spawn(async move { tasks::caught("new_sinks", make_ready).await });
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
