//! Settings from the SDK's own environment variables: those of its settings that mean something in Lambda. Files of
//! profiles, which Lambda has none of, are not read.

use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;

use super::credentials::LambdaCredentials;
use super::http::Http;

/// Region (unless one is given), endpoint, FIPS, dual stack and endpoints of an account's own, and credentials.
/// `service`: as the names of variables have it, such as `KINESIS`.
pub(super) fn config(service: &str, region: Option<&str>, http: &Http) -> SdkConfig {
    let region = region.map(str::to_owned);
    let region = region
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"));
    let mut config = SdkConfig::builder();
    config.set_region(region.map(Region::new));
    if !is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        let own = variable(&format!("AWS_ENDPOINT_URL_{service}"));
        config.set_endpoint_url(own.or_else(|| variable("AWS_ENDPOINT_URL")));
    }
    config.set_use_fips(Some(is_true("AWS_USE_FIPS_ENDPOINT")));
    config.set_use_dual_stack(Some(is_true("AWS_USE_DUALSTACK_ENDPOINT")));
    // Unless this says otherwise, credentials that tell their account lead to a host of its own.
    let mode = variable("AWS_ACCOUNT_ID_ENDPOINT_MODE").and_then(|mode| mode.trim().parse().ok());
    config.set_account_id_endpoint_mode(mode);
    let credentials = LambdaCredentials { http: http.clone() };
    config.set_credentials_provider(Some(SharedCredentialsProvider::new(credentials)));
    config.build()
}

/// A variable that says something.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

pub(super) fn is_true(name: &str) -> bool {
    variable(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}
