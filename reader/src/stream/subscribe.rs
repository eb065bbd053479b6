//! A subscription to one shard: records that Kinesis pushes, until its session ends. Kinesis API reference,
//! `SubscribeToShard`.

use std::time::Duration;

use aws_sdk_kinesis::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_kinesis::error::ProvideErrorMetadata as _;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::primitives::event_stream::EventReceiver;
use aws_sdk_kinesis::types::error::SubscribeToShardEventStreamError;
use aws_sdk_kinesis::types::{ShardIteratorType, StartingPosition, SubscribeToShardEventStream};
use aws_smithy_runtime_api::client::result::SdkError;
use tokio::time::{Instant, timeout};

use super::Record;
use super::api::{Api, Error, read};
use super::position::Position;
use forwarder_core::delivery::sink::causes;

const OPERATION: &str = "SubscribeToShard";

/// A session in which nothing comes for so long is given up. Kinesis sends an event every few seconds, with records or
/// without. Kinesis Client Library, `FanOutConfig`: 35 seconds.
const SILENCE: Duration = Duration::from_secs(35);

/// An open session.
#[derive(Debug)]
pub(super) struct Subscription {
    events: EventReceiver<SubscribeToShardEventStream, SubscribeToShardEventStreamError>,
    /// Time of the call: every event of the session was made later.
    pub(super) began: Instant,
    /// At least one event came.
    has_begun: bool,
}

/// One event of a session.
pub(super) struct Pushed {
    pub(super) records: Vec<Record>,
    /// Where the next session begins; none at the end of the shard.
    pub(super) continuation: Option<String>,
    pub(super) behind: Duration,
    /// The shard is closed, and nothing more is in it.
    pub(super) ended: bool,
}

/// Where a session begins.
pub(super) enum Beginning<'a> {
    Position(&'a Position),
    /// With the record of this number, or the first one after it.
    Number(&'a str),
}

impl Api {
    pub(super) async fn subscribe(
        &self,
        consumer: &str,
        shard: &str,
        beginning: Beginning<'_>,
    ) -> Result<Subscription, Error> {
        let began = Instant::now();
        // Silence is judged here: between two events of a quiet shard there is nothing for seconds.
        let patient = Builder::new().stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let call = self
            .client
            .subscribe_to_shard()
            .consumer_arn(consumer)
            .shard_id(shard)
            .starting_position(beginning.to_api()?)
            .customize()
            .config_override(patient);
        let answer = call.send().await.map_err(|error| Error::new(OPERATION, error))?;
        Ok(Subscription {
            events: answer.event_stream,
            began,
            has_begun: false,
        })
    }
}

impl Beginning<'_> {
    fn to_api(&self) -> Result<StartingPosition, Error> {
        let position = StartingPosition::builder();
        let position = match self {
            Self::Number(number) => position
                .r#type(ShardIteratorType::AtSequenceNumber)
                .sequence_number(*number),
            Self::Position(Position::Latest | Position::Done) => position.r#type(ShardIteratorType::Latest),
            Self::Position(Position::TrimHorizon) => position.r#type(ShardIteratorType::TrimHorizon),
            Self::Position(Position::At(millis)) => position
                .r#type(ShardIteratorType::AtTimestamp)
                .timestamp(DateTime::from_millis(i64::try_from(*millis).unwrap_or(i64::MAX))),
            Self::Position(Position::After(number)) => position
                .r#type(ShardIteratorType::AfterSequenceNumber)
                .sequence_number(number),
        };
        position.build().map_err(|error| Error::NotCalled {
            operation: OPERATION,
            reason: error.to_string(),
        })
    }
}

impl Subscription {
    /// The next event; none once the session is over, which it is after five minutes.
    pub(super) async fn next(&mut self, shard: &str) -> Result<Option<Pushed>, Error> {
        loop {
            let event = timeout(SILENCE, self.events.recv())
                .await
                .map_err(|_| unreachable(format!("nothing came for {} s", SILENCE.as_secs())))?
                .map_err(broken)?;
            match event {
                Some(SubscribeToShardEventStream::SubscribeToShardEvent(event)) => {
                    self.has_begun = true;
                    let behind = u64::try_from(event.millis_behind_latest).unwrap_or_default();
                    let continuation = Some(event.continuation_sequence_number).filter(|number| !number.is_empty());
                    // Kinesis names children with the last event alone. Some stand-ins name them as soon as the shard
                    // is closed: then an event without records is its last.
                    let is_last = event.child_shards.is_some_and(|children| !children.is_empty());
                    return Ok(Some(Pushed {
                        ended: continuation.is_none() || (is_last && event.records.is_empty()),
                        records: event.records.into_iter().map(|record| read(record, shard)).collect(),
                        continuation,
                        behind: Duration::from_millis(behind),
                    }));
                }
                // An event of a kind that is not known yet.
                Some(_) => {}
                // A session that ends at once would be begun again without a pause.
                None if !self.has_begun => return Err(unreachable("the session ended before its first event".into())),
                None => return Ok(None),
            }
        }
    }
}

/// What an error within a session means.
fn broken<R>(error: SdkError<SubscribeToShardEventStreamError, R>) -> Error
where
    R: std::fmt::Debug + 'static,
{
    match &error {
        SdkError::ServiceError(context) => Error::Refused {
            operation: OPERATION,
            status: 400,
            code: context.err().code().unwrap_or("an error without a name").to_owned(),
            message: context.err().message().unwrap_or("no message").to_owned(),
        },
        _ => unreachable(causes(&error)),
    }
}

fn unreachable(reason: String) -> Error {
    Error::Unreachable {
        operation: OPERATION,
        reason,
    }
}
