//! Telemetry to Kinesis the usual way: what one writes in an afternoon with the crates that AWS has for it.
//!
//! Each event is a record. A batch is answered when Kinesis has it; what Kinesis refuses is put again, a few times.

use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use lambda_extension::{Error, Extension, LambdaTelemetry, SharedService, service_fn};

/// Records that `PutRecords` takes in a call.
const RECORDS_IN_A_CALL: usize = 500;

/// Number of puts of a record before it is given up.
const ATTEMPTS: u32 = 5;

/// A line of text or, where the function logs JSON, that.
type Record = serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let stream: Arc<str> = std::env::var("STREAM_NAME")?.into();
    let port = std::env::var("TELEMETRY_PORT").ok().and_then(|port| port.parse().ok());
    let defaults = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let client = Client::new(&defaults);
    let processor = SharedService::new(service_fn(move |events: Vec<LambdaTelemetry<Record>>| {
        let (client, stream) = (client.clone(), Arc::clone(&stream));
        async move { forward(&client, &stream, events).await }
    }));
    Extension::new()
        .with_telemetry_record_type::<Record>()
        .with_telemetry_types(&["platform", "function"])
        .with_telemetry_port_number(port.unwrap_or(9003))
        .with_telemetry_processor(processor)
        .run()
        .await
}

async fn forward(client: &Client, stream: &str, events: Vec<LambdaTelemetry<Record>>) -> Result<(), Error> {
    let mut entries = events.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    while !entries.is_empty() {
        let rest = entries.split_off(entries.len().min(RECORDS_IN_A_CALL));
        put(client, stream, entries).await?;
        entries = rest;
    }
    Ok(())
}

fn entry(event: &LambdaTelemetry<Record>) -> Result<PutRecordsRequestEntry, Error> {
    Ok(PutRecordsRequestEntry::builder()
        .data(Blob::new(serde_json::to_vec(event)?))
        .partition_key(uuid::Uuid::new_v4().to_string())
        .build()?)
}

async fn put(client: &Client, stream: &str, mut entries: Vec<PutRecordsRequestEntry>) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        let request = client.put_records().stream_name(stream);
        let answer = request.set_records(Some(entries.clone())).send().await?;
        if answer.failed_record_count().unwrap_or(0) == 0 {
            return Ok(());
        }
        let outcomes = answer.records().iter();
        entries = entries
            .into_iter()
            .zip(outcomes)
            .filter_map(|(entry, outcome)| outcome.error_code().map(|_| entry))
            .collect();
    }
    Err(format!("{} records were refused {ATTEMPTS} times", entries.len()).into())
}
