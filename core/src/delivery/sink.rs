//! Interface between a lane and its sink.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::record::format::Format;

/// One record of a put.
#[derive(Debug, Clone)]
pub struct Record {
    /// The payload, as it must arrive.
    pub data: Bytes,
    /// The partition key; empty for sinks without keys.
    pub key: String,
}

impl Record {
    /// Its size as AWS counts it: data before base64, and key. Bytes.
    pub fn size(&self) -> usize {
        self.data.len() + self.key.len()
    }
}

/// Limits of one call. Sizes in bytes, before base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Records in a call.
    pub put_records: usize,
    /// All records of a call together, keys included.
    pub put_bytes: usize,
    /// One record, its key included.
    pub record_bytes: usize,
    /// True if records have partition keys.
    pub keyed: bool,
}

/// Outcome of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The sink has it.
    Delivered,
    /// The sink did not take it now.
    Retry(Reason),
    /// The sink will never take it.
    Rejected(Reason),
}

/// A whole call failed; what became of its records is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Kind of failure, which decides the reaction.
    pub reason: Reason,
    /// For a person.
    pub message: String,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// Texts of an error and of what caused it, on one line, for [`Failure::message`]. What a cause says again is left out.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.name(), self.message)
    }
}

/// Reason why something was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// More than the sink's throughput allows.
    Throttled,
    /// The service failed (HTTP 5xx, `InternalFailure`).
    Service,
    /// No connection, or it broke.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The function's role may not write there.
    AccessDenied,
    /// There is no such stream.
    NotFound,
    /// The credentials are missing, expired or refused.
    Credentials,
    /// The stream's KMS key cannot be used.
    Encryption,
    /// The certificate of the endpoint is not trusted.
    Certificate,
    /// The service calls the request invalid.
    Invalid,
    /// The sink's code panicked.
    Panicked,
    /// Anything else.
    Unknown,
}

/// Reaction to a failure. None is final: permissions, streams and keys come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It passes by itself: again after a short, growing pause.
    Retry,
    /// It passes, but not soon: again after longer pauses.
    RetrySlowly,
    /// Somebody must repair it: a look every 30 s.
    Probe,
}

impl Reason {
    /// Reaction to it: the one table.
    pub fn treatment(self) -> Treatment {
        match self {
            Self::Throttled | Self::Service | Self::Unreachable | Self::TimedOut => Treatment::Retry,
            Self::Credentials | Self::Panicked | Self::Unknown => Treatment::RetrySlowly,
            Self::AccessDenied | Self::NotFound | Self::Encryption | Self::Certificate | Self::Invalid => {
                Treatment::Probe
            }
        }
    }

    /// A stable name for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Service => "service_error",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::AccessDenied => "access_denied",
            Self::NotFound => "not_found",
            Self::Credentials => "credentials",
            Self::Encryption => "encryption",
            Self::Certificate => "certificate",
            Self::Invalid => "invalid",
            Self::Panicked => "panicked",
            Self::Unknown => "unknown",
        }
    }
}

/// Answer of a target that was asked if it goes with a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Nothing speaks against it.
    Fits,
    /// Readers lose lines; for a person, with what to do.
    Loses(String),
    /// It may not be asked; for a person, with what to do.
    Closed(String),
    /// It did not answer: it can be asked again.
    Silent,
}

/// A place that records are delivered to.
///
/// A sink neither retries nor times out by itself: its lane does both. `put` may be cancelled at any await.
///
/// # Example
/// A sink that keeps records in memory, and refuses empty ones for good:
/// ```
/// use std::sync::{Mutex, PoisonError};
///
/// use async_trait::async_trait;
/// use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};
///
/// #[derive(Default)]
/// struct Memory(Mutex<Vec<Record>>);
///
/// #[async_trait]
/// impl Sink for Memory {
///     fn limits(&self) -> Limits {
///         Limits { put_records: 500, put_bytes: 1 << 20, record_bytes: 1 << 18, keyed: false }
///     }
///
///     async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
///         let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         let take = |record: &Record| {
///             if record.data.is_empty() {
///                 return Outcome::Rejected(Reason::Invalid);
///             }
///             kept.push(record.clone());
///             Outcome::Delivered
///         };
///         Ok(records.iter().map(take).collect())
///     }
///
///     fn renew(&self) {}
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let record = Record { data: "a line\n".into(), key: String::new() };
/// let outcomes = runtime.block_on(Memory::default().put(&[record]));
/// assert_eq!(outcomes, Ok(vec![Outcome::Delivered]));
/// ```
#[async_trait]
pub trait Sink: Send + Sync {
    /// Limits of a call.
    fn limits(&self) -> Limits;

    /// Delivers `records` in one call and says what became of each, in their order. A missing outcome counts as
    /// [`Outcome::Retry`].
    ///
    /// # Errors
    /// The call failed as a whole.
    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure>;

    /// Drops idle connections: the environment was frozen for so long that they are likely dead.
    fn renew(&self);

    /// Drops whatever was derived in another environment, credentials too: this one was restored from a snapshot.
    fn forget(&self) {
        self.renew();
    }

    /// Opens a connection ahead of the first put, if there is one to open.
    async fn warm_up(&self) {}

    /// Asks if its target goes with records in this format. It is asked once, beside the function.
    async fn look_at_target(&self, _format: Format) -> Target {
        Target::Fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as &dyn Error)
        }
    }

    #[test]
    fn each_cause_is_said_once() {
        let refused = Layer("refused", None);
        let connect = Layer("connect: refused", Some(Box::new(refused)));
        let call = Layer("call", Some(Box::new(connect)));
        assert_eq!(causes(&call), "call: connect: refused");
    }
}
