//! Errors of running or reading a local service.

use std::io;
use std::time::Duration;

use crate::counts::Counts;

/// Reasons why an operation on a local service failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port could not be taken.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; is another process on this port?")]
    Listen {
        /// The port asked for; 0 for any.
        port: u16,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The service could not be reached by its own reader.
    #[error("cannot reach {endpoint}: {reason}; a stopped service must be started before it is read")]
    Unreachable {
        /// Address that the reader tried.
        endpoint: String,
        /// The error.
        reason: String,
    },
    /// The service answered with an error.
    #[error("{operation} was refused: {status} {code}: {message}")]
    Refused {
        /// The operation, as in `X-Amz-Target`.
        operation: String,
        /// The HTTP status.
        status: u16,
        /// AWS's error type.
        code: String,
        /// The sentence that came with it.
        message: String,
    },
    /// An answer did not have the shape that the API promises.
    #[error("{operation} answered something unexpected: {reason}")]
    Unexpected {
        /// The operation, as in `X-Amz-Target`.
        operation: String,
        /// The missing or wrong thing.
        reason: String,
    },
    /// The awaited condition did not happen in time.
    #[error("waited {waited:?} on stream {stream} in vain; it stands at {counts:?}")]
    TimedOut {
        /// The stream that was watched.
        stream: String,
        /// Duration.
        waited: Duration,
        /// The counts at the end of the wait.
        counts: Box<Counts>,
    },
}
