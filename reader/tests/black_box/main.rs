//! The real program, and the reader, on a local Kinesis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fan_out;
mod files;
mod formats;
mod hostile;
mod interruptions;
mod invocations;
#[cfg(feature = "mcp")]
mod mcp;
mod million;
#[cfg(feature = "otlp")]
mod otlp;
mod output;
mod resharding;
mod world;
