//! Headers, errors and answers as AWS writes them: JSON 1.1 over HTTP.

use axum::body::Body;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::backend::Names;
use crate::fault::CallError;
use crate::put::{Outcome, Shape};

/// The only content type taken for puts. CBOR, which some SDKs can be told to speak, is for reading only.
pub(crate) const JSON: &str = "application/x-amz-json-1.1";

/// Operation that the headers name: the service's date and its name.
pub(crate) fn target(headers: &HeaderMap) -> &str {
    text(headers, "x-amz-target")
}

/// Refuses a put that AWS's front door would refuse: not JSON 1.1, or not signed. Signatures are not verified.
pub(crate) fn check_headers(headers: &HeaderMap) -> Result<(), CallError> {
    if text(headers, CONTENT_TYPE.as_str()) != JSON {
        return Err(
            CallError::new(404, "UnknownOperationException").with_message(format!("puts are taken as {JSON} only"))
        );
    }
    let authorization = text(headers, AUTHORIZATION.as_str());
    if authorization.is_empty() {
        return Err(
            CallError::new(400, "MissingAuthenticationTokenException").with_message("Missing Authentication Token")
        );
    }
    let signed = ["Credential=", "SignedHeaders=", "Signature="]
        .iter()
        .all(|part| authorization.contains(part));
    if !signed || text(headers, "x-amz-date").is_empty() {
        return Err(CallError::new(403, "IncompleteSignatureException")
            .with_message("Authorization needs Credential, SignedHeaders and Signature, and a header X-Amz-Date."));
    }
    Ok(())
}

/// The error for a body that is not what the operation takes.
pub(crate) fn unreadable(reason: &dyn std::fmt::Display) -> CallError {
    CallError::new(400, "SerializationException").with_message(reason.to_string())
}

/// The answer to a put whose records had these outcomes. An error where a `PutRecord`'s only record was refused.
pub(crate) fn put_answer(names: &Names, shape: Shape, outcomes: Vec<Outcome>) -> Result<Value, CallError> {
    let mut refused = 0_u64;
    let mut entries = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        match (outcome, shape) {
            (Outcome::Stored(entry), Shape::One) => return Ok(entry),
            (Outcome::Stored(entry), Shape::Many) => entries.push(entry),
            (Outcome::Refused { code, message }, Shape::One) => {
                let status = if code == names.throttled {
                    names.throttled_status
                } else {
                    500
                };
                return Err(CallError { status, code, message });
            }
            (Outcome::Refused { code, message }, Shape::Many) => {
                refused += 1;
                entries.push(json!({ "ErrorCode": code, "ErrorMessage": message }));
            }
        }
    }
    Ok(json!({ names.refused_count: refused, names.entries: entries }))
}

/// A response of 200 with this body.
pub(crate) fn ok(body: &Value) -> Response<Body> {
    respond(StatusCode::OK, body)
}

/// A response that says this error.
pub(crate) fn error(error: &CallError) -> Response<Body> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, &json!({ "__type": error.code, "message": error.message }));
    if let Ok(code) = HeaderValue::from_str(&error.code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn respond(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    if let Ok(id) = HeaderValue::from_str(&format!("{:032x}", fastrand::u128(..))) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// A header's text; empty where there is none.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
