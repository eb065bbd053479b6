//! Whoever calls, where that is not the function.

use aws_credential_types::provider::SharedCredentialsProvider;

/// Region and credentials of whoever asks, where they are not those of Lambda's variables.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The region, for what has none of its own.
    pub region: Option<String>,
    /// The credentials.
    pub credentials: SharedCredentialsProvider,
}
