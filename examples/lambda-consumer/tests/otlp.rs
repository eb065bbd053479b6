//! The real function, with the feature `otlp`, between a local Lambda and receivers of OTLP: every line is there once or more.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use collectors::{BodyText as _, Receiver, Reply, Rotel, attribute};
use local_lambda::{Invocation, LocalLambda};
use serde_json::{Value, json};

/// The contract's golden files: the same lines in each format.
const GOLDEN: [&[u8]; 4] = [
    include_bytes!("../../../docs/contract/records.ndjson"),
    include_bytes!("../../../docs/contract/records.ndjson.gz"),
    include_bytes!("../../../docs/contract/records.ndjson.zst"),
    include_bytes!("../../../docs/contract/records.kpl"),
];

async fn consumer(endpoint: &str, timeout: Duration) -> LocalLambda {
    let lambda = LocalLambda::builder()
        .function(env!("CARGO_BIN_EXE_lambda-consumer"))
        .timeout(timeout)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    lambda.start().await.unwrap()
}

async fn hand_over<D: AsRef<[u8]>>(consumer: &LocalLambda, records: &[D]) -> Invocation {
    static NUMBER: AtomicU64 = AtomicU64::new(100);
    let records = records.iter().map(|data| {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed).to_string();
        json!({
            "kinesis": {
                "sequenceNumber": number,
                "data": STANDARD.encode(data),
                "approximateArrivalTimestamp": 1_545_084_650.987,
            },
            "eventID": format!("shardId-000000000006:{number}"),
        })
    });
    let payload = json!({ "Records": records.collect::<Vec<_>>() }).to_string();
    consumer.invoke(payload).await.unwrap()
}

/// A log line. `record`: what stands between its quotes.
fn line(seq: u64, record: &str) -> String {
    format!(
        concat!(
            r#"{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"{}","#,
            r#""forwarder":{{"id":"i","sink":"s","seq":{},"requestId":"r","resource":{{"faas.name":"checkout"}}}}}}"#,
            "\n"
        ),
        record, seq
    )
}

fn lines(numbers: Range<u64>) -> String {
    numbers.map(|seq| line(seq, "[WARN] late")).collect()
}

/// Notices of one kind that the function wrote into its log.
fn notices(consumer: &LocalLambda, event: &str) -> Vec<Value> {
    let output = consumer.output().into_iter();
    let lines = output.filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
    lines.filter(|line| line["event"] == event).collect()
}

#[tokio::test]
async fn lines_of_every_format_are_sent_once_with_their_level() {
    let receiver = Receiver::start(|_, _| Reply::Take).await;
    let consumer = consumer(&receiver.url, Duration::from_secs(60)).await;
    // Two of them are the parts of one.
    let golden = GOLDEN[0].iter().filter(|byte| **byte == b'\n').count() - 1;
    for records in GOLDEN {
        assert!(hand_over(&consumer, &[records]).await.succeeded());
        let counted = receiver.counted();
        assert_eq!(counted.len(), golden, "the others are repeats");
        assert!(counted.values().all(|times| *times == 1), "{counted:?}");
    }
    let parts = [(0, r#"\"[ERROR] h"#), (1, r#"alves\""#)].map(|(index, text)| {
        let number = format!(r#""seq":{}"#, 4 + index);
        let part = format!(r#"{number},"part":{{"first":4,"index":{index},"of":2}}"#);
        line(4 + index, text).replace(&number, &part)
    });
    assert!(hand_over(&consumer, &parts).await.succeeded());
    let logs = receiver.logs();
    let last = logs.last().unwrap();
    assert_eq!(last.body_text(), "[ERROR] halves");
    assert_eq!(last.severity_text, "ERROR");
    assert_eq!(attribute(&last.attributes, "forwarder.id"), "i");
}

#[tokio::test]
async fn where_nothing_is_taken_the_invocation_fails_and_the_batch_is_no_repeat_then() {
    let well = Arc::new(AtomicBool::new(false));
    let receiver = Receiver::start({
        let well = well.clone();
        move |_, _| match well.load(Ordering::SeqCst) {
            true => Reply::Take,
            false => Reply::Status(401, None),
        }
    })
    .await;
    let consumer = consumer(&receiver.url, Duration::from_secs(60)).await;
    let refused = hand_over(&consumer, &[lines(0..10)]).await;
    assert!(!refused.succeeded());
    let said = refused.error.unwrap().message;
    assert!(said.contains("/v1/logs answered 401"), "{said}");
    assert!(receiver.counted().is_empty());
    well.store(true, Ordering::SeqCst);
    assert!(hand_over(&consumer, &[lines(0..10)]).await.succeeded());
    assert_eq!(receiver.counted().len(), 10);
}

#[tokio::test]
async fn a_receiver_that_is_away_ends_the_invocation_before_its_time_is_over() {
    let nobody = "http://127.0.0.1:9";
    let consumer = consumer(nobody, Duration::from_secs(3)).await;
    let failed = hand_over(&consumer, &[lines(0..10)]).await;
    assert!(!failed.succeeded());
    let said = failed.error.unwrap().message;
    assert!(said.contains("did not take the batch within"), "{said}");
    assert!(said.contains("got no answer"), "{said}");
}

#[tokio::test]
async fn what_may_pass_is_sent_again_and_what_is_rejected_is_told() {
    let receiver = Receiver::start(|_, count| match count {
        0 => Reply::Status(503, None),
        1 => Reply::Status(429, Some("1")),
        _ => Reply::Partial(2, "too old"),
    })
    .await;
    let consumer = consumer(&receiver.url, Duration::from_secs(60)).await;
    assert!(hand_over(&consumer, &[lines(0..10)]).await.succeeded());
    assert_eq!(receiver.counted().len(), 10);
    let told = notices(&consumer, "rejected");
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["count"], &told[0]["reasons"][0]),
        (&json!(2), &json!("too old"))
    );
}

#[tokio::test]
async fn a_batch_of_more_bytes_than_are_kept_is_sent_in_turns() {
    let receiver = Receiver::start(|_, _| Reply::Take).await;
    let consumer = consumer(&receiver.url, Duration::from_secs(60)).await;
    let record = |number: u64| {
        let lines = (0..900).map(|seq| line(number * 900 + seq, &"x".repeat(9_000)));
        zstd::stream::encode_all(lines.collect::<String>().as_bytes(), 1).unwrap()
    };
    let records: Vec<_> = (0..4).map(record).collect();
    let first = hand_over(&consumer, &records).await.json();
    assert_eq!(first["batchItemFailures"].as_array().unwrap().len(), 1, "{first}");
    assert_eq!(
        receiver.counted().len(),
        2_700,
        "16 MiB, and the record that goes past it"
    );
    assert!(hand_over(&consumer, &records[3..]).await.succeeded());
    assert_eq!(receiver.counted().len(), 3_600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Rotel: make test-otlp"]
async fn every_line_is_in_a_foreign_receiver() {
    let behind = Receiver::start(|_, _| Reply::Take).await;
    let log = std::env::temp_dir().join(format!("lambda-consumer-rotel-{}", std::process::id()));
    let rotel = Rotel::start(&behind.url, &log).await;
    let consumer = consumer(&rotel.url, Duration::from_secs(60)).await;
    for batch in 0..20 {
        let first = (0..5).map(|record| batch * 500 + record * 100);
        let records: Vec<_> = first.map(|first| lines(first..first + 100)).collect();
        assert!(hand_over(&consumer, &records).await.succeeded());
    }
    behind.wait(|got| got.distinct() >= 10_000).await;
    let counted = behind.counted();
    let numbers: BTreeSet<u64> = counted.keys().map(|(_, seq)| seq.parse().unwrap()).collect();
    assert!(numbers.into_iter().eq(0..10_000));
    std::fs::remove_file(&log).expect("its log");
}
