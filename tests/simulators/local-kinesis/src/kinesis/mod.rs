//! The Kinesis behind the layer: ferrokinesis, embedded.
//!
//! - `store`: puts go straight into ferrokinesis' store, since its own front door still has the limits of before October
//!   2025 (1 MiB a record, 5 MiB a call) and refuses what AWS takes; everything else goes through its router unchanged
//! - `shards`: splitting, merging, and the stream's record limit
//! - `subscribe`: enhanced fan-out
//! - `read`: reading back through the real API

mod read;
mod refused;
mod shards;
mod store;
mod subscribe;

pub use read::StoredRecord;
pub(crate) use store::Kinesis;

use std::time::Duration;

use ferrokinesis::actions::Operation;
use ferrokinesis::store::StoreOptions;
use serde_json::json;

use crate::error::Error;
use crate::gate::Gate;
use crate::local::Local;

/// A Kinesis on one machine: all of ferrokinesis' operations, puts behind faults and counts.
pub type LocalKinesis = Local<Kinesis>;

/// Shards of all streams together: more than anybody will ask for, as ferrokinesis' 10 are fewer.
const SHARD_LIMIT: u32 = 10_000;

/// Says what a [`LocalKinesis`] is to be.
#[derive(Debug, Default)]
pub struct KinesisBuilder {
    streams: Vec<(String, u32)>,
    iterator_ttl: Option<Duration>,
    session: Option<Duration>,
    enforce_limits: bool,
    json_alone: bool,
    port: u16,
    seed: u64,
}

impl KinesisBuilder {
    /// Adds a stream with this many shards.
    #[must_use]
    pub fn stream(mut self, name: impl Into<String>, shards: u32) -> Self {
        self.streams.push((name.into(), shards));
        self
    }

    /// True if a shard takes no more than 1 MiB and 1,000 records a second, and refuses the records beyond it
    /// (Kinesis developer guide, quotas). Off without it. What AWS refuses of a single call is refused in any case.
    #[must_use]
    pub fn enforce_limits(mut self, enforce: bool) -> Self {
        self.enforce_limits = enforce;
        self
    }

    /// True if it takes puts in JSON alone, as a Kinesis that is not AWS's may. Off without it.
    #[must_use]
    pub fn json_alone(mut self, json_alone: bool) -> Self {
        self.json_alone = json_alone;
        self
    }

    /// Lifetime of a shard iterator, in whole seconds; AWS's five minutes without it.
    #[must_use]
    pub fn iterator_ttl(mut self, ttl: Duration) -> Self {
        self.iterator_ttl = Some(ttl);
        self
    }

    /// Longest session of `SubscribeToShard`; AWS's five minutes without it.
    #[must_use]
    pub fn subscription_session(mut self, session: Duration) -> Self {
        self.session = Some(session);
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

    /// Starts it; when this returns, the streams are active.
    ///
    /// # Errors
    /// The port could not be taken, or a stream's name or number of shards is not one that Kinesis takes.
    pub async fn start(self) -> Result<LocalKinesis, Error> {
        let defaults = StoreOptions::default();
        let iterator_ttl = self.iterator_ttl.map(|ttl| ttl.as_secs());
        let session = self.session.and_then(|session| u64::try_from(session.as_millis()).ok());
        let kinesis = Kinesis::new(StoreOptions {
            subscribe_to_shard_session_ms: session.unwrap_or(defaults.subscribe_to_shard_session_ms),
            iterator_ttl_seconds: iterator_ttl.unwrap_or(defaults.iterator_ttl_seconds),
            create_stream_ms: 0,
            delete_stream_ms: 0,
            update_stream_ms: 0,
            shard_limit: SHARD_LIMIT,
            enforce_limits: self.enforce_limits,
            ..defaults
        });
        let gate = Gate::new(kinesis, self.seed);
        let gate = if self.json_alone { gate.json_alone() } else { gate };
        let local = Local::serve(gate, self.port).await?;
        for (name, shards) in self.streams {
            local
                .administer(
                    Operation::CreateStream,
                    &name,
                    json!({ "StreamName": name, "ShardCount": shards }),
                )
                .await?;
        }
        Ok(local)
    }
}

impl LocalKinesis {
    /// Begins a description; it needs at least one stream to be of use.
    #[must_use]
    pub fn builder() -> KinesisBuilder {
        KinesisBuilder::default()
    }
}
