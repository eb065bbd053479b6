//! `examples/lambda-consumer`, the real binary, behind an event source mapping that is played here: batches of one shard
//! each, in order, and again from where the function says.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use end_to_end::binaries;
use end_to_end::world::*;
use local_kinesis::{LocalKinesis, StoredRecord};
use local_lambda::{LocalLambda, Role};
use serde_json::{Value, json};

/// Limit of an invocation's payload. Lambda developer guide, quotas: 6 MB.
const MOST_PAYLOAD: usize = 6_000_000;

/// The batches that an event source mapping would make of these records, each with at most so many.
fn batches(records: &[StoredRecord], most: usize) -> Vec<Vec<Value>> {
    let mut shards: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for record in records {
        let arrival = record.arrival.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        shards.entry(&record.shard).or_default().push(json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.partition_key,
                "sequenceNumber": record.sequence_number,
                "data": base64(&record.data),
                "approximateArrivalTimestamp": arrival.as_secs_f64(),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("{}:{}", record.shard, record.sequence_number),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/telemetry-consumer",
            "awsRegion": "eu-west-1",
            "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry",
        }));
    }
    let batches = shards
        .values()
        .flat_map(|records| records.chunks(most).map(<[Value]>::to_vec));
    batches.collect()
}

fn base64(data: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(data)
}

/// Hands a batch over until the function has acknowledged all of it, and tells how often that was.
async fn hand_over(consumer: &LocalLambda, mut batch: &[Value]) -> usize {
    for time in 1.. {
        let payload = json!({ "Records": batch }).to_string();
        assert!(payload.len() <= MOST_PAYLOAD, "{} bytes", payload.len());
        let invocation = consumer.invoke(payload).await.unwrap();
        assert!(invocation.succeeded(), "{invocation:?}");
        let answer = invocation.json();
        let Some(failed) = answer["batchItemFailures"].as_array().unwrap().first() else {
            return time;
        };
        let go_on = batch
            .iter()
            .position(|record| record["kinesis"]["sequenceNumber"] == failed["itemIdentifier"]);
        let go_on = go_on.expect("a sequence number of this batch");
        assert!(go_on > 0, "it stands still");
        batch = &batch[go_on..];
    }
    unreachable!()
}

/// Output of the function so far.
struct Printed {
    /// Each metric's sum, or the values' number: by the function's name, `None` for the reader itself.
    sums: BTreeMap<(Option<String>, String), f64>,
    durations: Vec<f64>,
    notices: Vec<Value>,
}

impl Printed {
    fn by(consumer: &LocalLambda) -> Self {
        let mut printed = Self {
            sums: BTreeMap::new(),
            durations: Vec::new(),
            notices: Vec::new(),
        };
        for line in consumer.output() {
            assert_eq!(line.role, Role::Function, "{line:?}");
            let line: Value = serde_json::from_str(&line.text).expect("each line is JSON");
            let Some(directive) = line.pointer("/_aws/CloudWatchMetrics/0") else {
                printed.notices.push(line);
                continue;
            };
            assert_eq!(directive["Namespace"], "Told");
            let function = line["FunctionName"].as_str().map(str::to_owned);
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                match &line[name] {
                    Value::Array(values) => printed
                        .durations
                        .extend(values.iter().map(|value| value.as_f64().unwrap())),
                    value => {
                        let sum = printed.sums.entry((function.clone(), name.to_owned())).or_default();
                        *sum += value.as_f64().unwrap();
                    }
                }
            }
        }
        printed.durations.sort_by(f64::total_cmp);
        printed
    }

    fn sum(&self, function: Option<&str>, name: &str) -> f64 {
        let key = (function.map(str::to_owned), name.to_owned());
        *self
            .sums
            .get(&key)
            .unwrap_or_else(|| panic!("{key:?} was not told: {:#?}", self.sums))
    }
}

/// Events of one type that Lambda handed over.
fn told(lambda: &LocalLambda, wanted: &str) -> Vec<Value> {
    let events = lambda
        .ground_truth()
        .into_iter()
        .map(|event| serde_json::from_str(&event.json).unwrap());
    events.filter(|event| kind(event) == wanted).collect()
}

#[tokio::test]
async fn a_function_behind_an_event_source_mapping_counts_each_event_once() {
    let kinesis = LocalKinesis::builder()
        .stream(STREAM, 2)
        .enforce_limits(false)
        .start()
        .await
        .unwrap();
    // All formats in one stream.
    let (mut builder, _) = lambda(&kinesis);
    for (sink, key, value) in [
        ("LINES", "FORMAT", "ndjson"),
        ("ZIPPED", "COMPRESSION", "gzip"),
        ("SMALL", "COMPRESSION", "zstd"),
        ("BUNDLED", "FORMAT", "kpl"),
        ("SINGLE", "FORMAT", "json"),
    ] {
        builder = builder
            .extension_env(format!("FORWARDER_SINKS__{sink}__TYPE"), "kinesis")
            .extension_env(format!("FORWARDER_SINKS__{sink}__STREAM"), STREAM)
            .extension_env(format!("FORWARDER_SINKS__{sink}__{key}"), value);
    }
    // The parts of a line in one shard.
    builder = builder.extension_env("FORWARDER_SINKS__LINES__PARTITION_KEY", "instance");
    let routes = "function text~/long/ -> lines; function level>=error -> small; function level>=warn -> zipped; \
                  function -> bundled; platform.report -> single; * -> lines";
    let lambda = builder
        .extension_env("FORWARDER_ROUTES", routes)
        .function(binaries::test_function())
        .function_name("checkout")
        .start()
        .await
        .unwrap();
    // A JSON line of 2 MiB: parts, of which each is a record.
    let long = json!({ "level": "ERROR", "message": format!("long {}", "x".repeat(2 * 1024 * 1024)) });
    let long = json!({ "time": "2026-11-20T09:14:02.820Z", "type": "function", "record": long }).to_string();
    let errors_of = |answer: &Value| {
        let of = |level: &str| answer["byLevel"][level].as_u64().unwrap_or_default();
        of("ERROR") + of("FATAL")
    };
    let mut errors = 0;
    for order in [
        r#"{"lines":600,"level":"mixed","format":"json","bytes":300}"#,
        r#"{"lines":600,"level":"mixed","format":"node"}"#,
        r#"{"lines":60,"level":"mixed","format":"tracing"}"#,
    ] {
        errors += errors_of(&lambda.invoke(order).await.unwrap().json());
    }
    let with_long = lambda.invoke_with_events(r#"{"lines":1}"#, &[long]).await.unwrap();
    errors += errors_of(&with_long.json()) + 1;
    assert!(
        !lambda
            .invoke(r#"{"lines":1,"fail":"error"}"#)
            .await
            .unwrap()
            .succeeded()
    );
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(5))
            .await
            .unwrap()
            .clean()
    );
    let records = kinesis.read_all(STREAM).await.unwrap();
    assert!(
        records.iter().filter(|record| record.data.len() > 500_000).count() > 1,
        "no line in parts"
    );
    Found::in_records(records.iter().map(|record| record.data.as_ref())).assert_proven();
    let lines = told(&lambda, "function").len() as f64;
    let reports = told(&lambda, "platform.report");
    assert!(
        errors > 400 && lines > 1_260.0 && reports.len() == 5,
        "{errors} {lines} {reports:#?}"
    );

    let consumer = LocalLambda::builder()
        .function(binaries::lambda_consumer())
        .function_name("telemetry-consumer")
        .timeout(Duration::from_secs(60))
        .env("CONSUMER_NAMESPACE", "Told")
        .start()
        .await
        .unwrap();
    for batch in &batches(&records, 1_000) {
        hand_over(&consumer, batch).await;
    }
    let printed = Printed::by(&consumer);
    assert_eq!(printed.sum(Some("checkout"), "Lines"), lines);
    assert_eq!(printed.sum(Some("checkout"), "ErrorLines"), errors as f64);
    assert_eq!(printed.sum(Some("checkout"), "Invocations"), 5.0);
    assert_eq!(printed.sum(Some("checkout"), "FailedInvocations"), 1.0);
    assert_eq!(printed.sum(Some("checkout"), "ColdStarts"), 1.0);
    assert_eq!(printed.sum(Some("checkout"), "DroppedLines"), 0.0);
    let metric = |report: &Value, name: &str| report["record"]["metrics"][name].as_f64().unwrap();
    let billed: f64 = reports.iter().map(|report| metric(report, "billedDurationMs")).sum();
    assert_eq!(printed.sum(Some("checkout"), "BilledDuration"), billed);
    let mut durations: Vec<f64> = reports.iter().map(|report| metric(report, "durationMs")).collect();
    durations.sort_by(f64::total_cmp);
    assert_eq!(printed.durations, durations);
    assert_eq!(
        printed.sum(None, "CorruptRecords") + printed.sum(None, "RepeatedLines"),
        0.0
    );
    assert!(printed.notices.is_empty(), "{:#?}", printed.notices);

    // All of it again, cut otherwise, and then two records that nobody can read.
    let before = printed;
    for batch in &batches(&records, 5) {
        hand_over(&consumer, batch).await;
    }
    let mut spoilt = batches(&records, 1_000).remove(0);
    spoilt.truncate(3);
    for (place, data) in [(0, &[0x1f, 0x8b, 8, 0][..]), (2, &[0xff])] {
        spoilt[place]["kinesis"]["data"] = json!(base64(data));
    }
    assert_eq!(
        hand_over(&consumer, &spoilt).await,
        1,
        "what cannot be read is no failure"
    );
    let printed = Printed::by(&consumer);
    for metric in ["Lines", "Invocations", "BilledDuration"] {
        assert_eq!(
            printed.sum(Some("checkout"), metric),
            before.sum(Some("checkout"), metric)
        );
    }
    assert_eq!(printed.durations, before.durations);
    assert!(printed.sum(None, "RepeatedLines") >= lines);
    assert_eq!(printed.sum(None, "CorruptRecords"), 2.0);
    assert!(printed.notices.iter().all(|notice| notice["event"] == "corrupt_record"));
    let told: Vec<_> = printed.notices.iter().map(|notice| &notice["sequenceNumber"]).collect();
    assert_eq!(
        told,
        [0, 2].map(|place: usize| &spoilt[place]["kinesis"]["sequenceNumber"])
    );
}
