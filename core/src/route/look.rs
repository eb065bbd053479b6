//! What rules may ask of one event, found out when the first of them asks.

use super::{Level, sample, skim};
use crate::telemetry::event::Event;
use crate::telemetry::json::unescape_into;

/// One event as rules see it.
pub(super) struct Look<'e, 's> {
    event: &'e Event<'e>,
    request_id: Option<&'e str>,
    level: Option<Level>,
    hash: Option<u64>,
    text: &'s mut Scratch,
}

/// Memory for the text of a line, used for one event after another.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    text: String,
    /// `text` is that of the event looked at.
    filled: bool,
}

impl<'e, 's> Look<'e, 's> {
    pub(super) fn new(
        event: &'e Event<'e>,
        request_id: Option<&'e str>,
        level: Option<Level>,
        text: &'s mut Scratch,
    ) -> Self {
        text.filled = false;
        Self {
            event,
            request_id,
            level,
            hash: None,
            text,
        }
    }

    pub(super) fn level(&self) -> Option<Level> {
        self.level
    }

    pub(super) fn has_request(&self) -> bool {
        self.request_id.is_some()
    }

    /// The hash of its request id, if it belongs to a request.
    pub(super) fn request_hash(&mut self) -> Option<u64> {
        if self.hash.is_none() {
            self.hash = self.request_id.map(sample::hash);
        }
        self.hash
    }

    /// The line; of a record that is no string, its JSON.
    pub(super) fn text(&mut self) -> &str {
        let record = self.event.record.unwrap_or_default();
        if !record.starts_with('"') {
            return record;
        }
        // Without an escape the text stands there as it is.
        let inner = record.get(1..record.len() - 1).unwrap_or_default();
        if !inner.contains('\\') {
            return inner;
        }
        self.fill(record);
        &self.text.text
    }

    fn fill(&mut self, record: &str) {
        if !self.text.filled {
            self.text.text.clear();
            unescape_into(record, &mut self.text.text);
            self.text.filled = true;
        }
    }

    /// The JSON of a record that is an object, or of a text line that holds one.
    pub(super) fn json(&mut self) -> Option<&str> {
        let record = self.event.record?;
        if record.starts_with('{') {
            return Some(record);
        }
        if !record.starts_with("\"{") {
            return None;
        }
        let text = self.text().trim_end();
        // What is no object as a whole is a line that happens to begin like one.
        skim::is_whole_object(text).then_some(text)
    }
}
