//! From the configuration to the sinks that were built in.

use std::sync::Arc;
use std::time::Duration;

use forwarder_core::delivery::settings::LaneSettings;
use forwarder_core::delivery::sink::Sink;
use forwarder_sinks::Connection;
use forwarder_sinks::kind::Build;

use crate::config::{Config, SinkConfig};

/// Time limit of one put, awake. Kinesis answers in tens of milliseconds; a slow answer is better than a repeat.
const PUT_TIMEOUT: Duration = Duration::from_secs(5);

/// The SDK's own time-out, behind the lane's: for whatever may wait in it without the lane's put.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);

/// A lane's settings and its sink, for each configured sink. Nothing is connected to.
pub fn build(config: &Config) -> Vec<(LaneSettings, Arc<dyn Sink>)> {
    config
        .sinks
        .iter()
        .filter_map(|sink| Some((lane(sink, config), make(sink)?)))
        .collect()
}

fn lane(sink: &SinkConfig, config: &Config) -> LaneSettings {
    let place = |name: &String| config.sinks.iter().position(|other| other.name == *name);
    LaneSettings {
        name: sink.name.clone(),
        format: sink.packing.format,
        compression: sink.packing.compression,
        envelope: sink.envelope,
        partition_key: sink.partition_key,
        record_bytes: sink.packing.record_bytes,
        put_bytes: sink.packing.put_bytes,
        max_record_bytes: sink.packing.max_record_bytes,
        oversize: sink.oversize,
        fallback: sink.fallback.as_ref().and_then(place),
        taken_over_bytes: sink.kind.taken_over_bytes,
        max_age: config.max_age,
        put_timeout: PUT_TIMEOUT,
    }
}

/// `None` for a sink that is not compiled in or that has no stream, which the configuration has refused before.
fn make(sink: &SinkConfig) -> Option<Arc<dyn Sink>> {
    match sink.kind.build {
        Build::Stream { new, .. } => {
            let connection = Connection {
                region: sink.region.clone(),
                endpoint: sink.endpoint.clone(),
                assume_role: sink.assume_role.clone(),
                protocol: sink.protocol,
                attempt_timeout: ATTEMPT_TIMEOUT,
            };
            Some(new?(sink.stream.clone()?, connection))
        }
        Build::Plain { new } => Some(new?()),
    }
}
