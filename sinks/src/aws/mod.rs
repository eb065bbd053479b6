//! Parts that the AWS sinks share.

pub mod account;
mod caller;
pub(crate) mod cbor;
mod client;
mod credentials;
#[cfg(feature = "remote-config")]
pub(crate) mod documents;
mod environment;
mod errors;
mod http;

pub(crate) use client::{LazyClient, only_connect};
pub(crate) use errors::outcome;
#[cfg(feature = "kinesis")]
pub(crate) use errors::{is_known, message};
