//! One turn of one shard: an iterator if there is none, and records.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Record;
use super::api::{Api, Error};
use super::pace;
use super::position::Position;

/// A shard that is being read.
#[derive(Debug)]
pub(super) struct ShardReader {
    pub(super) shard: String,
    /// After the records that the last turn gave.
    pub(super) position: Position,
    /// Time of the last call for records.
    pub(super) called: Instant,
    /// Turns in a row that failed.
    pub(super) failures: u32,
    iterator: Option<String>,
    limit: usize,
    /// Records that arrived before are not wanted. Some stand-ins of Kinesis give it nevertheless where nothing came
    /// since.
    since: SystemTime,
}

/// Result of a turn.
#[derive(Debug)]
pub(super) enum Turn {
    Read {
        records: Vec<Record>,
        behind: Duration,
        /// Nothing was behind these records when they were asked for.
        at_end: bool,
        /// The shard is closed, and nothing more is in it.
        ended: bool,
    },
    Failed(Error),
}

impl ShardReader {
    pub(super) fn new(shard: String, position: Position) -> Self {
        let since = match position {
            Position::At(millis) => SystemTime::UNIX_EPOCH + Duration::from_millis(millis),
            _ => SystemTime::UNIX_EPOCH,
        };
        Self {
            since,
            shard,
            position,
            called: Instant::now(),
            failures: 0,
            iterator: None,
            limit: pace::first_limit(),
        }
    }

    pub(super) async fn turn(mut self, api: &Api) -> (Self, Turn) {
        let turn = match self.read(api).await {
            Ok(turn) => {
                self.failures = 0;
                turn
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                Turn::Failed(error)
            }
        };
        (self, turn)
    }

    async fn read(&mut self, api: &Api) -> Result<Turn, Error> {
        let iterator = match self.iterator.clone() {
            Some(iterator) => iterator,
            None => self.renew(api).await?,
        };
        self.called = Instant::now();
        let mut got = match api.get_records(&self.shard, &iterator, self.limit).await {
            Err(error) if error.iterator_expired() => {
                let iterator = self.renew(api).await?;
                api.get_records(&self.shard, &iterator, self.limit).await?
            }
            got => got?,
        };
        if let Some(last) = got.records.last() {
            self.position = Position::After(last.sequence_number.clone());
        }
        // Some stand-ins of Kinesis say that nothing is behind whatever is: then as many came as were asked for.
        let at_end = got.behind.is_zero() && got.records.len() < self.limit;
        let bytes = got.records.iter().map(|record| record.data.len()).sum();
        self.limit = pace::limit(got.records.len(), bytes).unwrap_or(self.limit);
        self.iterator = got.next;
        got.records.retain(|record| record.arrival >= self.since);
        Ok(Turn::Read {
            records: got.records,
            behind: got.behind,
            at_end,
            ended: self.iterator.is_none(),
        })
    }

    /// An iterator for where reading stands.
    async fn renew(&mut self, api: &Api) -> Result<String, Error> {
        let now = SystemTime::now();
        let iterator = match api.iterator(&self.shard, &self.position).await {
            Err(error) if error.argument_is_invalid() && self.position.may_be_ahead_of(now) => {
                // By Kinesis' clock that time is yet to come. Whatever arrives is wanted.
                self.since = SystemTime::UNIX_EPOCH;
                api.iterator(&self.shard, &Position::Latest).await?
            }
            iterator => iterator?,
        };
        if self.position == Position::Latest {
            // Should it expire before a record was read, then the next one must not begin later than this one did.
            self.position = Position::at(now);
        }
        self.iterator = Some(iterator.clone());
        Ok(iterator)
    }
}
