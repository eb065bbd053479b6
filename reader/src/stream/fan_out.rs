//! A registered consumer of a stream, which has 2 MB a second of each shard for itself: enhanced fan-out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::ConsumerStatus;
use tokio::time::{sleep, timeout};

use super::api::{Error, Stream};

/// Between two looks at a consumer that is not active yet. Its description may be asked for twenty times a second.
/// Kinesis API reference, `DescribeStreamConsumer`.
const LOOK: Duration = Duration::from_millis(500);

/// Looks before the wait is said.
const LOOKS: u32 = 120;

/// Longest time of removing a consumer at the end.
const LEAVE: Duration = Duration::from_secs(10);

/// Failed attempts to register after which a limit is taken for that of consumers, which does not pass by itself.
const REGISTRATIONS: u32 = 5;

/// A consumer by its name: found, or registered.
#[derive(Debug, Clone)]
pub struct FanOut {
    client: Client,
    stream: Stream,
    name: String,
    is_temporary: bool,
    stream_arn: Arc<OnceLock<String>>,
    /// It was not there before: this process registered it, or tried to.
    is_ours: Arc<AtomicBool>,
}

impl FanOut {
    /// Nothing is called yet. `is_temporary`: what `open` registers, [`leave`](Self::leave) removes.
    #[must_use]
    pub fn new(client: Client, stream: Stream, name: String, is_temporary: bool) -> Self {
        Self {
            client,
            stream,
            name,
            is_temporary,
            stream_arn: Arc::default(),
            is_ours: Arc::default(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Finds the consumer or registers it, waits until it is active, and answers its ARN.
    pub(super) async fn open(&self) -> Result<String, Error> {
        let operation = "DescribeStreamConsumer";
        let stream = self.stream_arn().await?;
        for _ in 0..LOOKS {
            let call = self.client.describe_stream_consumer();
            let call = call.stream_arn(&stream).consumer_name(&self.name);
            match call.send().await.map_err(|error| Error::new(operation, error)) {
                Ok(found) => {
                    if let Some(found) = found.consumer_description
                        && found.consumer_status == ConsumerStatus::Active
                    {
                        return Ok(found.consumer_arn);
                    }
                    sleep(LOOK).await;
                }
                Err(error) if error.is_not_there() => self.register(&stream).await?,
                Err(error) => return Err(error),
            }
        }
        Err(Error::Unreachable {
            operation,
            reason: format!("the consumer {} is still not active", self.name),
        })
    }

    async fn register(&self, stream: &str) -> Result<(), Error> {
        let call = self.client.register_stream_consumer();
        let call = call.stream_arn(stream).consumer_name(&self.name);
        // Said before the call: who is interrupted in the middle of it removes what it may have made.
        self.is_ours.store(true, Ordering::Relaxed);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = Error::new("RegisterStreamConsumer", error);
                if matches!(error, Error::Refused { .. }) {
                    self.is_ours.store(false, Ordering::Relaxed);
                }
                // Somebody else was faster, or it is being deleted.
                if error.is_in_use() { Ok(()) } else { Err(error) }
            }
        }
    }

    async fn stream_arn(&self) -> Result<String, Error> {
        let operation = "DescribeStreamSummary";
        if let Stream::Arn(arn) = &self.stream {
            return Ok(self.stream_arn.get_or_init(|| arn.clone()).clone());
        }
        if let Some(arn) = self.stream_arn.get() {
            return Ok(arn.clone());
        }
        let call = self.client.describe_stream_summary().stream_name(self.stream.as_str());
        let answer = call.send().await.map_err(|error| Error::new(operation, error))?;
        let summary = answer.stream_description_summary.ok_or_else(|| Error::Unreachable {
            operation,
            reason: "the answer has no summary".to_owned(),
        })?;
        Ok(self.stream_arn.get_or_init(|| summary.stream_arn).clone())
    }

    /// True if `error` of [`open`](Self::open), after so many failures, is one that a person must see to.
    pub(super) fn is_final(error: &Error, failures: u32) -> bool {
        failures >= REGISTRATIONS
            && matches!(error, Error::Refused { operation, code, .. }
                if *operation == "RegisterStreamConsumer" && code == "LimitExceededException")
    }

    /// Removes a temporary consumer. One that was there before stays: somebody else may read through it.
    ///
    /// # Errors
    /// It could not be removed.
    pub async fn leave(&self) -> Result<Left, Error> {
        let Some(stream) = self.stream_arn.get() else {
            return Ok(Left::Nothing);
        };
        if !self.is_temporary {
            return Ok(Left::Nothing);
        }
        if !self.is_ours.load(Ordering::Relaxed) {
            return Ok(Left::NotOurs);
        }
        let operation = "DeregisterStreamConsumer";
        let removed = timeout(LEAVE, async {
            loop {
                let call = self.client.deregister_stream_consumer();
                let call = call.stream_arn(stream).consumer_name(&self.name);
                match call.send().await.map_err(|error| Error::new(operation, error)) {
                    Ok(_) => return Ok(Left::Removed),
                    Err(error) if error.is_not_there() => return Ok(Left::Removed),
                    Err(error) if error.may_pass() => sleep(LOOK).await,
                    Err(error) => return Err(error),
                }
            }
        });
        removed.await.unwrap_or_else(|_| {
            Err(Error::Unreachable {
                operation,
                reason: format!("not done after {} s", LEAVE.as_secs()),
            })
        })
    }
}

/// What became of a consumer at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It is kept, or was never registered.
    Nothing,
    /// It was there before, and is still.
    NotOurs,
    /// It is removed.
    Removed,
}
