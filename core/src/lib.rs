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
//!
//! For WebAssembly there are `telemetry` and `route` alone: the grammar of rules, which the CDK construct checks with.

#![cfg_attr(
    target_family = "wasm",
    allow(dead_code, unused_imports, reason = "the forwarder is left out")
)]

#[cfg(not(target_family = "wasm"))]
pub mod delivery;
#[cfg(not(target_family = "wasm"))]
pub mod forwarder;
#[cfg(not(target_family = "wasm"))]
pub mod intake;
#[cfg(not(target_family = "wasm"))]
pub mod record;
pub mod route;
pub mod telemetry;

#[cfg(not(target_family = "wasm"))]
pub use forwarder::{Accepted, Forwarder, Settings, Undelivered};
#[cfg(not(target_family = "wasm"))]
pub use record::ranges::{DropReason, Dropped};
pub use route::nearest::nearest;
pub use telemetry::Types;
