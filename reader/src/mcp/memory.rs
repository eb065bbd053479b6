//! What an assistant may ask for: the newest events, how reading goes, and the proof. All of it bounded.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::entry::Entry;
use crate::event::Event;
use crate::proof::Proof;

/// Events that are kept, and bytes of them.
const MOST_EVENTS: usize = 50_000;
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// How reading goes.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// What is read.
    pub stream: String,
    /// `connecting`, `live`, or how far it is behind; `ended`.
    pub state: String,
    /// Lines read.
    pub lines: u64,
    /// Records and lines that cannot be read.
    pub unreadable: u64,
}

/// An event.
pub(super) struct Kept {
    pub(super) time: Box<str>,
    pub(super) entry: Entry,
    bytes: usize,
}

/// Written by the reader, asked by an assistant.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) events: VecDeque<Kept>,
    bytes: usize,
    /// Events that are no longer kept.
    pub(super) forgotten: u64,
    pub(super) progress: Progress,
    /// JSON of the proof.
    pub(super) proof: String,
}

impl Memory {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps events in their order.
    pub fn keep(&self, events: impl IntoIterator<Item = (Event, Entry, bool)>) {
        let mut state = self.state();
        for (event, entry, _) in events {
            // An entry has the line's text, taken apart.
            let bytes = 512 + 2 * event.line.len();
            state.bytes += bytes;
            state.events.push_back(Kept {
                time: event.time.into(),
                entry,
                bytes,
            });
            while state.events.len() > MOST_EVENTS || (state.bytes > MOST_BYTES && state.events.len() > 1) {
                let gone = state.events.pop_front().map_or(0, |event| event.bytes);
                state.bytes = state.bytes.saturating_sub(gone);
                state.forgotten += 1;
            }
        }
    }

    /// Says how reading goes, and what the sequence numbers prove.
    pub fn tell(&self, progress: Progress, proof: &Proof) {
        let proof = proof.json();
        let mut state = self.state();
        state.progress = progress;
        state.proof = proof;
    }
}
