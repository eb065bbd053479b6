//! All shards of a stream at once, through the API: parents before their children, within the API's limits.
//!
//! - `news`: what it tells
//! - `position`: where reading of a shard goes on
//! - `lineage`: which shards there are, and which may be read yet; pure
//! - `pace`: when a shard may be asked again, and for how much; pure
//! - `api`: the calls, and what their errors mean
//! - `standing`: how far a shard has been read; pure
//! - `turn`: one turn of one shard
//! - `fan_out`, `subscribe`: enhanced fan-out: a registered consumer, and what Kinesis pushes to it

mod api;
mod fan_out;
mod lineage;
mod news;
mod pace;
mod position;
mod standing;
mod subscribe;
mod turn;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_sdk_kinesis::Client;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use api::{Error, Stream};
pub use fan_out::{FanOut, Left};
pub use news::{Batch, News, Record, Trouble};
pub use pace::Pace;
pub use position::{Position, Start};

use api::Api;
use lineage::{Lineage, Listed};
use pace::LISTING;
use standing::Standing;
use turn::{ShardReader, Turn};

/// A consumer of one stream.
///
/// # Example
/// Every event of a stream, each once, and the proof at the end:
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use reader::aws::local_client;
/// use reader::decode::{Standing, Verifier, decode};
/// use reader::stream::{News, Pace, Reader, Start, Stream};
///
/// let client = local_client("http://127.0.0.1:4567");
/// let mut reader = Reader::new(client, Stream::new("telemetry"), Start::TrimHorizon, Pace::local());
/// let mut verifier = Verifier::default();
/// while !reader.caught_up() {
///     let News::Batch(batch) = reader.next().await? else { continue };
///     for record in &batch.records {
///         for line in decode(&record.data)?.lines() {
///             if verifier.observe(&line.event()?) {
///                 println!("{}", line.0);
///             }
///         }
///     }
/// }
/// assert!(verifier.report().iter().all(|process| process.standing != Standing::Lost));
/// # Ok(()) }
/// ```
pub struct Reader {
    api: Api,
    pace: Pace,
    start: Start,
    /// Time of its creation: with `Start::Latest`, what comes from then on is wanted.
    began: SystemTime,
    lineage: Lineage,
    /// A turn of each shard that is being read, and the list of shards where it is wanted. They end with the reader.
    calls: JoinSet<Done>,
    /// Progress of each shard that is being read; `None` as long as it has not answered.
    standing: BTreeMap<String, Option<Standing>>,
    /// Lists of shards that are on their way: at the beginning, and when a shard has been read to its end.
    listings: usize,
    /// The first list is there.
    has_listed: bool,
    /// Attempts to list the shards that failed in a row, or to register a consumer.
    failures: u32,
    /// The consumer to register, until it is.
    fan_out: Option<FanOut>,
    expired: Vec<String>,
}

/// A call that came to its end.
enum Done {
    Turn(ShardReader, Turn),
    Listed(Result<Vec<Listed>, Error>),
    /// ARN of the registered consumer.
    Registered(Result<String, Error>),
}

impl Reader {
    /// A reader of the whole stream. Nothing is called yet.
    #[must_use]
    pub fn new(client: Client, stream: Stream, start: Start, pace: Pace) -> Self {
        Self::resume(client, stream, start, BTreeMap::new(), pace)
    }

    /// A reader that goes on at positions that [`positions`](Self::positions) gave; at `start` if there are none.
    #[must_use]
    pub fn resume(
        client: Client,
        stream: Stream,
        start: Start,
        positions: BTreeMap<String, Position>,
        pace: Pace,
    ) -> Self {
        Self {
            api: Api {
                client,
                stream,
                consumer: None,
            },
            pace,
            start,
            began: SystemTime::now(),
            lineage: Lineage::new(positions),
            calls: JoinSet::new(),
            standing: BTreeMap::new(),
            listings: 0,
            has_listed: false,
            failures: 0,
            fan_out: None,
            expired: Vec::new(),
        }
    }

    /// Lets Kinesis push the records to a registered consumer, which takes nothing from other readers.
    #[must_use]
    pub fn through(mut self, fan_out: FanOut) -> Self {
        self.fan_out = Some(fan_out);
        self
    }

    /// Waits for what comes next. A call that may succeed later is made again, as often as the pace says.
    /// Cancelled, it loses nothing.
    ///
    /// # Errors
    /// The stream cannot be read: there is none, it may not be read, or a call failed too often.
    pub async fn next(&mut self) -> Result<News, Error> {
        loop {
            if let Some(shard) = self.expired.pop() {
                return Ok(News::Expired(shard));
            }
            let Some(done) = self.calls.join_next().await else {
                if let Some(fan_out) = self.fan_out.clone() {
                    self.register(fan_out, Duration::ZERO);
                    continue;
                }
                // The beginning; or every shard has been read to its end and none has children: the stream is being
                // deleted or resharded.
                self.list_shards(if self.has_listed { LISTING } else { Duration::ZERO });
                continue;
            };
            match done.map_err(Error::task)? {
                Done::Turn(reader, turn) => return self.take(reader, turn),
                Done::Registered(Ok(consumer)) => {
                    self.api.consumer = Some(consumer);
                    self.fan_out = None;
                    self.failures = 0;
                }
                Done::Registered(Err(error)) => {
                    self.failures = self.failures.saturating_add(1);
                    let wait = self.pace.after_failure(&error, self.failures);
                    let (Some(again_in), Some(fan_out)) = (wait, self.fan_out.clone()) else {
                        return Err(error);
                    };
                    if FanOut::is_final(&error, self.failures) {
                        return Err(error);
                    }
                    self.register(fan_out, again_in);
                    let shard = None;
                    return Ok(News::Trouble(Trouble { shard, error, again_in }));
                }
                Done::Listed(Ok(listed)) => {
                    self.listings -= 1;
                    self.has_listed = true;
                    self.failures = 0;
                    self.learn(listed);
                }
                Done::Listed(Err(error)) => {
                    self.listings -= 1;
                    self.failures = self.failures.saturating_add(1);
                    let Some(again_in) = self.pace.after_failure(&error, self.failures) else {
                        return Err(error);
                    };
                    self.list_shards(again_in);
                    let shard = None;
                    return Ok(News::Trouble(Trouble { shard, error, again_in }));
                }
            }
        }
    }

    fn take(&mut self, reader: ShardReader, turn: Turn) -> Result<News, Error> {
        let shard = reader.shard.clone();
        match turn {
            Turn::Failed(error) => {
                let Some(again_in) = self.pace.after_failure(&error, reader.failures) else {
                    return Err(error);
                };
                self.turn(reader, again_in);
                let shard = Some(shard);
                Ok(News::Trouble(Trouble { shard, error, again_in }))
            }
            Turn::Read {
                records,
                behind,
                at_end,
                ended,
            } => {
                if ended {
                    // Its children hold what was put after it was split or merged.
                    self.lineage.set(&shard, Position::Done);
                    self.standing.remove(&shard);
                    self.list_shards(Duration::ZERO);
                } else {
                    self.lineage.set(&shard, reader.position.clone());
                    let before = self.standing.get(&shard).copied().flatten();
                    let standing = Standing::new(before, reader.called, &records, behind, at_end);
                    self.standing.insert(shard.clone(), Some(standing));
                    let bytes = records.iter().map(|record| record.data.len()).sum();
                    let wait = match self.api.consumer {
                        None => self.pace.after_answer(reader.called, bytes),
                        // Kinesis has its own pace.
                        Some(_) => Duration::ZERO,
                    };
                    self.turn(reader, wait);
                }
                Ok(News::Batch(Batch { shard, records, behind }))
            }
        }
    }

    /// Begins with the shards that may be read.
    fn learn(&mut self, listed: Vec<Listed>) {
        self.expired = self.lineage.learn(listed, self.start);
        for (shard, position) in self.lineage.begin() {
            self.standing.insert(shard.clone(), None);
            self.turn(ShardReader::new(shard, position), Duration::ZERO);
        }
        if self.listings == 0 && self.lineage.lacks_children() {
            self.list_shards(LISTING);
        }
    }

    fn list_shards(&mut self, wait: Duration) {
        self.listings += 1;
        let api = self.api.clone();
        self.calls.spawn(async move {
            tokio::time::sleep(wait).await;
            Done::Listed(api.list_shards().await)
        });
    }

    fn register(&mut self, fan_out: FanOut, wait: Duration) {
        self.calls.spawn(async move {
            tokio::time::sleep(wait).await;
            Done::Registered(fan_out.open().await)
        });
    }

    fn turn(&mut self, reader: ShardReader, wait: Duration) {
        let api = self.api.clone();
        self.calls.spawn(async move {
            tokio::time::sleep(wait).await;
            let (reader, turn) = reader.turn(&api).await;
            Done::Turn(reader, turn)
        });
    }

    /// True if everything has been read that was in the stream when its shards were asked last.
    #[must_use]
    pub fn caught_up(&self) -> bool {
        self.each_is(|standing| standing.idle)
    }

    /// True if everything has been read that was in the stream at this time, however much is put meanwhile.
    #[must_use]
    pub fn caught_up_with(&self, time: Instant) -> bool {
        self.each_is(|standing| standing.read_until.is_some_and(|until| until >= time))
    }

    fn each_is(&self, so: impl Fn(&Standing) -> bool) -> bool {
        let mut standing = self.standing.values();
        self.listings == 0 && !self.standing.is_empty() && standing.all(|standing| standing.as_ref().is_some_and(&so))
    }

    /// Lag of the shard that is furthest behind; `None` as long as one has not answered.
    #[must_use]
    pub fn behind(&self) -> Option<Duration> {
        let standing = self.standing.values().copied().collect::<Option<Vec<_>>>()?;
        standing.into_iter().map(|standing| standing.behind).max()
    }

    /// Number of shards that are being read.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.standing.len()
    }

    /// Number of known shards, those read to their ends and those that wait for their parents included.
    #[must_use]
    pub fn known_shards(&self) -> usize {
        self.lineage.len()
    }

    /// For how long the stream keeps records; `None` where that cannot be asked, which needs
    /// `kinesis:DescribeStreamSummary`.
    pub fn retention(&self) -> impl Future<Output = Option<Duration>> + Send + 'static {
        let api = self.api.clone();
        async move { api.retention().await }
    }

    /// How far each shard is behind that is being read; `None` as long as it has not answered.
    pub fn lags(&self) -> impl Iterator<Item = (&str, Option<Duration>)> {
        let standing = self.standing.iter();
        standing.map(|(shard, standing)| (shard.as_str(), standing.map(|standing| standing.behind)))
    }

    /// Position to continue from, by shard, after what [`next`](Self::next) gave. Empty before the first of it.
    #[must_use]
    pub fn positions(&self) -> BTreeMap<String, Position> {
        let mut positions = self.lineage.positions();
        for position in positions.values_mut() {
            if *position == Position::Latest {
                // A shard that has not answered yet: who goes on later must not begin later.
                *position = Position::at(self.began);
            }
        }
        positions
    }
}

/// Reads all that is in a stream, from its beginning, each shard's records in their order.
///
/// # Errors
/// The stream cannot be read.
pub async fn read_all(client: Client, stream: Stream, pace: Pace) -> Result<Vec<Record>, Error> {
    let mut reader = Reader::new(client, stream, Start::TrimHorizon, pace);
    let mut records = Vec::new();
    loop {
        if let News::Batch(batch) = reader.next().await? {
            records.extend(batch.records);
        }
        if reader.caught_up() {
            records.sort_by(|one: &Record, other| one.shard.cmp(&other.shard));
            return Ok(records);
        }
    }
}
