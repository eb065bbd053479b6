//! The local services from outside: what a client on a socket sees.
//!
//! - `client`: the client, deliberately as plain as can be
//! - `faults`: each fault, met
//! - `connections`: what happens to listeners and connections
//! - `storm`: all of it at once
//! - `counting`, `limits`, `shards`, `firehose`: what their names say
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
mod connections;
mod counting;
mod faults;
mod firehose;
mod limits;
mod shards;
mod storm;
