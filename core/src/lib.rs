//! Lambda telemetry: what it is, where it goes, how it is delivered. No AWS, no HTTP, no environment.
//!
//! # Layout
//! Folders in the order in which an event passes through:
//! - [`telemetry`]: the body of a POST, the events in it, JSON as bytes, the invocation that each event belongs to.
//! - [`intake`]: one event after another: mask, attribute, route, wait for the invocation's end.
//! - [`route`]: rules: a grammar and its evaluation, without tokio.
//! - [`record`]: lines, their envelope, the forwarder's own events, chunks, formats.
//! - [`delivery`]: a lane before each sink: memory, disk, attempts, retries, the ledger.
//! - [`forwarder`]: all of it together: [`Forwarder::accept`], [`flush`](Forwarder::flush), [`close`](Forwarder::close).

pub mod delivery;
pub mod forwarder;
pub mod intake;
pub mod record;
pub mod route;
pub mod telemetry;

pub use forwarder::{Accepted, Forwarder, Settings, Undelivered};
pub use record::ranges::{DropReason, Dropped};
pub use route::nearest::nearest;
pub use telemetry::Types;
