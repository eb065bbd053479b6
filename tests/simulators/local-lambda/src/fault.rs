//! What may go wrong inside: a fault in the environment, a refusal by an API.

use std::fmt;

/// Refusal of a request by one of the APIs, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    pub(crate) error_type: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn bad_request(error_type: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            error_type,
            message: message.into(),
        }
    }

    pub(crate) fn forbidden(error_type: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 403,
            ..Self::bad_request(error_type, message)
        }
    }
}

/// Status of a phase or an invocation, in the words of the Telemetry API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All went well.
    Success,
    /// The function or an extension broke, or the function answered with an error.
    Error,
    /// The platform broke.
    Failure,
    /// The function's timeout, or the limit of init, was reached.
    Timeout,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Failure => "failure",
            Self::Timeout => "timeout",
        })
    }
}

/// Error type, as Lambda names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Lambda's error type, for example `Runtime.ExitError`, `Extension.Crash`, `Function.Unknown`.
    pub error_type: String,
    /// One sentence for a person; for an error the function answered with, its body.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.into(),
            message: message.into(),
        }
    }

    /// The type as events tell it: a timeout says all, Lambda gives no type with it.
    pub(crate) fn told_type(&self) -> Option<&str> {
        (self.status() != Status::Timeout).then_some(self.error_type.as_str())
    }

    /// Lambda calls what its sandbox does `failure`, and everything else `error`.
    pub(crate) fn status(&self) -> Status {
        if self.error_type == TIMED_OUT {
            Status::Timeout
        } else if self.error_type.starts_with("Sandbox.") {
            Status::Failure
        } else {
            Status::Error
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

/// The error type of what took longer than it may.
pub(crate) const TIMED_OUT: &str = "Sandbox.Timedout";
