//! One stream with the limits of Kinesis, and what each put of a fleet came to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};
use tokio::time::Instant;

use crate::arrived::Arrived;

/// A shard takes so much in a second: Kinesis Data Streams quotas.
pub const SHARD_BYTES: f64 = 1_000_000.0;
const SHARD_RECORDS: f64 = 1_000.0;

/// The most of one call. PutRecords takes 10 MiB since October 2025; whoever stays below the 5 MiB of before is safe anywhere.
const PUT_BYTES: usize = 5 << 20;
const PUT_RECORDS: usize = 500;

/// An answer takes so long, in milliseconds.
const LATENCY: std::ops::Range<u64> = 8..30;

/// What a shard may still take: a second's worth at most.
struct Shard {
    bytes: f64,
    records: f64,
    at: Instant,
}

impl Shard {
    fn new(at: Instant) -> Self {
        Self {
            bytes: SHARD_BYTES,
            records: SHARD_RECORDS,
            at,
        }
    }

    fn takes(&mut self, bytes: usize, now: Instant) -> bool {
        let passed = now.duration_since(self.at).as_secs_f64();
        self.at = now;
        self.bytes = (self.bytes + passed * SHARD_BYTES).min(SHARD_BYTES);
        self.records = (self.records + passed * SHARD_RECORDS).min(SHARD_RECORDS);
        let fits = self.bytes >= bytes as f64 && self.records >= 1.0;
        if fits {
            self.bytes -= bytes as f64;
            self.records -= 1.0;
        }
        fits
    }
}

struct State {
    shards: Vec<Shard>,
    began: Instant,
    arrived: HashMap<String, Arrived>,
    told: Told,
}

/// What the stream saw.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Puts that try again what was refused, by when they began: the time since the beginning.
    pub retries: Vec<Duration>,
    pub puts: u64,
    pub refused: u64,
    /// When records were taken, in the order in which they were, and their size with keys. Bytes.
    pub taken: Vec<(Duration, usize)>,
}

pub struct Stream(Mutex<State>);

impl Stream {
    pub fn new(shards: usize) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self(Mutex::new(State {
            shards: (0..shards).map(|_| Shard::new(now)).collect(),
            began: now,
            arrived: HashMap::new(),
            told: Told::default(),
        })))
    }

    /// From here on there are so many shards.
    pub fn reshard(&self, shards: usize) {
        let now = Instant::now();
        self.lock().shards = (0..shards).map(|_| Shard::new(now)).collect();
    }

    pub fn told(&self) -> Told {
        self.lock().told.clone()
    }

    /// What arrived of the environment with this `id`.
    pub fn arrived(&self, id: &str) -> Arrived {
        self.lock().arrived.remove(id).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begins(&self, is_retry: bool) {
        let mut state = self.lock();
        let at = state.began.elapsed();
        state.told.puts += 1;
        if is_retry {
            state.told.retries.push(at);
        }
    }

    fn take(&self, records: &[Record]) -> Vec<Outcome> {
        let mut state = self.lock();
        let State {
            shards,
            began,
            arrived,
            told,
        } = &mut *state;
        let now = Instant::now();
        records
            .iter()
            .map(|record| {
                // Kinesis takes the MD5 of the key. That of random digits is as even as they are.
                let hash = u64::from_str_radix(&record.key[..16], 16).unwrap();
                let index = (u128::from(hash) * shards.len() as u128) >> 64;
                if !shards[index as usize].takes(record.size(), now) {
                    told.refused += 1;
                    return Outcome::Retry(Reason::Throttled);
                }
                told.taken.push((now - *began, record.size()));
                Arrived::note(arrived, &record.data);
                Outcome::Delivered
            })
            .collect()
    }
}

/// The stream, as one environment sees it.
pub struct Connection {
    stream: Arc<Stream>,
    state: Mutex<Seen>,
}

struct Seen {
    random: fastrand::Rng,
    /// The last put was refused, in whole or in part.
    was_refused: bool,
}

impl Connection {
    pub fn new(stream: &Arc<Stream>, seed: u64) -> Self {
        Self {
            stream: Arc::clone(stream),
            state: Mutex::new(Seen {
                random: fastrand::Rng::with_seed(seed),
                was_refused: false,
            }),
        }
    }
}

#[async_trait]
impl Sink for Connection {
    fn limits(&self) -> Limits {
        Limits {
            put_records: PUT_RECORDS,
            put_bytes: 10 << 20,
            record_bytes: 10 << 20,
            keyed: true,
        }
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        let bytes: usize = records.iter().map(Record::size).sum();
        if records.len() > PUT_RECORDS || bytes > PUT_BYTES || records.iter().any(|record| record.size() > 1 << 20) {
            return Err(Failure::new(Reason::Invalid, "more than a call or a record may have"));
        }
        let (latency, was_refused) = {
            let mut seen = self.state.lock().unwrap();
            (seen.random.u64(LATENCY), seen.was_refused)
        };
        self.stream.begins(was_refused);
        tokio::time::sleep(Duration::from_millis(latency / 2)).await;
        let outcomes = self.stream.take(records);
        self.state.lock().unwrap().was_refused = outcomes.iter().any(|outcome| *outcome != Outcome::Delivered);
        tokio::time::sleep(Duration::from_millis(latency - latency / 2)).await;
        Ok(outcomes)
    }

    fn renew(&self) {}
}
