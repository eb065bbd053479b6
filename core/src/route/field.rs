//! `record.path op value`: a member of a JSON record, and what it is compared with.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use crate::telemetry::json::{skim, unescape};

/// The path to a member, segment by segment. A number as a segment is also a place in an array, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field(Vec<String>);

/// An operator and the value on its right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    operator: Operator,
    value: Value,
}

/// Comparison of a member and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
}

/// Value that a member is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Written without quotes, and a number: the number's own text.
    Number(String),
    /// Any other text.
    Text(String),
}

impl Operator {
    /// Longer ones first, so that none is taken for its own beginning.
    pub(super) const ALL: [Self; 6] = [
        Self::LessOrEqual,
        Self::GreaterOrEqual,
        Self::NotEqual,
        Self::Equal,
        Self::Less,
        Self::Greater,
    ];

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::Greater => ">",
            Self::LessOrEqual => "<=",
            Self::GreaterOrEqual => ">=",
        }
    }

    fn holds(self, ordering: Option<Ordering>) -> bool {
        match self {
            Self::Equal => ordering == Some(Ordering::Equal),
            // What cannot be ordered is certainly not equal.
            Self::NotEqual => ordering != Some(Ordering::Equal),
            Self::Less => ordering == Some(Ordering::Less),
            Self::Greater => ordering == Some(Ordering::Greater),
            Self::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
            Self::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

impl Field {
    pub(super) fn new(segments: Vec<String>) -> Self {
        Self(segments)
    }
}

impl Comparison {
    pub(super) fn new(operator: Operator, value: Value) -> Self {
        Self { operator, value }
    }

    /// True if a member compares as asked. `member` is its JSON text.
    pub(super) fn holds(&self, member: &str) -> bool {
        self.operator.holds(self.value.compare(member))
    }
}

impl Value {
    pub(super) fn unquoted(text: &str) -> Self {
        match Number::read(text) {
            Some(_) => Self::Number(text.to_owned()),
            None => Self::Text(text.to_owned()),
        }
    }

    /// Order of a member and this value; `None` if the two have no order. Numbers compare as numbers, also where the
    /// record has them as strings; texts by their bytes. A number, `true`, `false` or `null` may equal a text that
    /// reads the same; objects and arrays equal nothing.
    fn compare(&self, member: &str) -> Option<Ordering> {
        let is_string = member.starts_with('"');
        let text = if is_string {
            unescape(member)
        } else {
            Cow::Borrowed(member)
        };
        match self {
            Self::Number(number) => Number::read(&text)?.compare(&Number::read(number)?),
            Self::Text(value) if is_string => Some(text.as_ref().cmp(value)),
            Self::Text(_) if member.starts_with(['{', '[']) => None,
            Self::Text(value) => (text == *value).then_some(Ordering::Equal),
        }
    }
}

/// A JSON number; whole ones exactly, since ids do not fit into a float.
enum Number {
    Whole(i128),
    Float(f64),
}

impl Number {
    fn read(text: &str) -> Option<Self> {
        if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return None;
        }
        match text.parse() {
            Ok(whole) => Some(Self::Whole(whole)),
            Err(_) => text
                .parse()
                .ok()
                .filter(|float: &f64| float.is_finite())
                .map(Self::Float),
        }
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(other)),
            (one, other) => one.as_float().partial_cmp(&other.as_float()),
        }
    }

    fn as_float(&self) -> f64 {
        match self {
            Self::Whole(whole) => *whole as f64,
            Self::Float(float) => *float,
        }
    }
}

/// The member at a path; `json` is the record's JSON text. A text on the way that is JSON itself is looked into.
pub(super) fn lookup<'a>(json: &'a str, field: &Field) -> Option<Cow<'a, str>> {
    let mut value = Cow::Borrowed(json);
    for segment in &field.0 {
        if value.starts_with('"') {
            // Each string is shorter than the one it was in.
            value = Cow::Owned(unescape(&value).trim().to_owned());
        }
        value = match value {
            Cow::Borrowed(json) => Cow::Borrowed(skim::child(json, segment)?),
            Cow::Owned(json) => Cow::Owned(skim::child(&json, segment)?.to_owned()),
        };
    }
    Some(value)
}

/// The member at a path that is known beforehand.
pub(super) fn lookup_path<'a>(json: &'a str, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(json, |value, segment| skim::child(value, segment))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            // A `-` at the end would make an arrow of `>`.
            if !segment.is_empty() && segment.chars().all(is_plain) && !segment.ends_with('-') {
                f.write_str(segment)?;
            } else {
                write_quoted(f, segment)?;
            }
        }
        Ok(())
    }
}

/// True if a path's segment may hold this character without quotes.
pub(super) fn is_plain(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '-' | '@' | '$' | ':')
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operator.text())?;
        match &self.value {
            Value::Number(number) => f.write_str(number),
            Value::Text(text) if is_bare(text) => f.write_str(text),
            Value::Text(text) => write_quoted(f, text),
        }
    }
}

/// True if a text can be a value without quotes, and is still a text then.
fn is_bare(text: &str) -> bool {
    let separates =
        |char: char| char.is_whitespace() || matches!(char, '"' | ';' | ',' | '/' | '<' | '>' | '=' | '!' | '~');
    !text.is_empty() && !text.contains(separates) && !text.ends_with('-') && Number::read(text).is_none()
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(member: &str, operator: &str, value: &str) -> bool {
        let operator = Operator::ALL
            .into_iter()
            .find(|other| other.text() == operator)
            .unwrap();
        let value = match value.strip_prefix('"') {
            Some(quoted) => Value::Text(quoted.trim_end_matches('"').to_owned()),
            None => Value::unquoted(value),
        };
        Comparison::new(operator, value).holds(member)
    }

    #[test]
    fn numbers_compare_as_numbers() {
        for (member, operator, value) in [
            ("9", "<", "10"),
            ("1e2", "=", "100"),
            ("100.0", "=", "100"),
            ("-5", "<", "-4.5"),
            ("503", ">=", "500"),
            ("\"503\"", ">=", "500"),
            ("9007199254740993", ">", "9007199254740992"),
            ("1", "!=", "2"),
            ("\"abc\"", "!=", "5"),
            ("null", "!=", "5"),
        ] {
            assert!(holds(member, operator, value), "{member} {operator} {value}");
        }
        for (member, operator, value) in [
            ("\"abc\"", "<", "5"),
            ("\"abc\"", ">=", "5"),
            ("null", "=", "0"),
            ("[5]", "=", "5"),
            ("\"inf\"", ">", "5"),
            ("\"\"", "<", "5"),
        ] {
            assert!(!holds(member, operator, value), "{member} {operator} {value}");
        }
    }

    #[test]
    fn texts_compare_by_their_bytes_and_in_quotes_a_number_is_a_text() {
        for (member, operator, value) in [
            ("\"abc\"", "=", "abc"),
            ("\"a\\u0062c\"", "=", "abc"),
            ("\"2026-11-21\"", ">", "2026-11-20"),
            ("\"012\"", "=", "\"012\""),
            ("\"12\"", "!=", "\"012\""),
            ("12", "=", "\"12\""),
            ("true", "=", "true"),
            ("null", "=", "null"),
            ("{}", "!=", "x"),
            ("\"a b\"", "=", "\"a b\""),
        ] {
            assert!(holds(member, operator, value), "{member} {operator} {value}");
        }
        for (member, operator, value) in [
            ("\"ABC\"", "=", "abc"),
            ("true", ">", "false"),
            ("12", "<", "\"9\""),
            ("{\"a\":1}", "=", "{\"a\":1}"),
        ] {
            assert!(!holds(member, operator, value), "{member} {operator} {value}");
        }
    }
}
