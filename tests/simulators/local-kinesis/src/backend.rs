//! Interface of the service behind the layer in front.

use std::future::Future;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::counts::Rounding;
use crate::encoding::Encoding;
use crate::fault::{CallError, RecordError};
use crate::limits::Limits;
use crate::put::{Outcome, Put, Shape};

/// A service that takes puts.
pub trait Backend: Send + Sync + 'static {
    /// Names used by the service.
    const NAMES: Names;

    /// Encodings that it takes puts in.
    const ENCODINGS: &'static [Encoding];

    /// Reads a put call's body. An unknown stream is not noticed yet.
    fn read(&self, shape: Shape, encoding: Encoding, body: &[u8]) -> Result<Put, CallError>;

    /// Capacity of the stream. An unknown stream is an error.
    fn limits(&self, stream: &str) -> impl Future<Output = Result<Limits, CallError>> + Send;

    /// Stores the records but those that are to be refused. One outcome a record, in order.
    fn store(
        &self,
        put: &Put,
        refuse: &[Option<RecordError>],
    ) -> impl Future<Output = Result<Vec<Outcome>, CallError>> + Send;

    /// Answers whatever is no put call.
    fn pass(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;
}

/// Names used by a service.
#[derive(Debug)]
pub struct Names {
    /// The value of `X-Amz-Target` for one record.
    pub(crate) put_one: &'static str,
    /// The value of `X-Amz-Target` for many records.
    pub(crate) put_many: &'static str,
    /// The member of an answer that counts the refused records.
    pub(crate) refused_count: &'static str,
    /// The member of an answer that holds an entry for each record.
    pub(crate) entries: &'static str,
    /// The code of a record refused for lack of throughput.
    pub(crate) throttled: &'static str,
    /// The status of a `PutRecord` refused for lack of throughput.
    pub(crate) throttled_status: u16,
    /// Rounding of the bill.
    pub(crate) rounding: Rounding,
}

impl Names {
    /// The code that the service gives an injected refusal.
    pub(crate) fn code(&self, error: &RecordError) -> String {
        match error {
            RecordError::Throttled => self.throttled.to_owned(),
            RecordError::Internal => "InternalFailure".to_owned(),
            RecordError::Code(code) => code.clone(),
        }
    }
}
