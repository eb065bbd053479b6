//! Reading of requests and writing of answers.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Refusal};

pub(super) type Reply = Response<Full<Bytes>>;

/// Bytes of a request that is not a function's response: descriptions of errors, subscriptions.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// The body in which Lambda's APIs tell errors, in both directions.
#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ErrorBody {
    pub(super) error_type: String,
    pub(super) error_message: String,
}

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    // The bodies are plain structs with string keys: writing them as JSON cannot fail.
    bytes(status, serde_json::to_vec(body).unwrap_or_default().into())
}

pub(super) fn bytes(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

pub(super) fn refused(refusal: &Refusal) -> Reply {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = ErrorBody {
        error_type: refusal.error_type.to_owned(),
        error_message: refusal.message.clone(),
    };
    json(status, &body)
}

/// The answer to what is merely taken note of.
pub(super) fn accepted() -> Reply {
    #[derive(Serialize)]
    struct Accepted {
        status: &'static str,
    }
    json(StatusCode::ACCEPTED, &Accepted { status: "OK" })
}

/// Adds a header; one with impossible characters is left out.
pub(super) fn with_header(mut reply: Reply, name: &'static str, value: &str) -> Reply {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
    reply
}

pub(super) fn header<'a>(request: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    let value = request.headers().get(name)?.to_str().ok()?;
    (!value.is_empty()).then_some(value)
}

/// The whole body, unless it is broken off or too large.
pub(super) async fn body(request: Request<Incoming>) -> Result<Bytes, Refusal> {
    match Limited::new(request.into_body(), MAX_REQUEST_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(problem) => Err(Refusal::bad_request("InvalidRequestFormat", problem.to_string())),
    }
}

/// A fault from its header and the body that describes it, which may be anything.
pub(super) fn told_fault(error_type: String, body: &[u8]) -> Fault {
    let message = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(told) if !told.error_message.is_empty() => told.error_message,
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    Fault { error_type, message }
}

/// True if an error type has the form `Prefix.Name`, letters only: Lambda replaces others.
pub(super) fn well_formed(error_type: &str, prefixes: &[&str]) -> bool {
    error_type.split_once('.').is_some_and(|(prefix, name)| {
        prefixes.contains(&prefix)
            && name.len() > 1
            && name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.chars().all(|letter| letter.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_types_have_a_form() {
        assert!(well_formed("Extension.ConfigurationError", &["Extension"]));
        for malformed in ["Extension.", "Extension.x", "Extension.A1", "Other.Error", "Error"] {
            assert!(!well_formed(malformed, &["Extension"]), "{malformed}");
        }
    }

    #[test]
    fn a_fault_has_the_message_or_the_whole_body() {
        let told = told_fault("T".into(), br#"{"errorMessage":"why","errorType":"X"}"#);
        assert_eq!(told.message, "why");
        assert_eq!(told_fault("T".into(), b"plain").message, "plain");
    }
}
