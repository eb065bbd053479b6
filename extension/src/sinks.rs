//! From the configuration to the sinks that were built in.

use std::sync::Arc;
use std::time::Duration;

use forwarder_core::delivery::lane::LaneSettings;
use forwarder_core::delivery::sink::Sink;

use crate::config::{Config, SinkConfig, SinkType};

/// How long one put may take, awake. Kinesis answers in tens of milliseconds; a slow answer is better than a repeat.
const PUT_TIMEOUT: Duration = Duration::from_secs(5);

/// What goes to standard output in a minute of other sinks' lines, at most: CloudWatch Logs bills it again.
const STDOUT_FALLBACK_BYTES: usize = 1024 * 1024;

/// The SDK's own time-out, behind the lane's: for whatever may wait in it without the lane's put.
#[cfg(any(feature = "kinesis", feature = "firehose"))]
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
        taken_over_bytes: (sink.kind == SinkType::Stdout).then_some(STDOUT_FALLBACK_BYTES),
        max_age: config.max_age,
        put_timeout: PUT_TIMEOUT,
    }
}

#[cfg(any(feature = "kinesis", feature = "firehose"))]
fn aws(sink: &SinkConfig) -> forwarder_sinks::aws::AwsSettings {
    forwarder_sinks::aws::AwsSettings {
        region: sink.region.clone(),
        endpoint: sink.endpoint.clone(),
        #[cfg(feature = "assume-role")]
        assume_role: sink.assume_role.as_ref().map(|role| forwarder_sinks::aws::AssumedRole {
            arn: role.arn.clone(),
            external_id: role.external_id.clone(),
        }),
        attempt_timeout: ATTEMPT_TIMEOUT,
    }
}

/// `None` for a sink that is not built in or whose stream is no stream, which the configuration has refused before.
fn make(sink: &SinkConfig) -> Option<Arc<dyn Sink>> {
    match sink.kind {
        #[cfg(feature = "kinesis")]
        SinkType::Kinesis => {
            use forwarder_sinks::kinesis::Kinesis;
            let stream = Kinesis::parse_stream(&sink.stream).ok()?;
            Some(Arc::new(Kinesis::new(stream, aws(sink))))
        }
        #[cfg(feature = "firehose")]
        SinkType::Firehose => {
            use forwarder_sinks::firehose::Firehose;
            let stream = Firehose::parse_stream(&sink.stream).ok()?;
            Some(Arc::new(Firehose::new(stream, aws(sink))))
        }
        #[cfg(feature = "stdout")]
        SinkType::Stdout => Some(Arc::new(forwarder_sinks::stdout::Stdout)),
        #[allow(unreachable_patterns, reason = "reached where a sink is not built in")]
        SinkType::Kinesis | SinkType::Firehose | SinkType::Stdout => None,
    }
}
