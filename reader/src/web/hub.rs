//! What pages may ask for. The reader writes into it and waits for nobody; everything is bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

use crate::entry::Entry;
use crate::event::Event;
use crate::proof::Proof;

use super::row::Row;
use super::series::Series;

/// Rows that are kept, and bytes of them: what a page can look back at.
const MOST_ROWS: usize = 50_000;
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Pages that are open at once.
const MOST_TABS: usize = 16;

/// How the reader is doing.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    /// What is read.
    pub stream: String,
    /// `connecting`, `live`, or how far it is behind; `ended`.
    pub state: String,
    /// Lines read.
    pub lines: u64,
    /// Records read.
    pub records: u64,
    /// Bytes of their data.
    pub bytes: u64,
    /// Lines a second.
    pub rate: f64,
    /// Each shard, and the seconds that it is behind.
    pub shards: Vec<(String, Option<f64>)>,
    /// Records and lines that cannot be read.
    pub unreadable: u64,
}

/// Shared by the reader and the open pages.
pub struct Hub {
    /// Tells this reader from another one at the same address.
    pub(super) boot: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rows: VecDeque<Arc<Row>>,
    next: u64,
    bytes: usize,
    series: Series,
    status: Status,
    proof: String,
    tabs: usize,
}

/// An open page; it counts as long as it lives.
pub(super) struct Tab(Arc<Hub>);

impl Drop for Tab {
    fn drop(&mut self) {
        self.0.state().tabs -= 1;
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            boot: format!("{:016x}", fastrand::u64(..)),
            state: Mutex::default(),
        }
    }
}

impl Hub {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is half-done in it that a page could not show.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes events in their order; each with whether it goes on with the one before.
    pub fn publish(&self, events: impl IntoIterator<Item = (Event, Entry, bool)>) {
        for (event, entry, continues) in events {
            let time = humantime::parse_rfc3339_weak(&event.time).ok();
            let report = (entry.kind == "platform.report").then(|| record(&event)).flatten();
            let mut state = self.state();
            if let Some(time) = time {
                state.series.event(&entry, time, event.line.len(), report.as_ref());
            }
            let row = Row::new(state.next, &event, entry, continues);
            state.next += 1;
            state.bytes += row.bytes;
            state.rows.push_back(Arc::new(row));
            while state.rows.len() > MOST_ROWS || (state.bytes > MOST_BYTES && state.rows.len() > 1) {
                let gone = state.rows.pop_front().map_or(0, |row| row.bytes);
                state.bytes = state.bytes.saturating_sub(gone);
            }
        }
    }

    /// Counts a record by what Kinesis bills for it: data and key, bytes.
    pub fn record(&self, arrival: SystemTime, bytes: usize) {
        self.state().series.record(arrival, bytes);
    }

    /// Says how the reader is doing.
    pub fn status(&self, status: Status) {
        let mut state = self.state();
        state.series.lag(SystemTime::now(), &status.shards);
        state.status = status;
    }

    /// Says what the sequence numbers prove.
    pub fn prove(&self, proof: &Proof) {
        let json = proof.json();
        self.state().proof = json;
    }

    /// True if anybody looks.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.state().tabs > 0
    }

    /// One more page, unless too many are open.
    pub(super) fn open(self: &Arc<Self>) -> Option<Tab> {
        let mut state = self.state();
        if state.tabs >= MOST_TABS {
            return None;
        }
        state.tabs += 1;
        Some(Tab(self.clone()))
    }

    /// The rows from a number on, and the number that comes next.
    pub(super) fn rows_from(&self, number: u64) -> (Vec<Arc<Row>>, u64) {
        let state = self.state();
        let first = state.rows.front().map_or(state.next, |row| row.number);
        let skip = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX);
        (state.rows.iter().skip(skip).cloned().collect(), state.next)
    }

    /// The number of the oldest row that is kept.
    pub(super) fn oldest(&self) -> u64 {
        let state = self.state();
        state.rows.front().map_or(state.next, |row| row.number)
    }

    /// How the reader is doing and what is proved, as JSON; and what changed of the series since a version.
    pub(super) fn report(&self, version: u64) -> (String, u64) {
        let state = self.state();
        let (series, version) = state.series.since(version);
        let status = serde_json::to_string(&state.status).unwrap_or_default();
        let proof = if state.proof.is_empty() { "null" } else { &state.proof };
        let json = format!(
            r#"{{"status":{status},"proof":{proof},"kept":{},"series":{series}}}"#,
            state.rows.len()
        );
        (json, version)
    }
}

/// The record of an event that is no log line.
fn record(event: &Event) -> Option<Value> {
    let line = crate::decode::Line(&event.line).event().ok()?;
    serde_json::from_str(line.record?.get()).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::decode::Line;
    use crate::entry::Entries;
    use crate::unpack::tests::line;

    pub(in crate::web) fn publish(hub: &Hub, lines: impl IntoIterator<Item = String>) {
        let mut entries = Entries::default();
        hub.publish(lines.into_iter().map(|line| {
            let event = Event::of_line(line).unwrap();
            let entry = entries.entry(&Line(&event.line).event().unwrap());
            (event, entry, false)
        }));
    }

    #[test]
    fn rows_are_bounded_by_number_and_by_bytes() {
        let hub = Hub::default();
        publish(&hub, (0..MOST_ROWS as u64 + 10).map(|seq| line("a", seq, "1")));
        assert_eq!((hub.oldest(), hub.rows_from(0).0.len()), (10, MOST_ROWS));
        assert_eq!(hub.rows_from(MOST_ROWS as u64 + 7).0.len(), 3);
        let hub = Hub::default();
        let long = format!("\"{}\"", "x".repeat(1024 * 1024));
        publish(&hub, (0..100).map(|seq| line("a", seq, &long)));
        assert!(hub.state().bytes <= MOST_BYTES && hub.oldest() > 60);
    }

    #[test]
    fn only_so_many_pages_are_open() {
        let hub = Arc::new(Hub::default());
        assert!(!hub.is_watched());
        let mut tabs: Vec<_> = (0..MOST_TABS).map(|_| hub.open().unwrap()).collect();
        assert!(hub.is_watched() && hub.open().is_none());
        tabs.pop();
        assert!(hub.open().is_some());
    }
}
