//! Lambda telemetry: what it is, where it goes, how it is delivered. No AWS, no HTTP, no environment.
//!
//! # Layout
//! A folder may use the folders before it in this list, and none after it (`tests/layout.rs` checks that):
//! 1. [`telemetry`]: the body of a POST, the events in it, JSON as bytes, the invocation that each event belongs to.
//! 2. [`route`]: rules: a grammar and its evaluation, without tokio.
//! 3. [`record`]: lines, their envelope, the forwarder's own events, chunks, formats.
//! 4. [`intake`]: one pipeline, [`Intake::decide`](intake::Intake::decide): mask, attribute, route, wait for the
//!    invocation's end. It returns a verdict, and knows no lane.
//! 5. [`delivery`]: a lane before each sink: memory, disk, attempts, retries, the ledger.
//! 6. [`forwarder`]: all of it together: [`Forwarder::accept`], [`flush`](Forwarder::flush), [`close`](Forwarder::close).
//!
//! For WebAssembly there are `telemetry` and `route` alone: the grammar of rules, which the CDK construct checks with.

#![forbid(unsafe_code)]
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
#[cfg(test)]
mod panics;
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
