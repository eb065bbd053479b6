//! The predicates of a rule: each a name, an operator and a value; how they are read, written and asked.

use std::fmt;

use super::field::{self, Comparison, Field, Operator, Value, is_plain};
use super::keep::Keep;
use super::lex::closing;
use super::look::Look;
use super::sample::Share;
use super::{LEVEL_NAMES, Level};
use crate::route::nearest::nearest;
use crate::route::pattern::{Pattern, unescape_slashes};

/// Takes events by what is in them, or by how their invocation fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// `level>=warn`: log lines of this level or a higher one; no platform event.
    LevelAtLeast(Level),
    /// `sample=10%`: this share of all invocations; events that belong to none are in.
    Sample(Share),
    /// `text~/…/`: the line, or the JSON of the record.
    Text(Pattern),
    /// `record.path op value`: a member of a JSON record.
    Field(Field, Comparison),
    /// `keep=…`: waits for the invocation's end.
    Keep(Keep),
}

impl Predicate {
    /// True if an event fulfils it. `sample` and `keep` are not asked of an event by itself: always true.
    pub(super) fn holds(&self, look: &mut Look<'_, '_>) -> bool {
        match self {
            Self::LevelAtLeast(least) => look.level().is_some_and(|level| level >= *least),
            Self::Text(pattern) => pattern.is_match(look.text()),
            Self::Field(field, comparison) => look
                .json()
                .and_then(|json| field::lookup(json, field))
                .is_some_and(|member| comparison.holds(&member)),
            Self::Sample(_) | Self::Keep(_) => true,
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LevelAtLeast(level) => write!(f, "level>={}", level.name()),
            Self::Sample(share) => write!(f, "sample={share}"),
            Self::Text(pattern) => write!(f, "text~{pattern}"),
            Self::Field(field, comparison) => write!(f, "record.{field}{comparison}"),
            Self::Keep(keep) => write!(f, "keep={keep}"),
        }
    }
}

/// The predicates there are, for error messages.
const THERE_ARE: &str =
    "there are `level>=warn`, `sample=10%`, `text~/regex/`, `record.path=value`, `keep=failed` and `keep=slow>500ms`";

/// First words of predicates, for hints.
const NAMES: [&str; 5] = ["level", "sample", "text", "record", "keep"];

/// Reads all predicates; what is wrong goes to `problems`.
pub(super) fn parse_all(text: &str, problems: &mut Vec<String>) -> Vec<Predicate> {
    let mut predicates = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (outcome, after) = parse(rest);
        match outcome {
            Ok(predicate) => predicates.push(predicate),
            Err(problem) => problems.push(problem),
        }
        rest = after.trim_start();
    }
    predicates
}

/// A value, as it was written.
enum Written<'a> {
    Bare(&'a str),
    Quoted(String),
    Regex(&'a str),
}

impl Written<'_> {
    /// Its text, with quotes or without; a regular expression has none.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Bare(text) => Some(text),
            Self::Quoted(text) => Some(text),
            Self::Regex(_) => None,
        }
    }
}

/// Reads the predicate that `text` begins with, and returns what follows it.
fn parse(text: &str) -> (Result<Predicate, String>, &str) {
    let (word_end, name_end) = (word_end(text), name_end(text));
    let word = text.get(..word_end).unwrap_or_default();
    let name = text.get(..name_end).unwrap_or_default();
    let after_name = text.get(name_end..).unwrap_or_default().trim_start();
    let operator = ["~"].into_iter().chain(Operator::ALL.map(Operator::text));
    let Some(operator) = operator.into_iter().find(|operator| after_name.starts_with(operator)) else {
        let rest = text.get(word_end.max(1)..).unwrap_or_default();
        return (Err(unknown(word)), rest);
    };
    let after_operator = after_name.get(operator.len()..).unwrap_or_default().trim_start();
    let (value, rest) = value(after_operator, operator == "~");
    let whole = text.get(..text.len() - rest.len()).unwrap_or_default().trim_end();
    let predicate = value.and_then(|value| build(name, operator, &value, whole));
    (predicate, rest)
}

/// End of a name: before white space or an operator; a part in quotes belongs to it.
fn name_end(text: &str) -> usize {
    let mut at = 0;
    while let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match char {
            '"' => match closing(text, at) {
                Some(end) => at = end + 1,
                None => return at,
            },
            '~' | '!' | '=' | '<' | '>' => return at,
            _ if char.is_whitespace() => return at,
            _ => at += char.len_utf8(),
        }
    }
    at
}

fn word_end(text: &str) -> usize {
    text.find(char::is_whitespace).unwrap_or(text.len())
}

/// Reads the value that `text` begins with, and returns what follows it.
fn value(text: &str, is_regex: bool) -> (Result<Written<'_>, String>, &str) {
    let quote = match text.chars().next() {
        Some('"') => '"',
        Some('/') if is_regex => '/',
        _ => {
            let (bare, rest) = text.split_at(word_end(text));
            return (bare_value(bare), rest);
        }
    };
    let Some(end) = closing(text, 0) else {
        let (word, rest) = text.split_at(word_end(text));
        return (
            Err(format!(
                "the `{quote}` before `{}` is never closed",
                &word.get(1..).unwrap_or_default()
            )),
            rest,
        );
    };
    let inner = text.get(1..end).unwrap_or_default();
    let rest = text.get(end + 1..).unwrap_or_default();
    let (tail, rest) = rest.split_at(word_end(rest));
    if !tail.is_empty() {
        let hint = if quote == '/' {
            "; flags go inside, as in `/(?i)error/`"
        } else {
            ""
        };
        return (Err(format!("`{tail}` follows the closing `{quote}`{hint}")), rest);
    }
    let value = match quote {
        '/' => Written::Regex(inner),
        _ => Written::Quoted(unescape_quotes(inner)),
    };
    (Ok(value), rest)
}

fn bare_value(text: &str) -> Result<Written<'_>, String> {
    match text {
        "" => Err("a value is missing at the end of the predicates".into()),
        _ if text.contains('"') => Err(format!(
            "`{text}` has a quote inside; put the whole value in double quotes, with `\\\"` for a quote in it"
        )),
        _ => Ok(Written::Bare(text)),
    }
}

/// `\"` is a quote and `\\` a backslash; any other backslash is one.
fn unescape_quotes(inner: &str) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        match chars.next() {
            Some(escaped @ ('"' | '\\')) => text.push(escaped),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}

fn build(name: &str, operator: &str, value: &Written<'_>, whole: &str) -> Result<Predicate, String> {
    match (name, operator, value) {
        ("level", ">=", value) => level(value.text().unwrap_or_default()),
        ("level", ..) => Err(format!(
            "unknown predicate `{whole}`; levels compare with `>=` only, as in `level>=warn`"
        )),
        ("sample", "=", value) => {
            let text = value.text().unwrap_or_default();
            Share::parse(text).map(Predicate::Sample).ok_or_else(|| {
                format!("`{text}` is no share; write a percentage above 0% and up to 100%, as in `sample=10%` or `sample=0.5%`")
            })
        }
        ("sample", ..) => Err(format!("unknown predicate `{whole}`; write `sample=10%`")),
        ("text", "~", Written::Regex(inner)) => Pattern::new(&unescape_slashes(inner)).map(Predicate::Text),
        ("text", ..) => Err(format!(
            "unknown predicate `{whole}`; texts are matched as in `text~/timed? out/`"
        )),
        ("keep", "=", value) => Keep::parse(value.text().unwrap_or_default()).map(Predicate::Keep),
        ("keep", ..) => Err(format!(
            "unknown predicate `{whole}`; write `keep=failed` or `keep=slow>500ms`"
        )),
        (_, "~", _) if name.starts_with("record.") => Err(format!(
            "unknown predicate `{whole}`; members compare with =, !=, <, >, <=, >=, and `text~/…/` matches the JSON of the whole record"
        )),
        _ => match (
            name.strip_prefix("record."),
            Operator::ALL.into_iter().find(|other| other.text() == operator),
        ) {
            (Some(path), Some(operator)) => {
                let value = match value {
                    Written::Bare(text) => Value::unquoted(text),
                    Written::Quoted(text) => Value::Text(text.clone()),
                    Written::Regex(_) => return Err(unknown(whole)),
                };
                Ok(Predicate::Field(self::path(path)?, Comparison::new(operator, value)))
            }
            _ => Err(unknown(whole)),
        },
    }
}

fn level(name: &str) -> Result<Predicate, String> {
    Level::from_name(name).map(Predicate::LevelAtLeast).ok_or_else(|| {
        let hint = nearest(name, LEVEL_NAMES).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        format!("unknown level `{name}`{hint} (allowed: {})", LEVEL_NAMES.join(", "))
    })
}

/// Segments separated by dots; one with other characters than names have stands in quotes.
fn path(path: &str) -> Result<Field, String> {
    let mut segments = Vec::new();
    let mut rest = path;
    loop {
        let end = match rest.strip_prefix('"') {
            Some(_) => closing(rest, 0).map_or(rest.len(), |end| end + 1),
            None => rest.find('.').unwrap_or(rest.len()),
        };
        let (segment, after) = rest.split_at(end);
        match segment
            .strip_prefix('"')
            .map(|inner| inner.strip_suffix('"').unwrap_or(inner))
        {
            Some(inner) => segments.push(unescape_quotes(inner)),
            None if !segment.is_empty() && segment.chars().all(is_plain) => segments.push(segment.to_owned()),
            None => {
                return Err(format!(
                    "`record.{path}` is no path; separate names by dots, and put other names than words in quotes, as in `record.order.\"total amount\">5`"
                ));
            }
        }
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(Field::new(segments)),
            None => {
                return Err(format!(
                    "`record.{path}` is no path; after a quoted name comes a dot or an operator"
                ));
            }
        }
    }
}

fn unknown(text: &str) -> String {
    let name = text.get(..name_end(text)).unwrap_or(text);
    let name = name.split('.').next().unwrap_or(name);
    match nearest(name, NAMES).filter(|near| *near != name) {
        Some(near) => format!("unknown predicate `{text}`; did you mean `{near}`? ({THERE_ARE})"),
        None => format!("unknown predicate `{text}`; {THERE_ARE}"),
    }
}
