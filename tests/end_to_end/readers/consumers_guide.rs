//! Queries of docs/CONSUMERS.md: each runs, in DuckDB, on objects as Firehose writes them, made by the real
//! extension; and what is configured there is what the services take.

mod queries;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use end_to_end::binaries;
use end_to_end::process::Extension;
use end_to_end::world::*;
use local_kinesis::{LocalFirehose, LocalKinesis};
use local_lambda::{Builder, LocalLambda};
use reader::decode::{Joined, Joiner, LifeReport, Verifier, decode};
use serde_json::{Value, json};

use queries::{cold_starts, cost, durations, error_rate, long_lines, missing};

use super::{Folder, python, read};

const DELIVERY_STREAM: &str = "telemetry-to-s3";

fn run(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/readers/consumers.py");
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONSUMERS.md");
    let (command, more) = arguments.split_first().unwrap();
    read(python(), &[&[script, command, guide], more].concat(), input)
}

/// A function whose telemetry goes to Firehose.
fn function(name: &str, firehose: &LocalFirehose) -> Builder {
    let port = free_port();
    LocalLambda::builder()
        .function(binaries::test_function())
        .function_name(name)
        .extension(binaries::extension())
        .memory_mb(1_024)
        .timeout(Duration::from_secs(30))
        .extension_env("AWS_ENDPOINT_URL_FIREHOSE", firehose.endpoint())
        .extension_env("FORWARDER_TELEMETRY__PORT", port.to_string())
        .extension_env("FORWARDER_SPOOL__DIR", spool_dir(port))
        .extension_env("FORWARDER_SINKS__FIREHOSE__STREAM", DELIVERY_STREAM)
        .extension_env("FORWARDER_SINKS__FIREHOSE__COMPRESSION", "gzip")
        // However slow the machine, and however fast invocations follow: what one logged is delivered when it ends.
        .extension_env("FORWARDER_FLUSH__STRATEGY", "end")
        .extension_env("FORWARDER_FLUSH__BUDGET", "20s")
}

/// A log line of so many bytes.
fn long_line(level: &str, bytes: usize) -> String {
    let record = json!({ "level": level, "message": "x".repeat(bytes) });
    json!({ "time": "2026-11-20T09:14:02.820Z", "type": "function", "record": record }).to_string()
}

/// Telemetry of three functions: one that fails at times and is started again after a time-out, one whose lines are
/// long and which is killed, one that may not send long lines. Each Firehose record as it came.
async fn telemetry() -> Vec<Vec<u8>> {
    let firehose = LocalFirehose::builder().stream(DELIVERY_STREAM).start().await.unwrap();
    let checkout = function("checkout", &firehose).timeout(Duration::from_secs(3));
    let checkout = checkout.start().await.unwrap();
    for number in 0..20 {
        let order = match number % 5 {
            0 => r#"{"lines":12,"level":"mixed","format":"json","fail":"error"}"#,
            1 => r#"{"lines":6,"level":"mixed","format":"node","sleepMs":20}"#,
            _ => r#"{"lines":6,"level":"mixed"}"#,
        };
        checkout.invoke(order).await.unwrap();
    }
    checkout.invoke(r#"{"late":true}"#).await.unwrap();
    assert!(checkout.invoke("{}").await.unwrap().succeeded());
    assert!(
        checkout
            .shutdown("spindown", Duration::from_secs(5))
            .await
            .unwrap()
            .clean()
    );

    let search = function("search", &firehose).start().await.unwrap();
    let long = [long_line("ERROR", 1_500_000), long_line("INFO", 2_500_000)];
    assert!(search.invoke_with_events("{}", &long).await.unwrap().succeeded());
    assert!(search.invoke(r#"{"lines":30}"#).await.unwrap().succeeded());
    // It ends without a word, and without the last invocation's report.
    Extension::of(&search).unwrap().signal("KILL");
    drop(search);

    let export = function("export", &firehose).extension_env("FORWARDER_SINKS__FIREHOSE__OVERSIZE", "drop");
    let export = export.start().await.unwrap();
    assert!(export.invoke_with_events("{}", &long).await.unwrap().succeeded());
    assert!(
        export
            .shutdown("spindown", Duration::from_secs(5))
            .await
            .unwrap()
            .clean()
    );
    firehose
        .delivered(DELIVERY_STREAM)
        .iter()
        .map(|record| record.to_vec())
        .collect()
}

/// Lines by our own reader from the same records: each line once, long ones whole.
struct Ours {
    events: Vec<Value>,
    lives: Vec<LifeReport>,
    joined: Vec<Value>,
}

impl Ours {
    fn of(records: &[Vec<u8>]) -> Self {
        let (mut verifier, mut joiner) = (Verifier::default(), Joiner::default());
        let (mut events, mut joined): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
        for record in records {
            for line in decode(record).unwrap().lines() {
                if !verifier.observe(&line.event().unwrap()) {
                    continue;
                }
                let event: Value = serde_json::from_str(line.0).unwrap();
                match joiner.take(line.0) {
                    Joined::Whole => events.push(event),
                    Joined::Waiting => {}
                    Joined::Line(whole) => {
                        joined.push(serde_json::from_str(&whole).unwrap());
                    }
                }
            }
        }
        Self {
            events,
            lives: verifier.report(),
            joined,
        }
    }

    /// The events of one type, by function.
    fn by_function(&self, wanted: &str) -> BTreeMap<&str, Vec<&Value>> {
        let mut functions: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for event in self
            .events
            .iter()
            .chain(&self.joined)
            .filter(|event| kind(event) == wanted)
        {
            let name = event["forwarder"]["resource"]["faas.name"].as_str().unwrap();
            functions.entry(name).or_default().push(event);
        }
        functions
    }
}

/// Writes records into the objects of an hour, many an object.
fn write(folder: &Folder, hour: &str, records: &[Vec<u8>]) {
    let place = folder.0.join(hour);
    std::fs::create_dir_all(&place).unwrap();
    let stem = hour.replace('/', "-");
    for (number, records) in records.chunks(8).enumerate() {
        let name = format!("{DELIVERY_STREAM}-1-{stem}-{number:02}-00-5f3c8a.jsonl.gz");
        std::fs::write(place.join(name), records.concat()).unwrap();
    }
}

/// Compares the rows of the query of this name with what our own reader found.
type Test = fn(&Ours, &Value, &str);

#[tokio::test]
#[ignore = "needs readers that `make test-readers` installs"]
async fn each_query_finds_what_our_own_reader_finds() {
    let mut records = telemetry().await;
    // A record is lost between the forwarder and S3, and two come twice.
    let of_checkout = |record: &Vec<u8>| decode(record).unwrap().lines().any(|line| line.0.contains("line 1/6"));
    let lost = records.iter().position(of_checkout).unwrap() + 2;
    assert!(of_checkout(&records[lost]), "a record from the middle of a life");
    let lost = records.remove(lost);
    let repeated = [records[1].clone(), records[4].clone()];
    let ours = Ours::of(&[&records[..], &repeated].concat());
    assert!(
        ours.joined.len() == 2 && records.len() > 20,
        "{} records",
        records.len()
    );

    // Nothing may lean on the order of lines.
    records.reverse();
    let folder = Folder::new("athena");
    let (first, second) = records.split_at(records.len() / 2);
    write(&folder, "2026/11/20/09", first);
    write(&folder, "2026/11/20/10", &[second, &repeated].concat());
    // What lies outside of the hours that a query asks for must not count: here stands what was lost.
    write(&folder, "2026/11/19/23", &[lost]);
    let answers: Value = serde_json::from_slice(&run(&["sql", folder.0.to_str().unwrap()], b"")).unwrap();

    let tested: [(&str, Test); 6] = [
        ("Error rate by function", error_rate),
        ("Duration by function", durations),
        ("Cold starts", cold_starts),
        ("Cost by function", cost),
        ("Is anything missing?", missing),
        ("Long lines, whole again", long_lines),
    ];
    let queries: BTreeSet<_> = answers.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        queries,
        tested.iter().map(|(query, _)| *query).collect(),
        "each query is tested"
    );
    for (query, test) in tested {
        test(&ours, &answers, query);
    }
}

#[test]
fn the_route_that_is_cheaper_than_a_filter_is_one() {
    let rule = "platform.report record.status!=success -> reports";
    assert!(include_str!("../../../docs/CONSUMERS.md").contains(&format!("`{rule}`")));
    forwarder_core::route::Routes::parse(rule, &["reports"]).unwrap();
}

#[test]
#[ignore = "needs readers that `make test-readers` installs"]
fn what_is_configured_is_what_the_services_take() {
    run(&["settings"], b"");
}

#[tokio::test]
#[ignore = "needs readers that `make test-readers` installs"]
async fn the_filter_lets_failed_and_slow_invocations_pass() {
    let kinesis = LocalKinesis::builder().stream(STREAM, 1).stream("reports", 1);
    let kinesis = kinesis.enforce_limits(false).start().await.unwrap();
    let (mut builder, _) = lambda_to_kinesis(&kinesis);
    for variable in String::from_utf8(run(&["variables"], b"")).unwrap().lines() {
        let (name, value) = variable.split_once('=').unwrap();
        builder = builder.extension_env(name, value);
    }
    let lambda = builder.function(binaries::test_function()).start().await.unwrap();
    for order in ["{}", r#"{"fail":"error"}"#, r#"{"sleepMs":1100}"#, "{}"] {
        lambda.invoke(order).await.unwrap();
    }
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(5))
            .await
            .unwrap()
            .clean()
    );
    let records = kinesis.read_all("reports").await.unwrap();
    let lines: Vec<u8> = records.iter().flat_map(|record| record.data.to_vec()).collect();
    let passed = run(&["filter"], &lines);
    let statuses = |lines: &[u8]| -> Vec<String> {
        let lines = String::from_utf8(lines.to_vec()).unwrap();
        let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let reports = events.filter(|event| kind(event) == "platform.report");
        reports
            .map(|event| event["record"]["status"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(statuses(&lines), ["success", "error", "success", "success"]);
    assert_eq!(statuses(&passed), ["error", "success"]);
}
