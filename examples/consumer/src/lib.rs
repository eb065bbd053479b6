//! Reads a stream of the forwarder's telemetry: every shard, every format, each event once, and proves that nothing is
//! missing. The binary `consumer` is its command line; the tests and the demo of this repository read through it too.
//!
//! # Layout
//! In the order of the data:
//! - [`aws`]: clients of Kinesis
//! - [`reader`]: all shards of a stream at once, through splits and merges, within the API's limits
//! - [`unpack`]: from records to events: decoded, each once, parts made whole, and what cannot be read; [`event`]: one of them
//! - [`order`]: the order in which each forwarder sent its lines
//! - [`show`]: what stands on standard output, and its rooms: [`entry`], `summary` and `log_text` (an event as lines for a
//!   person), [`filter`], [`clean`] and [`paint`]; `members`: a JSON object in its order
//! - [`proof`]: what the sequence numbers prove
//! - [`checkpoint`]: how far a reader came, in a file
//! - [`screen`]: output, progress and notes on one terminal; [`numbers`] for people

pub mod aws;
pub mod checkpoint;
pub mod clean;
pub mod entry;
pub mod event;
pub mod filter;
mod log_text;
mod members;
pub mod numbers;
pub mod order;
pub mod paint;
pub mod proof;
pub mod reader;
pub mod screen;
pub mod show;
mod summary;
pub mod unpack;
