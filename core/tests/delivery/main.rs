//! Delivery of a forwarder, in simulated time, before sinks that refuse, fail, stall and panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod accounting;
mod company;
mod content;
mod fallback;
mod formats;
mod keeping;
mod lambda;
mod losses;
mod oversize;
mod reconfigure;
mod retry;
mod rows;
mod slices;
mod snapshot;
mod spool;
mod timing;
mod world;
