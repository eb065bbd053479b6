//! Lines longer than what Lambda posts at once: it cuts them over several POSTs, none of them JSON.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::world::*;
use local_lambda::LogFormat;
use reader::decode::{Joined, Joiner, decode};
use serde_json::{Value, json};

/// The events of a stream, those that came in parts joined.
async fn joined(kinesis: &local_kinesis::LocalKinesis) -> Vec<Value> {
    let mut joiner = Joiner::default();
    let mut events = Vec::new();
    for record in kinesis.read_all(STREAM).await.unwrap() {
        for line in decode(&record.data).unwrap().lines() {
            match joiner.take(line.0) {
                Joined::Whole => events.push(serde_json::from_str(line.0).unwrap()),
                Joined::Waiting => {}
                Joined::Line(whole) => events.push(serde_json::from_str(&whole).unwrap()),
            }
        }
    }
    events
}

/// Two long texts are equal, or the place is shown where they are not.
fn assert_same(found: &str, expected: &str, max_bytes: usize) {
    let differs = |(one, other): (u8, u8)| one != other;
    let Some(at) = found.bytes().zip(expected.bytes()).position(differs) else {
        return assert_eq!(found.len(), expected.len(), "{max_bytes}");
    };
    let around = at.saturating_sub(100)..at + 100;
    let show =
        |text: &str| String::from_utf8_lossy(text.as_bytes().get(around.clone()).unwrap_or_default()).into_owned();
    panic!(
        "{max_bytes}: another record at byte {at}:\n{}\n{}",
        show(found),
        show(expected)
    );
}

#[tokio::test]
async fn a_line_of_a_mebibyte_arrives_whole_once_masked_with_its_request_and_level() {
    // Whatever place is cut: an address, an escape, a character of several bytes, something that looks like an event.
    let piece = "alice@example.com \\ \"é😀\" }] {\"time\":\"2026\",\"type\":\"platform.start\",\"record\":{}},\t";
    for (max_bytes, log_format, format) in [
        (262_144, LogFormat::Text, "text"),
        (300_001, LogFormat::Json, "json"),
        (524_288, LogFormat::Text, "json"),
        (1_048_576, LogFormat::Text, "node"),
    ] {
        // A line has a mebibyte at most, and as JSON this text takes a seventh more: two lines would come.
        let length = if format == "json" { 3 << 18 } else { 1 << 20 };
        let message = piece.repeat(length / piece.len() - 8);
        let kinesis = kinesis().await;
        let (builder, _) = lambda_to_kinesis(&kinesis);
        let lambda = builder
            .function(binaries::test_function())
            .log_format(log_format)
            .extension_env("FORWARDER_TELEMETRY__MAX_BYTES", max_bytes.to_string())
            .extension_env("FORWARDER_REDACT", "email")
            .extension_env(
                "FORWARDER_ROUTES",
                "function level>=error -> kinesis; function -> drop; * -> kinesis",
            )
            .start()
            .await
            .unwrap();
        let quiet = json!({"lines": 3, "level": "info"}).to_string();
        lambda.invoke(quiet.clone()).await.unwrap();
        let order = json!({"lines": 1, "level": "error", "format": format, "message": message}).to_string();
        let invocation = lambda.invoke(order).await.unwrap();
        assert!(invocation.succeeded());
        lambda.invoke(quiet).await.unwrap();
        let report = lambda.shutdown("spindown", Duration::from_secs(10)).await.unwrap();
        assert!(report.clean(), "{report:?}");

        let truth = lambda.ground_truth();
        let long = truth.iter().max_by_key(|event| event.json.len()).unwrap();
        assert!(
            long.json.len() > max_bytes && long.acknowledged && long.posts == 1,
            "{} bytes in {} posts: {:?}",
            long.json.len(),
            long.posts,
            extension_log(&lambda)
        );
        let expected: Value =
            serde_json::from_str(&long.json.replace("alice@example.com", "[redacted:email]")).unwrap();
        let events = joined(&kinesis).await;
        let mut lines: Vec<_> = events
            .iter()
            .filter(|event| kind(event) == "function")
            .cloned()
            .collect();
        assert_eq!(lines.len(), 1, "{max_bytes}: only the long line has level error");
        let stamp = lines[0].as_object_mut().unwrap().remove("forwarder").unwrap();
        assert_eq!(stamp["requestId"], invocation.request_id, "{max_bytes}");
        assert_same(
            &lines[0]["record"].to_string(),
            &expected["record"].to_string(),
            max_bytes,
        );
        let of_type = |wanted: &str| events.iter().filter(|event| kind(event) == wanted).count();
        assert_eq!(
            of_type("platform.start"),
            3,
            "{max_bytes}: nothing inside of it is an event"
        );
        assert_eq!(
            of_type("platform.runtimeDone"),
            3,
            "{max_bytes}: it hides nothing behind it"
        );
        assert_eq!(of_type("forwarder.unparsed"), 0, "{max_bytes}");
        assert_silent(&lambda);
    }
}
