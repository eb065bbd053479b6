//! Names and numbers that loggers write levels with. `docs/ROUTING.md` shows these tables; a test holds it to them.

mod words;

use super::Level::{self, Debug, Error, Fatal, Info, Trace, Warn};

pub(super) use words::{PLAIN_WORDS, find_value, find_word};
#[cfg(test)]
use words::{WORDS, WORDS_AS_VALUES};

/// How the numbers of a member are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// By their size: pino and bunyan, Monolog, java.util.logging, Logback and log4js. In GELF, and in members that
    /// begin with a capital, numbers below 10 are syslog's and .NET's.
    Loggers,
    /// Syslog below 8, OpenTelemetry to 24, else Google Cloud's.
    Severity,
    /// RFC 5424.
    Syslog,
    /// OpenTelemetry's severity numbers.
    OpenTelemetry,
    /// Python's `levelno`.
    Python,
}

/// A member that may hold a level.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::telemetry) struct Member {
    /// Its name in lower case, without `_`, `-`, `.`, `@` and blanks.
    pub(super) name: &'static str,
    pub(super) scale: Scale,
    /// How loggers write the name.
    pub(super) written: &'static str,
}

const fn member(name: &'static str, scale: Scale, written: &'static str) -> Member {
    Member { name, scale, written }
}

/// Members that may hold a level. Where several do, the first of this list that can be read counts.
pub(in crate::telemetry) const MEMBERS: [Member; 17] = [
    member("level", Scale::Loggers, "`level`, `Level`, `LEVEL`, `@level`"),
    member(
        "loglevel",
        Scale::Loggers,
        "`log.level`, `log_level`, `log-level`, `loglevel`, `logLevel`, `_logLevel`, `LogLevel`; `level` in an object `log`, `logLevel` in an object `context`",
    ),
    member("severity", Scale::Severity, "`severity`, `Severity`"),
    member(
        "severitytext",
        Scale::Severity,
        "`severityText`, `severity_text`, `SeverityText`",
    ),
    member("levelname", Scale::Loggers, "`levelname`, `level_name`, `levelName`"),
    member("lvl", Scale::Loggers, "`lvl`"),
    member("l", Scale::Loggers, "`@l`"),
    member("levelstr", Scale::Loggers, "`levelStr`, `level_str`"),
    member("loglevelname", Scale::Loggers, "`log_level_name`, `logLevelName`"),
    member("logseverity", Scale::Severity, "`log_severity`, `logSeverity`"),
    member(
        "severitynumber",
        Scale::OpenTelemetry,
        "`severityNumber`, `severity_number`, `SeverityNumber`",
    ),
    member("levelno", Scale::Python, "`levelno`"),
    member("levelvalue", Scale::Loggers, "`level_value`, `levelValue`"),
    member("sysloglevel", Scale::Syslog, "`syslog_level`, `syslog.level`"),
    member("syslogseverity", Scale::Syslog, "`syslog_severity`, `syslog.severity`"),
    member("syslogseveritycode", Scale::Syslog, "`syslog.severity_code`"),
    member("priority", Scale::Syslog, "`PRIORITY` (journald; in capitals only)"),
];

/// Members of an object that is itself the value of such a member.
pub(super) const NAMES_IN_OBJECTS: [&str; 7] = ["name", "level", "levelStr", "standardLevel", "label", "text", "value"];

/// The member of this name, as it is written, without escapes.
pub(super) fn find_member(key: &str) -> Option<&'static Member> {
    // Most keys of a record go here.
    if !matches!(key.as_bytes().first()?, b'l' | b'L' | b's' | b'S' | b'@' | b'P' | b'_') || key.len() > LONGEST_KEY {
        return None;
    }
    let (mut letters, mut length) = ([0; LONGEST_KEY], 0);
    for &byte in key.as_bytes() {
        // What separates words.
        if !matches!(byte, b'_' | b'-' | b'.' | b'@' | b' ') {
            *letters.get_mut(length)? = byte.to_ascii_lowercase();
            length += 1;
        }
    }
    let letters = letters.get(..length)?;
    let member = MEMBERS.iter().find(|member| member.name.as_bytes() == letters)?;
    match member.name {
        "l" => (key == "@l").then_some(member),
        "priority" => (key == "PRIORITY").then_some(member),
        _ => Some(member),
    }
}

/// The longest name of a member, with what separates its words. Bytes.
const LONGEST_KEY: usize = 24;

/// Upper bounds of a scale's levels: the number is of the first level whose bound it does not pass.
type Bounds = [(f64, Level)];

const PINO: &Bounds = &[
    (19.0, Trace),
    (29.0, Debug),
    (39.0, Info),
    (49.0, Warn),
    (59.0, Error),
    (99.0, Fatal),
];
const MONOLOG: &Bounds = &[
    (199.0, Debug),
    (299.0, Info),
    (399.0, Warn),
    (499.0, Error),
    (699.0, Fatal),
];
/// `java.util.logging` above Monolog's numbers: CONFIG 700, INFO 800, WARNING 900, SEVERE 1000.
const JAVA: &Bounds = &[(799.0, Debug), (899.0, Info), (999.0, Warn), (1_999.0, Error)];
const LOGBACK: &Bounds = &[
    (9_999.0, Trace),
    (19_999.0, Debug),
    (29_999.0, Info),
    (39_999.0, Warn),
    (49_999.0, Error),
    (60_000.0, Fatal),
];
const GOOGLE: &Bounds = &[
    (99.0, Info),
    (199.0, Debug),
    (399.0, Info),
    (499.0, Warn),
    (599.0, Error),
    (800.0, Fatal),
];
const SYSLOG: &Bounds = &[(2.0, Fatal), (3.0, Error), (4.0, Warn), (6.0, Info), (7.0, Debug)];
const OPEN_TELEMETRY: &Bounds = &[
    (4.0, Trace),
    (8.0, Debug),
    (12.0, Info),
    (16.0, Warn),
    (20.0, Error),
    (24.0, Fatal),
];
const PYTHON: &Bounds = &[
    (9.0, Trace),
    (19.0, Debug),
    (29.0, Info),
    (39.0, Warn),
    (49.0, Error),
    (99.0, Fatal),
];
/// `Microsoft.Extensions.Logging` and Serilog alike.
const DOT_NET: &Bounds = &[
    (0.0, Trace),
    (1.0, Debug),
    (2.0, Info),
    (3.0, Warn),
    (4.0, Error),
    (5.0, Fatal),
];

/// What numbers below 10 mean in a member of [`Scale::Loggers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Small {
    Nothing,
    Syslog,
    DotNet,
}

impl Scale {
    /// The level of a number.
    pub(super) fn level(self, number: f64, small: Small) -> Option<Level> {
        let bounds = match self {
            Self::Loggers => match number {
                ..10.0 => match small {
                    Small::Nothing => return None,
                    Small::Syslog => SYSLOG,
                    Small::DotNet => DOT_NET,
                },
                ..100.0 => PINO,
                ..700.0 => MONOLOG,
                ..5_000.0 => JAVA,
                _ => LOGBACK,
            },
            Self::Severity => match number {
                ..8.0 => SYSLOG,
                ..25.0 => OPEN_TELEMETRY,
                ..100.0 => PINO,
                _ => GOOGLE,
            },
            Self::Syslog => SYSLOG,
            Self::OpenTelemetry => OPEN_TELEMETRY,
            Self::Python => PYTHON,
        };
        if number < 0.0 {
            return None;
        }
        let found = bounds.iter().find(|(most, _)| number <= *most);
        found.map(|(_, level)| *level)
    }
}

/// The tables as `docs/ROUTING.md` shows them.
#[cfg(test)]
pub(super) fn as_markdown() -> String {
    let mut text = String::from("| level | words, in any case |\n|---|---|\n");
    for level in [Trace, Debug, Info, Warn, Error, Fatal] {
        let of = |table: &[(Level, &'static [&'static str])]| -> Vec<String> {
            let words = table.iter().filter(|(other, _)| *other == level);
            words
                .flat_map(|(_, words)| words.iter().map(|word| format!("`{word}`")))
                .collect()
        };
        let mut words = of(&WORDS).join(", ");
        let values = of(&WORDS_AS_VALUES);
        if !values.is_empty() {
            words += &format!("; as a member or between brackets {}", values.join(", "));
        }
        text += &format!("| {} | {words} |\n", level.name());
    }
    text += "\n| member | its numbers |\n|---|---|\n";
    for member in &MEMBERS {
        let scale = match member.scale {
            Scale::Loggers => "by their size, below",
            Scale::Severity => "0–7 syslog, to 24 OpenTelemetry, from 100 Google Cloud",
            Scale::Syslog => "0–7, syslog",
            Scale::OpenTelemetry => "1–24, OpenTelemetry",
            Scale::Python => "10–50, Python",
        };
        text += &format!("| {} | {scale} |\n", member.written);
    }
    text += "\n| numbers | trace | debug | info | warn | error | fatal |\n|---|---|---|---|---|---|---|\n";
    let scales: [(&str, f64, &Bounds); 9] = [
        ("pino, bunyan", 10.0, PINO),
        ("Monolog", 100.0, MONOLOG),
        ("java.util.logging", 700.0, JAVA),
        ("Logback, log4js", 5_000.0, LOGBACK),
        ("Google Cloud", 0.0, GOOGLE),
        (
            "syslog; `level` where a member `short_message` shows that it is GELF",
            0.0,
            SYSLOG,
        ),
        ("OpenTelemetry", 1.0, OPEN_TELEMETRY),
        ("Python", 1.0, PYTHON),
        (".NET: `Level`, `LogLevel` below 10", 0.0, DOT_NET),
    ];
    for (name, first, bounds) in scales {
        text += &format!("| {name} |");
        for level in [Trace, Debug, Info, Warn, Error, Fatal] {
            let mut from = first;
            let mut cell = Vec::new();
            for (most, other) in bounds {
                if *other == level {
                    cell.push(if from == *most {
                        format!("{from}")
                    } else {
                        format!("{from}–{most}")
                    });
                }
                from = most + 1.0;
            }
            text += &format!(" {} |", cell.join(", "));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_shows_these_tables() {
        let guide = include_str!("../../../../docs/ROUTING.md");
        let tables = as_markdown();
        assert!(guide.contains(&tables), "put this into docs/ROUTING.md:\n\n{tables}");
    }

    #[test]
    fn every_written_name_is_found() {
        for member in &MEMBERS {
            // `level` in an object `log`, `logLevel` in an object `context`
            let is_in_object =
                |name: &&str| ["log", "context"].contains(name) || (member.name == "loglevel" && *name == "level");
            let names = member.written.split('`').skip(1).step_by(2);
            for name in names.filter(|name| !is_in_object(name)) {
                assert_eq!(find_member(name), Some(member), "{name}");
            }
        }
        for other in [
            "l",
            "L",
            "priority",
            "leveling",
            "levels",
            "severities",
            "",
            "message",
            "é",
        ] {
            assert_eq!(find_member(other), None, "{other}");
        }
    }
}
