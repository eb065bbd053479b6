//! An event as lines for a person: time, function, request, level, text.

mod page;
mod table;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::decode::{Forwarded, lenient};
use forwarder_core::route::{Level, Levels};
use forwarder_core::telemetry::event::Kind;
use serde_json::value::RawValue;

use crate::clean::clean;
use crate::log_text::LogText;
use crate::paint::Look;
use crate::row::Row;
use crate::summary::{Summary, summary};
use page::{Page, badge, cut};

/// Number of characters of a request id that are shown.
const SHORT: usize = 8;

/// A function's column is as wide as the longest name so far, and no wider than this.
const WIDEST: usize = 32;

/// The column of levels: `REPORT`.
const BADGE: usize = 6;

/// Makes entries; remembers the levels of the lines before, which those without a level inherit.
#[derive(Default)]
pub struct Entries {
    /// By life of a forwarder, each of which sees one environment's lines in order.
    levels: HashMap<String, Levels>,
    function_width: usize,
    /// The width of that column in the headings of the table that were shown last.
    headings: Option<usize>,
    /// Each function's look, in the order of their appearance.
    looks: HashMap<String, Look>,
}

/// More processes and functions than this are not remembered: those that ended are among them.
const MOST_LIVES: usize = 10_000;

/// A function's name has 64 characters at most. Lambda API reference, `CreateFunction`.
const LONGEST_NAME: usize = 64;

/// Bytes of a column's text that are shown; a line of Lambda has 1 MiB at most.
const LONGEST_TEXT: usize = 1024 * 1024;

/// The longest time that is shown, bytes: with nanoseconds and an offset.
const LONGEST_TIME: usize = 35;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    time: String,
    /// The function's name; empty where unknown.
    pub function: String,
    /// The request; empty where unknown.
    pub request: String,
    /// The trace; empty where unknown.
    pub trace: String,
    /// The ARN of the durable execution; empty where there is none.
    pub execution: String,
    /// The event's type.
    pub kind: String,
    /// None: not a log line.
    pub level: Option<Level>,
    content: Content,
    /// What it says of an invocation, if it is a row.
    row: Option<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Log(LogText),
    Other(Summary),
}

impl Entries {
    /// The entry of an event; in order, for the sake of levels.
    pub fn entry(&mut self, event: &Forwarded<'_>) -> Entry {
        let stamp = event.stamp.as_ref();
        let request = stamp.and_then(|stamp| stamp.request_id.as_deref());
        let life = stamp.map_or("", |stamp| stamp.id.as_ref());
        let level = self.level(event, life, request);
        let json = event.record.map_or("null", RawValue::get);
        let request = request.unwrap_or_default();
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let row = Row::of(&event.kind, json);
        let content = match (level, &row) {
            (Some(_), _) => Content::Log(LogText::new(json, request)),
            (None, Some(row)) => Content::Other(row.summary()),
            (None, None) => Content::Other(summary(&event.kind, &lenient::value(json))),
        };
        let mut entry = Entry {
            time: clock(event.time.as_deref().unwrap_or_default()).to_owned(),
            function: stamp
                .and_then(|stamp| stamp.resource.get("faas.name"))
                .cloned()
                .unwrap_or_default(),
            request: request.to_owned(),
            trace: text(stamp.and_then(|stamp| stamp.trace_id.as_deref())),
            execution: text(stamp.and_then(|stamp| stamp.execution_arn.as_deref())),
            kind: event.kind.clone().into_owned(),
            level,
            content,
            row,
        };
        entry.take_from_the_row();
        entry
    }

    /// By the forwarder's own reading of levels, so that a person sees what a route would see.
    fn level(&mut self, event: &Forwarded<'_>, life: &str, request: Option<&str>) -> Option<Level> {
        let kind = Kind::from_name(event.kind.as_ref());
        if !kind.is_log() {
            return None;
        }
        if self.levels.len() > MOST_LIVES {
            self.levels.clear();
        }
        if !self.levels.contains_key(life) {
            self.levels.insert(life.to_owned(), Levels::default());
        }
        let record = event.record.map(RawValue::get);
        self.levels.get_mut(life)?.observe_record(kind, record, request)
    }

    /// The entry as lines, each with its line feed, with nothing in them that a terminal acts on but our own colours.
    /// An entry that `continues` the one before stands below it without columns of its own.
    pub fn render(&mut self, entry: &Entry, continues: bool, colours: bool, out: &mut String) {
        let (function, look) = self.function(entry);
        let page = Page {
            function_width: self.function_width,
            colours,
            out,
        };
        page.entry(entry, (&function, look), continues);
    }

    /// The column of the function, which is widened for it, and its look.
    fn function(&mut self, entry: &Entry) -> (String, Look) {
        let function = match entry.function.as_str() {
            "" => Cow::Borrowed("-"),
            name => clean(cut(name, LONGEST_NAME)),
        }
        .into_owned();
        self.function_width = self.function_width.max(function.chars().count().min(WIDEST));
        if self.looks.len() > MOST_LIVES {
            self.looks.clear();
        }
        let new = Look::nth(self.looks.len());
        let look = *self.looks.entry(function.clone()).or_insert(new);
        (function, look)
    }
}

/// What an entry says, for who shows it in another way. Nothing in it is made harmless yet.
#[derive(Debug)]
pub struct View<'a> {
    /// A word for its type: a level, or `REPORT`.
    pub badge: &'static str,
    /// It is no log line and tells of something that went wrong.
    pub is_bad: bool,
    /// Its first line.
    pub message: &'a str,
    /// Names and values, in their order.
    pub fields: &'a [(String, String)],
    /// Its further lines.
    pub more: &'a [String],
    /// There is more of it than this.
    pub is_cut: bool,
}

impl Entry {
    /// What it says.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        match &self.content {
            Content::Log(text) => View {
                badge: badge(self.level.unwrap_or(Level::Info)).0,
                is_bad: false,
                message: &text.message,
                fields: &text.fields,
                more: &text.more,
                is_cut: text.left_out().is_some(),
            },
            Content::Other(summary) => View {
                badge: summary.badge,
                is_bad: summary.is_bad,
                message: &summary.text,
                fields: &[],
                more: &[],
                is_cut: false,
            },
        }
    }

    /// Text that `--grep` searches: the text as it is shown, without columns.
    #[must_use]
    pub fn plain(&self) -> String {
        match &self.content {
            Content::Log(text) => text.plain(),
            Content::Other(summary) => format!("{} {}", summary.badge, summary.text),
        }
    }
}

/// `09:14:02.820` of `2026-11-20T09:14:02.820Z`; anything else stays whole.
fn clock(time: &str) -> &str {
    match time.split_once('T') {
        Some((_, clock)) => clock.trim_end_matches('Z'),
        None => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Line;
    use serde_json::{Value, json};

    const REQUEST: &str = "8f2a11c0-5b7a-4c53-9a41-3f9d2b6c8e10";

    fn render(kind: &str, record: Value) -> String {
        render_all(&[(kind, record)]).remove(0)
    }

    fn render_all(events: &[(&str, Value)]) -> Vec<String> {
        let mut entries = Entries::default();
        let lines = events.iter().map(|(kind, record)| {
            let line = json!({
                "time": "2026-11-20T09:14:02.820Z", "type": kind, "record": record,
                "forwarder": {"id": "i", "sink": "kinesis", "seq": 0, "requestId": REQUEST,
                    "resource": {"faas.name": "checkout"}},
            });
            shown_of(&mut entries, &line, false)
        });
        lines.collect()
    }

    fn shown_of(entries: &mut Entries, line: &Value, colours: bool) -> String {
        let line = line.to_string();
        let entry = entries.entry(&Line(&line).event().unwrap());
        let mut out = String::new();
        entries.render(&entry, false, colours, &mut out);
        out
    }

    #[test]
    fn a_line_has_its_columns() {
        let line = format!("[WARN]\t2026-11-20T09:14:02.820Z\t{REQUEST}\tstock is\tlow\n");
        assert_eq!(
            render("function", json!(line)),
            "09:14:02.820 checkout 8f2a11c0 WARN   stock is  low\n"
        );
        assert_eq!(
            render("platform.start", json!({"requestId": REQUEST})),
            "09:14:02.820 checkout 8f2a11c0 START\n"
        );
        assert_eq!(
            render("function", json!({"level": "error", "message": "no stock", "left": 0})),
            "09:14:02.820 checkout 8f2a11c0 ERROR  no stock left=0\n"
        );
    }

    #[test]
    fn further_lines_stand_below_the_text() {
        let expected = "\
09:14:02.820 checkout 8f2a11c0 ERROR  [ERROR] failed
                                    │   at f
                                    │   at g
";
        assert_eq!(render("function", json!("[ERROR] failed\n  at f\n\tat g\n")), expected);

        let mut entries = Entries::default();
        let event = |record: &str| {
            json!({"time": "2026-11-20T09:14:02.820Z", "type": "function", "record": record,
                "forwarder": {"id": "i", "sink": "s", "seq": 0, "requestId": REQUEST, "resource": {"faas.name": "checkout"}}})
            .to_string()
        };
        let mut out = String::new();
        for (index, record) in ["[ERROR] failed\n", "  at f\n", "\tat g\n"].iter().enumerate() {
            let line = event(record);
            let entry = entries.entry(&Line(&line).event().unwrap());
            assert_eq!(entry.level, Some(Level::Error), "inherited");
            entries.render(&entry, index > 0, false, &mut out);
        }
        assert_eq!(out, expected, "also where each came as an event");
    }

    #[test]
    fn the_column_of_functions_grows_with_their_names() {
        let mut entries = Entries::default();
        let event = |name: &str| {
            json!({"type": "platform.start", "record": {},
                "forwarder": {"id": "i", "sink": "s", "seq": 0, "resource": {"faas.name": name}}})
        };
        assert!(shown_of(&mut entries, &event("a"), false).contains(" a - "));
        assert!(shown_of(&mut entries, &event("longer"), false).contains(" longer - "));
        assert!(shown_of(&mut entries, &event("a"), false).contains(" a      - "));
    }

    #[test]
    fn terminal_escapes_are_neutralised_in_every_column() {
        let evil = "\u{1b}[2J\n\u{9b}5m";
        let line = json!({
            "time": evil, "type": format!("x{evil}"), "record": {"a": evil},
            "forwarder": {"id": "i", "sink": "s", "seq": 0, "requestId": evil, "resource": {"faas.name": evil}},
        });
        let function = json!({
            "time": evil, "type": "function", "record": {"message": evil, evil: evil, "stack": [evil]},
            "forwarder": {"id": "i", "sink": "s", "seq": 1, "requestId": evil, "resource": {"faas.name": evil}},
        });
        let report = json!({
            "type": "platform.report", "record": {"status": evil, "metrics": {"durationMs": evil}},
            "forwarder": {"id": "i", "sink": "s", "seq": 2},
        });
        for line in [line, function, report] {
            let shown = shown_of(&mut Entries::default(), &line, false);
            assert!(
                !shown.chars().any(|char| char.is_control() && char != '\n'),
                "{shown:?}"
            );
            assert!(shown.lines().count() <= 5, "{shown:?}");
        }
    }

    #[test]
    fn colours_are_ours_alone() {
        let line =
            json!({"type":"function","record":"ERROR \u{1b}[32mgreen","forwarder":{"id":"i","sink":"s","seq":0}});
        let shown = shown_of(&mut Entries::default(), &line, true);
        assert!(
            shown.contains("\u{1b}[1;31m") && !shown.contains("\u{1b}[32m"),
            "{shown:?}"
        );
    }
    #[test]
    fn what_a_strict_reader_refuses_has_its_level_and_its_text() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for record in [
            r#"{"level":"ERROR","message":"order \ud83d failed","order":7}"#,
            r#""[ERROR] order \udc00 failed\n""#,
            r#"{"level":"ERROR","message":"order failed","value":1e999}"#,
            &format!(r#"{{"level":"ERROR","message":"order failed","value":{deep}}}"#),
            r#"{"level":"INFO","message":"order failed","level":"ERROR"}"#,
            r#"{"level":"ERROR","message":"order failed: NUL \u0000 and \u001b[31m"}"#,
        ] {
            let line = format!(
                r#"{{"type":"function","record":{record},"forwarder":{{"id":"i","sink":"s","seq":0,"requestId":"\ud83d"}}}}"#
            );
            let mut entries = Entries::default();
            let entry = entries.entry(&Line(&line).event().unwrap());
            assert_eq!(entry.level, Some(Level::Error), "{record}");
            assert!(
                entry.plain().contains("order") && entry.plain().contains("failed"),
                "{record}"
            );
            let mut out = String::new();
            entries.render(&entry, false, false, &mut out);
            assert!(out.contains("ERROR  ") && out.contains("failed"), "{out}");
        }
        let line = format!(r#"{{"type":"platform.new","record":{{"a":1e999,"b":{deep}}}}}"#);
        let entry = Entries::default().entry(&Line(&line).event().unwrap());
        assert!(
            entry.plain().contains("1e999") && entry.plain().len() > 400,
            "{entry:?}"
        );
    }

    #[test]
    fn what_is_shown_of_one_line_is_bounded() {
        for record in [
            json!("x\n".repeat(1_000_000)),
            json!("\u{202e}".repeat(1_000_000)),
            json!({"a": "x".repeat(5_000_000)}),
        ] {
            let shown = render("function", record);
            assert!(shown.len() < 4_000_000, "{}", shown.len());
            assert!(shown.contains(" more bytes"), "{}", &shown[shown.len() - 100..]);
        }
        let named = json!({"type": "function", "record": "x", "forwarder": {"id": "i", "sink": "s", "seq": 0,
            "resource": {"faas.name": "n".repeat(100_000)}}});
        assert!(shown_of(&mut Entries::default(), &named, false).len() < 200);
    }
}
