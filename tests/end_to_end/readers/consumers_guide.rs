//! Queries of docs/CONSUMERS.md: each runs, in DuckDB, on objects as Firehose writes them, made by the real
//! extension; and what is configured there is what the services take.

mod queries;
mod row_queries;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use end_to_end::binaries;
use end_to_end::document_server::{Answer, DocumentServer};
use end_to_end::process::Extension;
use end_to_end::world::*;
use local_kinesis::{LocalFirehose, LocalKinesis};
use local_lambda::{Builder, LocalLambda};
use reader::decode::{Joined, Joiner, LifeReport, Verifier, decode};
use serde_json::{Value, json};

use queries::{cold_starts, configurations, cost, durations, error_rate, long_lines, missing};
use row_queries::{row_cold_starts, row_costs, row_durations, row_error_rate, row_errors, row_memory};

use super::{Folder, python, read};

const DELIVERY_STREAM: &str = "telemetry-to-s3";

/// As the guide has it.
const ROWS_STREAM: &str = "invocations-to-s3";

pub(super) fn run(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/readers/consumers.py");
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONSUMERS.md");
    let (command, more) = arguments.split_first().unwrap();
    read(python(), &[&[script, command, guide], more].concat(), input)
}

/// A function whose telemetry goes to Firehose.
fn function(name: &str, firehose: &LocalFirehose) -> Builder {
    let port = free_port();
    let mut builder = LocalLambda::builder();
    for (name, value) in variables("Rows of invocations") {
        builder = builder.extension_env(name, value);
    }
    builder
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

/// The variables that the guide shows under a heading.
fn variables(heading: &str) -> Vec<(String, String)> {
    let text = String::from_utf8(run(&["variables", heading], b"")).unwrap();
    let lines = text.lines().map(|line| line.split_once('=').unwrap());
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A log line of so many bytes.
fn long_line(level: &str, bytes: usize) -> String {
    let record = json!({ "level": level, "message": "x".repeat(bytes) });
    json!({ "time": "2026-11-20T09:14:02.820Z", "type": "function", "record": record }).to_string()
}

/// Telemetry of three functions: one that fails at times and is started again after a time-out, one whose lines are
/// long and which is killed, one that may not send long lines. Each Firehose record as it came: lines, and rows.
async fn telemetry() -> [Vec<Vec<u8>>; 2] {
    let firehose = LocalFirehose::builder().stream(DELIVERY_STREAM).stream(ROWS_STREAM);
    let firehose = firehose.start().await.unwrap();
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

    let document = Answer::Document("log = \"error\"".to_owned(), 7);
    let documents = DocumentServer::start(document).await;
    let export = function("export", &firehose)
        .extension_env("FORWARDER_SINKS__FIREHOSE__OVERSIZE", "drop")
        .extension_env("AWS_ENDPOINT_URL_SSM", &documents.endpoint)
        .extension_env("FORWARDER_CONFIG", "ssm:/telemetry/forwarder");
    let export = export.start().await.unwrap();
    assert!(export.invoke_with_events("{}", &long).await.unwrap().succeeded());
    assert!(
        export
            .shutdown("spindown", Duration::from_secs(5))
            .await
            .unwrap()
            .clean()
    );
    [DELIVERY_STREAM, ROWS_STREAM].map(|stream| {
        let records = firehose.delivered(stream);
        records.iter().map(|record| record.to_vec()).collect()
    })
}

/// Lines by our own reader from the same records: each line once, long ones whole.
struct Ours {
    events: Vec<Value>,
    lives: Vec<LifeReport>,
    joined: Vec<Value>,
    /// Rows of invocations, by function.
    rows: BTreeMap<String, Vec<Value>>,
}

impl Ours {
    fn of(records: &[Vec<u8>], rows: &[Vec<u8>]) -> Self {
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
            rows: rows_by_function(rows),
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

/// The `record`s of rows, each once.
fn rows_by_function(records: &[Vec<u8>]) -> BTreeMap<String, Vec<Value>> {
    let mut seen = Verifier::default();
    let mut functions: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in records {
        for line in decode(record).unwrap().lines() {
            let mut event: Value = serde_json::from_str(line.0).unwrap();
            if seen.observe(&line.event().unwrap()) && kind(&event) == "forwarder.invocation" {
                let row = event["record"].take();
                let name = row["functionName"].as_str().unwrap().to_owned();
                functions.entry(name).or_default().push(row);
            }
        }
    }
    functions
}

/// Writes records into the objects of an hour below a prefix, many an object.
pub(super) fn write(folder: &Folder, prefix: &str, hour: &str, records: &[Vec<u8>]) {
    let place = folder.0.join(prefix).join(hour);
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
    let [mut records, row_records] = telemetry().await;
    // A record is lost between the forwarder and S3, and two come twice.
    let of_checkout = |record: &Vec<u8>| decode(record).unwrap().lines().any(|line| line.0.contains("line 1/6"));
    let lost = records.iter().position(of_checkout).unwrap() + 2;
    assert!(of_checkout(&records[lost]), "a record from the middle of a life");
    let lost = records.remove(lost);
    let repeated = [records[1].clone(), records[4].clone()];
    let ours = Ours::of(&[&records[..], &repeated].concat(), &row_records);
    assert!(
        ours.joined.len() == 2 && records.len() > 20,
        "{} records",
        records.len()
    );

    // Nothing may lean on the order of lines.
    records.reverse();
    let folder = Folder::new("athena");
    let (first, second) = records.split_at(records.len() / 2);
    write(&folder, "telemetry", "2026/11/20/09", first);
    write(&folder, "telemetry", "2026/11/20/10", &[second, &repeated].concat());
    // Each row comes twice.
    write(
        &folder,
        "invocations",
        "2026/11/20/10",
        &[&row_records[..], &row_records].concat(),
    );
    // What lies outside of the hours that a query asks for must not count: here stands what was lost.
    write(&folder, "telemetry", "2026/11/19/23", &[lost]);
    let answers: Value = serde_json::from_slice(&run(&["sql", folder.0.to_str().unwrap()], b"")).unwrap();

    let tested: [(&str, Test); 13] = [
        ("Error rate by function", error_rate),
        ("Duration by function", durations),
        ("Cold starts", cold_starts),
        ("Cost by function", cost),
        ("Is anything missing?", missing),
        ("Long lines, whole again", long_lines),
        ("Which configuration runs", configurations),
        ("Rows: error rate", row_error_rate),
        ("Rows: duration", row_durations),
        ("Rows: cold starts", row_cold_starts),
        ("Rows: cost by function", row_costs),
        ("Rows: out of memory", row_memory),
        ("Rows: top first errors", row_errors),
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
    for (name, value) in variables("Event source filters") {
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
