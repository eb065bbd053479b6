//! One turn of one shard: an iterator if there is none, and records; or a subscription, and what it pushes.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Record;
use super::api::{Api, Error};
use super::pace;
use super::position::Position;
use super::subscribe::{Beginning, Subscription};

/// A shard that is being read.
#[derive(Debug)]
pub(super) struct ShardReader {
    pub(super) shard: String,
    /// After the records that the last turn gave.
    pub(super) position: Position,
    /// Time of the last call for records; of a subscription, of its beginning.
    pub(super) called: Instant,
    /// Turns in a row that failed.
    pub(super) failures: u32,
    iterator: Option<String>,
    limit: usize,
    subscription: Option<Box<Subscription>>,
    /// Where the next subscription begins, after an event of this one.
    continuation: Option<String>,
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
            subscription: None,
            continuation: None,
        }
    }

    pub(super) async fn turn(mut self, api: &Api) -> (Self, Turn) {
        let read = match &api.consumer {
            None => self.read(api).await,
            Some(consumer) => self.receive(api, consumer).await,
        };
        let turn = match read {
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
    /// Waits for what the subscription pushes; begins one if there is none, or the last one is over.
    async fn receive(&mut self, api: &Api, consumer: &str) -> Result<Turn, Error> {
        let (subscription, mut pushed) = loop {
            let mut subscription = match self.subscription.take() {
                Some(subscription) => *subscription,
                None => self.subscribe(api, consumer).await?,
            };
            if let Some(pushed) = subscription.next(&self.shard).await? {
                break (subscription, pushed);
            }
        };
        self.called = subscription.began;
        let at_end = pushed.behind.is_zero() && pushed.records.len() < pace::MOST_RECORDS;
        drop_known(&mut pushed.records, &self.position);
        if let Some(last) = pushed.records.last() {
            self.position = Position::After(last.sequence_number.clone());
        }
        self.continuation = pushed.continuation;
        self.subscription = Some(Box::new(subscription));
        pushed.records.retain(|record| record.arrival >= self.since);
        Ok(Turn::Read {
            records: pushed.records,
            behind: pushed.behind,
            at_end,
            ended: pushed.ended,
        })
    }

    /// A subscription from where reading stands.
    async fn subscribe(&mut self, api: &Api, consumer: &str) -> Result<Subscription, Error> {
        let now = SystemTime::now();
        if let Some(number) = self.continuation.take() {
            // If that fails for any reason, the next one begins after the last record.
            match api.subscribe(consumer, &self.shard, Beginning::Number(&number)).await {
                Err(error) if error.argument_is_invalid() => {}
                subscription => return subscription,
            }
        }
        let beginning = Beginning::Position(&self.position);
        let subscription = match api.subscribe(consumer, &self.shard, beginning).await {
            Err(error) if error.argument_is_invalid() && self.position.may_be_ahead_of(now) => {
                // By Kinesis' clock that time is yet to come. Whatever arrives is wanted.
                self.since = SystemTime::UNIX_EPOCH;
                let beginning = Beginning::Position(&Position::Latest);
                api.subscribe(consumer, &self.shard, beginning).await?
            }
            subscription => subscription?,
        };
        if self.position == Position::Latest {
            // Should the session end before a record came, the next one must not begin later than this one did.
            self.position = Position::at(now);
        }
        Ok(subscription)
    }
}

/// Drops records that were read before: the continuation may be the number of the last one.
fn drop_known(records: &mut Vec<Record>, position: &Position) {
    if let Position::After(last) = position {
        records.retain(|record| is_after(&record.sequence_number, last));
    }
}

/// True if one decimal number is greater than another.
fn is_after(number: &str, other: &str) -> bool {
    (number.len(), number) > (other.len(), other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_compared_as_numbers() {
        assert!(is_after("10", "9") && is_after("11", "10"));
        assert!(!is_after("10", "10") && !is_after("9", "10"));
    }

    #[test]
    fn a_session_that_begins_with_the_last_record_gives_it_once() {
        let record = |number: &str| Record {
            shard: "0".into(),
            sequence_number: number.into(),
            partition_key: String::new(),
            data: Default::default(),
            arrival: SystemTime::UNIX_EPOCH,
        };
        let of = |position: &Position| {
            let mut records = vec![record("9"), record("10"), record("11")];
            drop_known(&mut records, position);
            records
                .into_iter()
                .map(|record| record.sequence_number)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&Position::After("9".into())), ["10", "11"]);
        assert_eq!(of(&Position::After("10".into())), ["11"]);
        assert_eq!(of(&Position::TrimHorizon), ["9", "10", "11"]);
    }
}
