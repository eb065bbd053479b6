//! What is read: a stream, or files.

use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;

use reader::files::{Files, Piece, Unopened};
use reader::numbers::counted;
use reader::stream::{self, FanOut, News, Position, Reader};
use tokio::time::Instant;

use crate::run::Failure;

pub(crate) enum Source {
    /// With the consumer that it is read through, if it is.
    Stream(Box<Reader>, Option<FanOut>),
    Files {
        files: Files,
        /// All of them have been read.
        are_over: bool,
    },
}

/// What comes next of it.
pub(crate) enum Next {
    News(News),
    Piece(Piece),
    Unopened(Unopened),
    Over,
}

impl Source {
    /// Waits for what comes next. Cancelled, it loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Next, stream::Error> {
        match self {
            Self::Stream(reader, _) => reader.next().await.map(Next::News),
            Self::Files { are_over: true, .. } => pending().await,
            Self::Files { files, are_over } => Ok(match files.next().await {
                Some(Ok(piece)) => Next::Piece(piece),
                Some(Err(error)) => Next::Unopened(error),
                None => {
                    *are_over = true;
                    Next::Over
                }
            }),
        }
    }

    /// Where a later reader goes on; empty where none can.
    pub(crate) fn positions(&self) -> BTreeMap<String, Position> {
        match self {
            Self::Stream(reader, _) => reader.positions(),
            Self::Files { .. } => BTreeMap::new(),
        }
    }

    /// True if everything has been read that was there at this time.
    pub(crate) fn caught_up_with(&self, time: Instant) -> bool {
        match self {
            Self::Stream(reader, _) => reader.caught_up_with(time),
            Self::Files { are_over, .. } => *are_over,
        }
    }

    pub(crate) fn caught_up(&self) -> bool {
        match self {
            Self::Stream(reader, _) => reader.caught_up(),
            Self::Files { are_over, .. } => *are_over,
        }
    }

    /// How far it is behind; `None`: that is not known yet.
    pub(crate) fn behind(&self) -> Option<Duration> {
        match self {
            Self::Stream(reader, _) => reader.behind(),
            Self::Files { .. } => Some(Duration::ZERO),
        }
    }

    /// Each shard with its lag.
    pub(crate) fn lags(&self) -> Vec<(String, Option<f64>)> {
        match self {
            Self::Stream(reader, _) => {
                let lags = reader.lags();
                lags.map(|(shard, lag)| (shard.to_owned(), lag.map(|lag| lag.as_secs_f64())))
                    .collect()
            }
            Self::Files { .. } => Vec::new(),
        }
    }

    /// What is being read of it, for the progress line.
    pub(crate) fn standing(&self) -> String {
        match self {
            Self::Stream(reader, _) => counted(reader.shards() as u64, "shard", "shards"),
            Self::Files { files, .. } => files.current().to_owned(),
        }
    }

    /// What was read, for the closing line.
    pub(crate) fn extent(&self) -> String {
        match self {
            Self::Stream(reader, _) => counted(reader.known_shards() as u64, "shard", "shards"),
            Self::Files { files, .. } => counted(files.begun(), "file", "files"),
        }
    }

    /// The consumer that it is read through.
    pub(crate) fn fan_out(&self) -> Option<FanOut> {
        match self {
            Self::Stream(_, fan_out) => fan_out.clone(),
            Self::Files { .. } => None,
        }
    }

    /// True if it consists of records.
    pub(crate) fn has_records(&self) -> bool {
        matches!(self, Self::Stream(..))
    }
}

impl From<Unopened> for Failure {
    fn from(error: Unopened) -> Self {
        Self::File(error)
    }
}
