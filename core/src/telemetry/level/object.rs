//! Reads the level of a JSON object, also where the text is cut off, has quotes that nobody escaped, or is JavaScript.

use std::borrow::Cow;

use super::Level;
use super::table::{self, Member, NAMES_IN_OBJECTS, Scale, Small};
use super::text::without_colours;
use crate::telemetry::json::{skim, unescape};

/// The longest text that may be a level, with colours. Bytes of JSON.
const LONGEST_WORD: usize = 96;

/// What an object shows at its top.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shown<'a> {
    pub(super) level: Option<Level>,
    /// The value of `message` or `msg`.
    pub(super) message: Option<&'a str>,
}

/// Reads members until the object ends, or until something is no member. One pass.
pub(super) fn read(text: &str) -> Shown<'_> {
    let mut walk = Walk {
        text,
        at: 1,
        is_script: false,
    };
    let mut message = None;
    let mut best: Option<(usize, Level)> = None;
    let mut small_number = None;
    let mut is_gelf = false;
    while let Some((key, value)) = walk.member() {
        let Some(value) = value else { break };
        match key.as_ref() {
            "message" | "msg" => message = Some(value),
            "short_message" => is_gelf = true,
            "log" if value.starts_with('{') => {
                keep_first(&mut best, 1, of_members(value, &["level"], &table::MEMBERS[1]))
            }
            key => {
                let Some(member) = table::find_member(key) else {
                    continue;
                };
                let rank = table::MEMBERS
                    .iter()
                    .position(|other| other == member)
                    .unwrap_or_default();
                let level = of_value(member, key, value);
                if level.is_none() && member.scale == Scale::Loggers {
                    small_number = number(value).map(|number| (rank, number)).or(small_number);
                }
                keep_first(&mut best, rank, level);
            }
        }
    }
    if is_gelf && let Some((rank, number)) = small_number {
        keep_first(&mut best, rank, Scale::Loggers.level(number, Small::Syslog));
    }
    Shown {
        level: best.map(|(_, level)| level),
        message,
    }
}

/// The first in the list of members counts; of two with the same name the last.
fn keep_first(best: &mut Option<(usize, Level)>, rank: usize, level: Option<Level>) {
    if let Some(level) = level
        && best.is_none_or(|(other, _)| rank <= other)
    {
        *best = Some((rank, level));
    }
}

/// The level that the value of a member named `key` stands for. `value` is JSON text.
pub(super) fn of_value(member: &Member, key: &str, value: &str) -> Option<Level> {
    let begins_with_capital = key.bytes().any(|byte| byte.is_ascii_uppercase());
    let small = if begins_with_capital {
        Small::DotNet
    } else {
        Small::Nothing
    };
    match value.as_bytes().first()? {
        b'{' => of_members(value, &NAMES_IN_OBJECTS, member),
        b'"' | b'\'' if value.len() <= LONGEST_WORD => {
            let text = unescape(value);
            let text = without_colours(text.trim_matches('\''));
            match text.trim().parse() {
                Ok(number) => member.scale.level(number, small),
                Err(_) => of_word(&text),
            }
        }
        b'-' | b'0'..=b'9' => member.scale.level(value.parse().ok()?, small),
        _ if value.len() <= LONGEST_WORD => of_word(value),
        _ => None,
    }
}

/// The level of an object: `{"name":"ERROR"}`, `{"level":40000,"levelStr":"ERROR"}`.
fn of_members(object: &str, names: &[&str], member: &Member) -> Option<Level> {
    let mut values = names.iter().filter_map(|name| skim::child(object, name));
    values.find_map(|value| {
        if value.starts_with('{') {
            None
        } else {
            of_value(member, "", value)
        }
    })
}

fn number(value: &str) -> Option<f64> {
    value.trim_matches('"').parse().ok()
}

/// The level of a word as libraries write it into a member: `INFO+2` (slog), `LogLevel.Error`, `SEVERITY_NUMBER_ERROR2`,
/// `app.ERROR`, `[warn]`.
pub(super) fn of_word(text: &str) -> Option<Level> {
    let is_edge = |char: char| char.is_whitespace() || "[](){}<>:!'\"".contains(char);
    let word = text.trim_matches(is_edge);
    let word = word.split(['+', '-']).next().unwrap_or_default();
    let word = word.rsplit(['.', '_', ':', '/']).next().unwrap_or_default();
    table::find_value(word.trim_end_matches(|char: char| char.is_ascii_digit()))
}

/// Goes from member to member.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    /// A key stood without quotes: strings may stand in single ones.
    is_script: bool,
}

impl<'a> Walk<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self, also: u8) {
        while self
            .byte()
            .is_some_and(|byte| byte.is_ascii_whitespace() || byte == also)
        {
            self.at += 1;
        }
    }

    /// The next key, and its value unless the text ends within.
    fn member(&mut self) -> Option<(Cow<'a, str>, Option<&'a str>)> {
        self.skip_blanks(b',');
        let start = self.at;
        let key = match self.byte()? {
            b'"' => unescape(self.quoted(b'"')?),
            b'\'' => Cow::Borrowed(self.quoted(b'\'')?.trim_matches('\'')),
            _ => {
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_$@.-".contains(&byte);
                while self.byte().is_some_and(is_name) {
                    self.at += 1;
                }
                self.is_script = true;
                Cow::Borrowed(self.text.get(start..self.at)?)
            }
        };
        self.skip_blanks(b' ');
        if key.is_empty() || self.byte()? != b':' {
            return None;
        }
        self.at += 1;
        self.skip_blanks(b' ');
        Some((key, self.value()))
    }

    fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        match self.byte()? {
            b'"' => return self.quoted(b'"'),
            b'\'' => return self.quoted(b'\''),
            b'{' | b'[' => {
                let mut depth = 0_usize;
                loop {
                    match self.byte()? {
                        b'"' => {
                            self.quoted(b'"')?;
                            continue;
                        }
                        b'\'' if self.is_script => {
                            self.quoted(b'\'')?;
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    self.at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => {
                while !matches!(self.byte()?, b',' | b'}' | b']') {
                    self.at += 1;
                }
            }
        }
        self.text.get(start..self.at).map(str::trim_end)
    }

    /// A string with its quotes.
    fn quoted(&mut self, quote: u8) -> Option<&'a str> {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            self.at += memchr::memchr2(quote, b'\\', rest)?;
            if self.byte()? == quote {
                self.at += 1;
                return self.text.get(start..self.at);
            }
            self.at += 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_libraries_write_them() {
        for (text, level) in [
            ("INFO+2", Some(Level::Info)),
            ("ERROR-4", Some(Level::Error)),
            ("LogLevel.Error", Some(Level::Error)),
            ("SEVERITY_NUMBER_ERROR2", Some(Level::Error)),
            ("WARN3", Some(Level::Warn)),
            (" [err] ", Some(Level::Error)),
            ("DEFAULT", Some(Level::Info)),
            ("UNDEFINED", None),
            ("terror", None),
            ("", None),
        ] {
            assert_eq!(of_word(text), level, "{text:?}");
        }
    }

    #[test]
    fn whatever_text_it_is_the_walk_ends() {
        for text in [
            "{",
            "{\"",
            "{a",
            "{a:",
            "{a:[",
            "{\"a\":\"",
            "{\"a\":\"\\",
            "{]",
            "{\"a\":}",
            "{a:'b",
            "{:",
            "{\"\":1}",
            "{é:1}",
        ] {
            assert_eq!(read(text).level, None, "{text}");
        }
    }
}
