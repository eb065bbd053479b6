//! Hostile and real content, from a POST to what leaves.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs,
    unreachable_pub
)]

mod cut;
mod redaction;
#[path = "../delivery/world.rs"]
mod world;
