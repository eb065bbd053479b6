//! Errors of the local Lambda: it cannot run, or something breaks inside it.

use std::fmt;

use crate::lifecycle::InitReport;
use crate::process::OutputLine;

/// Reasons why a call on [`LocalLambda`](crate::LocalLambda) did not happen. A function that fails is not an error here
/// but a result: see [`Invocation`](crate::Invocation).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The builder was given something that Lambda would not accept.
    #[error("configuration: {0}")]
    Configuration(String),
    /// The machine refused a socket or a pipe.
    #[error("{what}: {source}")]
    Io {
        /// Action that failed.
        what: &'static str,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// Init failed. [`Builder::tolerate_init_failure`](crate::Builder::tolerate_init_failure) makes this a result
    /// instead of an error.
    #[error("{0}")]
    Init(Box<InitFailure>),
    /// The environment was shut down for a reason after which Lambda does not use it again.
    #[error("the environment is shut down: start another")]
    ShutDown,
    /// An event given to [`emit`](crate::LocalLambda::emit) is not a JSON object with a `type`.
    #[error("not an event: {0}")]
    Event(#[from] serde_json::Error),
    /// A wait ended without what was waited for.
    #[error("not seen within {0:?}")]
    TimedOut(std::time::Duration),
}

/// A failed init with what is needed to see why. For a person, also in a failing `unwrap`, it shows what broke and
/// what was printed.
pub struct InitFailure {
    /// Result of init.
    pub report: InitReport,
    /// All lines that the processes printed.
    pub output: Vec<OutputLine>,
    /// All events that the platform made, as JSON text, in order.
    pub events: Vec<String>,
}

impl fmt::Display for InitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "init failed ({})", self.report.status)?;
        if let Some(fault) = &self.report.fault {
            write!(f, ": {fault}")?;
        }
        for line in &self.output {
            write!(f, "\n  {} | {}", line.process, line.text)?;
        }
        Ok(())
    }
}

impl fmt::Debug for InitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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
