//! Puts, into ferrokinesis' store.

use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::routing::RouterIntoService;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrokinesis::error::KinesisErrorResponse;
use ferrokinesis::sequence::partition_key_to_hash_key;
use ferrokinesis::store::{SequenceAllocation, Store, StoreOptions, ThroughputReservation};
use ferrokinesis::types::StoredRecordRef;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper::{Request, Response};
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use serde_json::json;

use super::refused::refused;
use super::subscribe;
use crate::backend::{Backend, Names};
use crate::counts::{KB, Rounding};
use crate::encoding::{Data, Encoding};
use crate::fault::{CallError, RecordError};
use crate::limits::{self, KIB, Limits};
use crate::put::{Outcome, Put, Record, Shape};
use crate::wire;

/// An embedded ferrokinesis.
pub struct Kinesis {
    /// Answers all that is no put.
    router: TowerToHyperService<RouterIntoService<Body>>,
    pub(super) store: Store,
}

impl std::fmt::Debug for Kinesis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kinesis").finish_non_exhaustive()
    }
}

impl Kinesis {
    pub(super) fn new(options: StoreOptions) -> Self {
        let (router, store) = ferrokinesis::create_app(options);
        // axum would refuse bodies of more than 2 MB.
        let router = router.layer(DefaultBodyLimit::disable());
        Self {
            router: TowerToHyperService::new(router.into_service()),
            store,
        }
    }

    /// Makes room for one record in its shard's second, or fails because the shard had enough. Key and data count.
    async fn reserve(
        &self,
        stream: &str,
        record: &Record,
        place: &SequenceAllocation,
    ) -> Result<ThroughputReservation, KinesisErrorResponse> {
        self.store
            .try_reserve_shard_throughput(stream, &place.shard_id, record.bytes(), place.now)
            .await
    }

    /// The refusal of one record, in AWS's words. Kinesis API reference, PutRecords, examples.
    fn refusal(&self, error: &RecordError, stream: &str, shard: &str) -> Outcome {
        let message = match error {
            RecordError::Throttled => {
                let account = &self.store.aws_account_id;
                format!("Rate exceeded for shard {shard} in stream {stream} under account {account}.")
            }
            RecordError::Internal | RecordError::Code(_) => "Internal service failure.".to_owned(),
        };
        Outcome::Refused {
            code: Self::NAMES.code(error),
            message,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecords {
    #[serde(flatten)]
    stream: Stream,
    records: Vec<Entry>,
}

#[derive(Deserialize)]
struct PutRecord {
    #[serde(flatten)]
    stream: Stream,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stream {
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    data: Data,
    /// An absent key is refused like an empty one: these streams have the strategy `USER_PARTITION_KEY`.
    #[serde(default)]
    partition_key: String,
    explicit_hash_key: Option<String>,
}

impl Entry {
    fn record(self) -> Record {
        Record {
            data: self.data.0,
            key: self.partition_key,
            explicit_hash_key: self.explicit_hash_key,
        }
    }
}

impl Backend for Kinesis {
    const NAMES: Names = Names {
        put_one: "Kinesis_20131202.PutRecord",
        put_many: "Kinesis_20131202.PutRecords",
        refused_count: "FailedRecordCount",
        entries: "Records",
        throttled: "ProvisionedThroughputExceededException",
        throttled_status: 400,
        rounding: Rounding {
            step_kb: 1,
            put_unit: Some(25 * KB),
        },
    };

    const ENCODINGS: &'static [Encoding] = &[Encoding::Json, Encoding::Cbor];

    fn read(&self, shape: Shape, encoding: Encoding, body: &[u8]) -> Result<Put, CallError> {
        let (stream, entries) = match shape {
            Shape::One => encoding
                .read(body)
                .map(|put: PutRecord| (put.stream, vec![put.entry]))?,
            Shape::Many => encoding.read(body).map(|put: PutRecords| (put.stream, put.records))?,
        };
        let named = json!({ "StreamName": stream.stream_name, "StreamARN": stream.stream_arn });
        let stream = self.store.resolve_stream_name(&named).map_err(refused)?;
        let records = entries.into_iter().map(Entry::record).collect();
        Ok(Put { stream, shape, records })
    }

    async fn limits(&self, stream: &str) -> Result<Limits, CallError> {
        let stream = self.store.get_stream(stream).await.map_err(refused)?;
        Ok(limits::kinesis(u64::from(stream.max_record_size_kib) * KIB))
    }

    async fn store(&self, put: &Put, refuse: &[Option<RecordError>]) -> Result<Vec<Outcome>, CallError> {
        let hashes = put.records.iter().map(hash).collect::<Result<Vec<_>, _>>()?;
        let places = self
            .store
            .allocate_sequences_batch(&put.stream, &hashes)
            .await
            .map_err(refused)?;
        // What ferrokinesis stores.
        let encoded: Vec<String> = put.records.iter().map(|record| STANDARD.encode(&record.data)).collect();
        let mut batch = Vec::with_capacity(places.len());
        let mut reserved = Vec::with_capacity(places.len());
        let mut outcomes = Vec::with_capacity(places.len());
        for (((record, data), place), injected) in put.records.iter().zip(&encoded).zip(&places).zip(refuse) {
            if let Some(error) = injected {
                outcomes.push(self.refusal(error, &put.stream, &place.shard_id));
                continue;
            }
            match self.reserve(&put.stream, record, place).await {
                Ok(reservation) => reserved.push(reservation),
                Err(_) => {
                    outcomes.push(self.refusal(&RecordError::Throttled, &put.stream, &place.shard_id));
                    continue;
                }
            }
            batch.push((place.stream_key.clone(), stored(record, data, place.now)));
            outcomes.push(Outcome::Stored(
                json!({ "ShardId": place.shard_id, "SequenceNumber": place.seq_num }),
            ));
        }
        if let Err(error) = self.store.put_records_batch(&put.stream, &batch).await {
            for reservation in reserved {
                self.store.refund_shard_throughput(reservation).await;
            }
            return Err(refused(error));
        }
        Ok(outcomes)
    }

    async fn pass(&self, request: Request<Incoming>) -> Response<Body> {
        if wire::target(request.headers()) == subscribe::TARGET {
            return subscribe::answer(&self.store, request).await;
        }
        let answered = self.router.call(request.map(Body::new)).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

fn hash(record: &Record) -> Result<u128, CallError> {
    let Some(explicit) = &record.explicit_hash_key else {
        return Ok(partition_key_to_hash_key(&record.key));
    };
    explicit.parse().map_err(|_| {
        CallError::new(400, "InvalidArgumentException").with_message(format!(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {explicit}"
        ))
    })
}

fn stored<'a>(record: &'a Record, data: &'a str, now_ms: u64) -> StoredRecordRef<'a> {
    StoredRecordRef {
        partition_key: &record.key,
        data,
        // Seconds with their milliseconds, as AWS gives them; a double holds both for the next centuries.
        approximate_arrival_timestamp: now_ms as f64 / 1_000.0,
    }
}
