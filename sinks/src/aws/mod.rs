//! Parts that the AWS sinks share.

mod arn;
mod client;
mod credentials;
mod environment;
mod errors;
mod http;

pub use arn::{Arn, StreamName};
#[cfg(feature = "assume-role")]
pub use client::AssumedRole;
pub use client::AwsSettings;
pub(crate) use client::{LazyClient, only_connect};
pub(crate) use errors::outcome;
