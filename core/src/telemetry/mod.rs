//! Telemetry as Lambda posts it: bodies, events, and the invocation that each belongs to.
//!
//! - [`batch`]: the body of a POST, element by element; a malformed one costs only itself.
//! - `malformed`: what is no event in it.
//! - `halves`: records that Lambda cut over several bodies, joined.
//! - [`event`]: one event, borrowed from the body; [`json`] finds its way in it.
//! - [`level`]: log levels; [`levels`]: the level of each line.
//! - [`change`](mod@change): the lifecycle fact that an event reports.
//! - [`invocation`]: the request that a line belongs to; `requests`: those that were started; `trace`: their traces.
//! - `types`: the streams of telemetry that are forwarded; `snapshot`: where the process is relative to a snapshot.
//! - `sample` (feature `sample`): synthetic telemetry.

pub mod batch;
pub(crate) mod by_age;
mod bytes;
pub mod change;
pub mod event;
pub(crate) mod halves;
pub mod invocation;
pub mod json;
pub mod level;
pub mod levels;
mod malformed;
pub(crate) mod requests;
#[cfg(feature = "sample")]
pub mod sample;
pub(crate) mod snapshot;
pub(crate) mod trace;
mod types;

pub use types::Types;
