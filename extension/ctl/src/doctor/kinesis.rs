//! A stream of Kinesis: is it there, does it take what the sink sends, may one put.

use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::ProvideErrorMetadata;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{
    EncryptionType, PutRecordsRequestEntry, RecordDistributionStrategy, StreamDescriptionSummary, StreamMode,
    StreamStatus,
};
use forwarder_core::delivery::settings::PartitionKey;
use forwarder_core::delivery::sink::{Failure, Reason};
use forwarder_sinks::account;
use forwarder_sinks::arn::StreamName;

use super::cause::{self, Needed};
use super::report::Check;
use super::{Subject, key};

/// Call that says most of what is asked here.
const DESCRIBE: &str = "kinesis:DescribeStreamSummary";

/// A stream of which nothing else is said takes records of 1 MiB. Kinesis API reference, `MaxRecordSizeInKiB`.
const USUAL_RECORD_KIB: i32 = 1_024;

/// One dry run a second for each stream. Kinesis developer guide, dry run validation.
const DRY_RUN_PAUSE: Duration = Duration::from_millis(1_100);

/// A blank line: where a service does not know dry runs, readers pass over it.
const BLANK: &[u8] = b"\n";

pub(super) async fn examine(subject: &mut Subject<'_>) {
    let config = account::config("KINESIS", &subject.connection, subject.caller).await;
    let client = Client::new(&config);
    let Some(is_there) = describe(subject, &client).await else {
        return;
    };
    if is_there {
        put(subject, &client).await;
    }
}

/// What the stream says of itself. `None`: nothing more can be asked of it; false: there is nothing to put to.
async fn describe(subject: &mut Subject<'_>, client: &Client) -> Option<bool> {
    let request = client.describe_stream_summary();
    let request = match subject.stream {
        StreamName::Name(name) => request.stream_name(name),
        StreamName::Arn(arn) => request.stream_arn(&arn.text),
    };
    let failure = match request.send().await {
        Ok(answer) => {
            let summary = answer.stream_description_summary()?;
            status(subject, summary);
            mode(subject, summary);
            record_size(subject, summary);
            distribution(subject, summary);
            encryption(subject, summary).await;
            return Some(*summary.stream_status() != StreamStatus::Deleting);
        }
        Err(error) => account::failure(error),
    };
    if failure.reason == Reason::AccessDenied {
        let message = format!(
            "these credentials may not look at it ({}), so its state, mode, MaxRecordSizeInKiB, distribution and key are not known",
            failure.message
        );
        let fix = format!("allow {DESCRIBE} to whoever runs this; puts do not need it");
        subject.add("stream", Check::warn(message, fix));
        return Some(true);
    }
    let check = explain(subject, &failure, DESCRIBE);
    subject.add("stream", check);
    None
}

fn explain(subject: &Subject<'_>, failure: &Failure, action: &str) -> Check {
    let needed = Needed {
        action,
        resource: &subject.arn("kinesis", "stream"),
        stream_variable: &subject.variable("STREAM"),
        is_foreign: subject.is_foreign(),
    };
    cause::of(failure, &needed)
}

fn status(subject: &mut Subject<'_>, summary: &StreamDescriptionSummary) {
    let arn = summary.stream_arn();
    let check = match summary.stream_status() {
        StreamStatus::Active => Check::ok(format!("{arn} is ACTIVE")),
        StreamStatus::Updating => Check::ok(format!("{arn} is UPDATING; puts work meanwhile")),
        StreamStatus::Creating => Check::warn(format!("{arn} is CREATING"), "wait until it is ACTIVE, and ask again"),
        StreamStatus::Deleting => Check::fail(
            format!("{arn} is DELETING"),
            format!(
                "create it again, or set {} to another stream",
                subject.variable("STREAM")
            ),
        ),
        other => Check::warn(format!("{arn} is {}", other.as_str()), ""),
    };
    subject.add("stream", check);
}

fn mode(subject: &mut Subject<'_>, summary: &StreamDescriptionSummary) {
    let shards = summary.open_shard_count();
    let mode = summary.stream_mode_details().map(|details| details.stream_mode());
    let check = match mode {
        Some(StreamMode::OnDemand) => Check::ok(format!("on demand, {shards} open shards now")),
        _ => Check::ok(format!(
            "provisioned, {shards} open shards: {shards} MB and {shards},000 records a second of all functions together"
        )),
    };
    subject.add("mode", check);
}

fn record_size(subject: &mut Subject<'_>, summary: &StreamDescriptionSummary) {
    let kib = summary.max_record_size_in_kib().unwrap_or(USUAL_RECORD_KIB);
    let taken = usize::try_from(kib).unwrap_or_default().saturating_mul(1_024);
    let sent = subject.sink.packing.max_record_bytes;
    let check = if sent <= taken {
        Check::ok(format!(
            "records of up to {sent} bytes are sent, of up to {kib} KiB taken"
        ))
    } else {
        Check::fail(
            format!("records of up to {sent} bytes are sent, but only {kib} KiB are taken: MaxRecordSizeInKiB"),
            format!(
                "set {} to {taken} at most, or: aws kinesis update-max-record-size --stream-arn {} --max-record-size-in-ki-b {}",
                subject.variable("MAX_RECORD_BYTES"),
                summary.stream_arn(),
                sent.div_ceil(1_024)
            ),
        )
    };
    subject.add("record size", check);
}

fn distribution(subject: &mut Subject<'_>, summary: &StreamDescriptionSummary) {
    let is_auto = summary.record_distribution_strategy() == Some(&RecordDistributionStrategy::Auto);
    let packing = &subject.sink.packing;
    let check = match is_auto {
        false => Check::ok("by partition key"),
        true if packing.format.name() == "kpl" => Check::fail(
            "AUTO, and the sink writes KPL aggregates: KCL readers lose their lines without a word",
            format!(
                "set {} to ndjson, or the stream's record distribution to USER_PARTITION_KEY",
                subject.variable("FORMAT")
            ),
        ),
        true if subject.sink.partition_key == PartitionKey::Instance => Check::warn(
            "AUTO: the stream does not look at partition keys, so `instance` keeps nothing together",
            format!("leave out {}", subject.variable("PARTITION_KEY")),
        ),
        true => Check::ok("AUTO: the stream spreads records itself"),
    };
    subject.add("distribution", check);
}

async fn encryption(subject: &mut Subject<'_>, summary: &StreamDescriptionSummary) {
    let key = summary
        .key_id()
        .filter(|_| summary.encryption_type() == Some(&EncryptionType::Kms));
    let Some(key) = key else {
        subject.add("key", Check::ok("the stream is not encrypted with a key of KMS"));
        return;
    };
    key::examine(subject, key, summary.stream_arn()).await;
}

/// Asks if a put would be allowed. Nothing is written.
async fn put(subject: &mut Subject<'_>, client: &Client) {
    let mut answer = dry_run(subject, client).await;
    if matches!(&answer, Err(failure) if failure.reason == Reason::Throttled) {
        tokio::time::sleep(DRY_RUN_PAUSE).await;
        answer = dry_run(subject, client).await;
    }
    let check = match answer {
        Ok(true) => Check::ok("kinesis:PutRecords is allowed (a dry run)"),
        Ok(false) => Check::warn(
            "kinesis:PutRecords is allowed: the service knows no dry runs, and took one blank line, which readers pass over",
            "",
        ),
        Err(failure) => explain(subject, &failure, "kinesis:PutRecords"),
    };
    subject.add("put", check);
}

/// True: a put would succeed; false: it did.
async fn dry_run(subject: &Subject<'_>, client: &Client) -> Result<bool, Failure> {
    let entry = PutRecordsRequestEntry::builder()
        .data(Blob::new(BLANK))
        .partition_key("doctor")
        .build();
    let entry = entry.map_err(|error| Failure::new(Reason::Unknown, error.to_string()))?;
    let request = client.put_records().records(entry).dry_run(true);
    let request = match subject.stream {
        StreamName::Name(name) => request.stream_name(name),
        StreamName::Arn(arn) => request.stream_arn(&arn.text),
    };
    match request.send().await {
        Ok(_) => Ok(false),
        Err(error) if error.code() == Some("DryRunOperationException") => Ok(true),
        Err(error) => Err(account::failure(error)),
    }
}
