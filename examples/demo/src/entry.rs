//! An event as a line for a person: time, function, request, level, text.

use std::collections::HashMap;

use forwarder_core::event::{Event, Kind, Members};
use forwarder_core::format::Forwarded;
use forwarder_core::route::{Level, Levels};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::clean::clean;
use crate::screen::Colour;
use crate::summary::summary;

/// How much of a request id is shown.
const SHORT: usize = 8;

/// Members of a JSON line that have columns of their own, or say again what the event says.
const SHOWN_ELSEWHERE: [&str; 4] = ["timestamp", "level", "requestId", "message"];

/// Makes entries; remembers the levels of the lines before, which those without a level inherit.
#[derive(Default)]
pub(crate) struct Entries {
    /// By life of a forwarder, each of which sees one environment's lines in order.
    levels: HashMap<String, Levels>,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    time: String,
    function: String,
    request: String,
    /// None: not a log line.
    level: Option<Level>,
    text: String,
}

impl Entries {
    pub(crate) fn entry(&mut self, event: &Forwarded<'_>) -> Entry {
        let stamp = event.stamp.as_ref();
        let request = stamp.and_then(|stamp| stamp.request_id.as_deref());
        let life = stamp.map_or("", |stamp| stamp.id.as_ref());
        let level = self.level(event, life, request);
        let json = event.record.map_or("null", RawValue::get);
        let record: Value = serde_json::from_str(json).unwrap_or_default();
        Entry {
            time: clock(event.time.as_deref().unwrap_or_default()).to_owned(),
            function: stamp
                .and_then(|stamp| stamp.resource.get("faas.name"))
                .map_or_else(|| "-".to_owned(), String::clone),
            request: request.map_or_else(|| "-".to_owned(), |request| request.chars().take(SHORT).collect()),
            level,
            text: match level {
                Some(_) => log_text(&record, request.unwrap_or_default()),
                None => summary(&event.kind, &record),
            },
        }
    }

    /// By the forwarder's own reading of levels, so that the demo shows what a route would see.
    fn level(&mut self, event: &Forwarded<'_>, life: &str, request: Option<&str>) -> Option<Level> {
        #[derive(Deserialize)]
        struct Leveled<'a> {
            #[serde(borrow)]
            level: Option<&'a RawValue>,
        }
        let record = event.record.map(RawValue::get);
        let leveled = record.and_then(|record| serde_json::from_str::<Leveled<'_>>(record).ok());
        let event = Event {
            raw: "",
            has_line_breaks: false,
            kind: Kind::from_name(event.kind.as_ref()),
            time: None,
            record,
            members: Members {
                level: leveled.and_then(|leveled| leveled.level).map(RawValue::get),
                ..Members::default()
            },
        };
        let levels = self.levels.entry(life.to_owned()).or_default();
        levels.observe(&event, request)
    }
}

impl Entry {
    /// The line, with nothing in it that a terminal acts on but our own colours.
    pub(crate) fn render(&self, colours: bool) -> String {
        let level = self.level.map_or("-", name);
        let colour = match self.level {
            None | Some(Level::Trace | Level::Debug) => Colour::Dim,
            Some(Level::Info) => Colour::Plain,
            Some(Level::Warn) => Colour::Yellow,
            Some(Level::Error | Level::Fatal) => Colour::Red,
        };
        let dim = |text: &str| Colour::Dim.paint(text, colours);
        format!(
            "{}  {}  {}  {}  {}",
            dim(&format!("{:<12}", clean(&self.time))),
            Colour::Cyan.paint(&format!("{:<8}", clean(&self.function)), colours),
            dim(&format!("{:<8}", clean(&self.request))),
            colour.paint(&format!("{level:<5}"), colours),
            colour.paint(&clean(&self.text), colours),
        )
    }
}

/// `09:14:02.820` of `2026-11-20T09:14:02.820Z`; anything else stays whole.
fn clock(time: &str) -> &str {
    match time.split_once('T') {
        Some((_, clock)) => clock.trim_end_matches('Z'),
        None => time,
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Trace => "TRACE",
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
        Level::Fatal => "FATAL",
    }
}

/// What a line says, without what other columns say.
fn log_text(record: &Value, request: &str) -> String {
    match record {
        Value::String(line) => {
            let line = line.trim_end_matches(['\n', '\r']);
            match serde_json::from_str(line) {
                Ok(Value::Object(members)) => object_text(&members, request),
                _ => without_prefix(line, request).to_owned(),
            }
        }
        Value::Object(members) => object_text(members, request),
        other => other.to_string(),
    }
}

/// The message, then the other members as `name=value`.
fn object_text(members: &Map<String, Value>, request: &str) -> String {
    let message = match members.get("message") {
        Some(Value::String(message)) => Some(without_prefix(message, request).to_owned()),
        other => other.map(Value::to_string),
    };
    let others = members
        .iter()
        .filter(|(name, _)| !SHOWN_ELSEWHERE.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value}"));
    message.into_iter().chain(others).collect::<Vec<_>>().join(" ")
}

/// Lambda's runtimes put three fields before a message, parted by tabs: level, time and request id in some order.
fn without_prefix<'a>(line: &'a str, request: &str) -> &'a str {
    let fields: Vec<&str> = line.splitn(4, '\t').collect();
    match fields.as_slice() {
        [before @ .., message] if before.len() == 3 && !request.is_empty() && before.contains(&request) => message,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forwarder_core::format::Line;
    use serde_json::json;

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
            entries.entry(&Line(&line.to_string()).event().unwrap()).render(false)
        });
        lines.collect()
    }

    #[test]
    fn a_text_line_is_shown_without_what_the_columns_say() {
        for line in [
            format!("[WARN]\t2026-11-20T09:14:02.820Z\t{REQUEST}\tstock is\tlow\n"),
            format!("2026-11-20T09:14:02.820Z\t{REQUEST}\tWARN\tstock is\tlow\n"),
        ] {
            assert_eq!(
                render("function", json!(line)),
                "09:14:02.820  checkout  8f2a11c0  WARN   stock is  low"
            );
        }
        let other = render("function", json!("[WARN]\tof\tsomething\telse\n"));
        assert!(other.ends_with("  WARN   [WARN]  of  something  else"), "{other}");
    }

    #[test]
    fn a_json_line_is_its_message_and_its_other_members() {
        let record =
            json!({"timestamp": "t", "level": "ERROR", "requestId": REQUEST, "message": "no stock", "left": 0});
        let expected = "09:14:02.820  checkout  8f2a11c0  ERROR  no stock left=0";
        assert_eq!(render("function", record.clone()), expected);
        assert_eq!(
            render("function", json!(format!("{record}\n"))),
            expected,
            "as a string too"
        );
    }

    #[test]
    fn a_stack_trace_has_the_level_of_its_first_line() {
        let lines = render_all(&[
            ("function", json!(format!("[ERROR]\tt\t{REQUEST}\tfailed\n"))),
            ("function", json!("  File \"/var/task/app.py\", line 12\n")),
        ]);
        assert!(lines[1].contains("  ERROR    File"), "{lines:?}");
    }

    #[test]
    fn platform_events_have_no_level() {
        assert_eq!(
            render("platform.start", json!({"requestId": REQUEST})),
            "09:14:02.820  checkout  8f2a11c0  -      start"
        );
    }

    #[test]
    fn terminal_escapes_are_neutralised_in_every_column() {
        let evil = "\u{1b}[2J";
        let line = json!({
            "time": evil, "type": format!("x{evil}"), "record": {"a": evil},
            "forwarder": {"id": "i", "sink": "s", "seq": 0, "requestId": evil, "resource": {"faas.name": evil}},
        });
        let line = line.to_string();
        let event = Line(&line).event().unwrap();
        let rendered = Entries::default().entry(&event).render(false);
        assert!(!rendered.chars().any(char::is_control), "{rendered:?}");
        assert!(!render("function", json!("a \u{1b}[31mred\u{1b}[0m word\n")).contains('\u{1b}'));
        assert!(
            !render("function", json!({"message": "\u{9b}31m", "x\u{1b}": 1}))
                .chars()
                .any(char::is_control)
        );
    }

    #[test]
    fn colours_are_ours_alone() {
        let line = r#"{"type":"function","record":"ERROR \u001b[32mgreen","forwarder":{"id":"i","sink":"s","seq":0}}"#;
        let rendered = Entries::default().entry(&Line(line).event().unwrap()).render(true);
        assert!(
            rendered.contains("\u{1b}[31m") && !rendered.contains("\u{1b}[32m"),
            "{rendered:?}"
        );
    }
}
