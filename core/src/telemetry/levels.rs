//! The level of each line in order: its own, or that of the line before.

use super::event::{Event, Kind, Members};
use super::json::unescape_into;
use super::level::{Level, combine, object, table, text, value};

/// Knows the level of each line by remembering that of the line before.
#[derive(Debug, Default)]
pub struct Levels {
    function: LastLine,
    extension: LastLine,
    /// For the text of a line; used again and again.
    scratch: String,
}

#[derive(Debug, Default)]
struct LastLine {
    request_id: String,
    level: Option<Level>,
}

impl Levels {
    /// As [`observe`](Self::observe), for readers: `record` is the JSON text of a line's record.
    pub fn observe_record(&mut self, kind: Kind<'_>, record: Option<&str>, request_id: Option<&str>) -> Option<Level> {
        let event = Event {
            raw: "",
            has_line_breaks: false,
            kind,
            time: None,
            record,
            members: record.map(Members::read).unwrap_or_default(),
        };
        self.observe(&event, request_id)
    }

    /// The level of the next line in order. `None` for platform events, which have none.
    pub fn observe(&mut self, event: &Event<'_>, request_id: Option<&str>) -> Option<Level> {
        let last = match event.kind {
            Kind::Function => &mut self.function,
            Kind::Extension => &mut self.extension,
            _ => return None,
        };
        let request_id = request_id.unwrap_or_default();
        if last.request_id != request_id {
            last.request_id.clear();
            last.request_id.push_str(request_id);
            last.level = None;
        }
        let level = match event.record {
            Some(text) if text.starts_with('"') => text::level(text, &mut self.scratch).or(last.level),
            Some(record) if record.starts_with('{') => of_object(record, &event.members, &mut self.scratch),
            _ => None,
        };
        last.level = level;
        Some(level.unwrap_or(Level::Info))
    }
}

/// The level of a record that is an object: its own, and that of what its message holds.
fn of_object(record: &str, members: &Members<'_>, scratch: &mut String) -> Option<Level> {
    let own = members
        .level
        .and_then(|level| value::of_value(&table::MEMBERS[0], "level", level));
    let has_others = members.level.is_some() || members.has_other_level;
    let own = own.or_else(|| has_others.then(|| object::read(record).level).flatten());
    let Some(message) = members.message else { return own };
    let inner = match message.as_bytes() {
        [b'{', ..] => object::read(message).level,
        [b'"', ..] if holds_object(message) => {
            scratch.clear();
            unescape_into(message, scratch);
            object::read(scratch.trim_start()).level
        }
        // What `console.log` is given under the log format JSON.
        [b'"', first, ..] if !first.is_ascii_lowercase() => {
            let is_console = own == Some(Level::Info) && members.request_id.is_some();
            (own.is_none() || is_console)
                .then(|| text::level_of(message, scratch))
                .flatten()
        }
        _ => None,
    };
    combine(own, inner)
}

/// True if a JSON string holds an object, as far as its beginning tells.
fn holds_object(string: &str) -> bool {
    let mut inner = string.get(1..).unwrap_or_default();
    while let Some(rest) = [" ", "\\n", "\\r", "\\t"]
        .iter()
        .find_map(|blank| inner.strip_prefix(blank))
    {
        inner = rest;
    }
    inner.starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::batch::Batch;

    fn observe(levels: &mut Levels, kind: &str, record: &str, request_id: Option<&str>) -> Option<Level> {
        let body = format!(r#"[{{"type":"{kind}","record":{record}}}]"#);
        let event = Batch::new(body.as_bytes()).next().unwrap().unwrap();
        levels.observe(&event, request_id)
    }

    #[test]
    fn json_levels_in_any_case_and_as_numbers() {
        for (level, expected) in [
            (r#""ERROR""#, Level::Error),
            (r#""Warning""#, Level::Warn),
            (r#""critical""#, Level::Fatal),
            (r#""Information""#, Level::Info),
            (r#""ERROR+2""#, Level::Error),
            (r#""DEBUG-4""#, Level::Debug),
            (r#""\u001b[33mwarn\u001b[39m""#, Level::Warn),
            (r#""UNDEFINED""#, Level::Info),
            ("10", Level::Trace),
            ("20", Level::Debug),
            ("30", Level::Info),
            ("40", Level::Warn),
            ("50", Level::Error),
            ("60", Level::Fatal),
            ("null", Level::Info),
            ("{}", Level::Info),
        ] {
            let record = format!(r#"{{"level":{level},"message":"x"}}"#);
            assert_eq!(
                observe(&mut Levels::default(), "function", &record, None),
                Some(expected),
                "{level}"
            );
        }
    }

    #[test]
    fn continuation_lines_inherit_within_their_request() {
        let mut levels = Levels::default();
        assert_eq!(
            observe(&mut levels, "function", r#""[ERROR] ValueError: no\n""#, Some("a")),
            Some(Level::Error)
        );
        assert_eq!(
            observe(&mut levels, "extension", r#""chatter\n""#, Some("a")),
            Some(Level::Info)
        );
        assert_eq!(observe(&mut levels, "platform.report", "{}", Some("a")), None);
        assert_eq!(
            observe(&mut levels, "function", r#""  File \"x.py\", line 1\n""#, Some("a")),
            Some(Level::Error)
        );
        assert_eq!(
            observe(&mut levels, "function", r#""  next\n""#, Some("b")),
            Some(Level::Info)
        );
    }
}
