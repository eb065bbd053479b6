//! Set-up of an SDK client: lazily, lean, and under the lane's rule.
//!
//! The SDK is told to do less than it would: no retries (the lane retries, and only what failed), no stalled-stream
//! protection (it misfires after a freeze), time-outs that do not count frozen time, and Amazon's roots built in (reading
//! a machine's certificate directory costs tens of milliseconds at a cold start).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use forwarder_core::awake;
use forwarder_core::sink::{Failure, Reason};
use tokio::sync::OnceCell;

use super::errors::failure;

/// Amazon Trust Services' roots, which every endpoint of the `aws` partitions is signed under.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// A connection in the same region takes some milliseconds; after this one is not worth waiting for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a client of one sink goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// The region; else what the environment says.
    pub region: Option<String>,
    /// The endpoint's URL; else what the environment says, else the service's own.
    pub endpoint: Option<String>,
    /// The role that calls are made under; else the environment's own credentials.
    #[cfg(feature = "assume-role")]
    pub assume_role: Option<AssumedRole>,
    /// The time that one attempt may take, awake.
    pub attempt_timeout: Duration,
}

/// A role of another account, or of this one.
#[cfg(feature = "assume-role")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy may ask for.
    pub external_id: Option<String>,
}

/// A client that is made at its first use, and anew after [`renew`](Self::renew).
pub(crate) struct LazyClient<C> {
    settings: AwsSettings,
    config: OnceCell<SdkConfig>,
    make: fn(&SdkConfig) -> C,
    client: Mutex<Option<C>>,
}

impl<C: Clone> LazyClient<C> {
    pub(crate) fn new(settings: AwsSettings, make: fn(&SdkConfig) -> C) -> Self {
        Self {
            settings,
            config: OnceCell::new(),
            make,
            client: Mutex::new(None),
        }
    }

    pub(crate) async fn get(&self) -> C {
        let config = self.config.get_or_init(|| load(&self.settings)).await;
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        client
            .get_or_insert_with(|| (self.make)(&with_new_connections(config)))
            .clone()
    }

    /// What a failed call means. Signed with what is no longer good: the next attempt asks for credentials anew.
    pub(crate) fn failed<E>(&self, error: SdkError<E, HttpResponse>) -> Failure
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let failure = failure(error);
        if failure.reason == Reason::Credentials {
            self.renew();
        }
        failure
    }

    /// The next use gets new connections and asks for credentials anew. A call under way keeps its own.
    pub(crate) fn renew(&self) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

async fn load(settings: &AwsSettings) -> SdkConfig {
    let mut loader = loader(settings);
    #[cfg(feature = "assume-role")]
    if let Some(role) = &settings.assume_role {
        loader = loader.credentials_provider(assume(role, settings).await);
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

/// Credentials of the role, asked for with the environment's own, at STS of the environment's own region: neither the
/// sink's region nor its endpoint are STS's.
#[cfg(feature = "assume-role")]
async fn assume(role: &AssumedRole, settings: &AwsSettings) -> aws_config::sts::AssumeRoleProvider {
    let own = loader(settings).load().await;
    let mut provider = aws_config::sts::AssumeRoleProvider::builder(&role.arn)
        .session_name(APP_NAME)
        .configure(&own);
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    provider.build().await
}

/// What every client has in common.
fn loader(settings: &AwsSettings) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(settings.attempt_timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client(settings.region.as_deref()))
        .sleep_impl(SharedAsyncSleep::new(AwakeSleep))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Ok(name) = AppName::new(APP_NAME) {
        loader = loader.app_name(name);
    }
    loader
}

/// How the forwarder calls itself to AWS: in the user agent, and as the session of a role.
const APP_NAME: &str = "lambda-telemetry-forwarder";

fn with_new_connections(config: &SdkConfig) -> SdkConfig {
    let region = config.region().map(ToString::to_string);
    config
        .to_builder()
        .http_client(http_client(region.as_deref()))
        // What is cached is shared with the clients before; credentials are asked for anew.
        .identity_cache(IdentityCache::lazy().build())
        .build()
}

fn http_client(region: Option<&str>) -> SharedHttpClient {
    // China's and the isolated regions' endpoints are signed by others.
    let is_elsewhere = region.is_some_and(|region| region.starts_with("cn-") || region.contains("-iso"));
    let trust = if is_elsewhere {
        TrustStore::default()
    } else {
        TrustStore::empty().with_pem_certificate(AMAZON_ROOTS)
    };
    let client = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    // The certificates are constants; should the SDK ever refuse them, the machine's are tried.
    match TlsContext::builder().with_trust_store(trust).build() {
        Ok(context) => client.tls_context(context).build_https(),
        Err(_) => client.build_https(),
    }
}

/// Makes the SDK's own time-outs count time awake.
#[derive(Debug)]
struct AwakeSleep;

impl AsyncSleep for AwakeSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(awake::sleep(duration))
    }
}
