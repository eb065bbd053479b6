//! Whoever asks: credentials, account, region, and the role of a sink.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use forwarder_core::delivery::sink::{Reason, causes};
use forwarder_sinks::Connection;
use forwarder_sinks::account::{self, Caller};
use forwarder_sinks::arn::StreamName;

use super::report::{Check, Report};
use super::{ATTEMPT_TIMEOUT, Subject, cause};

/// Identity that the credentials have, as far as it is known.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) partition: String,
    pub(super) account: Option<String>,
}

/// Credentials and region as any AWS tool finds them, those of Lambda first. No identity: nothing more can be asked.
pub(super) async fn find(variables: &BTreeMap<String, String>, report: &mut Report) -> (Caller, Option<Identity>) {
    let found = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(account::http_client())
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        )
        .load()
        .await;
    let caller = Caller {
        region: found.region().map(ToString::to_string),
        credentials: credentials(&found),
    };
    report_region(&caller, variables, report);
    let identity = ask(&caller, variables, report).await;
    (caller, identity)
}

fn credentials(found: &SdkConfig) -> SharedCredentialsProvider {
    let lambda = account::credentials();
    let Some(other) = found.credentials_provider() else {
        return lambda;
    };
    SharedCredentialsProvider::new(CredentialsProviderChain::first_try("Lambda", lambda).or_else("machine", other))
}

fn report_region(caller: &Caller, variables: &BTreeMap<String, String>, report: &mut Report) {
    let Some(region) = &caller.region else { return };
    let origin = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find(|name| {
        let value = variables.get(*name);
        value.is_some_and(|value| value == region)
    });
    let message = format!("{region}, from {}", origin.unwrap_or("the profile or the machine"));
    report.add(None, "region", Check::ok(message));
}

async fn ask(caller: &Caller, variables: &BTreeMap<String, String>, report: &mut Report) -> Option<Identity> {
    let unknown = |caller: &Caller| Identity {
        partition: partition(caller.region.as_deref()).to_owned(),
        account: None,
    };
    let credentials = match caller.credentials.provide_credentials().await {
        Ok(credentials) => credentials,
        Err(error) => {
            let mut fix =
                "in Lambda the function's role gives them; elsewhere set AWS_PROFILE or AWS_ACCESS_KEY_ID and \
                           AWS_SECRET_ACCESS_KEY, or `credential_process` of a profile"
                    .to_owned();
            if variables.contains_key("AWS_PROFILE") {
                fix +=
                    "; AWS_PROFILE is set: is that profile in ~/.aws/config? For SSO: aws configure export-credentials";
            }
            let message = format!("there are none: {}", causes(&error));
            report.add(None, "credentials", Check::fail(message, fix));
            return None;
        }
    };
    if let Some(expiry) = credentials.expiry()
        && expiry < SystemTime::now()
    {
        report.add(
            None,
            "credentials",
            Check::fail("they have expired", "sign in again, or correct the clock"),
        );
        return None;
    }
    if caller.region.is_none() {
        report.add(
            None,
            "credentials",
            Check::warn("found; without a region nobody was asked whose they are", ""),
        );
        return Some(unknown(caller));
    }
    let connection = Connection {
        attempt_timeout: ATTEMPT_TIMEOUT,
        ..Connection::default()
    };
    let config = account::config("STS", &connection, caller).await;
    match aws_sdk_sts::Client::new(&config).get_caller_identity().send().await {
        Ok(answer) => {
            let arn = answer.arn().unwrap_or_default();
            report.add(None, "credentials", Check::ok(format!("those of {arn}")));
            Some(Identity {
                partition: arn
                    .split(':')
                    .nth(1)
                    .filter(|part| !part.is_empty())
                    .unwrap_or("aws")
                    .to_owned(),
                account: answer.account().map(str::to_owned),
            })
        }
        Err(error) => {
            let failure = account::failure(error);
            if failure.reason == Reason::Credentials {
                report.add(None, "credentials", cause::of_credentials(&failure));
                return None;
            }
            // The forwarder itself needs no STS.
            let message = format!("found; STS did not say whose they are: {}", failure.message);
            report.add(
                None,
                "credentials",
                Check::warn(message, "nothing, if the checks below are good"),
            );
            Some(unknown(caller))
        }
    }
}

/// The partition of a region, for ARNs that nobody told.
fn partition(region: Option<&str>) -> &'static str {
    match region.unwrap_or_default() {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        region if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

/// Takes the role of the sink, if it has one. False: nothing more can be asked of this sink.
pub(super) async fn take_role(subject: &mut Subject<'_>) -> bool {
    let Some(role) = &subject.connection.assume_role else {
        return is_own_account(subject);
    };
    let config = account::config("STS", &subject.connection, subject.caller).await;
    let Some(provider) = config.credentials_provider() else {
        return true;
    };
    let (check, taken) = match provider.provide_credentials().await {
        Ok(_) => (Check::ok(format!("{} can be assumed", role.arn)), true),
        Err(error) => {
            let fix = format!(
                "allow sts:AssumeRole on {} in the function's role, and the function's role in the trust policy of that role{}",
                role.arn,
                if role.external_id.is_some() {
                    ", with the same sts:ExternalId"
                } else {
                    "; if that policy asks for an external id, set external_id"
                }
            );
            let message = format!("{} cannot be assumed: {}", role.arn, causes(&error));
            (Check::fail(message, fix), false)
        }
    };
    subject.add("role", check);
    taken
}

/// Firehose is called by name: the ARN of another account would mean the stream of this name in one's own.
fn is_own_account(subject: &mut Subject<'_>) -> bool {
    let StreamName::Arn(arn) = subject.stream else {
        return true;
    };
    match &subject.identity.account {
        Some(account) if subject.sink.kind.called_by_name && *account != arn.account => {
            let message = format!(
                "the stream is in the account {}, these credentials are of {account}",
                arn.account
            );
            let fix = format!("set {} to a role of that account", subject.variable("ASSUME_ROLE"));
            subject.add("role", Check::fail(message, fix));
            false
        }
        _ => true,
    }
}
