//! Set-up of an SDK client: lazily, lean, and under the lane's rule.
//!
//! The SDK is told to do less than it would: no retries (the lane retries, and only what failed), no stalled-stream
//! protection (it misfires after a freeze), time-outs that do not count frozen time, and of the places where it would
//! look for credentials and settings only those that Lambda has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use forwarder_core::delivery::awake;
use forwarder_core::delivery::sink::{Failure, Reason};
use tokio::sync::OnceCell;

use super::caller::Caller;
use super::environment;
use super::errors::failure;
use super::http::{Http, OnlyConnect};
#[cfg(feature = "assume-role")]
use crate::kind::AssumedRole;
use crate::kind::Connection;

/// A client that is made at its first use, and again after [`forget`](Self::forget).
pub(crate) struct LazyClient<C> {
    service: &'static str,
    connection: Connection,
    http: Http,
    make: fn(&SdkConfig) -> C,
    /// Replaced as a whole, with its settings and credentials.
    client: Mutex<Arc<OnceCell<C>>>,
}

impl<C: Clone> LazyClient<C> {
    /// `service`: as the names of environment variables have it.
    pub(crate) fn new(service: &'static str, connection: Connection, make: fn(&SdkConfig) -> C) -> Self {
        Self {
            service,
            connection,
            http: Http::default(),
            make,
            client: Mutex::default(),
        }
    }

    pub(crate) async fn get(&self) -> C {
        let client = Arc::clone(&self.client());
        let made = client.get_or_init(|| async { (self.make)(&self.load().await) });
        made.await.clone()
    }

    /// Meaning of a failed call. Signed with what is no longer good: the next attempt asks for credentials again.
    pub(crate) fn failed<E>(&self, error: SdkError<E, HttpResponse>) -> Failure
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let failure = failure(error);
        if failure.reason == Reason::Credentials {
            self.forget();
        }
        failure
    }

    /// The next use gets a new connection. A call under way keeps its own.
    pub(crate) fn renew(&self) {
        self.http.forget_connections();
    }

    /// The next use begins from nothing: new connections, new credentials.
    pub(crate) fn forget(&self) {
        self.renew();
        *self.client() = Arc::default();
    }

    fn client(&self) -> MutexGuard<'_, Arc<OnceCell<C>>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load(&self) -> SdkConfig {
        load(self.service, &self.connection, &self.http, None).await
    }
}

/// Settings of a client. `caller`: in place of the region and the credentials of Lambda's variables.
pub(super) async fn load(service: &str, connection: &Connection, http: &Http, caller: Option<&Caller>) -> SdkConfig {
    let mut config = own(service, connection.region.as_deref(), http, caller).into_builder();
    if let Some(endpoint) = &connection.endpoint {
        config = config.endpoint_url(endpoint);
    }
    let config = lean(config.build(), http, connection.attempt_timeout);
    #[cfg(feature = "assume-role")]
    if let Some(role) = &connection.assume_role {
        let provider = assume(role, http, connection.attempt_timeout, caller).await;
        let provider = aws_credential_types::provider::SharedCredentialsProvider::new(provider);
        return config.into_builder().credentials_provider(provider).build();
    }
    config
}

/// Settings of the environment's own, or the caller's.
fn own(service: &str, region: Option<&str>, http: &Http, caller: Option<&Caller>) -> SdkConfig {
    let Some(caller) = caller else {
        return environment::config(service, region, http);
    };
    let config = environment::config(service, region.or(caller.region.as_deref()), http).into_builder();
    config.credentials_provider(caller.credentials.clone()).build()
}

/// Makes of a request one that opens the connection it would go over, and is not sent: for
/// `customize().mutate_request(only_connect)`. All that comes before it is done, credentials and signature included.
pub(crate) fn only_connect(request: &mut HttpRequest) {
    request.add_extension(OnlyConnect);
}

/// Credentials of the role, asked for with the environment's own, at STS of the environment's own region: neither the
/// sink's region nor its endpoint are STS's.
#[cfg(feature = "assume-role")]
async fn assume(
    role: &AssumedRole,
    http: &Http,
    attempt_timeout: Duration,
    caller: Option<&Caller>,
) -> aws_config::sts::AssumeRoleProvider {
    let own = lean(own("STS", None, http, caller), http, attempt_timeout);
    let mut provider = aws_config::sts::AssumeRoleProvider::builder(&role.arn)
        .session_name(APP_NAME)
        .configure(&own);
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    provider.build().await
}

/// Parts that all clients share.
fn lean(config: SdkConfig, http: &Http, attempt_timeout: Duration) -> SdkConfig {
    // The time-out for connecting is the connector's own.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(attempt_timeout)
        .build();
    let mut config = config
        .into_builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(http.clone())
        .sleep_impl(AwakeSleep)
        // Who asks for a role panics without one.
        .time_source(SystemTimeSource::new())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    config.set_app_name(AppName::new(APP_NAME).ok());
    config.build()
}

/// Name of the forwarder at AWS: in the user agent, and as the session of a role.
const APP_NAME: &str = "lambda-telemetry-forwarder";

/// Makes the SDK's own time-outs count time awake.
#[derive(Debug)]
struct AwakeSleep;

impl AsyncSleep for AwakeSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(awake::sleep(duration))
    }
}
