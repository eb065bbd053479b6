//! The counts as they are kept, and the waking of those who wait for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::counts::{Call, Counts, Ended, Rounding};
use crate::put::{Outcome, Put};

/// Counters by stream.
pub(crate) struct Ledger {
    /// Rounding of the service's bill.
    rounding: Rounding,
    /// A std mutex: held for a few additions, never across an await.
    streams: Mutex<BTreeMap<String, Page>>,
    /// Says that something was written. The value has no meaning.
    written: watch::Sender<()>,
}

#[derive(Default)]
struct Page {
    counts: Counts,
    calls: Vec<Call>,
}

/// A call in flight. Its end is written when the last one who works on it lets go: unanswered, unless something else was
/// said before; so it is when the client hangs up.
pub(crate) struct Entry {
    ledger: Arc<Ledger>,
    stream: String,
    call: Call,
    ended: OnceLock<Ended>,
}

impl Ledger {
    pub(crate) fn new(rounding: Rounding) -> Self {
        Self {
            rounding,
            streams: Mutex::default(),
            written: watch::Sender::new(()),
        }
    }

    /// Writes down that a call has arrived. `put` is what could be read of it.
    pub(crate) fn begin(self: &Arc<Self>, connection: u64, body_bytes: u64, put: Option<&Put>) -> Arc<Entry> {
        let stream = put.map(|put| put.stream.clone()).unwrap_or_default();
        let records = put.map_or(0, |put| put.records.len() as u64);
        let bytes = put.map_or(0, Put::bytes);
        self.write(&stream, |page| {
            let counts = &mut page.counts;
            counts.calls += 1;
            counts.body_bytes += body_bytes;
            counts.largest_call_records = counts.largest_call_records.max(records);
            counts.largest_call_bytes = counts.largest_call_bytes.max(bytes);
            for record in put.iter().flat_map(|put| &put.records) {
                counts
                    .received
                    .add(record.data_bytes(), record.key_bytes(), self.rounding);
            }
        });
        let call = Call {
            at: Instant::now(),
            connection,
            records,
            bytes,
            ended: Ended::Unanswered,
        };
        Arc::new(Entry {
            ledger: Arc::clone(self),
            stream,
            call,
            ended: OnceLock::new(),
        })
    }

    /// Writes down which records were stored.
    pub(crate) fn stored(&self, put: &Put, outcomes: &[Outcome]) {
        self.write(&put.stream, |page| {
            for (record, outcome) in put.records.iter().zip(outcomes) {
                if let Outcome::Stored(_) = outcome {
                    page.counts
                        .stored
                        .add(record.data_bytes(), record.key_bytes(), self.rounding);
                }
            }
        });
    }

    pub(crate) fn counts(&self, stream: &str) -> Counts {
        self.lock().get(stream).map(|page| page.counts).unwrap_or_default()
    }

    pub(crate) fn total(&self) -> Counts {
        let mut total = Counts::default();
        for page in self.lock().values() {
            total.merge(page.counts);
        }
        total
    }

    pub(crate) fn calls(&self, stream: &str) -> Vec<Call> {
        self.lock()
            .get(stream)
            .map(|page| page.calls.clone())
            .unwrap_or_default()
    }

    pub(crate) fn reset(&self) {
        self.lock().clear();
    }

    /// Waits until no call is in flight.
    pub(crate) async fn settled(&self) {
        let mut written = self.watch();
        while self.total().calls_in_flight() > 0 {
            // It cannot fail: the sender lives as long as `self`.
            let _ = written.changed().await;
        }
    }

    /// Becomes ready whenever something was written after this.
    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.written.subscribe()
    }

    fn write(&self, stream: &str, line: impl FnOnce(&mut Page)) {
        line(self.lock().entry(stream.to_owned()).or_default());
        self.written.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Page>> {
        // Additions do not panic; if one did, the other counts would still be right.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Says how the call ended.
    pub(crate) fn end(&self, ended: Ended) {
        // Only the first end counts; there is no second.
        let _ = self.ended.set(ended);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let ended = self.ended.take().unwrap_or(Ended::Unanswered);
        self.ledger.write(&self.stream, |page| {
            match &ended {
                Ended::Answered { refused } => {
                    page.counts.calls_answered += 1;
                    page.counts.records_refused += refused;
                }
                Ended::Failed { .. } => page.counts.calls_failed += 1,
                Ended::Unanswered => page.counts.calls_unanswered += 1,
            }
            page.calls.push(Call {
                ended,
                ..self.call.clone()
            });
        });
    }
}
