//! Reads a stream of the forwarder's telemetry: every shard, every format, each event once, and proves that nothing is
//! missing. The binary `consumer` is its command line; the tests and the demo of this repository read through it too.
//!
//! # Layout
//! In the order of the data; without the feature `stream` there is [`decode`] alone, and [`clean`]:
//! - [`decode`]: from a record to its lines, parts made whole, and what sequence numbers prove
//! - [`aws`]: clients of Kinesis
//! - [`stream`]: all shards of a stream at once, through splits and merges, within the API's limits
//! - [`files`]: or files, such as Firehose wrote
//! - [`unpack`]: from records to events: decoded, each once, parts made whole, and what cannot be read; [`event`]: one of them
//! - [`order`]: the order in which each forwarder sent its lines
//! - [`show`]: what stands on standard output, and its rooms: [`entry`], `summary`, `row` and `log_text` (an event as lines for a
//!   person), [`filter`], [`clean`] and [`paint`]
//! - [`proof`]: what the sequence numbers prove
//! - [`checkpoint`]: how far a reader came, in a file
//! - `mcp`, with the feature of that name: questions of assistants
//! - `otlp`, with the feature of that name: lines to an OpenTelemetry endpoint
//! - `web`, with the feature of that name: the stream on a page
//! - [`screen`]: output, progress and notes on one terminal; [`numbers`] for people

#![forbid(unsafe_code)]

#[cfg(feature = "stream")]
pub mod aws;
#[cfg(feature = "stream")]
pub mod checkpoint;
pub mod clean;
pub mod decode;
#[cfg(feature = "stream")]
pub mod entry;
#[cfg(feature = "stream")]
pub mod event;
#[cfg(feature = "stream")]
pub mod files;
#[cfg(feature = "stream")]
pub mod filter;
#[cfg(feature = "stream")]
mod log_text;
#[cfg(feature = "mcp")]
pub mod mcp;
#[cfg(feature = "stream")]
pub mod numbers;
#[cfg(feature = "stream")]
pub mod order;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "stream")]
pub mod paint;
#[cfg(feature = "stream")]
pub mod proof;
#[cfg(feature = "stream")]
mod row;
#[cfg(feature = "stream")]
pub mod screen;
#[cfg(feature = "stream")]
pub mod show;
#[cfg(feature = "stream")]
pub mod stream;
#[cfg(feature = "stream")]
mod summary;
#[cfg(feature = "stream")]
pub mod unpack;
#[cfg(feature = "web")]
pub mod web;
