//! Kinesis Data Streams.

use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use forwarder_core::sink::{Failure, Limits, Outcome, Reason, Record, Sink};

use crate::aws::{AwsSettings, LazyClient, StreamName, failure, reason_of_code};

/// What `PutRecords` takes: 500 records, 10 MiB with their keys. Kinesis API reference. A record may be as large, where
/// the stream allows it; a stream's own default is 1 MiB, which the lane's settings hold.
pub const LIMITS: Limits = Limits {
    put_records: 500,
    put_bytes: 10 * 1024 * 1024,
    record_bytes: 10 * 1024 * 1024,
    keyed: true,
};

/// Puts records into one stream.
pub struct Kinesis {
    stream: StreamName,
    client: LazyClient<Client>,
}

impl Kinesis {
    /// A stream's name or ARN, as [`Kinesis::new`] takes it.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse_stream(text: &str) -> Result<StreamName, String> {
        StreamName::parse(text, "kinesis", "stream", 128)
    }

    /// Nothing is loaded or connected to before the first put. The region of an ARN counts where none is set.
    pub fn new(stream: StreamName, mut settings: AwsSettings) -> Self {
        settings.region = settings.region.or_else(|| stream.region().map(str::to_owned));
        Self {
            stream,
            client: LazyClient::new(settings, Client::new),
        }
    }
}

#[async_trait]
impl Sink for Kinesis {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        let client = self.client.get().await;
        let request = match &self.stream {
            StreamName::Name(name) => client.put_records().stream_name(name),
            StreamName::Arn(arn) => client.put_records().stream_arn(&arn.text),
        };
        let entries = records.iter().map(entry).collect::<Result<_, _>>()?;
        let answer = request.set_records(Some(entries)).send().await.map_err(failure);
        let answer = answer.inspect_err(|failure| {
            // Signed with what is no longer good: the next attempt asks for credentials anew.
            if failure.reason == Reason::Credentials {
                self.client.renew();
            }
        })?;
        Ok(answer
            .records()
            .iter()
            .map(|record| match record.error_code() {
                None => Outcome::Delivered,
                Some(code) => Outcome::Retry(reason_of_code(code).unwrap_or(Reason::Unknown)),
            })
            .collect())
    }

    fn renew(&self) {
        self.client.renew();
    }

    async fn warm_up(&self) {
        self.client.get().await;
    }
}

fn entry(record: &Record) -> Result<PutRecordsRequestEntry, Failure> {
    PutRecordsRequestEntry::builder()
        .data(Blob::new(record.data.to_vec()))
        .partition_key(&record.key)
        .build()
        .map_err(|error| Failure::new(Reason::Unknown, error.to_string()))
}
