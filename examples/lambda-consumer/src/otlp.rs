//! The lines of a batch, to a receiver of OTLP: each line at least once.
//!
//! A batch is acknowledged behind what the receiver accepted. Where it takes too long or nothing, the invocation fails, and Lambda
//! hands the batch over again.

use std::env;
use std::time::Duration;

use forwarder_core::route::Level;
use lambda_runtime::Error;
use reader::decode::Line;
use reader::otlp::{Endpoint, Item, Sender};
use tokio::time::timeout;

use crate::notice::Notice;

/// Where lines are sent to, and headers for it. OpenTelemetry, OTLP exporter configuration.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// A receiver of OTLP.
pub(crate) struct Receiver(Sender);

/// Lines to be sent.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    items: Vec<Item>,
    bytes: usize,
}

impl Lines {
    pub(crate) fn push(&mut self, line: Line<'_>, level: Option<Level>) {
        self.bytes += line.0.len() + size_of::<Item>();
        let line = line.0.to_owned();
        self.items.push(Item { line, level });
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.items.append(&mut other.items);
        self.bytes += other.bytes;
    }

    /// Memory that they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Receiver {
    /// The receiver that is set, if one is.
    ///
    /// # Errors
    /// What is set is no endpoint, or no headers.
    pub(crate) fn from_environment() -> Result<Option<Self>, Error> {
        let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let Some(url) = set(ENDPOINT) else { return Ok(None) };
        let headers = set(HEADERS).unwrap_or_default();
        let endpoint = Endpoint::new(url.trim(), &headers).map_err(|error| format!("{ENDPOINT}: {error}"))?;
        Ok(Some(Self(Sender::new(endpoint))))
    }

    /// Sends lines within this time; returns what it will never take.
    ///
    /// # Errors
    /// The receiver takes nothing, or did not answer in time. It may have some of the lines.
    pub(crate) async fn send(&self, lines: &Lines, within: Duration) -> Result<Option<Notice>, Error> {
        let mut trouble = None;
        let sent = timeout(within, self.0.send(&lines.items, |text| trouble = Some(text))).await;
        let Ok(sent) = sent else {
            let trouble = trouble.unwrap_or_else(|| "it gave no answer".to_owned());
            let within = within.as_secs_f64();
            return Err(format!("the receiver did not take the batch within {within:.1} s: {trouble}").into());
        };
        let sent = sent?;
        Ok((sent.rejected > 0).then_some(Notice::Rejected {
            count: sent.rejected,
            reasons: sent.reasons,
        }))
    }
}
