//! A stream of Firehose. It has no dry runs: what cannot be told without a put is said.

use aws_sdk_firehose::Client;
use aws_sdk_firehose::types::{
    DeliveryStreamDescription, DeliveryStreamEncryptionStatus, DeliveryStreamStatus, DeliveryStreamType,
    FailureDescription,
};
use forwarder_core::delivery::sink::{Failure, Reason};
use forwarder_sinks::account;
use forwarder_sinks::arn::StreamName;

use super::Subject;
use super::cause::{self, Needed};
use super::report::Check;

const DESCRIBE: &str = "firehose:DescribeDeliveryStream";
const PUT: &str = "firehose:PutRecordBatch";

pub(super) async fn examine(subject: &mut Subject<'_>) {
    let config = account::config("FIREHOSE", &subject.connection, subject.caller).await;
    let client = Client::new(&config);
    let name = match subject.stream {
        StreamName::Name(name) => name,
        StreamName::Arn(arn) => &arn.name,
    };
    match client
        .describe_delivery_stream()
        .delivery_stream_name(name)
        .send()
        .await
    {
        Ok(answer) => {
            let Some(description) = answer.delivery_stream_description() else {
                return;
            };
            status(subject, description);
            source(subject, description);
            encryption(subject, description);
        }
        Err(error) => {
            let failure = account::failure(error);
            if failure.reason != Reason::AccessDenied {
                let check = explain(subject, &failure, DESCRIBE);
                subject.add("stream", check);
                return;
            }
            let message = format!("these credentials may not look at it: {}", failure.message);
            let fix = format!("allow {DESCRIBE} to whoever runs this; puts do not need it");
            subject.add("stream", Check::warn(message, fix));
        }
    }
    put(subject, &client, name).await;
}

fn explain(subject: &Subject<'_>, failure: &Failure, action: &str) -> Check {
    let needed = Needed {
        action,
        resource: &subject.arn("firehose", "deliverystream"),
        stream_variable: &subject.variable("STREAM"),
        is_foreign: subject.is_foreign(),
    };
    cause::of(failure, &needed)
}

fn because(failure: Option<&FailureDescription>) -> String {
    failure.map_or_else(String::new, |failure| {
        format!(": {}: {}", failure.r#type().as_str(), failure.details())
    })
}

fn status(subject: &mut Subject<'_>, description: &DeliveryStreamDescription) {
    let arn = description.delivery_stream_arn();
    let state = description.delivery_stream_status();
    let message = format!(
        "{arn} is {}{}",
        state.as_str(),
        because(description.failure_description())
    );
    let check = match state {
        DeliveryStreamStatus::Active => Check::ok(message),
        DeliveryStreamStatus::Creating => Check::warn(message, "wait until it is ACTIVE, and ask again"),
        _ => Check::fail(
            message,
            format!(
                "remove the cause and create it again, or set {} to another one",
                subject.variable("STREAM")
            ),
        ),
    };
    subject.add("stream", check);
}

fn source(subject: &mut Subject<'_>, description: &DeliveryStreamDescription) {
    let kind = description.delivery_stream_type();
    if *kind == DeliveryStreamType::DirectPut {
        subject.add("source", Check::ok("DirectPut"));
        return;
    }
    let source = description
        .source()
        .and_then(|source| source.kinesis_stream_source_description());
    let stream = source.and_then(|source| source.kinesis_stream_arn());
    let fix = match stream {
        Some(stream) => format!("put into the stream that it reads: a sink of type kinesis with STREAM={stream}"),
        None => "name a stream whose source is Direct PUT".to_owned(),
    };
    let message = format!("its source is {}: puts to it are refused", kind.as_str());
    subject.add("source", Check::fail(message, fix));
}

fn encryption(subject: &mut Subject<'_>, description: &DeliveryStreamDescription) {
    let Some(encryption) = description.delivery_stream_encryption_configuration() else {
        return;
    };
    let key = encryption.key_arn().unwrap_or("a key of AWS's own");
    let check = match encryption.status() {
        Some(DeliveryStreamEncryptionStatus::EnablingFailed | DeliveryStreamEncryptionStatus::DisablingFailed) => {
            Check::fail(
                format!(
                    "the encryption with {key} failed{}",
                    because(encryption.failure_description())
                ),
                "enable the key, allow Firehose a grant on it, then: aws firehose start-delivery-stream-encryption",
            )
        }
        Some(DeliveryStreamEncryptionStatus::Enabled) => Check::ok(format!("encrypted with {key}")),
        _ => Check::ok("not encrypted with a key of KMS"),
    };
    subject.add("key", check);
}

/// A put of nothing: a service that refuses whoever calls says so; one that calls the request invalid has told nothing.
async fn put(subject: &mut Subject<'_>, client: &Client, name: &str) {
    let request = client
        .put_record_batch()
        .delivery_stream_name(name)
        .set_records(Some(Vec::new()));
    let check = match request.send().await.map_err(account::failure) {
        Err(failure) if failure.reason == Reason::AccessDenied => explain(subject, &failure, PUT),
        _ => Check::warn(
            "Firehose has no dry run: if a put is allowed is told by the first one alone",
            format!(
                "see that the function's role has {PUT} on {}",
                subject.arn("firehose", "deliverystream")
            ),
        ),
    };
    subject.add("put", check);
}
