//! The event, read: what the function is to do.

use serde::Deserialize;

/// Every field may be left out; an empty event prints one line and succeeds. An unknown field is an error, so
/// that a typo does not pass for a good test.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Order {
    /// Lines to print.
    pub(crate) lines: usize,
    /// Their level; `mixed` goes through all of them.
    pub(crate) level: Level,
    pub(crate) format: Format,
    /// Bytes that a message has at least.
    pub(crate) bytes: usize,
    /// Beginning of every message.
    pub(crate) message: String,
    /// True if a stack trace of several lines follows.
    pub(crate) stack_trace: bool,
    /// Milliseconds to wait after printing.
    pub(crate) sleep_ms: u64,
    /// Run past the timeout.
    pub(crate) late: bool,
    pub(crate) fail: Option<Failure>,
    /// The exit code for `"fail": "exit"`.
    pub(crate) exit_code: i32,
    /// Bytes to add to the answer.
    pub(crate) response_bytes: usize,
    /// Stream the answer.
    pub(crate) stream: bool,
    /// Milliseconds between two chunks of a streamed answer.
    pub(crate) chunk_ms: u64,
    /// Run `forwarderctl doctor` and answer with what it says, in place of all else.
    pub(crate) doctor: bool,
    /// The durable execution that the invocation is a part of. Lambda sets it, under this name.
    #[serde(rename = "DurableExecutionArn")]
    pub(crate) durable_execution_arn: Option<String>,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            lines: 1,
            level: Level::Info,
            format: Format::Text,
            bytes: 0,
            message: "line".into(),
            stack_trace: false,
            sleep_ms: 0,
            late: false,
            fail: None,
            exit_code: 1,
            response_bytes: 0,
            stream: false,
            chunk_ms: 0,
            doctor: false,
            durable_execution_arn: None,
        }
    }
}

/// A level, or all of them in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
    Mixed,
}

/// The levels that lines really have.
const LEVELS: [Level; 6] = [
    Level::Trace,
    Level::Debug,
    Level::Info,
    Level::Warn,
    Level::Error,
    Level::Fatal,
];

impl Level {
    /// The level of a line, counted from 0.
    pub(crate) fn of_line(self, index: usize) -> Self {
        match self {
            Self::Mixed => LEVELS.get(index % LEVELS.len()).copied().unwrap_or(Self::Info),
            level => level,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info | Self::Mixed => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// Format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// As the Python runtime: `[INFO]<tab>time<tab>request id<tab>message`.
    Text,
    /// As the Node.js runtime: `time<tab>request id<tab>INFO<tab>message`.
    Node,
    /// As the Rust crate tracing: `time  INFO target: message`.
    Tracing,
    /// As the runtimes with JSON logs: an object with timestamp, level, requestId, message.
    Json,
}

/// Kind of failure after printing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Failure {
    /// Answer with an error.
    Error,
    /// Panic in the handler.
    Panic,
    /// End the process.
    Exit,
    /// Use up all memory.
    Memory,
}
