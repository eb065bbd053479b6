//! Access to an account as the sinks have it: endpoints, trust, time-outs and the meaning of errors. Whoever asks this way
//! meets what a sink would meet.

use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use forwarder_core::delivery::sink::Failure;

pub use super::caller::Caller;
use super::credentials::LambdaCredentials;
use super::http::Http;
use super::{client, errors};
use crate::kind::Connection;

/// Credentials of Lambda's variables, or of the endpoint that they name.
pub fn credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(LambdaCredentials { http: Http::default() })
}

/// HTTP as the sinks' calls go over it.
pub fn http_client() -> SharedHttpClient {
    SharedHttpClient::new(Http::default())
}

/// Settings of a client of a service, as a sink with this connection has them. `service`: as the names of environment
/// variables have it, such as `KINESIS`.
pub async fn config(service: &str, connection: &Connection, caller: &Caller) -> SdkConfig {
    client::load(service, connection, &Http::default(), Some(caller)).await
}

/// Meaning of a failed call, as a lane understands it.
pub fn failure<E>(error: SdkError<E, HttpResponse>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    errors::failure(error)
}
