//! The sink itself: `PutRecordBatch`.

use async_trait::async_trait;
use aws_sdk_firehose::Client;
use aws_sdk_firehose::operation::put_record_batch::builders::PutRecordBatchFluentBuilder;
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record as FirehoseRecord;
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};

use super::LIMITS;
use crate::arn::StreamName;
use crate::aws::{LazyClient, only_connect, outcome};
use crate::kind::Connection;

/// Puts records into one Firehose stream.
pub struct Firehose {
    name: String,
    client: LazyClient<Client>,
}

impl Firehose {
    /// Nothing is loaded or connected to before the first put. Firehose is called by name; the region of an ARN counts
    /// where none is set.
    pub fn new(stream: StreamName, mut connection: Connection) -> Self {
        connection.region = connection.region.or_else(|| stream.region().map(str::to_owned));
        Self {
            name: match stream {
                StreamName::Name(name) => name,
                StreamName::Arn(arn) => arn.name,
            },
            client: LazyClient::new("FIREHOSE", connection, Client::new),
        }
    }

    async fn put_record_batch(&self) -> PutRecordBatchFluentBuilder {
        self.client
            .get()
            .await
            .put_record_batch()
            .delivery_stream_name(&self.name)
    }
}

#[async_trait]
impl Sink for Firehose {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        let entries = records.iter().map(entry).collect::<Result<_, _>>()?;
        let request = self.put_record_batch().await.set_records(Some(entries));
        let answer = request.send().await;
        let answer = answer.map_err(|error| self.client.failed(error))?;
        let records = answer.request_responses().iter();
        Ok(records.map(|record| outcome(record.error_code())).collect())
    }

    fn renew(&self) {
        self.client.renew();
    }

    fn forget(&self) {
        self.client.forget();
    }

    async fn warm_up(&self) {
        let request = self.put_record_batch().await.set_records(Some(Vec::new()));
        // What is wrong is said by the first put.
        let _ = request.customize().mutate_request(only_connect).send().await;
    }
}

fn entry(record: &Record) -> Result<FirehoseRecord, Failure> {
    FirehoseRecord::builder()
        .data(Blob::new(record.data.to_vec()))
        .build()
        .map_err(|error| Failure::new(Reason::Unknown, error.to_string()))
}
