//! A world for end-to-end tests: the local Lambda, a local Kinesis and Firehose, and the real binary between them.
//!
//! # Layout
//! - [`binaries`]: where the programs under test are.
//! - [`world`]: all of it together, and what a reader finds at the end.
//! - [`post`]: bodies that a test posts to the listener itself.
//! - [`process`]: what a test does to the extension's process.
//! - [`moto`]: services of AWS that have no stand-in of ours.
//! - [`stand_in`]: an AWS that remembers what calls were signed with.
//! - [`numbers`]: which of many numbered lines a reader finds.
//! - [`between`]: what answers in the place of Lambda's APIs; [`wrapped`]: the extension with other limits or variables.
//! - [`groups`]: control groups, and what may be skipped where there are none.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a world that cannot be built is a test that fails"
)]

pub mod between;
pub mod binaries;
pub mod document_server;
pub mod groups;
pub mod moto;
pub mod numbers;
pub mod post;
pub mod process;
pub mod stand_in;
pub mod world;
pub mod wrapped;
