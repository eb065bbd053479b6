//! An event as a page shows it. Text stays text: nothing in it is markup, and what turns lines around is visible.

use serde::Serialize;

use crate::clean::clean;
use crate::entry::Entry;
use crate::event::Event;

/// An event that pages may ask for.
pub(super) struct Row {
    /// Its number among all that were published.
    pub(super) number: u64,
    pub(super) entry: Entry,
    /// It goes on with the row before.
    pub(super) continues: bool,
    /// Its record, of an event that is no log line: what a timeline is made of.
    record: Option<Box<str>>,
    pub(super) time: Box<str>,
    /// What it takes to keep it.
    pub(super) bytes: usize,
}

/// How much of an event is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail {
    text: usize,
    fields: usize,
    lines: usize,
    record: bool,
}

/// A line of the tail.
pub(super) const TAIL: Detail = Detail {
    text: 2_000,
    fields: 24,
    lines: 40,
    record: false,
};

/// A line of an invocation.
pub(super) const WHOLE: Detail = Detail {
    text: 64 * 1024,
    fields: 500,
    lines: 2_000,
    record: true,
};

/// The longest record that is kept for a timeline. Platform events have some hundred bytes.
const LONGEST_RECORD: usize = 16 * 1024;

/// As JSON; short names, since there are many.
#[derive(Serialize)]
struct Shown<'a> {
    n: u64,
    t: &'a str,
    f: String,
    r: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    tr: String,
    k: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    l: Option<&'static str>,
    b: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bad: bool,
    m: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    x: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    s: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    c: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rec: Option<&'a serde_json::value::RawValue>,
}

impl Row {
    pub(super) fn new(number: u64, event: &Event, entry: Entry, continues: bool) -> Self {
        let record = (!event.is_log).then(|| {
            let forwarded = crate::decode::Line(&event.line).event().ok();
            let record = forwarded
                .and_then(|forwarded| forwarded.record)
                .map(|record| record.get());
            record.filter(|record| record.len() <= LONGEST_RECORD).map(Box::from)
        });
        let record: Option<Box<str>> = record.flatten();
        Self {
            number,
            continues,
            // An entry has the line's text, taken apart.
            bytes: 512 + 2 * event.line.len() + record.as_ref().map_or(0, |record| record.len()),
            record,
            time: event.time.as_str().into(),
            entry,
        }
    }

    /// As JSON text, with so much of it.
    pub(super) fn json(&self, detail: Detail) -> String {
        let view = self.entry.view();
        let mut is_cut = view.is_cut;
        let mut text = |text: &str| {
            let beginning = text.get(..text.floor_char_boundary(detail.text)).unwrap_or(text);
            is_cut |= beginning.len() < text.len();
            clean(beginning).into_owned()
        };
        let message = text(view.message);
        let fields = view.fields.iter().take(detail.fields);
        let fields = fields.map(|(name, value)| (text(name), text(value))).collect();
        let lines = view.more.iter().take(detail.lines).map(|line| text(line)).collect();
        let record = self.record.as_deref().filter(|_| detail.record);
        let shown = Shown {
            n: self.number,
            f: text(&self.entry.function),
            r: text(&self.entry.request),
            tr: text(&self.entry.trace),
            k: text(&self.entry.kind),
            t: &clean(self.time.get(..35).unwrap_or(&self.time)),
            l: self.entry.level.map(|level| level.name()),
            b: view.badge,
            bad: view.is_bad,
            m: message,
            x: fields,
            s: lines,
            c: self.continues,
            cut: is_cut || view.fields.len() > detail.fields || view.more.len() > detail.lines,
            // What serde_json refuses, a browser refuses too.
            rec: record
                .filter(|record| serde_json::from_str::<serde_json::Value>(record).is_ok())
                .and_then(|record| serde_json::from_str(record).ok()),
        };
        serde_json::to_string(&shown).unwrap_or_default()
    }
}
