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
//! - `otlp`: the lines to a receiver of OpenTelemetry, with the feature `otlp`
//! - `notice`: what somebody should know: records that cannot be read, lines that are not whole

#![forbid(unsafe_code)]

mod batch;
mod counts;
mod emf;
mod notice;
#[cfg_attr(not(feature = "otlp"), path = "no_otlp.rs")]
mod otlp;
mod record;
mod seen;

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lambda_events::kinesis::KinesisEvent;
use aws_lambda_events::streams::KinesisEventResponse;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::otlp::Receiver;
use crate::seen::Seen;

/// The namespace of the metrics, unless `CONSUMER_NAMESPACE` names another.
const NAMESPACE: &str = "TelemetryConsumer";

/// The share of an invocation's time that is kept for writing what was counted.
const RESERVE: f64 = 0.2;

/// The share of it that is kept for sending lines, where they are sent.
const RESERVE_TO_SEND: f64 = 0.6;

struct Consumer {
    namespace: String,
    receiver: Option<Receiver>,
    seen: Mutex<Seen>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let named = std::env::var("CONSUMER_NAMESPACE").ok();
    let consumer = Consumer {
        namespace: named.filter(|name| !name.is_empty()).unwrap_or(NAMESPACE.into()),
        receiver: Receiver::from_environment()?,
        seen: Mutex::default(),
    };
    lambda_runtime::run(service_fn(|event| consumer.handle(event, io::stdout()))).await
}

impl Consumer {
    async fn handle(
        &self,
        event: LambdaEvent<KinesisEvent>,
        mut stdout: impl Write,
    ) -> Result<KinesisEventResponse, Error> {
        let time_left = || remaining(event.context.deadline());
        let reserve = time_left().mul_f64(RESERVE);
        let reserve_to_send = match self.receiver {
            Some(_) => time_left().mul_f64(RESERVE_TO_SEND),
            None => reserve,
        };
        let late = || time_left() <= reserve_to_send;
        let mut read = batch::read(&event.payload.records, &self.seen(), self.receiver.is_some(), late);
        if let Some(receiver) = &self.receiver {
            let within = time_left().saturating_sub(reserve);
            read.notices.extend(receiver.send(&read.lines, within).await?);
        }

        let mut out = Vec::new();
        for notice in &read.notices {
            notice.write(&mut out)?;
        }
        emf::write(&self.namespace, &read.counts, &mut out)?;
        stdout.write_all(&out)?;
        stdout.flush()?;

        // Only now: what could not be sent or written is handed over again, and must not pass for a repeat then.
        self.seen().merge(&read.seen);
        let mut response = KinesisEventResponse::default();
        if let Some(sequence_number) = read.go_on_at {
            response.add_failure(sequence_number);
        }
        Ok(response)
    }

    /// Where an invocation panicked, nothing half-done was kept: it is added to at the very end.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

    fn consumer() -> Consumer {
        Consumer {
            namespace: NAMESPACE.into(),
            receiver: None,
            seen: Mutex::default(),
        }
    }

    #[tokio::test]
    async fn a_deadline_that_is_near_is_answered_with_the_first_record_not_read() {
        let consumer = consumer();
        let mut out = Vec::new();
        let answer = consumer.handle(event(SystemTime::now()), &mut out).await.unwrap();
        let answer = serde_json::to_value(answer).unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "8" }] }));
        assert_eq!(lines(&out), 1);
        let answer = consumer.handle(event(soon()), &mut out).await.unwrap();
        assert_eq!(
            serde_json::to_value(answer).unwrap(),
            json!({ "batchItemFailures": [] })
        );
        assert_eq!(lines(&out), 2, "the first one was counted already");
    }

    #[tokio::test]
    async fn what_could_not_be_written_does_not_pass_for_a_repeat() {
        let consumer = consumer();
        let full: &mut [u8] = &mut [];
        assert!(
            consumer.handle(event(soon()), full).await.is_err(),
            "Lambda hands all of it over again"
        );
        let mut out = Vec::new();
        consumer.handle(event(soon()), &mut out).await.unwrap();
        assert_eq!(lines(&out), 2);
    }
}
