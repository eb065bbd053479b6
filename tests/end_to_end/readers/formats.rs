//! Each format, read by a library that is not ours.

use std::time::Duration;

use end_to_end::post::Poster;
use end_to_end::world::*;
use forwarder_core::telemetry::sample::Sample;
use local_kinesis::LocalKinesis;
use reader::decode::decode;

use super::{Folder, count_by_jq, python, read, script};

/// Formats and compressions, each a stream and a sink of its own.
const SINKS: [(&str, &str, &str); 5] = [
    ("ndjson", "ndjson", "none"),
    ("json", "json", "none"),
    ("kpl", "kpl", "none"),
    ("gzip", "ndjson", "gzip"),
    ("zstd", "ndjson", "zstd"),
];

#[tokio::test]
#[ignore = "needs readers that `make test-readers` installs"]
async fn each_format_is_read_by_those_it_is_made_for() {
    let mut builder = LocalKinesis::builder().enforce_limits(false);
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
    let lambda = builder
        .extension_env("FORWARDER_ROUTES", "* -> ndjson, json, kpl, gzip, zstd")
        .freeze(false)
        .start()
        .await
        .unwrap();
    let mut poster = Poster::connect(port).await;
    let mut sample = Sample::new(1);
    for _ in 0..10 {
        assert_eq!(poster.post("/", sample.invocation(300)).await, 200);
    }
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(4))
            .await
            .unwrap()
            .clean()
    );
    assert_silent(&lambda);

    let folder = Folder::new("formats");
    for (name, format, compression) in SINKS {
        let records = kinesis.read_all(name).await.unwrap();
        let found = Found::in_records(records.iter().map(|record| record.data.as_ref()));
        found.assert_proven();
        assert_eq!(found.of_type("function").len(), 3_000, "{name}");
        let files: Vec<_> = records
            .iter()
            .enumerate()
            .map(|(index, record)| folder.write(&format!("{name}-{index:05}.{}", record.partition_key), &record.data))
            .collect();
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        let lines = match (format, compression) {
            ("kpl", _) => read(python(), &[&[script(), "kpl"], &files[..]].concat(), b""),
            (_, "gzip") => read(python(), &[&[script(), "gzip"], &files[..]].concat(), b""),
            (_, "zstd") => read("zstd", &[&["-q", "-d", "-c"], &files[..]].concat(), b""),
            _ => records.iter().flat_map(|record| record.data.to_vec()).collect(),
        };
        let ours: String = records
            .iter()
            .flat_map(|record| {
                let decoded = decode(&record.data).unwrap();
                decoded.lines().map(|line| format!("{}\n", line.0)).collect::<Vec<_>>()
            })
            .collect();
        assert!(lines == ours.as_bytes(), "{name}: the other reader finds other lines");
        assert_eq!(count_by_jq(&lines), found.lines.len(), "{name}");
    }
}
