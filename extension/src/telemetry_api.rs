//! The Telemetry API: one subscription.

use std::time::Duration;

use forwarder_core::Types;
use hyper::{Method, StatusCode};

use crate::extensions_api::IDENTIFIER;
use crate::runtime_api::{ApiError, Keep, RuntimeApi};

const SUBSCRIBE: &str = "/2022-07-01/telemetry";

/// Schema versions, the one asked for first. Managed Instances accept only that; older emulators only the other.
const SCHEMA_VERSIONS: [&str; 2] = ["2025-01-29", "2022-12-13"];

/// Lambda's answer to a destination that it does not like, besides 400.
const ACCESS_DENIED: &str = "Telemetry.AccessDenied";

/// Number of retries of a subscription that failed without being refused, and after what pause.
const RETRIES: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Buffering of events by Lambda before it posts them. The documentation contradicts itself in the defaults, so all
/// three are always sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffering {
    /// Events in a body: 1,000 to 10,000.
    pub max_items: u64,
    /// Bytes in a body: 262,144 to 1,048,576.
    pub max_bytes: usize,
    /// Longest wait of an event: 25 ms to 30 s.
    pub timeout: Duration,
}

/// Result of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    /// Events will come.
    Active {
        /// Lambda took the path of the destination.
        path: bool,
    },
    /// Events will come, where the subscription of the process before says: it has survived a reset of the environment.
    Again,
    /// 202: this is no real Lambda, and no events will come.
    Unsupported,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Which types of events.
    pub types: Types,
    /// How Lambda buffers them.
    pub buffering: Buffering,
    /// The port to post them to.
    pub port: u16,
    /// The path, without its slash. Left out where Lambda refuses it.
    pub path: Option<&'a str>,
}

/// Asks for events to be posted here.
///
/// # Errors
/// Lambda refuses, or does not answer.
pub async fn subscribe(api: &RuntimeApi, identifier: &str, wanted: Wanted<'_>) -> Result<Subscription, ApiError> {
    let mut first_error = None;
    for path in wanted.path.map(Some).into_iter().chain([None]) {
        for schema in SCHEMA_VERSIONS {
            let error = match request(api, identifier, &body(schema, wanted, path), path.is_some()).await {
                Ok(subscription) => return Ok(subscription),
                Err(error) => error,
            };
            let refuses_content =
                error.status == Some(StatusCode::BAD_REQUEST.as_u16()) || error.error_type == ACCESS_DENIED;
            // If every other one is refused too, what was wrong is in the first answer.
            let first = first_error.get_or_insert(error);
            if !refuses_content {
                return Err(first.clone());
            }
            log::info!(event = "subscribe_again", error = first.to_string().as_str(), schema, path = path.is_some(); "a subscription was refused; another schema, or the plain address, may be taken");
        }
    }
    Err(first_error.unwrap_or_default())
}

/// What is not refused is asked again: without the subscription this process is blind.
async fn request(api: &RuntimeApi, identifier: &str, body: &str, path: bool) -> Result<Subscription, ApiError> {
    let mut attempt = 0;
    loop {
        let answer = request_once(api, identifier, body, path).await;
        let passes = |error: &ApiError| error.status.is_none_or(|status| status >= 500);
        if attempt >= RETRIES || !answer.as_ref().is_err_and(passes) {
            return answer;
        }
        attempt += 1;
        tokio::time::sleep(RETRY_PAUSE * attempt).await;
    }
}

async fn request_once(api: &RuntimeApi, identifier: &str, body: &str, path: bool) -> Result<Subscription, ApiError> {
    let headers = [(IDENTIFIER, identifier)];
    let answer = api
        .call(Method::PUT, SUBSCRIBE, &headers, body.to_owned(), Keep::ForTheNext)
        .await?;
    match answer.status {
        StatusCode::ACCEPTED => Ok(Subscription::Unsupported),
        status if status.is_success() && is_again(&answer.body) => Ok(Subscription::Again),
        status if status.is_success() => Ok(Subscription::Active { path }),
        _ => Err(answer.error()),
    }
}

/// Lambda answers `"OK"` or `"AlreadySubscribed"`.
fn is_again(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).to_ascii_lowercase().contains("already")
}

/// `platform` is always subscribed: the ends of invocations are among its events.
fn body(schema_version: &str, wanted: Wanted<'_>, path: Option<&str>) -> String {
    let Wanted {
        types, buffering, port, ..
    } = wanted;
    let mut names = vec!["platform"];
    names.extend(types.function.then_some("function"));
    names.extend(types.extension.then_some("extension"));
    let slash = if path.is_some() { "/" } else { "" };
    let uri = format!("http://sandbox.localdomain:{port}{slash}{}", path.unwrap_or_default());
    serde_json::json!({
        "schemaVersion": schema_version,
        "types": names,
        "buffering": {
            "maxItems": buffering.max_items,
            "maxBytes": buffering.max_bytes,
            "timeoutMs": buffering.timeout.as_millis() as u64,
        },
        "destination": {"protocol": "HTTP", "URI": uri},
    })
    .to_string()
}
