//! Readers that are not ours: AWS's `aws_kinesis_agg`, Python's gzip, `zstd`, `jq`, and what Firehose writes to S3.
//!
//! They are installed by `make test-readers`, which runs these tests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use end_to_end::post::Poster;
use end_to_end::world::*;
use forwarder_core::format::decode;
use forwarder_core::sample::Sample;
use local_kinesis::LocalKinesis;

/// Formats and compressions, each a stream and a sink of its own.
const SINKS: [(&str, &str, &str); 5] = [
    ("ndjson", "ndjson", "none"),
    ("json", "json", "none"),
    ("kpl", "kpl", "none"),
    ("gzip", "ndjson", "gzip"),
    ("zstd", "ndjson", "zstd"),
];

/// The Python that `make test-readers` set up.
fn python() -> PathBuf {
    let path = std::env::var_os("READERS_PYTHON").expect("READERS_PYTHON: run `make test-readers`");
    PathBuf::from(path)
}

fn script() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/readers/read.py")
}

/// Runs a reader and returns what it printed.
fn read(program: impl AsRef<Path>, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program.as_ref())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}: run `make test-readers`", program.as_ref().display()));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    assert!(
        output.status.success(),
        "{} {arguments:?} failed",
        program.as_ref().display()
    );
    output.stdout
}

/// The number of objects that jq finds, one a line.
fn count_by_jq(lines: &[u8]) -> usize {
    let types = read("jq", &["-e", "-r", ".type"], lines);
    String::from_utf8(types).unwrap().lines().count()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("forwarder-readers-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a record, and returns its path.
    fn write(&self, name: &str, data: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, data).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

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

/// moto, until it is dropped.
struct Moto {
    child: Child,
    endpoint: String,
}

impl Moto {
    async fn start() -> Self {
        let port = free_port();
        let child = Command::new(python())
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begin = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < PATIENCE, "moto does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self {
            child,
            endpoint: format!("http://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
#[ignore = "needs readers that `make test-readers` installs"]
async fn what_firehose_writes_to_s3_is_one_valid_file() {
    let moto = Moto::start().await;
    read(
        python(),
        &[script(), "streams", &moto.endpoint, "to-jsonl", "to-gz", "to-zst"],
        b"",
    );
    let kinesis = kinesis().await;
    let (mut builder, port) = lambda(&kinesis);
    // One by name, one by ARN, and all of one type.
    let arn = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/to-gz";
    for (name, stream, compression) in [
        ("JSONL", "to-jsonl", "none"),
        ("GZ", arn, "gzip"),
        ("ZST", "to-zst", "zstd"),
    ] {
        let variable = |key: &str| format!("FORWARDER_SINKS__{name}__{key}");
        builder = builder
            .extension_env(variable("TYPE"), "firehose")
            .extension_env(variable("STREAM"), stream)
            .extension_env(variable("COMPRESSION"), compression)
            .extension_env(variable("ENDPOINT"), &moto.endpoint);
    }
    let lambda = builder
        .extension_env("FORWARDER_ROUTES", "* -> jsonl, gz, zst")
        .freeze(false)
        .start()
        .await
        .unwrap();
    let mut poster = Poster::connect(port).await;
    let mut sample = Sample::new(2);
    for _ in 0..3 {
        assert_eq!(poster.post("/", sample.invocation(1_000)).await, 200);
    }
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(10))
            .await
            .unwrap()
            .clean()
    );
    assert_silent(&lambda);

    let folder = Folder::new("firehose");
    for bucket in ["to-jsonl", "to-gz", "to-zst"] {
        let object = read(python(), &[script(), "bucket", &moto.endpoint, bucket], b"");
        let file = folder.write(bucket, &object);
        let lines = match bucket {
            "to-gz" => read(python(), &[script(), "gzip", &file], b""),
            "to-zst" => read("zstd", &["-q", "-d", "-c", &file], b""),
            _ => object.clone(),
        };
        let found = Found::in_records([object.as_slice()]);
        found.assert_proven();
        assert_eq!(found.of_type("function").len(), 3_000, "{bucket}");
        assert_eq!(count_by_jq(&lines), found.lines.len(), "{bucket}");
    }
}
