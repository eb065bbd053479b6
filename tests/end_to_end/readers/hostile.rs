//! Records that are made to cost `lambda-consumer`, the real binary, more than they are: memory, log and time.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::process::Extension;
use local_lambda::{LocalLambda, Role};
use serde_json::{Value, json};

const MIB: u64 = 1024 * 1024;

/// What one record may cost.
const MOST_MEMORY: u64 = 256 * MIB;
const MOST_LOG: usize = 1_000_000;
const MOST_TIME: Duration = Duration::from_secs(5);

/// A record of so many lines, compressed.
fn record(lines: impl Iterator<Item = String>) -> Vec<u8> {
    let record = zstd::stream::encode_all(lines.collect::<String>().as_bytes(), 3).unwrap();
    assert!(record.len() <= MIB as usize, "{}", record.len());
    record
}

fn batch(data: &[u8], number: usize) -> String {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(data);
    let record = json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "k",
            "sequenceNumber": number.to_string(),
            "data": data,
            "approximateArrivalTimestamp": 1_545_084_650.987,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("shardId-000000000000:{number}"),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/telemetry-consumer",
        "awsRegion": "eu-west-1",
        "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry",
    });
    json!({ "Records": [record] }).to_string()
}

fn line(id: u64, seq: u64, part: &str) -> String {
    format!(r#"{{"type":"function","record":"x","forwarder":{{"id":"{id}","sink":"s","seq":{seq}{part}}}}}"#) + "\n"
}

/// The function's process.
fn process(lambda: &LocalLambda) -> Extension {
    let processes = lambda.processes();
    let function = processes.iter().find(|process| process.role == Role::Function);
    Extension {
        pid: function.expect("it is alive").pid,
    }
}

#[tokio::test]
async fn no_record_costs_the_function_much_memory_log_or_time() {
    let part = |seq: u64| {
        let seq = seq * 10_000;
        line(7, seq, &format!(r#","part":{{"first":{seq},"index":0,"of":10000}}"#))
    };
    let random = |seed: u64| fastrand::Rng::with_seed(seed).u64(..);
    let records = [
        ("bad lines", record((0..10_000_000).map(|_| "x\n".to_owned()))),
        ("short lines", record((0..2_000_000).map(|_| "{}\n".to_owned()))),
        ("parts", record((0..60_000).map(part))),
        ("lives", record((0..60_000).map(|id| line(id, 0, "")))),
        ("numbers", record((0..60_000).map(|seq| line(1, seq * 2, "")))),
        (
            "names",
            record((0..20_000).map(|seed| {
                let name = r#","resource":{"faas.name":""#;
                line(2, seed, &format!(r#"{name}{:x}"}}"#, random(seed)))
            })),
        ),
        (
            "one line",
            record([line(3, 0, &format!(r#","x":"{}""#, "x".repeat(60_000_000)))].into_iter()),
        ),
        ("deep", record([format!("{}\n", "[".repeat(5_000_000))].into_iter())),
    ];
    for (number, (name, record)) in records.iter().enumerate() {
        let consumer = LocalLambda::builder()
            .function(binaries::lambda_consumer())
            .function_name("telemetry-consumer")
            .memory_mb(512)
            .timeout(Duration::from_secs(60))
            .freeze(false)
            .start()
            .await
            .unwrap();
        let before = process(&consumer).cpu_time().unwrap();
        let invocation = consumer.invoke(batch(record, 100 + number)).await.unwrap();
        assert!(invocation.succeeded(), "{name}: {invocation:?}");
        let failed: Value = invocation.json()["batchItemFailures"].clone();
        assert_eq!(failed, json!([]), "{name}: it would be handed over for ever");
        let (peak, time) = (
            process(&consumer).peak_memory().unwrap(),
            process(&consumer).cpu_time().unwrap() - before,
        );
        let log: usize = consumer.output().iter().map(|line| line.text.len() + 1).sum();
        eprintln!(
            "{name}: {} bytes: {} MiB, {log} bytes of log, {time:?}",
            record.len(),
            peak / MIB
        );
        assert!(peak <= MOST_MEMORY, "{name}: {} MiB", peak / MIB);
        assert!(log <= MOST_LOG, "{name}: {log} bytes");
        assert!(time <= MOST_TIME, "{name}: {time:?}");
    }
}
