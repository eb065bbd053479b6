//! What telemetry is, where it goes, and how it is delivered. No AWS, no HTTP, no environment.
//!
//! # Layout
//! In the order in which an event passes through:
//! - [`batch`]: the body of a POST, element by element; a malformed one costs only itself.
//! - [`event`]: one event, borrowed from the body, as its own text; [`json`] finds its way in it.
//! - [`invocation`]: which request a line belongs to.
//! - [`redact`]: what is masked in it.
//! - [`route`]: which sinks take an event; [`pattern`]: regular expressions.
//! - `hold`: lines that wait for their invocation's end; `intake`: all of this for one event after another.
//! - [`envelope`]: the member `forwarder` of each line; `own_event`: what the forwarder says of itself.
//! - `line`: an event on its way into a lane; [`chunk`]: lines on their way out of it; `origin`: whose they are; `ranges`:
//!   which of them were given up.
//! - [`lane`]: the queue before each sink, and the task that empties it; [`backoff`] and [`awake`]: its waits;
//!   [`oversize`]: lines longer than a record; [`spool`]: chunks on disk.
//! - [`format`](mod@format): how lines stand in a record, and back (feature `decode`).
//! - [`sink`]: what a sink is.
//! - [`forwarder`]: all of it together: [`Forwarder::accept`], [`flush`](Forwarder::flush), [`close`](Forwarder::close).
//! - [`flush`]: when to hold `next`. Policy only.
//! - [`stats`]: what is counted.
//! - `sample` (feature `sample`): telemetry made up.

pub mod awake;
pub mod backoff;
pub mod batch;
pub mod chunk;
pub mod envelope;
pub mod event;
pub mod flush;
pub mod format;
pub mod forwarder;
mod hold;
mod intake;
pub mod invocation;
pub mod json;
pub mod lane;
mod line;
mod nearest;
mod origin;
pub mod oversize;
mod own_event;
pub mod pattern;
mod ranges;
pub mod redact;
pub mod route;
#[cfg(feature = "sample")]
pub mod sample;
pub mod sink;
pub mod spool;
pub mod stats;

pub use forwarder::{Accepted, Forwarder, Settings, Types, Undelivered};
pub use nearest::nearest;
pub use ranges::{DropReason, Dropped};
