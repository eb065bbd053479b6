//! The local Lambda with the real test function and a scripted extension.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod api;
mod command_line;
mod failures;
mod lifecycle;
mod modes;
mod shutdown;
mod telemetry;
mod trouble;
mod world;
