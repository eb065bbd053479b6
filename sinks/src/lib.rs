//! Sinks of the telemetry forwarder: one file a sink, each behind a feature.
//!
//! # Layout
//! - this file: the list of all sink types; [`kind`]: the description of one.
//! - [`arn`]: names and ARNs of streams and roles.
//! - [`document`]: a configuration that is kept at Systems Manager or S3 (feature `remote-config`).
//! - [`kinesis`]: Kinesis Data Streams, `PutRecords` (feature `kinesis`, default).
//! - [`firehose`]: Amazon Data Firehose, `PutRecordBatch` (feature `firehose`).
//! - [`stdout`]: standard output (feature `stdout`).
//! - `aws`: what the two AWS sinks share: the client's set-up, trust, time-outs, and the table of errors;
//!   [`account`]: that for others, who want to see what a sink would meet.

#![forbid(unsafe_code)]

pub mod arn;
#[cfg(feature = "aws")]
mod aws;
pub mod document;
pub mod firehose;
pub mod kind;
pub mod kinesis;
pub mod stdout;

#[cfg(feature = "aws")]
pub use aws::account;
#[cfg(feature = "remote-config")]
pub use aws::documents::{Document, Documents};
pub use kind::{AssumedRole, Connection, SinkKind};

/// Every sink type. The order is that of lists in messages and documents.
pub const ALL: [&SinkKind; 3] = [&kinesis::KIND, &firehose::KIND, &stdout::KIND];
