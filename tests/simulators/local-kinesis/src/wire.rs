//! Headers, errors and answers as AWS writes them.

use axum::body::Body;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::backend::Names;
use crate::encoding::Encoding;
use crate::fault::CallError;
use crate::put::{Outcome, Shape};

/// Operation that the headers name: the service's date and its name.
pub(crate) fn target(headers: &HeaderMap) -> &str {
    text(headers, "x-amz-target")
}

/// Encoding that the headers name: JSON, if they name none that is known.
pub(crate) fn encoding(headers: &HeaderMap) -> Encoding {
    Encoding::from_content_type(text(headers, CONTENT_TYPE.as_str())).unwrap_or(Encoding::Json)
}

/// Refuses a put that AWS's front door would refuse: in none of these encodings, or not signed. Signatures are not verified.
pub(crate) fn check_headers(headers: &HeaderMap, taken: &[Encoding]) -> Result<(), CallError> {
    let content_type = text(headers, CONTENT_TYPE.as_str());
    if !taken.iter().any(|encoding| encoding.content_type() == content_type) {
        return Err(
            CallError::new(404, "UnknownOperationException").with_message(format!("{content_type:?} is not taken"))
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
pub(crate) fn ok(body: &Value, encoding: Encoding) -> Response<Body> {
    respond(StatusCode::OK, body, encoding)
}

/// A response that says this error.
pub(crate) fn error(error: &CallError, encoding: Encoding) -> Response<Body> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(
        status,
        &json!({ "__type": error.code, "message": error.message }),
        encoding,
    );
    if let Ok(code) = HeaderValue::from_str(&error.code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn respond(status: StatusCode, body: &Value, encoding: Encoding) -> Response<Body> {
    let mut response = Response::new(Body::from(encoding.write(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, encoding.header());
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
