//! The level of a log line: from its JSON, from the text formats of the managed runtimes, or from the line before.

use std::borrow::Cow;

use crate::event::{Event, Kind};
use crate::json::{Scanner, unescape};

/// Log levels, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `trace`
    Trace,
    /// `debug`
    Debug,
    /// `info`; also what a line without a level has
    Info,
    /// `warn`, `warning`
    Warn,
    /// `error`
    Error,
    /// `fatal`, `critical`
    Fatal,
}

/// The levels as a configuration may name them.
pub const LEVEL_NAMES: [&str; 8] = [
    "trace", "debug", "info", "warn", "warning", "error", "fatal", "critical",
];

/// How much of a text line is searched for its level, in bytes of JSON text. The longest known prefix, Rust's tracing
/// with colours and a request's span, stays well below.
const HEAD_BYTES: usize = 256;

/// How many words may stand before the level: date, time, request id, thread, logger.
const WORDS_BEFORE_LEVEL: usize = 5;

impl Level {
    /// The level that a configuration names, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
        Some(if is(&["trace"]) {
            Self::Trace
        } else if is(&["debug"]) {
            Self::Debug
        } else if is(&["info"]) {
            Self::Info
        } else if is(&["warn", "warning"]) {
            Self::Warn
        } else if is(&["error"]) {
            Self::Error
        } else if is(&["fatal", "critical"]) {
            Self::Fatal
        } else {
            return None;
        })
    }

    /// As [`from_name`](Self::from_name), and with the names that the runtimes' logging libraries use besides.
    fn from_library_name(name: &str) -> Option<Self> {
        Self::from_name(name).or_else(|| {
            let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
            Some(if is(&["trce", "verbose", "finer", "finest"]) {
                Self::Trace
            } else if is(&["dbug", "fine", "config"]) {
                Self::Debug
            } else if is(&["information", "notice"]) {
                Self::Info
            } else if is(&["fail", "err", "severe"]) {
                Self::Error
            } else if is(&["crit", "emergency", "alert", "panic"]) {
                Self::Fatal
            } else {
                return None;
            })
        })
    }

    /// From the JSON text of a member `level`: a name in any case, or a number as pino and bunyan write it
    /// (10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal).
    fn from_json(value: &str) -> Option<Self> {
        if value.starts_with('"') {
            return Self::from_library_name(&unescape(value));
        }
        let number: f64 = value.parse().ok()?;
        Some(match number {
            ..20.0 => Self::Trace,
            20.0..30.0 => Self::Debug,
            30.0..40.0 => Self::Info,
            40.0..50.0 => Self::Warn,
            50.0..60.0 => Self::Error,
            _ => Self::Fatal,
        })
    }
}

/// Knows the level of each line by remembering that of the line before.
#[derive(Debug, Default)]
pub struct Levels {
    function: LastLine,
    extension: LastLine,
}

#[derive(Debug, Default)]
struct LastLine {
    request_id: String,
    level: Option<Level>,
}

impl Levels {
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
            Some(text) if text.starts_with('"') => of_text(text).or(last.level),
            _ => event.members.level.and_then(Level::from_json),
        };
        last.level = level;
        Some(level.unwrap_or(Level::Info))
    }
}

/// The level that a text line shows. `json` is its JSON text.
fn of_text(json: &str) -> Option<Level> {
    if json.starts_with("\"{") {
        return of_json_in_text(&unescape(json));
    }
    let head = head(json);
    let line = without_colours(&head);
    let line = line.trim_start();
    bracketed(line)
        .or_else(|| third_field(line))
        .or_else(|| ruby(line))
        .or_else(|| logfmt(line))
        .or_else(|| leading_word(line))
}

/// A structured logger under the text log format: the line is a JSON object.
fn of_json_in_text(text: &str) -> Option<Level> {
    let mut level = None;
    let mut scanner = Scanner::new(text);
    let _ = scanner.object(|scanner, key| {
        let value = scanner.value()?;
        if key == "level" {
            level = Level::from_json(value);
        }
        Ok(())
    });
    level
}

/// The first [`HEAD_BYTES`] of a line's text.
fn head(json: &str) -> Cow<'_, str> {
    let inner = json.get(1..json.len() - 1).unwrap_or_default();
    let mut end = inner.len().min(HEAD_BYTES);
    while !inner.is_char_boundary(end) {
        end -= 1;
    }
    // An escape cut in two only garbles the very end of the head.
    unescape(inner.get(..end).unwrap_or_default())
}

/// Drops terminal colours (`ESC [ … m`), which Rust's tracing writes.
fn without_colours(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// Python: `[INFO]\t2026-…Z\t<request>\tmessage`, `[ERROR] ValueError: …`.
fn bracketed(line: &str) -> Option<Level> {
    let (name, _) = line.strip_prefix('[')?.split_once(']')?;
    Level::from_library_name(name.trim())
}

/// Node.js and .NET: `2026-…Z\t<request>\tINFO\tmessage`.
fn third_field(line: &str) -> Option<Level> {
    let mut fields = line.split('\t');
    fields
        .next()
        .filter(|field| looks_like_time(field))
        .and(fields.nth(1))
        .and_then(|name| Level::from_library_name(name.trim()))
}

/// Ruby: `I, [2026-11-20T09:14:02.820123 #8]  INFO <request> -- : message`.
fn ruby(line: &str) -> Option<Level> {
    let mut chars = line.chars();
    let letter = chars.next()?;
    chars.as_str().strip_prefix(", [")?;
    Some(match letter {
        'D' => Level::Debug,
        'I' | 'A' => Level::Info,
        'W' => Level::Warn,
        'E' => Level::Error,
        'F' => Level::Fatal,
        _ => return None,
    })
}

/// Go's slog: `time=… level=INFO msg=…`.
fn logfmt(line: &str) -> Option<Level> {
    if !line.split(' ').next()?.contains('=') {
        return None;
    }
    let value = line.split(' ').find_map(|pair| pair.strip_prefix("level="))?;
    // slog writes levels between the named ones as `INFO+2`.
    let name = value.trim_matches('"').split(['+', '-']).next()?;
    Level::from_library_name(name)
}

/// Java, Go's log, Rust's tracing, Python's basicConfig: the level in capitals after date, time, request, thread.
fn leading_word(line: &str) -> Option<Level> {
    for word in line.split_ascii_whitespace().take(WORDS_BEFORE_LEVEL + 1) {
        let name = word.split(':').next().unwrap_or(word);
        if name.len() >= 4
            && name.bytes().all(|byte| byte.is_ascii_uppercase())
            && let Some(level) = Level::from_library_name(name)
        {
            return Some(level);
        }
        let skippable = looks_like_time(word) || looks_like_id(word) || (word.starts_with('[') && word.ends_with(']'));
        if !skippable {
            return None;
        }
    }
    None
}

fn looks_like_time(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-:.,/+TZ".contains(&byte))
}

fn looks_like_id(word: &str) -> bool {
    word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::json::write_string;

    const ID: &str = "7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10";

    fn observe(levels: &mut Levels, kind: &str, record: &str, request_id: Option<&str>) -> Option<Level> {
        let body = format!(r#"[{{"type":"{kind}","record":{record}}}]"#);
        let event = Batch::new(body.as_bytes()).next().unwrap().unwrap();
        levels.observe(&event, request_id)
    }

    fn of_line(line: &str) -> Option<Level> {
        let mut json = Vec::new();
        write_string(&mut json, line);
        of_text(std::str::from_utf8(&json).unwrap())
    }

    #[test]
    fn text_formats_of_the_managed_runtimes() {
        for (line, level) in [
            (format!("2026-11-20T09:14:02.820Z\t{ID}\tWARN\tslow\n"), Some(Level::Warn)),
            ("2026-11-20T09:14:02.820Z\tundefined\tERROR\tUncaught Exception \t{\"a\":1}\n".into(), Some(Level::Error)),
            (format!("2026-11-20T09:14:02.820Z\t{ID}\tdbug\tnet\n"), Some(Level::Debug)),
            (format!("2026-11-20T09:14:02.820Z\t{ID}\tfail\tnet\n"), Some(Level::Error)),
            (format!("[WARNING]\t2026-11-20T09:14:02.820Z\t{ID}\tlow stock\n"), Some(Level::Warn)),
            ("[ERROR] ValueError: no\nTraceback (most recent call last):\n".into(), Some(Level::Error)),
            ("[CRITICAL]\t2026\n".into(), Some(Level::Fatal)),
            ("ERROR:root:python basicConfig\n".into(), Some(Level::Error)),
            (format!("2026-11-20 09:14:02 {ID} ERROR Handler:34 - message\n"), Some(Level::Error)),
            ("09:14:02.120 [main] WARN  com.example.Handler - message\n".into(), Some(Level::Warn)),
            ("SEVERE: java.util.logging\n".into(), Some(Level::Error)),
            (format!("E, [2026-11-20T09:14:02.820123 #8] ERROR {ID} -- : message\n"), Some(Level::Error)),
            ("time=2026-11-20T09:14:02.820Z level=ERROR msg=\"level=DEBUG\"\n".into(), Some(Level::Error)),
            ("time=2026-11-20T09:14:02.820Z level=WARN+1 msg=x\n".into(), Some(Level::Warn)),
            ("2026/11/20 09:14:02 DEBUG msg=x\n".into(), Some(Level::Debug)),
            ("2026-11-20T09:14:02.820123Z  WARN request{id=1}: app: message\n".into(), Some(Level::Warn)),
            ("\u{1b}[2m2026-11-20T09:14:02.820123Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m \u{1b}[2mapp\u{1b}[0m: message\n".into(), Some(Level::Error)),
            (" INFO app: without time\n".into(), Some(Level::Info)),
            ("{\"level\":\"error\",\"msg\":\"pino under the text format\"}\n".into(), Some(Level::Error)),
            ("{\"level\":50}\n".into(), Some(Level::Error)),
            ("plain words\n".into(), None),
            ("Error: in prose is no level\n".into(), None),
            ("    at WARN (file.js:1)\n".into(), None),
            ("I, for one, am not Ruby\n".into(), None),
            ("".into(), None),
            ("[".into(), None),
        ] {
            assert_eq!(of_line(&line), level, "{line:?}");
        }
    }

    #[test]
    fn json_levels_in_any_case_and_as_numbers() {
        for (level, expected) in [
            (r#""ERROR""#, Level::Error),
            (r#""Warning""#, Level::Warn),
            (r#""critical""#, Level::Fatal),
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
