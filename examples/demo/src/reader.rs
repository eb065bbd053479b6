//! A stream read as a consumer reads it: `ListShards`, then for each shard an iterator that `GetRecords` moves on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use crate::client::Client;
use crate::error::Error;

/// The time between two rounds. Kinesis allows five `GetRecords` a second and shard. Kinesis developer guide, quotas.
pub(crate) const INTERVAL: Duration = Duration::from_millis(250);

/// Records asked for at once; with records of 25 KB well below the 10 MB that Kinesis gives at most.
const LIMIT: u32 = 200;

/// A consumer that remembers how far it came in each shard.
pub(crate) struct Reader {
    client: Client,
    stream: String,
    /// Where to go on, by shard; none where a closed shard has been read to its end.
    iterators: BTreeMap<String, Option<String>>,
    /// Whether there may be shards that are not known yet: at the beginning, and after one was closed.
    may_grow: bool,
}

/// What one call for each shard gave.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// In the order of their arrival.
    pub(crate) records: Vec<Record>,
    /// Whether no shard had anything more.
    pub(crate) caught_up: bool,
}

/// A record as Kinesis gives it.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) partition_key: String,
    pub(crate) data: Bytes,
    /// `ApproximateArrivalTimestamp`, in seconds since 1970.
    arrival: f64,
}

impl Record {
    #[cfg(test)]
    pub(crate) fn new(partition_key: &str, data: impl Into<Bytes>) -> Self {
        Self {
            partition_key: partition_key.to_owned(),
            data: data.into(),
            arrival: 0.0,
        }
    }
}

impl Reader {
    /// A reader from the beginning of the stream on.
    pub(crate) async fn connect(address: SocketAddr, stream: &str) -> Result<Self, Error> {
        Ok(Self {
            client: Client::connect(address).await?,
            stream: stream.to_owned(),
            iterators: BTreeMap::new(),
            may_grow: true,
        })
    }

    /// Calls `GetRecords` once for each shard. Call it no more often than every [`INTERVAL`].
    pub(crate) async fn read_on(&mut self) -> Result<Round, Error> {
        if std::mem::take(&mut self.may_grow) {
            self.find_shards().await?;
        }
        let mut records = Vec::new();
        let mut caught_up = true;
        for next in self.iterators.values_mut() {
            let Some(iterator) = next.take() else { continue };
            let input = json!({ "ShardIterator": iterator, "Limit": LIMIT });
            let got: GotRecords = self.client.call("GetRecords", &input).await?;
            caught_up &= got.records.is_empty() && got.millis_behind_latest == 0;
            for record in got.records {
                records.push(record.decode()?);
            }
            *next = got.next_shard_iterator;
            if next.is_none() {
                // Its children hold what was put after the shard was split or merged.
                self.may_grow = true;
                caught_up = false;
            }
        }
        records.sort_by(|one, other| one.arrival.total_cmp(&other.arrival));
        Ok(Round { records, caught_up })
    }

    async fn find_shards(&mut self) -> Result<(), Error> {
        let mut input = json!({ "StreamName": self.stream });
        loop {
            let listed: ListedShards = self.client.call("ListShards", &input).await?;
            for ListedShard { shard_id } in listed.shards {
                if self.iterators.contains_key(&shard_id) {
                    continue;
                }
                let input =
                    json!({ "StreamName": self.stream, "ShardId": shard_id, "ShardIteratorType": "TRIM_HORIZON" });
                let got: GotIterator = self.client.call("GetShardIterator", &input).await?;
                self.iterators.insert(shard_id, Some(got.shard_iterator));
            }
            match listed.next_token {
                Some(token) => input = json!({ "NextToken": token }),
                None => return Ok(()),
            }
        }
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
    partition_key: String,
    data: String,
    approximate_arrival_timestamp: f64,
}

impl GotRecord {
    fn decode(self) -> Result<Record, Error> {
        let data = STANDARD.decode(&self.data).map_err(|error| Error::Read {
            operation: "GetRecords",
            reason: error.to_string(),
        })?;
        Ok(Record {
            partition_key: self.partition_key,
            data: data.into(),
            arrival: self.approximate_arrival_timestamp,
        })
    }
}
