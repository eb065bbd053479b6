//! The real binary between the local Lambda and a local Kinesis: what a reader finds.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

mod aggregates;
mod api;
mod bodies;
mod chaos;
mod configuration;
mod cost;
mod cut;
mod deployed;
mod doctor;
mod faults;
mod fleet;
mod flush;
mod fuse;
mod invocations;
mod judges;
mod kinds;
mod load;
mod memory;
mod protocol;
mod readers;
mod roles;
mod routing;
mod shutdown;
mod silence;
mod tls;
mod trust;
