//! The Extensions API, version 2020-01-01.

use hyper::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::runtime_api::{Answer, ApiError, Keep, RuntimeApi};

const REGISTER: &str = "/2020-01-01/extension/register";
const NEXT: &str = "/2020-01-01/extension/event/next";
const INIT_ERROR: &str = "/2020-01-01/extension/init/error";

const NAME: &str = "lambda-extension-name";
const ACCEPT_FEATURE: &str = "lambda-extension-accept-feature";
pub(crate) const IDENTIFIER: &str = "lambda-extension-identifier";
const ERROR_TYPE: &str = "lambda-extension-function-error-type";

/// A registered extension.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Identifier that every later call carries.
    pub identifier: String,
    /// Facts about the function from Lambda.
    pub function: Function,
}

/// Answer of `register` about the function. All may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Function {
    /// The function's name.
    pub function_name: Option<String>,
    /// The function's version.
    pub function_version: Option<String>,
    /// The account that the function is in.
    pub account_id: Option<String>,
}

/// Event that `next` returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextEvent {
    /// An invocation begins.
    Invoke(Invoke),
    /// The environment ends.
    Shutdown(Shutdown),
    /// Something that nobody knows yet; asked for by nobody.
    Other(String),
}

/// An invocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invoke {
    /// Deadline of the function: milliseconds since 1970; 0 where unknown.
    pub deadline_ms: u64,
    /// The request.
    pub request_id: String,
    /// The ARN that was invoked.
    pub invoked_function_arn: String,
    /// The value of its `X-Amzn-Trace-Id`; empty where none is told.
    pub trace_header: String,
}

/// The end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// Deadline of the process: milliseconds since 1970; 0 where unknown.
    pub deadline_ms: u64,
    /// `spindown`, `timeout`, `failure`, in some case or other, or something new.
    pub shutdown_reason: String,
}

/// Registers under `name`, the file name of the executable. `invoke`: for INVOKE besides SHUTDOWN.
///
/// # Errors
/// Lambda refuses, or does not answer.
pub async fn register(api: &RuntimeApi, name: &str, invoke: bool) -> Result<Registration, ApiError> {
    let events = if invoke {
        r#"["INVOKE","SHUTDOWN"]"#
    } else {
        r#"["SHUTDOWN"]"#
    };
    let headers = [(NAME, name), (ACCEPT_FEATURE, "accountId")];
    let answer = api
        .call(
            Method::POST,
            REGISTER,
            &headers,
            format!(r#"{{"events":{events}}}"#),
            Keep::ForTheNext,
        )
        .await?;
    let identifier = answer.headers.get(IDENTIFIER).and_then(|value| value.to_str().ok());
    match identifier {
        Some(identifier) if answer.status.is_success() => {
            let mut function: Function = serde_json::from_slice(&answer.body).unwrap_or_default();
            function.account_id = function.account_id.filter(|id| !id.is_empty());
            Ok(Registration {
                identifier: identifier.to_owned(),
                function,
            })
        }
        _ => Err(answer.error()),
    }
}

impl Registration {
    /// Waits for the next event, for as long as it takes.
    ///
    /// # Errors
    /// Lambda refuses, or does not answer.
    pub async fn next(&self, api: &RuntimeApi) -> Result<NextEvent, ApiError> {
        let headers = [(IDENTIFIER, self.identifier.as_str())];
        let answer = api.call(Method::GET, NEXT, &headers, String::new(), Keep::Not).await?;
        if answer.status.is_success() {
            parse_event(&answer)
        } else {
            Err(answer.error())
        }
    }

    /// Lets the function's init fail. The process must exit then.
    ///
    /// # Errors
    /// Lambda refuses, or does not answer.
    pub async fn init_error(&self, api: &RuntimeApi, error_type: &str, message: &str) -> Result<(), ApiError> {
        let headers = [(IDENTIFIER, self.identifier.as_str()), (ERROR_TYPE, error_type)];
        let body = serde_json::json!({"errorType": error_type, "errorMessage": message, "stackTrace": []});
        let answer = api
            .call(Method::POST, INIT_ERROR, &headers, body.to_string(), Keep::Not)
            .await?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(answer.error())
        }
    }
}

/// Reads an event. Only its type must be there: an event that is not understood would not come again.
fn parse_event(answer: &Answer) -> Result<NextEvent, ApiError> {
    let unreadable = |error: String| ApiError {
        status: Some(answer.status.as_u16()),
        message: format!("the event cannot be read: {error}"),
        ..ApiError::default()
    };
    let event: Value = serde_json::from_slice(&answer.body).map_err(|error| unreadable(error.to_string()))?;
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    // Some emulators send a fraction. What is negative or absurd becomes 0 or the largest there is.
    let deadline_ms = event.get("deadlineMs").and_then(Value::as_f64).unwrap_or_default() as u64;
    let kind = text("eventType");
    match kind.to_ascii_uppercase().as_str() {
        "" => Err(unreadable("it has no `eventType`".to_owned())),
        "INVOKE" => Ok(NextEvent::Invoke(Invoke {
            deadline_ms,
            request_id: text("requestId"),
            invoked_function_arn: text("invokedFunctionArn"),
            trace_header: trace_header(&event).unwrap_or_default(),
        })),
        "SHUTDOWN" => Ok(NextEvent::Shutdown(Shutdown {
            deadline_ms,
            shutdown_reason: text("shutdownReason"),
        })),
        _ => Ok(NextEvent::Other(kind)),
    }
}

/// The value of its `X-Amzn-Trace-Id`.
fn trace_header(event: &Value) -> Option<String> {
    let tracing = event.get("tracing")?;
    let is_known = tracing.get("type")?.as_str()? == "X-Amzn-Trace-Id";
    is_known.then(|| tracing.get("value")?.as_str().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<NextEvent, ApiError> {
        parse_event(&Answer {
            status: hyper::StatusCode::OK,
            headers: hyper::HeaderMap::new(),
            body: bytes::Bytes::from(body.to_owned()),
        })
    }

    #[test]
    fn events_of_the_api() {
        let invoke = parse(
            r#"{"eventType":"INVOKE","deadlineMs":1795166045760,"requestId":"7d0c","invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:orders-api","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}"#,
        );
        let Ok(NextEvent::Invoke(invoke)) = invoke else {
            unreachable!("{invoke:?}")
        };
        assert_eq!(
            (
                invoke.deadline_ms,
                invoke.request_id.as_str(),
                invoke.trace_header.as_str()
            ),
            (1_795_166_045_760, "7d0c", "Root=1")
        );
        let shutdown = parse(r#"{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":1795167002000}"#);
        let Ok(NextEvent::Shutdown(shutdown)) = shutdown else {
            unreachable!("{shutdown:?}")
        };
        assert_eq!(shutdown.shutdown_reason, "spindown");
        assert_eq!(
            parse(r#"{"eventType":"LATER"}"#).unwrap(),
            NextEvent::Other("LATER".into())
        );
        assert_eq!(
            parse(r#"{"eventType":"SHUTDOWN"}"#).unwrap(),
            NextEvent::Shutdown(Shutdown::default())
        );
        let odd = parse(r#"{"eventType":"SHUTDOWN","deadlineMs":1795167002000.75,"shutdownReason":null}"#);
        let Ok(NextEvent::Shutdown(odd)) = odd else {
            unreachable!("{odd:?}")
        };
        assert_eq!((odd.deadline_ms, odd.shutdown_reason.as_str()), (1_795_167_002_000, ""));
        assert!(parse("nonsense").is_err());
        assert!(parse("{}").is_err());
    }
}
