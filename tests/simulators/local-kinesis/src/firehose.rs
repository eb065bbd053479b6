//! A small stand-in for Amazon Data Firehose: it takes puts and keeps what it was given.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde::Deserialize;
use serde_json::json;

use crate::backend::{Backend, Names};
use crate::counts::Rounding;
use crate::encoding::{Data, Encoding};
use crate::error::Error;
use crate::fault::{CallError, RecordError};
use crate::gate::Gate;
use crate::limits::{self, Limits};
use crate::local::Local;
use crate::put::{Outcome, Put, Record, Shape};
use crate::wire;

/// A Firehose on one machine: `PutRecordBatch` and `PutRecord`, and what was delivered.
pub type LocalFirehose = Local<Firehose>;

/// The streams and what they were given.
#[derive(Debug)]
pub struct Firehose {
    /// A std mutex: held for the time of a copy of pointers, never across an await.
    streams: Mutex<BTreeMap<String, Vec<Bytes>>>,
}

/// Says what a [`LocalFirehose`] is to be.
#[derive(Debug, Default)]
pub struct FirehoseBuilder {
    streams: Vec<String>,
    port: u16,
    seed: u64,
}

impl FirehoseBuilder {
    /// Adds a delivery stream.
    #[must_use]
    pub fn stream(mut self, name: impl Into<String>) -> Self {
        self.streams.push(name.into());
        self
    }

    /// Listens on this port; without it, on one that is free.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Seed of the faults' random numbers; 0 without it.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// The port could not be taken.
    pub async fn start(self) -> Result<LocalFirehose, Error> {
        let streams = self.streams.into_iter().map(|name| (name, Vec::new())).collect();
        Local::serve(
            Gate::new(
                Firehose {
                    streams: Mutex::new(streams),
                },
                self.seed,
            ),
            self.port,
        )
        .await
    }
}

impl LocalFirehose {
    /// Begins a description; it needs at least one stream to be of use.
    #[must_use]
    pub fn builder() -> FirehoseBuilder {
        FirehoseBuilder::default()
    }

    /// The records that a stream was given, in order. None for an unknown stream.
    #[must_use]
    pub fn delivered(&self, stream: &str) -> Vec<Bytes> {
        self.backend().lock().get(stream).cloned().unwrap_or_default()
    }

    /// The object that Firehose would write to S3: the records one after the other with nothing between them.
    #[must_use]
    pub fn delivered_object(&self, stream: &str) -> Bytes {
        self.delivered(stream).concat().into()
    }

    /// Waits until the records a stream was given are as wished; looked at now and whenever something arrives.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when it takes longer than `within`.
    pub async fn wait_for_delivered(
        &self,
        stream: &str,
        within: Duration,
        wished: impl Fn(&[Bytes]) -> bool,
    ) -> Result<Vec<Bytes>, Error> {
        self.wait(stream, within, async || {
            let delivered = self.delivered(stream);
            Ok(wished(&delivered).then_some(delivered))
        })
        .await
    }
}

impl Firehose {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Bytes>>> {
        // Pushing does not panic; if it did, what was delivered would still be whole.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecordBatch {
    delivery_stream_name: String,
    records: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecord {
    delivery_stream_name: String,
    record: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    data: Data,
}

impl Backend for Firehose {
    const NAMES: Names = Names {
        put_one: "Firehose_20150804.PutRecord",
        put_many: "Firehose_20150804.PutRecordBatch",
        refused_count: "FailedPutCount",
        entries: "RequestResponses",
        throttled: "ServiceUnavailableException",
        throttled_status: 503,
        rounding: Rounding {
            step_kb: 5,
            put_unit: None,
        },
    };

    const ENCODINGS: &'static [Encoding] = &[Encoding::Json];

    fn read(&self, shape: Shape, encoding: Encoding, body: &[u8]) -> Result<Put, CallError> {
        let (stream, entries) = match shape {
            Shape::One => encoding
                .read(body)
                .map(|put: PutRecord| (put.delivery_stream_name, vec![put.record]))?,
            Shape::Many => encoding
                .read(body)
                .map(|put: PutRecordBatch| (put.delivery_stream_name, put.records))?,
        };
        let records = entries.into_iter().map(|Entry { data }| Record {
            data: data.0,
            key: String::new(),
            explicit_hash_key: None,
        });
        Ok(Put {
            stream,
            shape,
            records: records.collect(),
        })
    }

    async fn limits(&self, stream: &str) -> Result<Limits, CallError> {
        // Firehose API reference, PutRecordBatch: a name, 1 to 64 of these characters. An ARN has others.
        let named = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if stream.is_empty() || stream.len() > 64 || !stream.chars().all(named) {
            return Err(CallError::new(400, "ValidationException").with_message(format!(
                "1 validation error detected: Value '{stream}' at 'deliveryStreamName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]{{1,64}}"
            )));
        }
        if !self.lock().contains_key(stream) {
            return Err(CallError::resource_not_found()
                .with_message(format!("Firehose {stream} not found under account {ACCOUNT}.")));
        }
        Ok(limits::FIREHOSE)
    }

    async fn store(&self, put: &Put, refuse: &[Option<RecordError>]) -> Result<Vec<Outcome>, CallError> {
        let mut streams = self.lock();
        let delivered = streams.entry(put.stream.clone()).or_default();
        let outcomes = put.records.iter().zip(refuse).map(|(record, refused)| match refused {
            Some(error) => {
                let message = match error {
                    RecordError::Throttled => "Slow down.",
                    RecordError::Internal | RecordError::Code(_) => "Internal service failure.",
                };
                Outcome::Refused {
                    code: Self::NAMES.code(error),
                    message: message.to_owned(),
                }
            }
            None => {
                delivered.push(record.data.clone());
                let id = format!("{}/{:012}", put.stream, delivered.len());
                Outcome::Stored(match put.shape {
                    Shape::One => json!({ "RecordId": id, "Encrypted": false }),
                    Shape::Many => json!({ "RecordId": id }),
                })
            }
        });
        Ok(outcomes.collect())
    }

    async fn pass(&self, request: Request<Incoming>) -> Response<Body> {
        let target = wire::target(request.headers()).to_owned();
        let encoding = wire::encoding(request.headers());
        let error = CallError::new(400, "UnknownOperationException").with_message(format!(
            "the local Firehose takes PutRecordBatch and PutRecord, not '{target}'"
        ));
        wire::error(&error, encoding)
    }
}

/// The account that a local Firehose belongs to: ferrokinesis' default.
const ACCOUNT: &str = "000000000000";
