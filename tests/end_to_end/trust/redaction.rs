//! Secrets in log lines: what is masked is neither in the stream, nor on disk, nor in the extension's own log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use end_to_end::binaries;
use end_to_end::post::Poster;
use end_to_end::world::*;

const END: Duration = Duration::from_secs(2);

/// Names, and an expression of one's own.
const REDACT: &str = "email,credit_card,bearer,/customer-\\d+/";

/// What must not leave.
const SECRETS: [&str; 4] = ["example.com", "1111 1111", "abcdefghijklmnop", "customer-4711"];

const LINE: &str = "alice@example.com paid with 4111 1111 1111 1111, Bearer abcdefghijklmnop, customer-4711";

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let paths = entries.map(|entry| entry.path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

fn assert_masked(what: &str, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is in {what}: {text}");
    }
}

#[tokio::test]
async fn no_secret_is_in_the_stream_on_disk_or_in_the_log() {
    for reachable in [false, true] {
        let kinesis = kinesis().await;
        let (builder, port) = lambda_to_kinesis(&kinesis);
        let mut builder = builder
            .freeze(false)
            .function(binaries::test_function())
            .extension_env("FORWARDER_REDACT", REDACT)
            .extension_env("FORWARDER_SPOOL__MODE", "always")
            .extension_env("FORWARDER_LOG", "debug");
        if !reachable {
            builder = builder.extension_env("FORWARDER_SINKS__KINESIS__ENDPOINT", "http://127.0.0.1:1");
        }
        let lambda = builder.start().await.unwrap();
        for format in ["text", "json"] {
            let order = serde_json::json!({"lines": 3, "format": format, "message": LINE, "stackTrace": true});
            assert!(lambda.invoke(order.to_string()).await.unwrap().succeeded());
        }
        let mut poster = Poster::connect(port).await;
        for body in [
            format!(r#"[{{"broken":"{LINE}",}}]"#),
            LINE.to_owned(),
            format!("\"{LINE}\""),
        ] {
            assert_eq!(poster.post("/", body).await, 200);
        }
        // What the function logged comes when Lambda posts it.
        let mut on_disk = 0;
        let begun = std::time::Instant::now();
        while begun.elapsed() < PATIENCE && on_disk < 9 {
            on_disk = 0;
            for file in files(Path::new(&spool_dir(port))) {
                // A segment that is delivered goes while this looks.
                let bytes = std::fs::read(&file).unwrap_or_default();
                on_disk += String::from_utf8_lossy(&bytes).matches("[redacted:email]").count();
                assert_masked(&file.display().to_string(), &bytes);
            }
            if reachable {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(reachable || on_disk >= 9, "{on_disk} lines on disk");
        assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
        assert_masked("the log", extension_log(&lambda).join("\n").as_bytes());
        let records = kinesis.read_all(STREAM).await.unwrap();
        assert_eq!(records.is_empty(), !reachable);
        for record in &records {
            assert_masked("the stream", &record.data);
        }
        if reachable {
            let found = Found::in_stream(&kinesis, STREAM).await;
            found.assert_proven();
            let report = found.of_type("forwarder.report");
            let counters = &report.last().unwrap()["record"]["counters"]["intake"];
            assert!(counters["redacted"].as_u64().unwrap() >= 4 * 6, "{counters}");
            assert_eq!(counters["redactedWhole"], 0);
        }
    }
}
