//! Receivers of OTLP for tests: one that answers as a test wishes, and one that is not ours.
//!
//! # Layout
//! - `receiver`: takes posts, counts what is in them, and answers by a test's wish
//! - `rotel`: a collector from PyPI, which takes apart what it receives and sends it on in requests of its own

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are parts of tests"
)]

mod receiver;
mod rotel;

pub use receiver::{BodyText, Got, Receiver, Reply, attribute};
pub use rotel::Rotel;
