//! From the configuration to the sinks that were built in.

use std::sync::Arc;
use std::time::Duration;

use forwarder_core::lane::LaneSettings;
use forwarder_core::sink::Sink;

use crate::config::{Config, SinkConfig, SinkType};

/// How long one put may take, awake. Kinesis answers in tens of milliseconds; a slow answer is better than a repeat.
const PUT_TIMEOUT: Duration = Duration::from_secs(5);

/// The SDK's own time-out, behind the lane's: for whatever may wait in it without the lane's put.
#[cfg(any(feature = "kinesis", feature = "firehose"))]
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);

/// A lane's settings and its sink, for each configured sink. Nothing is connected to.
pub fn build(config: &Config) -> Vec<(LaneSettings, Arc<dyn Sink>)> {
    config
        .sinks
        .iter()
        .filter_map(|sink| Some((lane(sink, config.max_age), make(sink)?)))
        .collect()
}

fn lane(sink: &SinkConfig, max_age: Duration) -> LaneSettings {
    LaneSettings {
        name: sink.name.clone(),
        format: sink.format,
        envelope: sink.envelope,
        partition_key: sink.partition_key,
        record_bytes: sink.record_bytes,
        put_bytes: sink.put_bytes,
        max_record_bytes: sink.max_record_bytes,
        max_age,
        put_timeout: PUT_TIMEOUT,
    }
}

#[cfg(any(feature = "kinesis", feature = "firehose"))]
fn aws(sink: &SinkConfig) -> forwarder_sinks::aws::AwsSettings {
    forwarder_sinks::aws::AwsSettings {
        region: sink.region.clone(),
        endpoint: sink.endpoint.clone(),
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
