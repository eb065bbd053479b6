//! What the AWS sinks share.

mod arn;
mod client;
mod errors;

pub use arn::{Arn, StreamName};
#[cfg(feature = "assume-role")]
pub use client::AssumedRole;
pub use client::AwsSettings;
pub(crate) use client::LazyClient;
pub(crate) use errors::outcome;
