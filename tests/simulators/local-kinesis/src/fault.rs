//! Faults that can be injected. A [`Fault`] is a value: it says what happens, to which calls, and for how long.

use std::time::Duration;

/// A fault to inject into put calls. Reads and administration never meet one.
///
/// It applies to every put call until it is changed, unless [`for_next`](Fault::for_next),
/// [`for_share`](Fault::for_share) or [`on`](Fault::on) narrow it. Calls that AWS itself would refuse (too large, no such
/// stream) are refused first and use nothing up.
///
/// A refused connection is no fault of a call: for that, [`stop`](crate::Local::stop) the service.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub(crate) kind: Kind,
    /// True if the records are stored before the fault strikes, so that a client who repeats makes duplicates.
    pub(crate) stored: bool,
    /// Number of calls it still applies to; none: until changed.
    pub(crate) left: Option<u32>,
    /// The part of the calls it applies to, 0 to 1.
    pub(crate) share: f64,
    /// The only stream it applies to; none: every one.
    pub(crate) stream: Option<String>,
}

/// Effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// Each record is refused with this probability.
    RefuseShare(f64, RecordError),
    /// The records at these indexes are refused.
    RefuseAt(Vec<usize>, RecordError),
    /// The answer is an error.
    Fail(CallError),
    /// The connection is reset once the request has been read.
    Reset,
    /// No answer ever comes.
    Silence,
    /// The answer comes this much later.
    Delay(Duration),
}

impl Fault {
    /// Refuses each record with probability `share` (0 to 1). The others are stored; the call answers 200 and says so.
    #[must_use]
    pub fn refuse_share(share: f64, error: RecordError) -> Self {
        Self::new(Kind::RefuseShare(share, error))
    }

    /// Refuses the records at these indexes of a call. The others are stored; the call answers 200 and says so.
    #[must_use]
    pub fn refuse_at(indexes: impl Into<Vec<usize>>, error: RecordError) -> Self {
        Self::new(Kind::RefuseAt(indexes.into(), error))
    }

    /// Fails the whole call with this error.
    #[must_use]
    pub fn fail(error: CallError) -> Self {
        Self::new(Kind::Fail(error))
    }

    /// Resets the connection (TCP RST) once the whole request has been read.
    #[must_use]
    pub fn reset() -> Self {
        Self::new(Kind::Reset)
    }

    /// Reads the request and never answers; the connection stays open until the client closes it.
    #[must_use]
    pub fn silence() -> Self {
        Self::new(Kind::Silence)
    }

    /// Answers this much later. A client that hangs up meanwhile has stored nothing, unless
    /// [`after_storing`](Fault::after_storing) is said.
    #[must_use]
    pub fn delay(by: Duration) -> Self {
        Self::new(Kind::Delay(by))
    }

    /// Stores the records first, then strikes: the client does not learn of the success, and its retry makes duplicates.
    /// Says nothing to refused records, which are never stored.
    #[must_use]
    pub fn after_storing(mut self) -> Self {
        self.stored = true;
        self
    }

    /// Applies to the next `calls` calls only.
    #[must_use]
    pub fn for_next(mut self, calls: u32) -> Self {
        self.left = Some(calls);
        self
    }

    /// Applies to each call with probability `share` (0 to 1) only.
    #[must_use]
    pub fn for_share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// Applies to calls on this stream only.
    #[must_use]
    pub fn on(mut self, stream: impl Into<String>) -> Self {
        self.stream = Some(stream.into());
        self
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            stored: false,
            left: None,
            share: 1.0,
            stream: None,
        }
    }
}

/// Reasons why a single record is refused while its call succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordError {
    /// Too much for the shard: `ProvisionedThroughputExceededException` on Kinesis, `ServiceUnavailableException` on
    /// Firehose. Sources: API references of `PutRecords` and `PutRecordBatch`.
    Throttled,
    /// `InternalFailure`, on both.
    Internal,
    /// Any other code: AWS documents none, but a client must live with one.
    Code(String),
}

/// An error in place of a put call's answer, as AWS writes it: a status, a type, a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// The HTTP status.
    pub status: u16,
    /// AWS's error type, in the body's `__type` and in the header `x-amzn-ErrorType`.
    pub code: String,
    /// The sentence in the body's `message`.
    pub message: String,
}

impl CallError {
    /// Any error: an HTTP status and AWS's error type.
    #[must_use]
    pub fn new(status: u16, code: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: "Injected by local-kinesis.".to_owned(),
        }
    }

    /// The same error with another sentence.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// 400 `ProvisionedThroughputExceededException`: the whole call is too much for the stream. The API reference of
    /// Kinesis gives its exceptions the status 400 unless it says otherwise.
    #[must_use]
    pub fn throughput_exceeded() -> Self {
        Self::new(400, "ProvisionedThroughputExceededException")
    }

    /// 429 `ThrottlingException`: too many requests.
    #[must_use]
    pub fn throttling() -> Self {
        Self::new(429, "ThrottlingException")
    }

    /// 500 `InternalFailure`. Source: the API references' common errors.
    #[must_use]
    pub fn internal_failure() -> Self {
        Self::new(500, "InternalFailure")
    }

    /// 503 `ServiceUnavailable`. Source: the API references' common errors.
    #[must_use]
    pub fn service_unavailable() -> Self {
        Self::new(503, "ServiceUnavailable")
    }

    /// 400 `AccessDeniedException`: the policy does not allow it.
    #[must_use]
    pub fn access_denied() -> Self {
        Self::new(400, "AccessDeniedException")
    }

    /// 400 `ResourceNotFoundException`: there is no such stream.
    #[must_use]
    pub fn resource_not_found() -> Self {
        Self::new(400, "ResourceNotFoundException")
    }

    /// 400 `ExpiredTokenException`: the credentials are too old.
    #[must_use]
    pub fn expired_token() -> Self {
        Self::new(400, "ExpiredTokenException")
    }

    /// 400 `KMSThrottlingException`: the key of an encrypted stream is asked for too often.
    #[must_use]
    pub fn kms_throttling() -> Self {
        Self::new(400, "KMSThrottlingException")
    }
}
