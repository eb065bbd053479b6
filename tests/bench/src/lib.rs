//! Cost of an extension's process: start, memory, CPU, added time, what Kinesis gets.
//!
//! # Layout
//! - [`options`], [`contender`]: who is measured, and what
//! - [`sandbox`], [`telemetry`], [`stream`]: the world around an extension: Lambda, what it posts, Kinesis
//! - [`measure`]: the measurements
//! - [`statistics`], [`machine`], [`results`], [`plot`]: what they come to
//! - [`callgrind`]: instructions instead of seconds, for the gate
//! - [`sys`]: what the kernel tells of processes

pub mod callgrind;
pub mod contender;
pub mod machine;
pub mod measure;
pub mod options;
pub mod plot;
pub mod results;
pub mod sandbox;
pub mod statistics;
pub mod stream;
pub mod sys;
pub mod telemetry;

/// Whatever goes wrong ends the measurement; its text is for a person.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Result of a measurement.
pub type Result<T> = std::result::Result<T, Error>;
