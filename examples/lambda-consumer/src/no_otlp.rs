//! In place of `otlp` where the program is built without it: no line is kept or sent.

use std::convert::Infallible;
use std::env;
use std::time::Duration;

use forwarder_core::route::Level;
use lambda_runtime::Error;
use reader::decode::Line;

use crate::notice::Notice;

/// None.
pub(crate) struct Receiver(Infallible);

/// None.
#[derive(Debug, Default)]
pub(crate) struct Lines;

#[expect(clippy::unused_self, reason = "as the lines that are sent")]
impl Lines {
    pub(crate) fn push(&mut self, _: Line<'_>, _: Option<Level>) {}

    pub(crate) fn append(&mut self, _: Self) {}

    pub(crate) fn bytes(&self) -> usize {
        0
    }
}

impl Receiver {
    /// None.
    ///
    /// # Errors
    /// One is set: its lines would be missed.
    pub(crate) fn from_environment() -> Result<Option<Self>, Error> {
        match env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_none_or(|url| url.is_empty()) {
            true => Ok(None),
            false => {
                Err("OTEL_EXPORTER_OTLP_ENDPOINT is set, but this program is built without the feature `otlp`".into())
            }
        }
    }

    pub(crate) async fn send(&self, _: &Lines, _: Duration) -> Result<Option<Notice>, Error> {
        match self.0 {}
    }
}
