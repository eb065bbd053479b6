//! An event on its way from a record to the screen.

use crate::decode::{Forwarded, Line};
use serde::{Deserialize, Serialize};

/// One event, seen for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The line: JSON text.
    pub line: String,
    /// Its place; none with the envelope `raw`.
    pub place: Option<Place>,
    /// It is a line that a function or an extension logged.
    pub is_log: bool,
    /// It goes on with what the line before began: an indented line of text, a cause.
    pub continues: bool,
    /// It may end what went on: the name of an exception, which Python writes below its trace.
    pub ends: bool,
    /// Time of the event, as Lambda wrote it; empty where unknown.
    pub time: String,
}

/// Position of an event among those of its forwarder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The envelope's `id`.
    pub id: String,
    /// The envelope's `sink`.
    pub sink: String,
    /// The envelope's `seq`.
    pub seq: u64,
    /// Count of numbers it takes up: more than one for a line that came in parts.
    pub span: u64,
}

impl Event {
    pub(crate) fn new(line: String, event: &Forwarded<'_>) -> Self {
        let is_log = matches!(event.kind.as_ref(), "function" | "extension");
        Self {
            line,
            place: event.stamp.as_ref().map(|stamp| Place {
                id: stamp.id.clone().into_owned(),
                sink: stamp.sink.clone().into_owned(),
                seq: stamp.seq,
                span: 1,
            }),
            is_log,
            continues: is_log && event.record.is_some_and(|record| continues(record.get())),
            ends: is_log && event.record.is_some_and(|record| names_an_exception(record.get())),
            time: event.time.as_deref().unwrap_or_default().to_owned(),
        }
    }

    /// True if it continues `before`, which is the line before it.
    #[must_use]
    pub fn goes_on_with(&self, before: &Self) -> bool {
        self.continues || (self.ends && before.continues)
    }

    /// The event in a line, if it is one.
    #[must_use]
    pub fn of_line(line: String) -> Option<Self> {
        let event = Line(&line).event().ok()?;
        let new = Self::new(String::new(), &event);
        Some(Self { line, ..new })
    }
}

/// True if a record, as JSON text, is a line that only makes sense after the one before: indented, as stack traces are
/// in every language, or the words that begin a trace's parts.
fn continues(record: &str) -> bool {
    let Some(text) = record.strip_prefix('"') else {
        return false;
    };
    [
        " ",
        "\\t",
        "Traceback (most recent call last)",
        "Caused by:",
        "Suppressed:",
        "During handling of the above exception",
        "The above exception was the direct cause",
    ]
    .iter()
    .any(|beginning| text.starts_with(beginning))
}

/// True if a record, as JSON text, begins with a name like `ValueError` or `java.io.IOException`, alone or before a
/// colon.
fn names_an_exception(record: &str) -> bool {
    let Some(text) = record.strip_prefix('"') else {
        return false;
    };
    let end = text.find(|char: char| !char.is_ascii_alphanumeric() && !matches!(char, '.' | '_'));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let is_its_name = ["Error", "Exception", "Exit", "Interrupt"]
        .iter()
        .any(|ending| name.ends_with(ending));
    is_its_name && (rest.starts_with(':') || rest.starts_with("\\n") || rest == "\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unpack::tests::line;

    #[test]
    fn the_name_of_an_exception_ends_a_trace_and_begins_none() {
        let event = |text: &str| Event::of_line(line("a", 0, text)).unwrap();
        let at = event("\"  at f\\n\"");
        for text in [
            r#""ValueError: no stock\n""#,
            r#""java.io.IOException: gone""#,
            r#""KeyboardInterrupt\n""#,
        ] {
            assert!(
                event(text).goes_on_with(&at) && !event(text).goes_on_with(&event("\"x\"")),
                "{text}"
            );
        }
        for text in [r#""Error handling is on\n""#, r#""order 1: fine""#, r#"{"Error":1}"#] {
            assert!(!event(text).goes_on_with(&at), "{text}");
        }
    }
}
