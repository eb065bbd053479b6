//! A stream that is asked if it goes with KPL aggregates.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::RecordDistributionStrategy;
use forwarder_core::delivery::sink::{Reason, Target};
use forwarder_core::record::format::Format;

use crate::arn::StreamName;
use crate::aws::LazyClient;

/// Said where aggregates go into a stream that spreads records itself. Kinesis developer guide, record distribution.
const LOSES: &str = "the stream distributes records by AUTO, and this sink writes KPL aggregates: KCL readers lose their \
    lines; set the format to ndjson, or the stream's record distribution to USER_PARTITION_KEY";

/// Said where the function may not look.
const CLOSED: &str = "this sink writes KPL aggregates, which KCL readers lose if the stream distributes records by AUTO, and \
    the function may not look: see that it does not (forwarderctl doctor), or allow kinesis:DescribeStreamSummary";

/// Asks the stream, if the format is that of aggregates.
pub(super) async fn look(client: &LazyClient<Client>, stream: &StreamName, format: Format) -> Target {
    // Only aggregates depend on how the stream spreads records.
    if format.name() != "kpl" {
        return Target::Fits;
    }
    let request = client.get().await.describe_stream_summary();
    let request = match stream {
        StreamName::Name(name) => request.stream_name(name),
        StreamName::Arn(arn) => request.stream_arn(&arn.text),
    };
    match request.send().await {
        Ok(answer) => {
            let summary = answer.stream_description_summary();
            let strategy = summary.and_then(|summary| summary.record_distribution_strategy());
            match strategy {
                Some(RecordDistributionStrategy::Auto) => Target::Loses(LOSES.to_owned()),
                _ => Target::Fits,
            }
        }
        Err(error) => match client.failed(error).reason {
            Reason::AccessDenied => Target::Closed(CLOSED.to_owned()),
            _ => Target::Silent,
        },
    }
}
