//! Reading a stream back as a consumer does, with the consumer's own reader: all shards, from their beginning.

use std::time::Duration;

use reader::aws::local_client;
pub use reader::stream::Record as StoredRecord;
use reader::stream::{self, News, Pace, Reader, Start, Stream};

use super::LocalKinesis;
use crate::error::Error;

impl LocalKinesis {
    /// Reads all records of a stream through the API, over HTTP: shard by shard, each in its order.
    ///
    /// # Errors
    /// The service is stopped, or there is no such stream.
    pub async fn read_all(&self, stream: &str) -> Result<Vec<StoredRecord>, Error> {
        let client = local_client(self.endpoint());
        let records = stream::read_all(client, Stream::new(stream), Pace::local()).await;
        records.map_err(|error| self.unread(error))
    }

    /// Waits until the records of a stream are as wished; those that come meanwhile are read on.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when it takes longer than `within`; and those of [`read_all`](Self::read_all).
    pub async fn wait_for_records(
        &self,
        stream: &str,
        within: Duration,
        wished: impl Fn(&[StoredRecord]) -> bool,
    ) -> Result<Vec<StoredRecord>, Error> {
        let client = local_client(self.endpoint());
        let mut reader = Reader::new(client, Stream::new(stream), Start::TrimHorizon, Pace::local());
        let mut records = Vec::new();
        let read = tokio::time::timeout(within, async {
            // Looking may take its time: once whenever all that is there has been read, and only if something came.
            let mut looked_at = None;
            while !reader.caught_up() || looked_at == Some(records.len()) || !wished(&records) {
                if reader.caught_up() {
                    looked_at = Some(records.len());
                }
                if let News::Batch(batch) = reader.next().await? {
                    records.extend(batch.records);
                }
            }
            Ok(())
        });
        match read.await {
            Ok(read) => read.map(|()| records).map_err(|error| self.unread(error)),
            Err(_) => Err(self.timed_out(stream, within)),
        }
    }

    fn unread(&self, error: stream::Error) -> Error {
        match error {
            stream::Error::Refused {
                operation,
                status,
                code,
                message,
            } => Error::Refused {
                operation: operation.to_owned(),
                status,
                code,
                message,
            },
            stream::Error::Unreachable { reason, .. } => Error::Unreachable {
                endpoint: self.endpoint().to_owned(),
                reason,
            },
            stream::Error::NotCalled { operation, reason } => Error::Unexpected {
                operation: operation.to_owned(),
                reason,
            },
        }
    }
}
