//! Reading a stream back as a consumer does: all shards, from their beginning, through `GetRecords`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::LocalKinesis;
use super::client::Client;
use crate::error::Error;

/// Records asked for at once: with records of 25 KB about 5 MB, near the 10 MB that AWS gives at most.
const LIMIT: u32 = 200;

/// A record as a consumer reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The shard it was read from.
    pub shard: String,
    /// Its place in the shard. A decimal number of many digits.
    pub sequence_number: String,
    /// The key it was put with.
    pub partition_key: String,
    /// Its data.
    pub data: Bytes,
    /// `ApproximateArrivalTimestamp`, to the millisecond.
    pub arrival: SystemTime,
}

impl LocalKinesis {
    /// Reads all records of a stream through the API, over HTTP: parents' before their children's, each shard's in order.
    ///
    /// # Errors
    /// The service is stopped, or there is no such stream.
    pub async fn read_all(&self, stream: &str) -> Result<Vec<StoredRecord>, Error> {
        let mut reader = Reader::new(Client::connect(self.address()).await?, stream);
        reader.read_on().await?;
        Ok(reader.records)
    }

    /// Waits until the records of a stream are as wished; read on now and whenever something is put.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when it takes longer than `within`; and those of [`read_all`](Self::read_all).
    pub async fn wait_for_records(
        &self,
        stream: &str,
        within: Duration,
        wished: impl Fn(&[StoredRecord]) -> bool,
    ) -> Result<Vec<StoredRecord>, Error> {
        let mut reader = Reader::new(Client::connect(self.address()).await?, stream);
        self.wait(stream, within, async || {
            reader.read_on().await?;
            Ok(wished(&reader.records).then(|| std::mem::take(&mut reader.records)))
        })
        .await
    }
}

/// A consumer that remembers how far it came.
struct Reader {
    client: Client,
    stream: String,
    /// The iterator to go on with, by shard; none where a closed shard has been read to its end.
    shards: BTreeMap<String, Option<String>>,
    records: Vec<StoredRecord>,
}

impl Reader {
    fn new(client: Client, stream: &str) -> Self {
        Self {
            client,
            stream: stream.to_owned(),
            shards: BTreeMap::new(),
            records: Vec::new(),
        }
    }

    /// Reads what has come since the last time.
    async fn read_on(&mut self) -> Result<(), Error> {
        // Children have higher numbers than their parents, so the order of ids is one to read in.
        for shard in self.list_shards().await? {
            let mut next = match self.shards.get(&shard) {
                Some(known) => known.clone(),
                None => Some(self.trim_horizon(&shard).await?),
            };
            while let Some(iterator) = &next {
                let body = json!({ "ShardIterator": iterator, "Limit": LIMIT });
                let got: GotRecords = self.client.call("GetRecords", &body).await?;
                let caught_up = got.records.is_empty() && got.millis_behind_latest == 0;
                for record in got.records {
                    self.records.push(record.read(&shard)?);
                }
                next = got.next_shard_iterator;
                if caught_up {
                    break;
                }
            }
            self.shards.insert(shard, next);
        }
        Ok(())
    }

    async fn list_shards(&mut self) -> Result<Vec<String>, Error> {
        let mut ids = Vec::new();
        loop {
            let mut body = json!({ "StreamName": self.stream });
            if let (Some(last), Some(body)) = (ids.last(), body.as_object_mut()) {
                body.insert("ExclusiveStartShardId".to_owned(), json!(last));
            }
            let listed: ListedShards = self.client.call("ListShards", &body).await?;
            ids.extend(listed.shards.into_iter().map(|shard| shard.shard_id));
            if listed.next_token.is_none() {
                ids.sort();
                return Ok(ids);
            }
        }
    }

    async fn trim_horizon(&mut self, shard: &str) -> Result<String, Error> {
        let body = json!({ "StreamName": self.stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        let got: GotIterator = self.client.call("GetShardIterator", &body).await?;
        Ok(got.shard_iterator)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedShards {
    shards: Vec<ListedShard>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedShard {
    shard_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GotIterator {
    shard_iterator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GotRecords {
    records: Vec<GotRecord>,
    /// Absent once a closed shard has been read to its end.
    next_shard_iterator: Option<String>,
    millis_behind_latest: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GotRecord {
    sequence_number: String,
    partition_key: String,
    data: String,
    approximate_arrival_timestamp: f64,
}

impl GotRecord {
    fn read(self, shard: &str) -> Result<StoredRecord, Error> {
        let unexpected = |reason: String| Error::Unexpected {
            operation: "GetRecords".to_owned(),
            reason,
        };
        let data = STANDARD
            .decode(&self.data)
            .map_err(|error| unexpected(error.to_string()))?;
        let since_epoch = Duration::try_from_secs_f64(self.approximate_arrival_timestamp)
            .map_err(|error| unexpected(error.to_string()))?;
        Ok(StoredRecord {
            shard: shard.to_owned(),
            sequence_number: self.sequence_number,
            partition_key: self.partition_key,
            data: data.into(),
            // Rounded, as a fraction of a second has no exact double.
            arrival: SystemTime::UNIX_EPOCH
                + Duration::from_millis((since_epoch.as_secs_f64() * 1_000.0).round() as u64),
        })
    }
}
