//! The Runtime API, version 2018-06-01.

use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use super::reply::{self, Reply, accepted, header, told_fault, well_formed, with_header};
use crate::fault::{Fault, Refusal};
use crate::lifecycle::Shared;
use crate::mode::Mode;
use crate::state::{Activity, Answer};

/// Bytes of a response. Lambda quotas: 6 MB, and 200 MB streamed.
const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;
const MAX_STREAMED_BYTES: usize = 200 * 1024 * 1024;
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// In the trailers of a streamed response that failed midway.
const ERROR_BODY: &str = "lambda-runtime-function-error-body";
const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";

/// Waits for an invocation. The first call tells that the runtime is ready, later ones that it is done.
pub(super) async fn next(shared: &Shared) -> Result<Reply, Refusal> {
    let unanswered = shared.state.update(|state| {
        let runtime = &mut state.runtime;
        let one_at_a_time = !shared.config.policy.mode.concurrent();
        let unanswered = one_at_a_time
            && runtime.activity == Activity::Busy
            && state.requests.iter().any(|request| request.answer.is_none());
        if !unanswered && !matches!(runtime.activity, Activity::Waiting { .. }) {
            let since = Instant::now();
            runtime.activity = Activity::Waiting { since };
        }
        unanswered
    });
    if unanswered {
        let message = "the invocation before has neither a response nor an error";
        return Err(Refusal::forbidden("InvalidStateTransition", message));
    }
    let invocation = shared
        .state
        .wait(|state| {
            let request = state.requests.iter_mut().find(|request| !request.taken)?;
            request.taken = true;
            state.runtime.activity = Activity::Busy;
            let reply = reply::bytes(StatusCode::OK, request.payload.clone());
            let reply = with_header(reply, "lambda-runtime-aws-request-id", &request.id);
            let reply = with_header(reply, "lambda-runtime-deadline-ms", &request.deadline_ms.to_string());
            let reply = with_header(reply, "lambda-runtime-invoked-function-arn", &request.arn);
            let reply = with_header(reply, "lambda-runtime-trace-id", &request.trace);
            Some(match &shared.config.tenant_id {
                Some(tenant) => with_header(reply, "lambda-runtime-aws-tenant-id", tenant),
                None => reply,
            })
        })
        .await;
    Ok(invocation)
}

/// The function's answer; streamed or whole.
pub(super) async fn response(shared: &Shared, id: &str, request: Request<Incoming>) -> Result<Reply, Refusal> {
    may_answer(shared, id)?;
    let started = Instant::now();
    let streamed = header(&request, RESPONSE_MODE).is_some_and(|mode| mode.eq_ignore_ascii_case("streaming"));
    let limit = if streamed {
        MAX_STREAMED_BYTES
    } else {
        MAX_RESPONSE_BYTES
    };
    let (result, reply) = match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => {
            let trailer = |name| {
                let value = body.trailers()?.get(name)?;
                Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
            };
            let result = match trailer(ERROR_TYPE) {
                Some(error_type) => Err(Fault::new(
                    function_error_type(&error_type),
                    trailer(ERROR_BODY).unwrap_or_default(),
                )),
                None => Ok(body.to_bytes()),
            };
            (result, Ok(accepted()))
        }
        Err(problem) if problem.is::<LengthLimitError>() => {
            let message = format!("the response exceeds {limit} bytes");
            let refusal = Refusal {
                status: 413,
                ..Refusal::bad_request("RequestEntityTooLarge", &message)
            };
            (Err(Fault::new("Function.ResponseSizeTooLarge", message)), Err(refusal))
        }
        Err(problem) => {
            let message = problem.to_string();
            let refusal = Refusal::bad_request("TruncatedResponse", &message);
            (Err(Fault::new("Runtime.TruncatedResponse", message)), Err(refusal))
        }
    };
    answer(shared, id, started, result);
    reply
}

/// The function's error.
pub(super) async fn error(shared: &Shared, id: &str, request: Request<Incoming>) -> Result<Reply, Refusal> {
    may_answer(shared, id)?;
    let started = Instant::now();
    let error_type = function_error_type(header(&request, ERROR_TYPE).unwrap_or_default()).to_owned();
    // The body is what the caller gets, so it is kept whole.
    let message = String::from_utf8_lossy(&reply::body(request).await?).into_owned();
    answer(shared, id, started, Err(Fault::new(error_type, message)));
    Ok(accepted())
}

/// Waits for the restore of the snapshot. The call tells that the runtime is ready to be frozen in one.
pub(super) async fn restore_next(shared: &Shared) -> Result<Reply, Refusal> {
    if shared.config.policy.mode != Mode::SnapStart {
        let message = "only a function with SnapStart is restored";
        return Err(Refusal::forbidden("InvalidStateTransition", message));
    }
    shared.state.update(|state| {
        state.runtime.snapshot_ready.get_or_insert(Instant::now());
    });
    let restored = shared.state.wait(|state| state.runtime.restored.then_some(()));
    restored.await;
    Ok(reply::bytes(StatusCode::OK, Bytes::new()))
}

/// The runtime could not start, or not go on after a restore.
pub(super) async fn init_error(shared: &Shared, request: Request<Incoming>, otherwise: &str) -> Result<Reply, Refusal> {
    let error_type = match header(&request, ERROR_TYPE) {
        Some(told) if well_formed(told, &["Runtime", "Function"]) => told.to_owned(),
        _ => otherwise.to_owned(),
    };
    let fault = told_fault(error_type, &reply::body(request).await?);
    shared.state.update(|state| state.runtime.init_error = Some(fault));
    Ok(accepted())
}

fn function_error_type(told: &str) -> &str {
    if well_formed(told, &["Runtime", "Function"]) {
        told
    } else {
        "Function.Unknown"
    }
}

/// True if an answer to this request is expected.
fn may_answer(shared: &Shared, id: &str) -> Result<(), Refusal> {
    let answered = shared
        .state
        .read(|state| Some(state.request(id).filter(|request| request.taken)?.answer.is_some()));
    match answered {
        None => {
            let message = "no such request is running";
            Err(Refusal::bad_request("InvalidRequestID", message))
        }
        Some(true) => {
            let message = "the request has been answered before";
            Err(Refusal::forbidden("InvalidStateTransition", message))
        }
        Some(false) => Ok(()),
    }
}

fn answer(shared: &Shared, id: &str, started: Instant, result: Result<Bytes, Fault>) {
    shared.state.update(|state| {
        if let Some(request) = state.requests.iter_mut().find(|request| request.id == id) {
            request.answer = Some(Answer {
                result,
                started,
                done: Instant::now(),
            });
        }
        // Nobody has waited for these.
        state
            .requests
            .retain(|request| !request.abandoned || request.answer.is_none());
    });
}
