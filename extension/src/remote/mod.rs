//! A configuration for a fleet: a document of Systems Manager or S3, read beside the function, never before `next`.
//!
//! # Layout
//! - this file: when the document is read, and what is said of it.
//! - `apply`: a document that was read takes the place of the one before, as a whole or not at all; the first one with its
//!   sinks, if nothing has come before it.
//! - `copy`: the last good document, on disk for a process that starts again.

mod apply;
mod copy;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forwarder_core::Forwarder;
use forwarder_core::delivery::awake;
use forwarder_core::forwarder::flush::FlushPolicy;
use forwarder_sinks::document::Source;
use forwarder_sinks::{Document, Documents};
use tokio::sync::Notify;

use crate::config::{self, Config, RemoteDocument};
use crate::listener::Intake;
use crate::tasks;
use copy::Copy;

/// Events wait for the first document no longer than this. Awake.
const PATIENCE: Duration = Duration::from_secs(2);

/// One answer may take so long. Awake.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Before a document that could not be read is asked for again: doubled each time, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Parts that a document changes.
pub(crate) struct Parts {
    pub(crate) forwarder: Arc<Forwarder>,
    pub(crate) policy: Arc<Mutex<FlushPolicy>>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) account: Option<String>,
}

/// The document, and what is made of it.
pub(crate) struct Remote {
    source: Source,
    documents: Documents,
    refresh: Option<Duration>,
    copy: Copy,
    parts: Parts,
    /// The configuration that its lanes, port and subscription are of: what cannot change while it runs.
    begun: Mutex<Config>,
    known: Mutex<Known>,
    /// A document was read, or is there from before.
    settled: Notify,
    /// It is to be read now: this is another environment.
    renew: Notify,
}

#[derive(Default)]
struct Known {
    /// Version that was read last, good or not.
    version: Option<String>,
    /// Reading fails, and that was said.
    fails: bool,
}

impl Remote {
    /// `None`: the configuration names no document. `version`: that of the last good copy, which `begun` was made of.
    pub(crate) fn begin(begun: &Config, version: Option<String>, parts: Parts) -> Option<Arc<Self>> {
        let source = begun.remote.clone()?;
        let settled = Notify::new();
        if let Some(version) = &version {
            settled.notify_one();
            parts.forwarder.note_config(version);
        }
        Some(Arc::new(Self {
            documents: Documents::new(source.clone()),
            refresh: begun.refresh,
            copy: Copy::new(&begun.spool.dir, &source),
            source,
            parts,
            begun: Mutex::new(begun.clone()),
            known: Mutex::new(Known { version, fails: false }),
            settled,
            renew: Notify::new(),
        }))
    }

    /// Starts to read, and lets events wait for the first document. Runs from when `next` is outstanding.
    pub(crate) fn start(self: &Arc<Self>, intake: &Arc<Intake>) {
        let (remote, gate) = (Arc::clone(self), Arc::clone(intake));
        let wait = move || {
            let (remote, gate) = (Arc::clone(&remote), Arc::clone(&gate));
            async move {
                tokio::select! {
                    () = remote.settled.notified() => {}
                    () = awake::sleep(PATIENCE) => {
                        log::info!(event = "config_late", source = remote.source.to_string().as_str(); "the configuration has not come in time: events go by what is local");
                    }
                    () = gate.is_full() => {}
                }
                gate.open_gate().await;
            }
        };
        tasks::spawn("config_wait", wait);
        let remote = Arc::clone(self);
        tasks::spawn("config", move || Arc::clone(&remote).keep_up());
    }

    /// The environment was made from a snapshot: the document may be an old one.
    pub(crate) fn renew(&self) {
        self.renew.notify_one();
    }

    async fn keep_up(self: Arc<Self>) {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let interval = if self.read().await {
                pause = SHORTEST_PAUSE;
                self.refresh
            } else {
                let now = pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
                Some(now)
            };
            tokio::select! {
                () = sleep(interval) => {}
                () = self.renew.notified() => {}
            }
        }
    }

    /// Reads the document. `false`: it could not be read.
    async fn read(&self) -> bool {
        let version = self.known().version.clone();
        let read = tokio::select! {
            read = self.documents.read(version.as_deref()) => read,
            () = awake::sleep(ANSWER_TIME) => Err(format!("no answer in {ANSWER_TIME:?}")),
        };
        let source = self.source.to_string();
        match read {
            Ok(document) => {
                let failed = std::mem::take(&mut self.known().fails);
                if failed {
                    log::warn!(event = "config_read_again", source = source.as_str(); "the configuration can be read again");
                }
                if let Some(document) = document {
                    self.take(&document);
                }
                self.settled.notify_one();
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.known().fails, true) {
                    log::warn!(event = "config_unread", source = source.as_str(), error = error.as_str(); "the configuration cannot be read; the last good one stays in force, or what is local; it is asked for again");
                }
                false
            }
        }
    }

    fn take(&self, document: &Document) {
        self.known().version = Some(document.version.clone());
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if apply::apply(document, &self.source, &mut begun, &self.parts) {
            self.copy.keep(document);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last good copy of the document that a configuration names, as a configuration, and its version; else the
/// configuration as it is.
pub(crate) fn last_good(
    config: Config,
    variables: &BTreeMap<String, String>,
    account: Option<&str>,
) -> (Config, Option<String>) {
    let Some(source) = &config.remote else {
        return (config, None);
    };
    let Some(document) = Copy::new(&config.spool.dir, source).read() else {
        return (config, None);
    };
    let remote = RemoteDocument {
        name: source.to_string(),
        text: document.text,
    };
    let (basics, good) = config::load_with(variables, account, Some(&remote));
    let Ok(mut good) = good else { return (config, None) };
    crate::logger::set_level(basics.log);
    // There the next copy is looked for.
    good.spool.dir = config.spool.dir;
    (good, Some(document.version))
}

/// Sleeps; for good where nothing is set.
async fn sleep(interval: Option<Duration>) {
    match interval {
        Some(interval) => tokio::time::sleep(interval).await,
        None => std::future::pending().await,
    }
}
