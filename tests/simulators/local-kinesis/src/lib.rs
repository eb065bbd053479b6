//! Kinesis Data Streams and Amazon Data Firehose on one machine, for tests, benches and the demo.
//!
//! [`LocalKinesis`] is [ferrokinesis] embedded in this process, [`LocalFirehose`] a small stand-in of our own. In front
//! of both stands the same layer: it refuses what AWS refuses, counts what arrives, and injects the faults that are
//! asked for. Both speak the services' real protocol (JSON 1.1) on 127.0.0.1, so that any AWS client can be pointed at
//! them.
//!
//! ```no_run
//! # async fn example() -> Result<(), local_kinesis::Error> {
//! use local_kinesis::{Fault, LocalKinesis, RecordError};
//! use std::time::Duration;
//!
//! let kinesis = LocalKinesis::builder().stream("telemetry", 2).start().await?;
//! // The next three calls lose a third of their records; the rest is stored.
//! kinesis.set_fault(Fault::refuse_share(0.33, RecordError::Throttled).for_next(3));
//! // … put to `kinesis.endpoint()` with any AWS client …
//! kinesis.wait_for_counts("telemetry", Duration::from_secs(5), |counts| counts.stored.records >= 100).await?;
//! let records = kinesis.read_all("telemetry").await?;
//! assert_eq!(records.len() as u64, kinesis.counts("telemetry").stored.records);
//! # Ok(())
//! # }
//! ```
//!
//! # Layout
//!
//! What users meet:
//! - `local`: [`Local`], the handle: start, stop, faults, counts, waiting. [`LocalKinesis`] and [`LocalFirehose`] are it
//! - `kinesis`: the Kinesis behind it: the builder, storing into ferrokinesis, splitting and merging, reading back
//! - `firehose`: the Firehose behind it: the builder, and what was delivered
//! - `fault`: [`Fault`]: what goes wrong, for which calls, for how long
//! - `counts`: [`Counts`]: what was received, what was stored, what AWS would bill
//! - `error`: [`Error`]
//!
//! The layer in front, in the order a call passes it:
//! - `server`: the listener and its connections, which can be closed and reset at will
//! - `gate`: the way of one call, from its headers to its answer
//! - `put`: what a put call asks for and what became of each record
//! - `limits`: what AWS refuses
//! - `faults`: which of the armed faults meet this call; pure but for its random numbers
//! - `ledger`: the counts kept, and those woken who wait for them
//! - `backend`: what the layer needs to know of a service
//! - `wire`: headers, errors and answers as AWS writes them
//!
//! [ferrokinesis]: https://docs.rs/ferrokinesis

#![forbid(unsafe_code)]

mod backend;
mod counts;
mod encoding;
mod error;
mod fault;
mod faults;
mod firehose;
mod gate;
mod kinesis;
mod ledger;
mod limits;
mod local;
mod put;
mod server;
mod wire;

pub use counts::{Call, Counts, Ended, Tally};
pub use error::Error;
pub use fault::{CallError, Fault, RecordError};
pub use firehose::{FirehoseBuilder, LocalFirehose};
pub use kinesis::{KinesisBuilder, LocalKinesis, StoredRecord};
pub use local::Local;
