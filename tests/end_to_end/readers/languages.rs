//! The readers of examples/readers, over every format, with lines in parts, and with a record that is missing.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use end_to_end::post::Poster;
use end_to_end::world::*;
use forwarder_core::telemetry::sample::Sample;
use local_kinesis::LocalKinesis;
use serde_json::Value;

use super::python;

/// Formats and compressions, each a stream and a sink of its own.
const SINKS: [(&str, &str, &str); 5] = [
    ("ndjson", "ndjson", "none"),
    ("json", "json", "none"),
    ("kpl", "kpl", "none"),
    ("gzip", "ndjson", "gzip"),
    ("zstd", "ndjson", "zstd"),
];

fn example(path: &str) -> String {
    format!("{}/../examples/readers/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The Node.js that `make test-readers` set up, and the copy of the example beside its packages.
fn node() -> (PathBuf, String) {
    let folder = PathBuf::from(std::env::var_os("READERS_NODE").expect("READERS_NODE: run `make test-readers`"));
    // Packages are found from the program's own place.
    let copy = folder.join(format!("read-stream-{}.mjs", std::process::id()));
    std::fs::copy(example("node/read-stream.mjs"), &copy).unwrap();
    (folder.join("node"), copy.to_str().unwrap().to_owned())
}

fn run(mut program: Command, kinesis: &LocalKinesis) -> Output {
    program
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL", kinesis.endpoint());
    let output = program.output();
    output.unwrap_or_else(|error| panic!("{error}: run `make test-readers`"))
}

fn by_python(stream: &str, kinesis: &LocalKinesis) -> Output {
    let mut program = Command::new(python());
    program.args([&example("python/read_stream.py"), stream]);
    run(program, kinesis)
}

fn by_node(stream: &str, kinesis: &LocalKinesis) -> Output {
    let (node, copy) = node();
    let mut program = Command::new(node);
    program.args([&copy, stream]);
    let output = run(program, kinesis);
    std::fs::remove_file(copy).unwrap();
    output
}

/// The events that a program printed, each with its place, in that order.
fn events(output: &Output) -> Vec<(String, u64, Value)> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    let mut events: Vec<_> = text
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            let stamp = &event["forwarder"];
            let id = stamp["id"].as_str().unwrap().to_owned();
            (id, stamp["seq"].as_u64().unwrap(), event)
        })
        .collect();
    events.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    events
}

/// Copies the stream `from` to the stream `torn` without its first record.
fn tear(from: &str, kinesis: &LocalKinesis) {
    const COPY: &str = "
import sys
sys.path.insert(0, sys.argv[1])
import boto3, read_stream
client = boto3.client('kinesis')
for record in list(read_stream.records(client, sys.argv[2]))[1:]:
    client.put_record(StreamName='torn', Data=record['Data'], PartitionKey=record['PartitionKey'])
";
    let mut program = Command::new(python());
    program
        .args(["-c", COPY, &example("python"), from])
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = run(program, kinesis);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs readers that `make test-readers` installs"]
async fn readers_in_other_languages_find_every_line_and_what_is_missing() {
    let mut builder = LocalKinesis::builder().enforce_limits(false).stream("torn", 1);
    for (name, ..) in SINKS {
        builder = builder.stream(name, 2);
    }
    let kinesis = builder.start().await.unwrap();
    let (mut builder, port) = lambda(&kinesis);
    for (name, format, compression) in SINKS {
        let variable = |key: &str| format!("FORWARDER_SINKS__{}__{key}", name.to_uppercase());
        builder = builder
            .extension_env(variable("TYPE"), "kinesis")
            .extension_env(variable("STREAM"), name)
            .extension_env(variable("FORMAT"), format)
            .extension_env(variable("COMPRESSION"), compression);
    }
    let builder = builder.extension_env("FORWARDER_ROUTES", "* -> ndjson, json, kpl, gzip, zstd");
    let lambda = builder.freeze(false).start().await.unwrap();
    let mut poster = Poster::connect(port).await;
    let mut sample = Sample::new(1);
    for _ in 0..3 {
        assert_eq!(poster.post("/", sample.invocation(200)).await, 200);
    }
    // Longer than a record, with what must be escaped at every cut.
    let long = "\\u00e9\\\\ \\\"x\\\" ".repeat(150_000);
    let long = format!(r#"[{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"{long}"}}]"#);
    assert_eq!(poster.post("/", long).await, 200);
    let ended = lambda.shutdown("spindown", Duration::from_secs(4)).await.unwrap();
    assert!(ended.clean());
    assert_silent(&lambda);

    for (name, ..) in SINKS {
        let records = kinesis.read_all(name).await.unwrap();
        let found = Found::in_records(records.iter().map(|record| record.data.as_ref()));
        found.assert_proven();
        for (language, output) in [
            ("Python", by_python(name, &kinesis)),
            ("Node.js", by_node(name, &kinesis)),
        ] {
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{language}, {name}: {said}");
            assert!(
                said.contains(": complete, ") && said.contains(", 0 missing"),
                "{language}, {name}: {said}"
            );
            let events = events(&output);
            let lines: Vec<_> = events.iter().filter(|(.., event)| kind(event) == "function").collect();
            assert_eq!(lines.len(), 601, "{language}, {name}");
            let whole = found
                .lines
                .iter()
                .filter(|line| line["forwarder"].get("part").is_none());
            for line in whole.filter(|line| kind(line) == "function") {
                let (id, seq) = (
                    line["forwarder"]["id"].as_str().unwrap(),
                    line["forwarder"]["seq"].as_u64().unwrap(),
                );
                let at = events.binary_search_by(|(other, number, _)| (other.as_str(), *number).cmp(&(id, seq)));
                assert_eq!(&events[at.unwrap()].2, line, "{language}, {name}");
            }
            let long = lines
                .iter()
                .map(|(.., event)| event["record"].as_str().map_or(0, str::len))
                .max();
            assert_eq!(
                long,
                Some("é\\ \"x\" ".repeat(150_000).len()),
                "{language}, {name}: the long line"
            );
        }
    }
    tear("zstd", &kinesis);
    for (language, output) in [
        ("Python", by_python("torn", &kinesis)),
        ("Node.js", by_node("torn", &kinesis)),
    ] {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{language}: {said}");
        assert!(said.contains(": lost, "), "{language}: {said}");
    }
}
