//! Administration: splitting and merging shards, and how large a stream's records may be.

use std::time::Duration;

use ferrokinesis::actions::{Operation, dispatch};
use ferrokinesis::types::{Shard, Stream, StreamStatus};
use serde_json::{Value, json};

use super::LocalKinesis;
use super::refused::refused;
use crate::error::Error;
use crate::fault::CallError;

/// Longest time of an administrative change. ferrokinesis makes it at once, in a task of its own.
const CHANGE: Duration = Duration::from_secs(10);

impl LocalKinesis {
    /// The open shards of a stream, in the order of their ids.
    ///
    /// # Errors
    /// There is no such stream.
    pub async fn open_shards(&self, stream: &str) -> Result<Vec<String>, Error> {
        Ok(self
            .open(stream)
            .await?
            .into_iter()
            .map(|shard| shard.shard_id)
            .collect())
    }

    /// Splits a shard in the middle; its two children are open when this returns.
    ///
    /// # Errors
    /// There is no such stream or open shard, or the shard is too narrow.
    pub async fn split_shard(&self, stream: &str, shard: &str) -> Result<(), Error> {
        let operation = Operation::SplitShard;
        let open = self.open(stream).await?;
        let found = open
            .iter()
            .find(|open| open.shard_id == shard)
            .ok_or_else(|| Error::Unexpected {
                operation: operation.to_string(),
                reason: format!("{stream} has no open shard {shard}"),
            })?;
        let range = &found.hash_key_range;
        let middle = range.start_u128() + (range.end_u128() - range.start_u128()) / 2 + 1;
        let body = json!({
            "StreamName": stream,
            "ShardToSplit": shard,
            "NewStartingHashKey": middle.to_string(),
        });
        self.administer(operation, stream, body).await
    }

    /// Merges two open shards whose hash ranges touch, the lower one first; their child is open when this returns.
    ///
    /// # Errors
    /// There are no such stream or shards, or they do not touch.
    pub async fn merge_shards(&self, stream: &str, lower: &str, upper: &str) -> Result<(), Error> {
        let body = json!({ "StreamName": stream, "ShardToMerge": lower, "AdjacentShardToMerge": upper });
        self.administer(Operation::MergeShards, stream, body).await
    }

    /// Lets a stream take records of up to `kib` KiB, data and key: 1,024 (every stream's beginning) to 10,240.
    ///
    /// # Errors
    /// There is no such stream, or the size is out of range.
    pub async fn set_max_record_size(&self, stream: &str, kib: u32) -> Result<(), Error> {
        let operation = Operation::UpdateMaxRecordSize;
        let arn = self.described(operation, stream).await?.stream_arn;
        self.administer(
            operation,
            stream,
            json!({ "StreamARN": arn, "MaxRecordSizeInKiB": kib }),
        )
        .await
    }

    /// Has ferrokinesis change a stream, and waits until the stream is active again.
    pub(super) async fn administer(&self, operation: Operation, stream: &str, body: Value) -> Result<(), Error> {
        dispatch(&self.backend().store, operation, body)
            .await
            .map_err(|error| because(operation, refused(error)))?;
        let active = async {
            while self.described(operation, stream).await?.stream_status != StreamStatus::Active {
                // ferrokinesis has nothing to be woken by.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(())
        };
        tokio::time::timeout(CHANGE, active).await.unwrap_or_else(|_| {
            let reason = format!("{stream} is not active after {CHANGE:?}");
            Err(Error::Unexpected {
                operation: operation.to_string(),
                reason,
            })
        })
    }

    async fn open(&self, stream: &str) -> Result<Vec<Shard>, Error> {
        let mut shards = self.described(Operation::ListShards, stream).await?.shards;
        shards.retain(|shard| shard.sequence_number_range.ending_sequence_number.is_none());
        Ok(shards)
    }

    async fn described(&self, operation: Operation, stream: &str) -> Result<Stream, Error> {
        self.backend()
            .store
            .get_stream(stream)
            .await
            .map_err(|error| because(operation, refused(error)))
    }
}

fn because(operation: Operation, CallError { status, code, message }: CallError) -> Error {
    Error::Refused {
        operation: operation.to_string(),
        status,
        code,
        message,
    }
}
