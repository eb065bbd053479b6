//! Sinks of the telemetry forwarder: one file a sink, each behind a feature.
//!
//! # Layout
//! - [`kinesis`]: Kinesis Data Streams, `PutRecords` (feature `kinesis`, default).
//! - [`firehose`]: Amazon Data Firehose, `PutRecordBatch` (feature `firehose`).
//! - [`stdout`]: standard output (feature `stdout`).
//! - `aws`: what the two AWS sinks share: the client's set-up, trust, time-outs, and the table of errors.

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "firehose")]
pub mod firehose;
#[cfg(feature = "kinesis")]
pub mod kinesis;
#[cfg(feature = "stdout")]
pub mod stdout;
