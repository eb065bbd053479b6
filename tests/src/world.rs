//! All of it together, and what a reader finds at the end.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use local_kinesis::LocalKinesis;
use local_lambda::{Builder, LocalLambda};
use reader::decode::{LifeReport, Standing, Verifier, decode};
use serde_json::Value;

use crate::binaries;

/// The stream that tests write to.
pub const STREAM: &str = "telemetry";

/// Limit of a wait in a test. Generous: the machines that run tests are slow.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A Kinesis with one stream that takes whatever comes.
///
/// # Panics
/// It cannot be started.
pub async fn kinesis() -> LocalKinesis {
    let kinesis = LocalKinesis::builder().stream(STREAM, 2).enforce_limits(false);
    kinesis.start().await.expect("a local Kinesis")
}

/// A Lambda with the extension under test, which knows where Kinesis is. Its telemetry port is free for it alone.
///
/// # Panics
/// No port is free.
pub fn lambda(kinesis: &LocalKinesis) -> (Builder, u16) {
    let port = free_port();
    let builder = LocalLambda::builder()
        .extension(binaries::extension())
        .memory_mb(1_024)
        .timeout(Duration::from_secs(30))
        .extension_env("AWS_ENDPOINT_URL_KINESIS", kinesis.endpoint())
        .extension_env("FORWARDER_TELEMETRY__PORT", port.to_string())
        .extension_env("FORWARDER_SPOOL__DIR", spool_dir(port));
    (builder, port)
}

/// As [`lambda`], with one sink: the stream of [`kinesis`].
pub fn lambda_to_kinesis(kinesis: &LocalKinesis) -> (Builder, u16) {
    let (builder, port) = lambda(kinesis);
    (builder.extension_env("FORWARDER_SINKS__KINESIS__STREAM", STREAM), port)
}

/// A spool for the extension with this port alone.
pub fn spool_dir(port: u16) -> String {
    let name = format!("forwarder-e2e-{}-{port}", std::process::id());
    std::env::temp_dir().join(name).to_string_lossy().into_owned()
}

/// A port that nobody listens on.
///
/// # Panics
/// There is none.
pub fn free_port() -> u16 {
    let socket = TcpListener::bind(("0.0.0.0", 0)).expect("a free port");
    socket.local_addr().expect("a bound socket has an address").port()
}

/// Findings of a reader.
pub struct Found {
    /// Each line, as JSON, in the order of records.
    pub lines: Vec<Value>,
    /// The verdict on each life and sink.
    pub lives: Vec<LifeReport>,
}

impl Found {
    /// Reads a stream back through the API.
    ///
    /// # Panics
    /// It cannot be read, or a line in it is not valid JSON.
    pub async fn in_stream(kinesis: &LocalKinesis, stream: &str) -> Self {
        let records = kinesis.read_all(stream).await.expect("the stream can be read");
        Self::in_records(records.iter().map(|record| record.data.as_ref()))
    }

    /// Decodes records.
    ///
    /// # Panics
    /// A line is not valid JSON.
    pub fn in_records<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut verifier = Verifier::default();
        let mut lines = Vec::new();
        for record in records {
            for line in decode(record).expect("a record that can be decoded").lines() {
                verifier.observe(&line.event().expect("a line that is an event"));
                lines.push(serde_json::from_str(line.0).expect("a line that is JSON"));
            }
        }
        Self {
            lines,
            lives: verifier.report(),
        }
    }

    /// Lambda's events, without the forwarder's own.
    pub fn events(&self) -> Vec<&Value> {
        self.lines
            .iter()
            .filter(|line| !kind(line).starts_with("forwarder."))
            .collect()
    }

    /// Lines of one type.
    pub fn of_type(&self, wanted: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| kind(line) == wanted).collect()
    }

    /// Everything that Lambda handed over and that these types include has arrived once, as it was sent, and each life is
    /// proven complete.
    ///
    /// # Panics
    /// It has not; the message says what is missing or too much.
    pub fn assert_conserves(&self, lambda: &LocalLambda, types: &[&str]) {
        self.assert_balances(lambda, types);
        self.assert_proven();
    }

    /// Everything that Lambda handed over and that these types include has arrived once, as it was sent.
    ///
    /// # Panics
    /// It has not; the message says what is missing or too much.
    pub fn assert_balances(&self, lambda: &LocalLambda, types: &[&str]) {
        let mut balance: BTreeMap<String, i64> = BTreeMap::new();
        for event in lambda.ground_truth() {
            let event: Value = serde_json::from_str(&event.json).expect("an event is JSON");
            if types.iter().any(|wanted| kind(&event).starts_with(wanted)) {
                *balance.entry(event.to_string()).or_default() += 1;
            }
        }
        assert!(!balance.is_empty(), "Lambda handed over nothing");
        for event in self.events() {
            let mut event = event.clone();
            let stamp = event.as_object_mut().and_then(|event| event.remove("forwarder"));
            assert!(stamp.is_some(), "a line without its envelope: {event}");
            *balance.entry(event.to_string()).or_default() -= 1;
        }
        let wrong: Vec<_> = balance.iter().filter(|(_, count)| **count != 0).collect();
        assert!(
            wrong.is_empty(),
            "missing (positive) or too much (negative): {wrong:#?}"
        );
    }

    /// Each life is proven complete, without a repeat.
    ///
    /// # Panics
    /// It is not.
    pub fn assert_proven(&self) {
        assert!(!self.lives.is_empty(), "no life left a trace");
        for life in &self.lives {
            assert_eq!(
                (life.standing, life.repeats, life.announced),
                (Standing::Complete, 0, 0),
                "{life:?}"
            );
        }
    }
}

/// The type of a line.
pub fn kind(line: &Value) -> &str {
    line.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// Fails if the extension logged anything but what is expected here.
///
/// # Panics
/// It did.
pub fn assert_silent(lambda: &LocalLambda) {
    let lines = extension_log(lambda);
    assert!(lines.is_empty(), "the extension logged: {lines:#?}");
}

/// Log of the extension, line by line.
pub fn extension_log(lambda: &LocalLambda) -> Vec<String> {
    let lines = lambda.output().into_iter();
    lines
        .filter(|line| line.role == local_lambda::Role::Extension && line.stream == local_lambda::Stream::Stderr)
        .map(|line| line.text)
        .collect()
}
