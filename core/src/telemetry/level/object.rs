//! Reads the level of a JSON object, also where the text is cut off, has quotes that nobody escaped, or is JavaScript.

use std::borrow::Cow;

use super::Level;
use super::table::{self, Scale, Small};
use super::value::{of_members, of_value};
use crate::telemetry::json::{unescape, unquoted};

/// What an object shows at its top.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::telemetry) struct Shown<'a> {
    pub(in crate::telemetry) level: Option<Level>,
    /// The value of `message` or `msg`.
    pub(in crate::telemetry) message: Option<&'a str>,
}

/// Reads members until the object ends, or until something is no member. One pass.
pub(in crate::telemetry) fn read(text: &str) -> Shown<'_> {
    let mut walk = Walk {
        text,
        at: 1,
        is_script: false,
        has_escape: false,
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
            // Roarr.
            "context" if value.starts_with('{') => {
                keep_first(&mut best, 1, of_members(value, &["logLevel"], &table::MEMBERS[1]))
            }
            key => {
                let Some(member) = table::find_member(key) else {
                    continue;
                };
                let rank = table::MEMBERS
                    .iter()
                    .position(|other| std::ptr::eq(other, member))
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

fn number(value: &str) -> Option<f64> {
    value.trim_matches('"').parse().ok()
}

/// Goes from member to member.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    /// A key stood without quotes: strings may stand in single ones.
    is_script: bool,
    /// There was an escape in the string read last.
    has_escape: bool,
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
            b'"' => {
                let key = self.quoted(b'"')?;
                if self.has_escape {
                    unescape(key)
                } else {
                    Cow::Borrowed(unquoted(key))
                }
            }
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
        self.has_escape = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            self.at += memchr::memchr2(quote, b'\\', rest)?;
            if self.byte()? == quote {
                self.at += 1;
                return self.text.get(start..self.at);
            }
            self.has_escape = true;
            self.at += 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
