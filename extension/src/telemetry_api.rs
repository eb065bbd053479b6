//! The Telemetry API: one subscription.

use std::time::Duration;

use forwarder_core::Types;
use hyper::{Method, StatusCode};

use crate::extensions_api::IDENTIFIER;
use crate::runtime_api::{ApiError, Keep, RuntimeApi};

const SUBSCRIBE: &str = "/2022-07-01/telemetry";

/// Schema versions, the one asked for first. Managed Instances accept only that; older emulators only the other.
const SCHEMA_VERSIONS: [&str; 2] = ["2025-01-29", "2022-12-13"];

/// How often a subscription that failed without being refused is tried again, and after what pause.
const RETRIES: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// How Lambda buffers events before it posts them. The documentation contradicts itself in the defaults, so all three
/// are always sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffering {
    /// Events in a body: 1,000 to 10,000.
    pub max_items: u64,
    /// Bytes in a body: 262,144 to 1,048,576.
    pub max_bytes: usize,
    /// How long an event may wait: 25 ms to 30 s.
    pub timeout: Duration,
}

/// What a subscription leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    /// Events will come. Also after a restart, when the subscription of the life before is still there.
    Active,
    /// 202: this is no real Lambda, and no events will come.
    Unsupported,
}

/// Asks for events to be posted to this port.
///
/// # Errors
/// Lambda refuses, or does not answer.
pub async fn subscribe(
    api: &RuntimeApi,
    identifier: &str,
    types: Types,
    buffering: Buffering,
    port: u16,
) -> Result<Subscription, ApiError> {
    let [newest, older] = SCHEMA_VERSIONS;
    let first = request(api, identifier, &body(newest, types, buffering, port)).await;
    match first {
        Err(error) if error.status == Some(StatusCode::BAD_REQUEST.as_u16()) => {
            log::info!(event = "subscribe_again", error = error.to_string().as_str(), schema = older; "the newest schema was refused");
            // If that is refused too, what was wrong is in the first answer.
            let second = request(api, identifier, &body(older, types, buffering, port)).await;
            second.map_err(|_| error)
        }
        other => other,
    }
}

/// What is not refused is asked again: without the subscription this life is blind.
async fn request(api: &RuntimeApi, identifier: &str, body: &str) -> Result<Subscription, ApiError> {
    let mut attempt = 0;
    loop {
        let answer = request_once(api, identifier, body).await;
        let passes = |error: &ApiError| error.status.is_none_or(|status| status >= 500);
        if attempt >= RETRIES || !answer.as_ref().is_err_and(passes) {
            return answer;
        }
        attempt += 1;
        tokio::time::sleep(RETRY_PAUSE * attempt).await;
    }
}

async fn request_once(api: &RuntimeApi, identifier: &str, body: &str) -> Result<Subscription, ApiError> {
    let headers = [(IDENTIFIER, identifier)];
    let answer = api
        .call(Method::PUT, SUBSCRIBE, &headers, body.to_owned(), Keep::ForTheNext)
        .await?;
    match answer.status {
        StatusCode::ACCEPTED => Ok(Subscription::Unsupported),
        status if status.is_success() => Ok(Subscription::Active),
        _ => Err(answer.error()),
    }
}

/// `platform` is always subscribed: the ends of invocations are among its events.
fn body(schema_version: &str, types: Types, buffering: Buffering, port: u16) -> String {
    let mut names = vec!["platform"];
    names.extend(types.function.then_some("function"));
    names.extend(types.extension.then_some("extension"));
    serde_json::json!({
        "schemaVersion": schema_version,
        "types": names,
        "buffering": {
            "maxItems": buffering.max_items,
            "maxBytes": buffering.max_bytes,
            "timeoutMs": buffering.timeout.as_millis() as u64,
        },
        "destination": {"protocol": "HTTP", "URI": format!("http://sandbox.localdomain:{port}")},
    })
    .to_string()
}
