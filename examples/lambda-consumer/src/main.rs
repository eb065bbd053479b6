//! A Lambda function that reads the stream through an event source mapping, and makes CloudWatch metrics of it: lines,
//! errors, invocations, cold starts and durations of each function. See the README for its settings.
//!
//! # Layout
//! In the order in which a batch passes through:
//! - `batch`: the records of an invocation: what is read, what is acknowledged, what Lambda is to hand over again
//! - `record`: one record: its lines, those that came before left out, parts joined
//! - `seen`: which lines came before
//! - `counts`: **the job**: what an event counts for; put yours in its place
//! - `emf`: the counts as CloudWatch's embedded metric format
//! - `notice`: what somebody should know: records that cannot be read, lines that are not whole

#![forbid(unsafe_code)]

mod batch;
mod counts;
mod emf;
mod notice;
mod record;
mod seen;

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lambda_events::kinesis::KinesisEvent;
use aws_lambda_events::streams::KinesisEventResponse;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::seen::Seen;

/// The namespace of the metrics, unless `CONSUMER_NAMESPACE` names another.
const NAMESPACE: &str = "TelemetryConsumer";

/// The share of an invocation's time that is kept for writing what was counted.
const RESERVE: f64 = 0.2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let named = std::env::var("CONSUMER_NAMESPACE").ok();
    let namespace = named.filter(|name| !name.is_empty()).unwrap_or(NAMESPACE.into());
    let seen = Mutex::new(Seen::default());
    lambda_runtime::run(service_fn(async |event| {
        handle(event, &namespace, &seen, io::stdout().lock())
    }))
    .await
}

fn handle(
    event: LambdaEvent<KinesisEvent>,
    namespace: &str,
    seen: &Mutex<Seen>,
    mut stdout: impl Write,
) -> Result<KinesisEventResponse, Error> {
    let time_left = || remaining(event.context.deadline());
    let reserve = time_left().mul_f64(RESERVE);
    // Where an invocation panicked, nothing half-done was kept: it is added to at the very end.
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);

    let read = batch::read(&event.payload.records, &seen, || time_left() <= reserve);
    let mut out = Vec::new();
    for notice in &read.notices {
        notice.write(&mut out)?;
    }
    emf::write(namespace, &read.counts, &mut out)?;
    stdout.write_all(&out)?;
    stdout.flush()?;

    // Only now: what could not be written is handed over again, and must not pass for a repeat then.
    seen.merge(&read.seen);
    let mut response = KinesisEventResponse::default();
    if let Some(sequence_number) = read.go_on_at {
        response.add_failure(sequence_number);
    }
    Ok(response)
}

fn remaining(deadline: SystemTime) -> Duration {
    deadline.duration_since(SystemTime::now()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use lambda_runtime::Context;
    use serde_json::json;

    fn event(deadline: SystemTime) -> LambdaEvent<KinesisEvent> {
        let record = |number: u64| {
            let line =
                format!(r#"{{"type":"function","record":"x","forwarder":{{"id":"i","sink":"s","seq":{number}}}}}"#);
            json!({
                "eventID": format!("shardId-000000000000:{number}"),
                "kinesis": {
                    "sequenceNumber": number.to_string(),
                    "approximateArrivalTimestamp": 0.0,
                    "data": base64::engine::general_purpose::STANDARD.encode(line),
                },
            })
        };
        let payload = serde_json::from_value(json!({ "Records": [record(7), record(8)] })).unwrap();
        let mut context = Context::default();
        let since = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        context.deadline = u64::try_from(since.as_millis()).unwrap();
        LambdaEvent::new(payload, context)
    }

    fn soon() -> SystemTime {
        SystemTime::now() + Duration::from_secs(3_600)
    }

    fn lines(out: &[u8]) -> u64 {
        let documents = out
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok());
        let lines = documents.filter_map(|document: serde_json::Value| document["Lines"].as_f64());
        lines.sum::<f64>() as u64
    }

    #[test]
    fn a_deadline_that_is_near_is_answered_with_the_first_record_not_read() {
        let seen = Mutex::new(Seen::default());
        let mut out = Vec::new();
        let answer = handle(event(SystemTime::now()), NAMESPACE, &seen, &mut out).unwrap();
        let answer = serde_json::to_value(answer).unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "8" }] }));
        assert_eq!(lines(&out), 1);
        let answer = handle(event(soon()), NAMESPACE, &seen, &mut out).unwrap();
        assert_eq!(
            serde_json::to_value(answer).unwrap(),
            json!({ "batchItemFailures": [] })
        );
        assert_eq!(lines(&out), 2, "the first one was counted already");
    }

    #[test]
    fn what_could_not_be_written_does_not_pass_for_a_repeat() {
        let seen = Mutex::new(Seen::default());
        let full: &mut [u8] = &mut [];
        assert!(
            handle(event(soon()), NAMESPACE, &seen, full).is_err(),
            "Lambda hands all of it over again"
        );
        let mut out = Vec::new();
        handle(event(soon()), NAMESPACE, &seen, &mut out).unwrap();
        assert_eq!(lines(&out), 2);
    }
}
