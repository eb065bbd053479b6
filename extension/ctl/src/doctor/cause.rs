//! From a failed call to its cause and its fix: what TROUBLESHOOTING.md says of `sink_fails`.

use forwarder_core::delivery::sink::{Failure, Reason};
use serde_json::json;

use super::report::{Check, Status};

/// What a call needed.
pub(super) struct Needed<'a> {
    /// The action, such as `kinesis:PutRecords`.
    pub(super) action: &'a str,
    /// The ARN that it was about.
    pub(super) resource: &'a str,
    /// Variable of the sink's stream.
    pub(super) stream_variable: &'a str,
    /// True if the stream is of another account than whoever calls.
    pub(super) is_foreign: bool,
}

/// A check of a call that failed.
pub(super) fn of(failure: &Failure, needed: &Needed<'_>) -> Check {
    let message = format!("{failure}");
    let (status, fix) = match failure.reason {
        Reason::AccessDenied => (Status::Fail, access(failure, needed)),
        Reason::NotFound => (
            Status::Fail,
            format!(
                "there is no {}: set {} to a stream of this account and region, or to the ARN of another account's",
                needed.resource, needed.stream_variable
            ),
        ),
        Reason::Encryption => (Status::Fail, encryption(failure, needed)),
        Reason::Credentials => return of_credentials(failure),
        Reason::Throttled => (
            Status::Warn,
            "more shards, or on-demand mode; partition_key=random; compression".to_owned(),
        ),
        Reason::Unreachable | Reason::TimedOut => (
            Status::Fail,
            "in a VPC: an endpoint for the service or a NAT gateway, and a security group that lets 443 out; else the \
             region, the endpoint and AWS_ENDPOINT_URL…; HTTPS_PROXY is not used"
                .to_owned(),
        ),
        Reason::Certificate => (
            Status::Fail,
            "AWS_CA_BUNDLE names a PEM file with the certificate of its authority, in the package or a layer"
                .to_owned(),
        ),
        Reason::Invalid => (
            Status::Fail,
            "the service calls the request invalid: check the stream's name and MaxRecordSizeInKiB".to_owned(),
        ),
        Reason::Service => (Status::Warn, "try again: the service itself failed".to_owned()),
        Reason::Panicked | Reason::Unknown => (
            Status::Fail,
            "does the endpoint belong to this service? See endpoint and AWS_ENDPOINT_URL…".to_owned(),
        ),
    };
    Check::new(status, message, fix)
}

/// A check of credentials that a service refused.
pub(super) fn of_credentials(failure: &Failure) -> Check {
    let text = &failure.message;
    let is_clock = [
        "RequestTimeTooSkewed",
        "Signature expired",
        "Signature not yet current",
        "RequestExpired",
    ]
    .iter()
    .any(|part| text.contains(part));
    let fix = if is_clock {
        "the clock of this machine is off: set it"
    } else if text.contains("ExpiredToken") {
        "the session has expired: sign in again"
    } else if text.contains("SignatureDoesNotMatch") || text.contains("InvalidSignatureException") {
        "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID"
    } else {
        "AWS knows no such access key: it was deleted, is of another partition, or AWS_SESSION_TOKEN is missing"
    };
    Check::fail(failure.to_string(), fix)
}

/// Fix for a call that is not allowed: by the policy that AWS names, else a statement to add.
fn access(failure: &Failure, needed: &Needed<'_>) -> String {
    let text = failure.message.to_lowercase();
    let Needed { action, resource, .. } = needed;
    for (part, fix) in [
        ("vpc endpoint policy", "the policy of the VPC endpoint must allow"),
        (
            "service control policy",
            "a service control policy of the organisation must allow",
        ),
        (
            "resource control policy",
            "a resource control policy of the organisation must allow",
        ),
        (
            "permissions boundary",
            "the permissions boundary of the role must allow",
        ),
        ("session policy", "the session policy must allow"),
        ("explicit deny", "take away the Deny statement that covers"),
    ] {
        if text.contains(part) {
            return format!("{fix} {action} on {resource}");
        }
    }
    let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let policy = if needed.is_foreign {
        "; and let a policy of the stream allow it to this account (aws kinesis put-resource-policy), or set assume_role"
    } else {
        ""
    };
    format!("add to the function's role: {statement}{policy}")
}

fn encryption(failure: &Failure, needed: &Needed<'_>) -> String {
    let text = &failure.message;
    let state = |part: &str| text.contains(part);
    if state("KMSAccessDenied") {
        format!(
            "allow kms:GenerateDataKey on the key of {} in the function's role and in the key's policy",
            needed.resource
        )
    } else if state("KMSDisabled") {
        "enable the key: aws kms enable-key".to_owned()
    } else if state("KMSNotFound") {
        "the key is gone: encrypt the stream with another one, aws kinesis start-stream-encryption".to_owned()
    } else {
        "bring the key into the state Enabled, or encrypt the stream with another one".to_owned()
    }
}
