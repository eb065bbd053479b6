//! The extension: between Lambda's APIs and the forwarder.
//!
//! # Layout
//! - [`files`]: reads files of unknown content.
//! - [`config`]: defaults, files, variables; every mistake told at once.
//! - [`runtime_api`]: one HTTP request to Lambda; [`extensions_api`] and [`telemetry_api`]: its two APIs, typed.
//! - [`listener`]: where Lambda posts telemetry; always answers it 200, and nobody else.
//! - [`invocations`]: which requests have started and ended, for those who wait for it.
//! - [`sinks`]: from the configuration to the sinks that were built in.
//! - `remote`: a configuration that is kept elsewhere, read beside the function (feature `remote-config`).
//! - `environment`: what the extension asks of Lambda, whatever becomes of the forwarder.
//! - [`lifecycle`]: register → set up → subscribe → the loop around `next` → shutdown; `turn`: what is done between INVOKE
//!   and `next`; `start`: where the time of a start goes; `clock`: time that passes while the environment is frozen.
//! - [`allocator`]: the C library's allocator, told what this process does.
//! - `tasks`: what a panic does not end; `files`: reading what others may have written; `warnings`: at most one a minute.
//! - [`logger`]: the forwarder's own log, JSON lines on stderr; [`metrics`]: its counters for CloudWatch.
//! - [`version`]: what a binary says of itself.

pub mod allocator;
mod clock;
pub mod config;
mod environment;
pub mod extensions_api;
pub mod files;
pub mod invocations;
pub mod lifecycle;
pub mod listener;
pub mod logger;
pub mod metrics;
#[cfg(feature = "remote-config")]
mod remote;
#[cfg(not(feature = "remote-config"))]
#[path = "remote/absent.rs"]
mod remote;
pub mod runtime_api;
pub mod sinks;
mod start;
mod tasks;
pub mod telemetry_api;
mod turn;
pub mod version;
mod warnings;
