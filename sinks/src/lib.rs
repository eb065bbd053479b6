//! Sinks of the telemetry forwarder: one file a sink, each behind a feature.
//!
//! # Layout
//! - [`kind`]: description of a sink type, and the list of all.
//! - [`arn`]: names and ARNs of streams and roles.
//! - [`kinesis`]: Kinesis Data Streams, `PutRecords` (feature `kinesis`, default).
//! - [`firehose`]: Amazon Data Firehose, `PutRecordBatch` (feature `firehose`).
//! - [`stdout`]: standard output (feature `stdout`).
//! - `aws`: what the two AWS sinks share: the client's set-up, trust, time-outs, and the table of errors.

pub mod arn;
#[cfg(feature = "aws")]
mod aws;
pub mod firehose;
pub mod kind;
pub mod kinesis;
pub mod stdout;

pub use kind::{AssumedRole, Connection, SinkKind};
