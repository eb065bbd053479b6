//! The level of a log line: from its JSON, from the text formats of the managed runtimes, or from the line before.

mod text;

use crate::telemetry::event::{Event, Kind};
use crate::telemetry::json::unescape;

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

    /// The name that a configuration has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
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

    /// A name as loggers write it: Go's slog puts levels between the named ones as `INFO+2`, winston and others colour them.
    fn from_written(name: &str) -> Option<Self> {
        let plain = text::without_colours(name);
        let name = plain.trim().split(['+', '-']).next().unwrap_or_default();
        Self::from_library_name(name)
    }

    /// From the JSON text of a member `level`: a name in any case, or a number as pino and bunyan write it
    /// (10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal).
    fn from_json(value: &str) -> Option<Self> {
        if value.starts_with('"') {
            return Self::from_written(&unescape(value));
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
    /// For the text of a line; used again and again.
    scratch: String,
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
            Some(text) if text.starts_with('"') => text::level(text, &mut self.scratch).or(last.level),
            _ => event.members.level.and_then(Level::from_json),
        };
        last.level = level;
        Some(level.unwrap_or(Level::Info))
    }
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
