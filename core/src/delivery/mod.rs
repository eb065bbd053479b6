//! Delivery: everything between the routes and one sink.
//!
//! - [`sink`]: the interface of a sink.
//! - [`lane`]: the queue before each sink, and the task that empties it.
//! - [`backoff`] and [`awake`]: its waits; [`spool`]: chunks on disk.

pub mod awake;
pub mod backoff;
pub mod lane;
pub mod sink;
pub mod spool;
