//! Properties of one event that rules ask for, computed when the first of them asks.

use super::{Level, sample};
use crate::telemetry::event::Event;
use crate::telemetry::json::{skim, unescape_into};

/// One event as rules see it.
pub(super) struct Look<'e, 's> {
    event: &'e Event<'e>,
    request_id: Option<&'e str>,
    level: Option<Level>,
    hash: Option<u64>,
    /// Where the object begins that its text ends in, once that was looked for.
    object: Option<Option<usize>>,
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
            object: None,
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

    /// The JSON of a record that is an object, or of a text line that ends in one.
    pub(super) fn json(&mut self) -> Option<&str> {
        let record = self.event.record?;
        if record.starts_with('{') {
            return Some(record);
        }
        if !record.starts_with('"') {
            return None;
        }
        let start = match self.object {
            Some(known) => known,
            None => object_start(self.text().trim_end()),
        };
        self.object = Some(start);
        self.text().trim_end().get(start?..)
    }
}

/// Where the object begins that a line ends in: at its start, or behind the prefix of a runtime or a logger. What is no
/// object to the end is a line that happens to have a brace.
fn object_start(text: &str) -> Option<usize> {
    let begins = |at: usize| {
        at.checked_sub(1)
            .is_none_or(|before| text.as_bytes().get(before).is_some_and(u8::is_ascii_whitespace))
    };
    let mut braces =
        memchr::memchr_iter(b'{', text.as_bytes()).filter(|&at| begins(at) || text.get(..at) == Some("\u{feff}"));
    let is_object = |&at: &usize| text.get(at..).is_some_and(skim::is_whole_object);
    let first = braces.next()?;
    if is_object(&first) {
        return Some(first);
    }
    // A line that begins like an object is none; in others some words in braces may stand before it.
    if first == 0 {
        None
    } else {
        braces.take(MOST_BRACES).find(is_object)
    }
}

/// How many more braces of a line are tried for the object that it ends in: each try may read the whole line.
const MOST_BRACES: usize = 3;
