//! A local Kinesis, lines to put, and the program to read them with.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use bytes::Bytes;
use forwarder_core::record::format::{Compression, Encoding, Format, Packer};
use local_kinesis::LocalKinesis;
use reader::aws::local_client;

pub(crate) const STREAM: &str = "telemetry";

/// What a wait may take before it has failed. Generous: the machines that run tests are slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct World {
    pub(crate) kinesis: LocalKinesis,
    pub(crate) client: Client,
    folder: PathBuf,
    records: u64,
}

impl World {
    /// `name`: of the test, for its folder.
    pub(crate) async fn new(name: &str, shards: u32) -> Self {
        let kinesis = LocalKinesis::builder().stream(STREAM, shards).start().await.unwrap();
        Self::of(name, kinesis)
    }

    /// Around a Kinesis of its own kind.
    pub(crate) fn of(name: &str, kinesis: LocalKinesis) -> Self {
        let folder = std::env::temp_dir().join(format!("consumer-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self {
            client: local_client(kinesis.endpoint()),
            kinesis,
            folder,
            records: 0,
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Puts records, each under another key.
    pub(crate) async fn put(&mut self, records: impl IntoIterator<Item = Bytes>) {
        let entries: Vec<_> = records
            .into_iter()
            .map(|data| {
                self.records += 1;
                PutRecordsRequestEntry::builder()
                    .data(Blob::new(data.to_vec()))
                    .partition_key(format!("{:032x}", u128::from(self.records) * 0x9e37_79b9_7f4a_7c15))
                    .build()
                    .unwrap()
            })
            .collect();
        for call in entries.chunks(200) {
            let put = self
                .client
                .put_records()
                .stream_name(STREAM)
                .set_records(Some(call.to_vec()));
            assert_eq!(put.send().await.unwrap().failed_record_count(), Some(0));
        }
    }

    /// Puts lines as uncompressed records of a few lines each.
    pub(crate) async fn put_lines(&mut self, lines: &[String]) {
        let records: Vec<_> = lines.chunks(3).map(|lines| Bytes::from(lines.concat())).collect();
        self.put(records).await;
    }

    /// The program, about to read the stream.
    pub(crate) fn consumer(&self, arguments: &[&str]) -> Command {
        self.consumer_of(STREAM, arguments)
    }

    pub(crate) fn consumer_of(&self, stream: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
        command
            .args([stream, "--endpoint", self.kinesis.endpoint()])
            .args(arguments)
            .env_remove("NO_COLOR")
            .envs([
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "local"),
                ("AWS_SECRET_ACCESS_KEY", "local"),
                ("AWS_CONFIG_FILE", "/dev/null"),
                ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ])
            .stdin(Stdio::null());
        command
    }

    /// Reads what is there, to the end.
    pub(crate) async fn read(&self, arguments: &[&str]) -> Finished {
        let arguments = [&["--from", "trim-horizon", "--no-follow"], arguments].concat();
        finish(self.consumer(&arguments)).await
    }

    /// Starts the program, with its output in these files.
    pub(crate) fn spawn(&self, arguments: &[&str], stdout: &str, stderr: &str) -> Running {
        let mut command = self.consumer(arguments);
        command.stdout(File::create(self.file(stdout)).unwrap());
        command.stderr(File::create(self.file(stderr)).unwrap());
        Running(command.spawn().unwrap())
    }

    pub(crate) fn text(&self, file: &str) -> String {
        fs::read_to_string(self.file(file)).unwrap()
    }

    /// Waits until a file has so many bytes.
    pub(crate) async fn wait_for_bytes(&self, file: &str, bytes: u64) {
        let path = self.file(file);
        let waited = tokio::time::timeout(PATIENCE, async {
            while fs::metadata(&path).map_or(0, |found| found.len()) < bytes {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        waited
            .await
            .unwrap_or_else(|_| panic!("{file} does not grow to {bytes} bytes"));
    }

    /// Waits until a file is as wished.
    pub(crate) async fn wait_for(&self, file: &str, wished: impl Fn(&str) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !wished(&fs::read_to_string(self.file(file)).unwrap_or_default()) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        if waited.await.is_err() {
            panic!(
                "{file} is not as wished: {}",
                fs::read_to_string(self.file(file)).unwrap_or_default()
            );
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// How a program ended.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) async fn finish(mut command: Command) -> Finished {
    let Output { status, stdout, stderr } = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    Finished {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// A program that runs; killed when the test is over.
pub(crate) struct Running(Child);

impl Running {
    /// Its process. Not every test asks.
    #[allow(dead_code)]
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.0.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) async fn ended(mut self) -> Option<i32> {
        let ended = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(status) = self.0.try_wait().unwrap() {
                    return status.code();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        ended.await.expect("the consumer ends")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A line of a function, as the forwarder writes it.
pub(crate) fn line(id: &str, seq: u64, text: &str) -> String {
    let record = serde_json::Value::from(text);
    format!(
        concat!(
            r#"{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":{},"forwarder":{{"id":"{}","sink":"kinesis","seq":{},"#,
            r#""requestId":"7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10","resource":{{"faas.name":"checkout"}}}}}}"#,
            "\n"
        ),
        record, id, seq
    )
}

/// An event of another type.
pub(crate) fn event(id: &str, seq: u64, kind: &str, record: &str) -> String {
    line(id, seq, "")
        .replace(r#""function""#, &format!("\"{kind}\""))
        .replace(r#""record":"""#, &format!("\"record\":{record}"))
}

/// The last line of a life.
pub(crate) fn last_report(id: &str, seq: u64) -> String {
    event(
        id,
        seq,
        "forwarder.report",
        &format!(
            r#"{{"counters":{{"delivered":1,"records":1}},"nextSeq":{},"final":true}}"#,
            seq + 1
        ),
    )
}

/// `count` lines of a life and its last report.
pub(crate) fn life(id: &str, count: u64) -> Vec<String> {
    let lines = (0..count).map(|seq| line(id, seq, &format!("order {seq} accepted\n")));
    lines.chain([last_report(id, count)]).collect()
}

/// Lines as records.
pub(crate) fn packed(format: Format, compression: Compression, record_bytes: usize, lines: &[String]) -> Vec<Bytes> {
    let mut packer = Packer::new(
        Encoding { format, compression },
        record_bytes,
        1_048_576,
        &"0".repeat(32),
    );
    for line in lines {
        assert!(packer.add(line.as_bytes()));
    }
    packer.finish()
}
