//! The golden files of the contract, `docs/contract/`: what a reader gets for one body, under each envelope.
//!
//! What differs from run to run stands in them as `<id>` and `<time>`. To accept a change that is meant, run the test with
//! `UPDATE_GOLDEN=1` and read the difference.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use forwarder_core::delivery::settings::{LaneSettings, PartitionKey};
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Record, Sink};
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::intake::redact::Redaction;
use forwarder_core::record::envelope::{Envelope, Resource};
use forwarder_core::record::format::{Compression, Encoding, Format, Packer};
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::Routes;
use forwarder_core::{Forwarder, Settings, Types};
use reader::decode::decode;
use tokio::time::Instant;

#[derive(Default)]
struct Memory(Mutex<Vec<u8>>);

#[async_trait]
impl Sink for Memory {
    fn limits(&self) -> Limits {
        Limits {
            put_records: 500,
            put_bytes: 1 << 20,
            record_bytes: 1 << 20,
            keyed: true,
        }
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        for record in records {
            self.0.lock().unwrap().extend_from_slice(&record.data);
        }
        Ok(vec![Outcome::Delivered; records.len()])
    }

    fn renew(&self) {}
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/contract"))
}

const ROUTES: &str = "platform.initStart -> drop; extension -> drop; * -> kinesis";

/// What a forwarder with these settings makes of bodies, line by line.
async fn lines(envelope: Envelope, routes: &str, bodies: &[Vec<u8>], concurrent: bool) -> String {
    let sink = Arc::new(Memory::default());
    let lane = LaneSettings {
        name: "kinesis".into(),
        format: Format::Ndjson,
        compression: Compression::None,
        envelope,
        partition_key: PartitionKey::Random,
        record_bytes: 25_000,
        put_bytes: 1 << 20,
        // So small that the long line below does not fit.
        max_record_bytes: 2_000,
        oversize: Oversize::Split,
        fallback: None,
        taken_over_bytes: None,
        max_age: Duration::from_secs(10),
        put_timeout: Duration::from_secs(5),
    };
    let forwarder = Forwarder::start(Settings {
        lanes: vec![(lane, sink.clone())],
        routes: Routes::parse(routes, &["kinesis"]).unwrap(),
        types: Types {
            platform: true,
            function: true,
            extension: true,
        },
        redaction: Redaction::default(),
        resource: Resource {
            faas_name: Some("checkout".into()),
            faas_version: Some("$LATEST".into()),
            faas_instance: None,
            cloud_region: Some("eu-west-1".into()),
            cloud_account_id: Some("123456789012".into()),
            attributes: vec![("team".into(), "payments".into())],
        },
        buffer_bytes: 8 << 20,
        spool: SpoolSettings {
            dir: PathBuf::new(),
            max_bytes: 0,
            mode: SpoolMode::Off,
        },
        concurrent,
    });
    let mut ids = vec![forwarder.id()];
    for body in bodies {
        forwarder.accept(body);
        // Behind a snapshot it has another.
        if ids.last() != Some(&forwarder.id()) {
            ids.push(forwarder.id());
        }
    }
    forwarder.close(Instant::now() + Duration::from_secs(5), false).await;
    let mut lines = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    for (id, name) in ids.iter().zip(["<id>", "<id of the restored>"]) {
        lines = lines.replace(id, name);
    }
    lines.lines().map(without_time).collect()
}

fn input(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// The time of the forwarder's own events is that of the run.
fn without_time(line: &str) -> String {
    match line.split_once("\",\"type\":\"forwarder.") {
        // A row has the time of the invocation's end.
        Some((time, rest)) if time.starts_with("{\"time\":\"") && !rest.starts_with("invocation") => {
            format!("{{\"time\":\"<time>\",\"type\":\"forwarder.{rest}\n")
        }
        _ => format!("{line}\n"),
    }
}

fn assert_golden(name: &str, lines: &str) {
    let path = folder().join(format!("{name}.ndjson"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, lines).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    for (number, (line, golden)) in lines.lines().zip(golden.lines()).enumerate() {
        assert_eq!(line, golden, "{}:{}", path.display(), number + 1);
    }
    assert_eq!(lines.lines().count(), golden.lines().count(), "{}", path.display());
}

#[tokio::test(start_paused = true)]
async fn lines_are_those_of_the_golden_files() {
    let long = "x".repeat(2_000);
    let long = format!(r#"[{{"time":"2026-11-20T09:14:04.000Z","type":"function","record":"{long}"}}]"#);
    let bodies = [input("input.json"), long.into_bytes()];
    for (envelope, routes, name) in [
        (Envelope::Full, ROUTES, "full"),
        (Envelope::Lean, ROUTES, "lean"),
        (Envelope::Raw, ROUTES, "raw"),
        (Envelope::Full, "forwarder.invocation -> kinesis", "invocation"),
    ] {
        assert_golden(name, &lines(envelope, routes, &bodies, false).await);
    }
}

/// Traces, executions, requests and attributes where environments are not those of on-demand functions.
#[tokio::test(start_paused = true)]
async fn lines_of_other_kinds_of_lambda_are_those_of_their_golden_files() {
    for (name, concurrent) in [("snapstart", false), ("managed-instances", true)] {
        let body = input(&format!("input-{name}.json"));
        let routes = "forwarder.invocation -> kinesis; * -> kinesis";
        assert_golden(name, &lines(Envelope::Full, routes, &[body], concurrent).await);
    }
}

#[test]
fn an_aggregate_is_that_of_the_golden_file() {
    let lines = std::fs::read(folder().join("records.ndjson")).unwrap();
    let encoding = Encoding {
        format: Format::Kpl,
        compression: Compression::None,
    };
    let mut packer = Packer::new(encoding, 1 << 20, 1 << 20, &"0".repeat(32));
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        assert!(packer.add(line));
    }
    let records = packer.finish();
    assert_eq!(records.len(), 1);
    let path = folder().join("records.kpl");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &records[0]).unwrap();
    }
    assert!(std::fs::read(&path).unwrap() == records[0], "{}", path.display());
}

#[test]
fn what_others_compress_is_read() {
    let lines = std::fs::read_to_string(folder().join("records.ndjson")).unwrap();
    for name in ["records.ndjson.gz", "records.ndjson.zst", "records.kpl"] {
        // Twice, as Firehose writes records one after the other; an aggregate stands alone.
        let data = std::fs::read(folder().join(name)).unwrap();
        let times = if name == "records.kpl" { 1 } else { 2 };
        let decoded = data.repeat(times);
        let decoded = decode(&decoded).unwrap();
        let found: String = decoded.lines().map(|line| format!("{}\n", line.0)).collect();
        assert!(found == lines.repeat(times), "{name}");
    }
}
