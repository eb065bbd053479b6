//! The calls that a reader makes, but for those of enhanced fan-out, and what their errors mean.

use std::time::{Duration, SystemTime};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::{self, ShardIteratorType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::task::JoinError;

use super::Record;
use super::lineage::Listed;
use super::position::Position;
use forwarder_core::delivery::sink::causes;

/// A stream, by its name or its ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stream {
    /// In the client's own account and region.
    Name(String),
    /// Wherever that is.
    Arn(String),
}

impl Stream {
    /// Text that begins like an ARN is one.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.starts_with("arn:") {
            Self::Arn(text)
        } else {
            Self::Name(text)
        }
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Name(text) | Self::Arn(text) => text,
        }
    }

    /// The region that an ARN names.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::Name(_) => None,
            Self::Arn(arn) => arn.split(':').nth(3).filter(|region| !region.is_empty()),
        }
    }

    fn name(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Arn(_) => None,
        }
    }

    fn arn(&self) -> Option<String> {
        match self {
            Self::Name(_) => None,
            Self::Arn(arn) => Some(arn.clone()),
        }
    }
}

/// Reasons why a stream could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kinesis answered with an error.
    #[error("{operation} was refused: {code}: {message}")]
    Refused {
        /// The operation.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
        /// AWS's error type.
        code: String,
        /// The sentence that came with it.
        message: String,
    },
    /// Kinesis could not be reached, or its answer broke off.
    #[error("{operation} got no answer: {reason}")]
    Unreachable {
        /// The operation.
        operation: &'static str,
        /// The error.
        reason: String,
    },
    /// The call could not be made: credentials, region, endpoint.
    #[error("{operation} could not be called: {reason}")]
    NotCalled {
        /// The operation.
        operation: &'static str,
        /// The missing thing.
        reason: String,
    },
}

/// Errors that pass by themselves. Kinesis API reference, common errors.
const PASSING: [&str; 8] = [
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "ThrottlingException",
    "KMSThrottlingException",
    "InternalFailure",
    "InternalFailureException",
    "ResourceInUseException",
    // The list of shards is asked for again, from its beginning.
    "ExpiredNextTokenException",
];

impl Error {
    /// True if the same call may succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused { status, code, .. } => *status >= 500 || *status == 429 || PASSING.contains(&code.as_str()),
            Self::Unreachable { .. } => true,
            Self::NotCalled { .. } => false,
        }
    }

    pub(super) fn argument_is_invalid(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "InvalidArgumentException")
    }

    pub(super) fn is_not_there(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "ResourceNotFoundException")
    }

    pub(super) fn is_in_use(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "ResourceInUseException")
    }

    pub(super) fn iterator_expired(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "ExpiredIteratorException")
    }

    /// A turn's task broke.
    pub(super) fn task(error: JoinError) -> Self {
        Self::NotCalled {
            operation: "GetRecords",
            reason: error.to_string(),
        }
    }

    pub(super) fn new<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let reason = || causes(&error);
        match &error {
            SdkError::ServiceError(context) => Self::Refused {
                operation,
                status: context.raw().status().as_u16(),
                code: context.err().code().unwrap_or("an error without a name").to_owned(),
                message: context.err().message().unwrap_or("no message").to_owned(),
            },
            SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => Self::Unreachable {
                operation,
                reason: reason(),
            },
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Self::Unreachable {
                operation,
                reason: reason(),
            },
            _ => Self::NotCalled {
                operation,
                reason: reason(),
            },
        }
    }
}

/// Calls about one stream.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) client: Client,
    pub(super) stream: Stream,
    /// ARN of a registered consumer: shards are subscribed to, not asked.
    pub(super) consumer: Option<String>,
}

/// Answer of `GetRecords`.
pub(super) struct Got {
    pub(super) records: Vec<Record>,
    /// Absent once a closed shard has been read to its end.
    pub(super) next: Option<String>,
    pub(super) behind: Duration,
}

impl Api {
    pub(super) async fn retention(&self) -> Option<Duration> {
        let call = self.client.describe_stream_summary();
        let call = call
            .set_stream_name(self.stream.name())
            .set_stream_arn(self.stream.arn());
        let summary = call.send().await.ok()?.stream_description_summary?;
        let hours = u64::try_from(summary.retention_period_hours)
            .ok()
            .filter(|hours| *hours > 0)?;
        Some(Duration::from_secs(hours * 3_600))
    }

    pub(super) async fn list_shards(&self) -> Result<Vec<Listed>, Error> {
        let mut listed = Vec::new();
        let mut token = None;
        loop {
            let call = match token {
                None => self
                    .client
                    .list_shards()
                    .set_stream_name(self.stream.name())
                    .set_stream_arn(self.stream.arn()),
                // With a token the stream may not be named by name again.
                Some(token) => self
                    .client
                    .list_shards()
                    .next_token(token)
                    .set_stream_arn(self.stream.arn()),
            };
            let answer = call.send().await.map_err(|error| Error::new("ListShards", error))?;
            listed.extend(answer.shards().iter().map(of_api));
            token = answer.next_token;
            if token.is_none() {
                return Ok(listed);
            }
        }
    }

    pub(super) async fn iterator(&self, shard: &str, position: &Position) -> Result<String, Error> {
        let operation = "GetShardIterator";
        let call = self
            .client
            .get_shard_iterator()
            .set_stream_name(self.stream.name())
            .set_stream_arn(self.stream.arn())
            .shard_id(shard);
        let call = match position {
            Position::Latest | Position::Done => call.shard_iterator_type(ShardIteratorType::Latest),
            Position::TrimHorizon => call.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Position::At(millis) => call
                .shard_iterator_type(ShardIteratorType::AtTimestamp)
                .timestamp(DateTime::from_millis(i64::try_from(*millis).unwrap_or(i64::MAX))),
            Position::After(number) => call
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(number),
        };
        let answer = call.send().await.map_err(|error| Error::new(operation, error))?;
        answer.shard_iterator.ok_or_else(|| Error::Unreachable {
            operation,
            reason: "the answer has no iterator".to_owned(),
        })
    }

    pub(super) async fn get_records(&self, shard: &str, iterator: &str, limit: usize) -> Result<Got, Error> {
        let call = self
            .client
            .get_records()
            .shard_iterator(iterator)
            .set_stream_arn(self.stream.arn())
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = call.send().await.map_err(|error| Error::new("GetRecords", error))?;
        let behind = answer.millis_behind_latest().unwrap_or_default();
        Ok(Got {
            behind: Duration::from_millis(u64::try_from(behind).unwrap_or_default()),
            next: answer.next_shard_iterator,
            records: answer.records.into_iter().map(|record| read(record, shard)).collect(),
        })
    }
}

fn of_api(shard: &types::Shard) -> Listed {
    let parents = [shard.parent_shard_id(), shard.adjacent_parent_shard_id()];
    Listed {
        shard: shard.shard_id().to_owned(),
        parents: parents.into_iter().flatten().map(str::to_owned).collect(),
        closed: shard
            .sequence_number_range()
            .is_some_and(|range| range.ending_sequence_number().is_some()),
    }
}

pub(super) fn read(record: types::Record, shard: &str) -> Record {
    let arrival = record
        .approximate_arrival_timestamp
        .and_then(|time| time.to_millis().ok());
    let millis = u64::try_from(arrival.unwrap_or_default()).unwrap_or_default();
    Record {
        shard: shard.to_owned(),
        sequence_number: record.sequence_number,
        partition_key: record.partition_key.unwrap_or_default(),
        data: record.data.into_inner().into(),
        arrival: SystemTime::UNIX_EPOCH + Duration::from_millis(millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_somebody_must_mend() {
        let refused = |status, code: &str| Error::Refused {
            operation: "GetRecords",
            status,
            code: code.into(),
            message: String::new(),
        };
        for (status, code) in [
            (400, "ProvisionedThroughputExceededException"),
            (400, "LimitExceededException"),
            (400, "ExpiredNextTokenException"),
            (500, "InternalFailure"),
            (503, "whatever"),
        ] {
            assert!(refused(status, code).may_pass(), "{code}");
        }
        for code in [
            "ResourceNotFoundException",
            "AccessDeniedException",
            "ExpiredTokenException",
        ] {
            assert!(!refused(400, code).may_pass(), "{code}");
        }
        assert!(refused(400, "ExpiredIteratorException").iterator_expired());
    }

    #[test]
    fn an_arn_knows_its_region() {
        let arn = Stream::new("arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry");
        assert_eq!((arn.region(), arn.name()), (Some("eu-west-1"), None));
        let name = Stream::new("telemetry");
        assert_eq!((name.region(), name.name().as_deref()), (None, Some("telemetry")));
    }
}
