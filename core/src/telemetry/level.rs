//! Log levels, and how lines name them: in JSON, or in the text formats of loggers.
//!
//! - `table`: names and numbers; `value`: a word or a value of JSON; `colours`: none.
//! - `object`: a JSON object, whole or broken; `text`: a text line.

mod colours;
pub(super) mod object;
pub(super) mod table;
pub(super) mod text;
pub(super) mod value;

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
}

/// True if a member of this name, `level` aside, may hold a level.
pub(crate) fn may_hold_level(key: &str) -> bool {
    table::find_member(key).is_some() || matches!(key, "log" | "context")
}

/// The level of a line whose writer wrapped it: a runtime says INFO of whatever it is given, so what is inside knows
/// better; else the higher one counts.
pub(super) fn combine(outer: Option<Level>, inner: Option<Level>) -> Option<Level> {
    match (outer, inner) {
        (Some(Level::Info) | None, Some(inner)) => Some(inner),
        (outer, inner) => outer.max(inner),
    }
}
