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
