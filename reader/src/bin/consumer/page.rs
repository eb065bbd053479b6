//! The page that `--web` serves: what the reader tells it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reader::proof::Proof;
use reader::screen::Screen;
use reader::show::Show;
use reader::stream::Record;
use reader::web::{Hub, Server, Status, serve};
use tokio::time::Instant;

use crate::run::Failure;

/// How often it is told how the reader does. The proof of many processes takes milliseconds.
const TELL: Duration = Duration::from_secs(1);

pub(crate) struct Page {
    hub: Arc<Hub>,
    told: Option<Instant>,
    _server: Server,
}

impl Page {
    /// Serves what is shown, and says where.
    pub(crate) async fn serve(address: SocketAddr, show: &mut Show, screen: &mut Screen) -> Result<Self, Failure> {
        let hub = Arc::new(Hub::default());
        let server = serve(address, hub.clone()).await;
        let server = server.map_err(|source| Failure::Page { address, source })?;
        show.watch(Box::new({
            let hub = hub.clone();
            move |events| hub.publish(events)
        }));
        screen.say(&format!("the page is at {}", server.url));
        Ok(Self {
            hub,
            told: None,
            _server: server,
        })
    }

    pub(crate) fn record(&self, record: &Record) {
        let bytes = record.data.len() + record.partition_key.len();
        self.hub.record(record.arrival, bytes);
    }

    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.told.is_none_or(|told| now.duration_since(told) >= TELL);
        if is_due {
            self.told = Some(now);
        }
        is_due
    }

    pub(crate) fn tell(&self, status: Status) {
        self.hub.status(status);
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.hub.is_watched()
    }

    pub(crate) fn prove(&self, proof: &Proof) {
        self.hub.prove(proof);
    }
}
