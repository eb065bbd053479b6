//! The KMS key of a stream. A dry run of a put does not look at it.

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::types::{DataKeySpec, KeyState};
use forwarder_core::delivery::sink::Reason;
use forwarder_sinks::Connection;
use forwarder_sinks::account;

use super::Subject;
use super::report::Check;

/// Key that AWS manages, of a stream that names none of its own.
const AWS_MANAGED: &str = "alias/aws/kinesis";

pub(super) async fn examine(subject: &mut Subject<'_>, key: &str, stream: &str) {
    if key.ends_with(AWS_MANAGED) && subject.is_foreign() {
        let fix = "encrypt the stream with a key of that account's own, and allow kms:GenerateDataKey in its policy";
        let message = format!("{AWS_MANAGED} is AWS's: no other account than the stream's can use it");
        subject.add("key", Check::fail(message, fix));
        return;
    }
    // The endpoint is the stream's, not the key's.
    let connection = Connection {
        endpoint: None,
        ..subject.connection.clone()
    };
    let config = account::config("KMS", &connection, subject.caller).await;
    let client = Client::new(&config);
    let check = match state(&client, key).await {
        Some(check) => check,
        // AWS's own key is used on behalf of whoever puts, through Kinesis alone.
        None if key.ends_with(AWS_MANAGED) => {
            Check::ok(format!("{AWS_MANAGED}, which every role of this account may use"))
        }
        None => use_of(&client, key, stream).await,
    };
    subject.add("key", check);
}

/// What is wrong with its state.
async fn state(client: &Client, key: &str) -> Option<Check> {
    let answer = match client.describe_key().key_id(key).send().await {
        Ok(answer) => answer,
        Err(error) if error.code() == Some("NotFoundException") => {
            let fix = "encrypt the stream with another key: aws kinesis start-stream-encryption";
            return Some(Check::fail(format!("the key {key} is gone"), fix));
        }
        // The use of it tells more.
        Err(_) => return None,
    };
    let state = answer.key_metadata().and_then(|metadata| metadata.key_state())?;
    let fix = match state {
        KeyState::Enabled | KeyState::Updating => return None,
        KeyState::Disabled => format!("aws kms enable-key --key-id {key}"),
        KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => {
            format!("aws kms cancel-key-deletion --key-id {key}, then aws kms enable-key --key-id {key}")
        }
        KeyState::PendingImport => "import its key material: aws kms import-key-material".to_owned(),
        KeyState::Unavailable => "connect its custom key store again: aws kms connect-custom-key-store".to_owned(),
        _ => "wait until it is Enabled, and ask again".to_owned(),
    };
    Some(Check::fail(format!("the key {key} is {}", state.as_str()), fix))
}

/// A dry run of what Kinesis asks for on behalf of whoever puts.
async fn use_of(client: &Client, key: &str, stream: &str) -> Check {
    let request = client
        .generate_data_key()
        .key_id(key)
        .key_spec(DataKeySpec::Aes256)
        .encryption_context("aws:kinesis:arn", stream)
        .dry_run(true);
    let error = match request.send().await {
        Ok(_) => return Check::ok(format!("{key} can be used")),
        Err(error) if error.code() == Some("DryRunOperationException") => {
            return Check::ok(format!("{key} can be used (a dry run of kms:GenerateDataKey)"));
        }
        Err(error) => error,
    };
    let code = error.code().unwrap_or_default().to_owned();
    let failure = account::failure(error);
    let allow = format!(
        "allow kms:GenerateDataKey on {key} in the function's role, and where the key is of another account in its policy, too"
    );
    match code.as_str() {
        "DisabledException" => Check::fail(
            format!("the key {key} is Disabled"),
            format!("aws kms enable-key --key-id {key}"),
        ),
        "KMSInvalidStateException" => Check::fail(
            format!("the key {key}: {}", failure.message),
            "bring it into the state Enabled",
        ),
        "NotFoundException" => Check::fail(
            format!("the key {key} is gone"),
            "encrypt the stream with another key: aws kinesis start-stream-encryption",
        ),
        _ if failure.reason != Reason::AccessDenied => Check::warn(
            format!("KMS did not say if {key} can be used: {}", failure.message),
            "see kms:GenerateDataKey",
        ),
        // A policy may allow it to Kinesis alone, by kms:ViaService, which is right and cannot be told from here.
        _ if failure.message.contains("explicit deny") => Check::warn(
            format!("a policy denies {key} to whoever asks directly: {}", failure.message),
            "right if that policy asks for kms:ViaService of Kinesis; else take the Deny away",
        ),
        _ => Check::fail(format!("the key {key} cannot be used: {}", failure.message), allow),
    }
}
