//! A strict, single-pass JSON scanner over borrowed text.
//!
//! It validates (RFC 8259) and finds the bounds of values; it builds nothing. A telemetry event is looked at once, and
//! what the forwarder must know of it is picked up in passing.
//!
//! `plain`: the plain parts of strings; `text`: from strings to JSON and back; `skim`: members of text that was scanned before.

mod plain;
pub(crate) mod skim;
mod text;

use plain::plain_prefix;

pub(crate) use text::{has_lone_surrogate, push_string, unescape_into};
pub use text::{unescape, write_string};

/// Error in a JSON text, and its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntaxError {
    /// The token that was expected or refused.
    pub what: &'static str,
    /// Byte offset in the text that was scanned.
    pub at: usize,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

/// Gives each member of an object to `member`: its key, unescaped, and the JSON text of its value. Stops where
/// the text is no JSON object.
pub(crate) fn each_member<'a>(json: &'a str, mut member: impl FnMut(&str, &'a str)) {
    let mut scanner = Scanner::new(json);
    // What was read by then has been given.
    let _ = scanner.object(|scanner, key| {
        member(key, scanner.value()?);
        Ok(())
    });
}

/// What stands between the quotes of a JSON string.
#[inline]
pub(crate) fn unquoted(string: &str) -> &str {
    string.get(1..string.len().saturating_sub(1)).unwrap_or_default()
}

/// A cursor over JSON text.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    pub(crate) pos: usize,
    /// A line break was seen between two tokens since this was last reset.
    pub(crate) line_break: bool,
    /// A string had an escape since this was last reset.
    has_escape: bool,
    /// Open brackets of the value being skipped; kept so that a batch allocates it once.
    open: Vec<u8>,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            pos: 0,
            line_break: false,
            has_escape: false,
            open: Vec::new(),
        }
    }

    /// True if a string had an escape since [`forget_escapes`](Self::forget_escapes), or since the key before.
    pub(crate) fn has_escape(&self) -> bool {
        self.has_escape
    }

    pub(crate) fn forget_escapes(&mut self) {
        self.has_escape = false;
    }

    /// The length of the text. Bytes.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn error<T>(&self, what: &'static str) -> Result<T, SyntaxError> {
        Err(SyntaxError { what, at: self.pos })
    }

    /// The text from `start` to the cursor. Both stand at token borders, which are ASCII.
    #[inline]
    pub(crate) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.pos).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    pub(crate) fn skip_whitespace(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' => {}
                b'\n' | b'\r' => self.line_break = true,
                _ => return,
            }
            self.pos += 1;
        }
    }

    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// Walks one object; `member` gets each key, without quotes and escapes, and must consume the value.
    pub(crate) fn object<F>(&mut self, mut member: F) -> Result<(), SyntaxError>
    where
        F: FnMut(&mut Self, &str) -> Result<(), SyntaxError>,
    {
        if !self.eat(b'{') {
            return self.error("expected an object");
        }
        self.skip_whitespace();
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            self.has_escape = false;
            let key = self.string()?;
            let is_escaped = self.has_escape;
            self.skip_whitespace();
            if !self.eat(b':') {
                return self.error("expected `:`");
            }
            self.skip_whitespace();
            if is_escaped {
                member(self, &unescape(key))?;
            } else {
                member(self, unquoted(key))?;
            }
            self.skip_whitespace();
            if self.eat(b'}') {
                return Ok(());
            }
            if !self.eat(b',') {
                return self.error("expected `,` or `}`");
            }
            self.skip_whitespace();
        }
    }

    /// Skips one value of any kind and returns its text.
    pub(crate) fn value(&mut self) -> Result<&'a str, SyntaxError> {
        let start = self.pos;
        self.open.clear();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(bracket @ (b'{' | b'[')) => {
                    self.pos += 1;
                    self.skip_whitespace();
                    // The closing bracket stands two code points after the opening one, in both pairs.
                    if !self.eat(bracket + 2) {
                        self.open.push(bracket);
                        self.key_if_in_object()?;
                        continue;
                    }
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.literal("true")?,
                Some(b'f') => self.literal("false")?,
                Some(b'n') => self.literal("null")?,
                _ => return self.error("expected a value"),
            }
            // A value is complete: close what it closes, or go on to the next one.
            loop {
                let Some(&bracket) = self.open.last() else {
                    return Ok(self.since(start));
                };
                self.skip_whitespace();
                if self.eat(b',') {
                    self.skip_whitespace();
                    self.key_if_in_object()?;
                    break;
                }
                if !self.eat(bracket + 2) {
                    return self.error("expected `,` or a closing bracket");
                }
                self.open.pop();
            }
        }
    }

    fn key_if_in_object(&mut self) -> Result<(), SyntaxError> {
        if self.open.last() != Some(&b'{') {
            return Ok(());
        }
        self.string()?;
        self.skip_whitespace();
        if !self.eat(b':') {
            return self.error("expected `:`");
        }
        self.skip_whitespace();
        Ok(())
    }

    /// Skips a string and returns its text, quotes included.
    pub(crate) fn string(&mut self) -> Result<&'a str, SyntaxError> {
        let start = self.pos;
        if !self.eat(b'"') {
            return self.error("expected a string");
        }
        loop {
            self.pos += plain_prefix(self.text.as_bytes().get(self.pos..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(self.since(start));
                }
                Some(b'\\') => {
                    self.escape()?;
                    // Where one follows another, there is nothing plain to look for.
                    while self.peek() == Some(b'\\') {
                        self.escape()?;
                    }
                }
                Some(_) => return self.error("unescaped control character in a string"),
                None => return self.error("unterminated string"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        self.has_escape = true;
        self.pos += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.pos += 1,
            Some(b'u') => {
                self.pos += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return self.error("expected four hexadecimal digits after `\\u`");
                    }
                    self.pos += 1;
                }
            }
            _ => return self.error("unknown escape in a string"),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        let start = self.pos;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.pos += 1;
        }
        if self.pos == start {
            return self.error("expected a digit");
        }
        Ok(())
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), SyntaxError> {
        let end = self.pos + literal.len();
        if self.text.get(self.pos..end) != Some(literal) {
            return self.error("expected a value");
        }
        self.pos = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accepts(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.skip_whitespace();
        if scanner.value().is_err() {
            return false;
        }
        scanner.skip_whitespace();
        scanner.peek().is_none()
    }

    #[test]
    fn agrees_with_serde_json_on_hand_picked_texts() {
        for text in [
            "0",
            "-0",
            "01",
            "-",
            "1.",
            "1.5",
            ".5",
            "1e5",
            "1e",
            "1E+5",
            "1e-5",
            "true",
            "tru",
            "nul",
            "null",
            "\"\"",
            "\"a",
            "\"\\u00e9\"",
            "\"\\u00g9\"",
            "\"\\x\"",
            "\"\u{1}\"",
            "\"tab\there\"",
            "[]",
            "[1]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{}",
            "{\"a\":1}",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "{\"a\":}",
            "[[[[]]]]",
            "[[[]]",
            "{\"a\":[{\"b\":null}]}",
            "[1}",
            "{]",
            "",
            " ",
            "1 1",
            "\"é€😀\"",
            "{\"a\":1]",
        ] {
            assert_eq!(
                accepts(text),
                serde_json::from_str::<serde_json::Value>(text).is_ok(),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in r#"[\[\]{}:,"\\ \n0-9.eE+\-truefalsn a\x01]{0,24}"#) {
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(accepts(&text), theirs);
        }

        #[test]
        fn reads_strings_as_serde_json_does(inner in r#"([a-z ]{1,40}|[é€😀]|\\\\["\\\\nu]|\\\\u00e9|["\x01\n]){0,12}"#) {
            let text = format!("\"{inner}\"");
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(accepts(&text), theirs);
        }
    }
}
