//! The sink itself: writes to standard output.

use std::io::{self, Write};

use async_trait::async_trait;
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};

use super::LIMITS;

/// Writes records to standard output, as they are.
#[derive(Debug, Default)]
pub struct Stdout;

#[async_trait]
impl Sink for Stdout {
    fn limits(&self) -> Limits {
        LIMITS
    }

    /// A write to a pipe that nobody empties blocks, so it happens on a thread of its own. If the put is cancelled, the
    /// write may still happen: at least once.
    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        let data: Vec<_> = records.iter().map(|record| record.data.clone()).collect();
        let write = tokio::task::spawn_blocking(move || {
            let mut out = io::stdout().lock();
            data.iter().try_for_each(|data| out.write_all(data))?;
            out.flush()
        });
        match write.await {
            Ok(Ok(())) => Ok(vec![Outcome::Delivered; records.len()]),
            Ok(Err(error)) => Err(Failure::new(Reason::Unreachable, error.to_string())),
            Err(error) => Err(Failure::new(Reason::Unknown, error.to_string())),
        }
    }

    fn renew(&self) {}
}
