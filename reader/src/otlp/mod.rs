//! OTLP: lines of the stream as logs of OpenTelemetry, rows of invocations as metrics and spans too, over HTTP in protobuf.
//!
//! # Layout
//! In the order of the data:
//! - `value`: JSON and attributes in OpenTelemetry's types
//! - `log`: a line as a log record; `invocation`: a row as a span, and rows as metrics
//! - `batch`: lines as three requests, one a signal
//! - `endpoint`: where they are posted to; `verdict`: what an answer means, pure
//! - `send`: a batch until it is accepted
//!
//! [`Sender::send`] returns once the receiver has taken the lines, or said that it never will: a reader that moves its
//! checkpoint behind that delivers at least once.

mod batch;
mod endpoint;
mod invocation;
mod log;
mod send;
mod value;
mod verdict;

pub use endpoint::{BadEndpoint, Endpoint};
pub use send::{MOST_BYTES, MOST_LINES, Refused, Sender, Sent};

use forwarder_core::route::Level;

/// A line to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The line: JSON text.
    pub line: String,
    /// The level of a log line.
    pub level: Option<Level>,
}
