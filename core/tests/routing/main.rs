//! Meaning of rules, case by case.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

#[cfg(feature = "regex")]
mod corpus;
#[cfg(feature = "regex")]
mod guide;
mod levels;
mod table;
mod world;
