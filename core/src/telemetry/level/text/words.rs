//! A line, word by word: what may stand before a level, and what is one.

use super::super::table::{self, PLAIN_WORDS};
use super::super::{Level, value};
use super::shapes::{
    behind_numbers, behind_process, is_month, is_place, is_symbol, is_upper, is_zone, looks_like_id, looks_like_time,
};
use super::{Found, Rest, of_letter};

/// Number of words that may precede the level: date, time, zone, request id, process, thread, logger.
const WORDS_BEFORE_LEVEL: usize = 8;

/// Reads words until one is a level, or is nothing that may stand before one.
pub(super) fn words(line: &str) -> Found {
    if is_prose(line) {
        return Found::Nothing;
    }
    word_by_word(line)
}

/// True if a line begins like most sentences: with a word in small letters, one blank, and a letter or digit. Such a word
/// is no level, and nothing that stands before one.
fn is_prose(line: &str) -> bool {
    let bytes = line.as_bytes();
    let letters = bytes
        .iter()
        .take(LONGEST_PROSE)
        .take_while(|byte| byte.is_ascii_lowercase());
    match bytes.get(letters.count()..) {
        Some([b' ', next, ..]) => next.is_ascii_alphanumeric() && bytes.first().is_some_and(u8::is_ascii_lowercase),
        _ => false,
    }
}

/// A longer word may be an id. Bytes.
const LONGEST_PROSE: usize = 15;

fn word_by_word(line: &str) -> Found {
    let mut words = Words { rest: line, depth: 0 };
    let mut times = 0;
    let mut before = Before::Nothing;
    for _ in 0..=WORDS_BEFORE_LEVEL {
        let Some(word) = words.next() else {
            return Found::Nothing;
        };
        if is_place(word.text) {
            before = Before::Brackets;
            continue;
        }
        if word.text.starts_with('{') {
            return Found::Json;
        }
        if let Some(level) = of_word(&word, times > 0, before) {
            return Found::Level(level, Rest::None);
        }
        if looks_like_time(word.text) {
            times += 1;
            before = Before::Time;
            continue;
        }
        if word.text.contains('=') && word.depth == 0 {
            match logfmt(word.from) {
                Some(level) => return Found::Level(level, Rest::None),
                // Sidekiq: `time pid=8 class=Order ERROR: message`
                None if times > 0 => continue,
                None => return Found::Nothing,
            }
        }
        if matches!(word.text, "-" | "|" | "--" | "---" | "–" | "->") {
            before = Before::Separator;
        } else if is_symbol(word.text) {
            before = Before::Symbol;
        } else if word.depth > 0 {
            // A thread, a logger, a process; with a time before it, other words may stand in the same brackets.
            if before != Before::Time || words.depth == 0 {
                words.leave_brackets();
            }
            before = Before::Brackets;
        } else if (before == Before::Separator && words.separator_follows()) || words.field_follows(times > 0) {
            // `time - logger - LEVEL - message`
            before = Before::Name;
        } else if times > 0
            && let Some(rest) = behind_process(word.from)
        {
            words.rest = rest;
            before = Before::Brackets;
        } else if word.text == "PHP" {
            return php(words.rest).map_or(Found::Nothing, |level| Found::Level(level, Rest::None));
        } else if !(looks_like_id(word.text, times > 0) || is_month(word.text) || (times > 0 && is_zone(word.text))) {
            return Found::Nothing;
        }
    }
    Found::Nothing
}

/// What stands before a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Time,
    /// ` - ` or ` | `
    Separator,
    Brackets,
    /// A name between separators.
    Name,
    /// `✖`, `├─`
    Symbol,
}

struct Word<'a> {
    text: &'a str,
    /// The line from here on.
    from: &'a str,
    /// How many brackets are open around it.
    depth: usize,
    /// It stands alone between brackets, tabs or `|`.
    is_alone: bool,
    /// The byte behind it; 0 at the end.
    next: u8,
}

/// Splits a line at blanks, tabs, `|` and square brackets.
struct Words<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<Word<'a>> {
        let mut after_edge = false;
        loop {
            match self.rest.as_bytes().first()? {
                b'[' => {
                    self.depth += 1;
                    after_edge = true;
                }
                b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    after_edge = true;
                }
                b'\t' => after_edge = true,
                b' ' | b'\n' | b'\r' => {}
                b'!'..=b'~' => break,
                _ => {
                    let first = self.rest.chars().next()?;
                    if !first.is_whitespace() {
                        break;
                    }
                    self.rest = self.rest.get(first.len_utf8()..)?;
                    continue;
                }
            }
            self.rest = self.rest.get(1..)?;
        }
        let end = if self.rest.starts_with('|') {
            1
        } else {
            word_end(self.rest)
        };
        let from = self.rest;
        let (text, rest) = from.split_at(end);
        self.rest = rest;
        let stands_before_edge = || {
            let behind = rest.trim_start_matches(' ').as_bytes().first();
            matches!(behind, None | Some(b']' | b'\t' | b'|'))
        };
        Some(Word {
            text,
            from,
            depth: self.depth,
            is_alone: after_edge && stands_before_edge(),
            next: rest.as_bytes().first().copied().unwrap_or(0),
        })
    }

    fn separator_follows(&self) -> bool {
        let rest = self.rest.trim_start();
        rest.starts_with('|') || rest.starts_with("- ")
    }

    /// True if a field of its own comes next, which is a level: ` - ERROR - `, ` -> ERROR `, ` ├─ ERROR `, behind a time
    /// ` ERROR [`, too.
    fn field_follows(&self, has_time: bool) -> bool {
        let rest = self.rest.trim_start();
        let is_level = |word: &str| is_upper(word) && table::find_word(word).is_some();
        let Some((first, behind)) = split_at_blank(rest) else {
            return false;
        };
        match first {
            "-" | "|" | "->" => {}
            first if is_symbol(first) => {}
            first => return has_time && behind.starts_with('[') && is_level(first),
        }
        let Some((second, behind)) = split_at_blank(behind) else {
            return false;
        };
        let is_closed = !matches!(first, "-" | "|") || behind.starts_with(first);
        is_closed && is_level(second)
    }

    /// Goes on behind the bracket that closes the outermost one.
    fn leave_brackets(&mut self) {
        while self.depth > 0 {
            let Some(at) = self.rest.find(['[', ']']) else {
                self.rest = "";
                return;
            };
            self.depth = if self.rest.as_bytes().get(at) == Some(&b'[') {
                self.depth + 1
            } else {
                self.depth - 1
            };
            self.rest = self.rest.get(at + 1..).unwrap_or_default();
        }
    }
}

/// Length of the word that a text begins with.
fn word_end(text: &str) -> usize {
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        at += match byte {
            b' ' | b'\t'..=b'\r' | b'[' | b']' | b'|' => return at,
            ..0x80 => 1,
            _ => match text.get(at..).and_then(|rest| rest.chars().next()) {
                Some(char) if !char.is_whitespace() => char.len_utf8(),
                _ => return at,
            },
        };
    }
    at
}

/// The text before a blank, and that behind it and those that follow.
fn split_at_blank(text: &str) -> Option<(&str, &str)> {
    let at = memchr::memchr(b' ', text.as_bytes())?;
    Some((text.get(..at)?, text.get(at..)?.trim_start()))
}

/// Levels in some places, and names of loggers and threads in lower case.
const AMBIGUOUS: [&str; 8] = ["audit", "config", "default", "fault", "fine", "http", "log", "note"];

/// The level of a word, by how sure the place makes it.
fn of_word(word: &Word<'_>, has_time: bool, before: Before) -> Option<Level> {
    let text = word.text;
    // Between separators of its own it can be nothing else; a logger's name may.
    let is_field = before == Before::Separator || before == Before::Name;
    if is_field && matches!(word.next, b' ' | b'|' | b'\t' | 0) {
        let level = if is_upper(text) {
            table::find_value(text)
        } else {
            plain_word(text)
        };
        if level.is_some() {
            return level;
        }
    }
    if word.is_alone && (word.depth > 0 || has_time) {
        let level = value::of_word(text);
        if level.is_some() && (is_upper(text) || !AMBIGUOUS.contains(&text)) {
            return level;
        }
        // Beego: `time [W] message`
        if has_time && word.depth > 0 && text.len() == 1 {
            return of_letter(text);
        }
    }
    if word.depth > 0
        && let Some(level) = behind_numbers(text)
    {
        return Some(level);
    }
    let letters = text
        .find(|char: char| !char.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (name, behind) = text.split_at(letters);
    let next = behind.as_bytes().first().copied().unwrap_or(word.next);
    if name.len() == 1 {
        // Telegraf: `time E! message`; ONNX Runtime: `time [W:onnxruntime:…] message`
        let ends = matches!(next, b' ' | b'!') || (next == b':' && word.depth > 0);
        return of_letter(name).filter(|_| has_time && ends);
    }
    if let Some(level) = of_name(name, next, has_time) {
        return Some(level);
    }
    // Signale: `✖  error  message`; Julia: `┌ Warning: message`
    if before == Before::Symbol && (next == b':' || word.from.get(letters..).is_some_and(|rest| rest.starts_with("  ")))
    {
        return plain_word(name);
    }
    // Zig: `error(scope): message`
    if next == b'(' && text.ends_with("):") && name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return table::find_word(name);
    }
    // tracer: `time <error> message`
    if has_time && let Some(inner) = text.strip_prefix('<') {
        return plain_word(inner.strip_suffix('>')?);
    }
    // `app.ERROR:` (Symfony, Laravel), `WARNING/MainProcess` is above.
    let (_, name) = text.strip_suffix(':')?.rsplit_once('.')?;
    table::find_word(name).filter(|_| has_time && is_upper(name))
}

/// A word and the byte behind it.
fn of_name(name: &str, next: u8, has_time: bool) -> Option<Level> {
    if name.len() < 3
        || !matches!(
            next,
            0 | b' ' | b'\t' | b'\r' | b'\n' | b':' | b'|' | b']' | b'[' | b'(' | b'/' | b'>' | b'!'
        )
    {
        return None;
    }
    if is_upper(name) {
        return table::find_word(name);
    }
    if has_time && let Some(level) = plain_word(name) {
        return Some(level);
    }
    // winston, Microsoft's console, Go's panic.
    let is_lower = name.bytes().all(|byte| byte.is_ascii_lowercase());
    table::find_word(name).filter(|_| is_lower && next == b':')
}

fn plain_word(name: &str) -> Option<Level> {
    let is_plain = PLAIN_WORDS.iter().any(|word| name.eq_ignore_ascii_case(word));
    table::find_word(name).filter(|_| is_plain)
}

/// Go's slog, logrus, structlog: `time=… level=INFO msg=…`.
fn logfmt(mut text: &str) -> Option<Level> {
    loop {
        text = text.trim_start();
        let end = text.find(|char: char| char == '=' || char.is_whitespace())?;
        let (key, rest) = text.split_at(end);
        let Some(value) = rest.strip_prefix('=') else {
            text = rest;
            continue;
        };
        let length = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value.get(1..)?.find(quote).map_or(value.len(), |end| end + 2),
            _ => value.find(char::is_whitespace).unwrap_or(value.len()),
        };
        if let Some(member) = table::find_member(key)
            && let Some(level) = value::of_value(member, key, value.get(..length)?)
        {
            return Some(level);
        }
        text = value.get(length..)?;
    }
}

/// PHP: `PHP Warning:  Undefined variable`.
fn php(rest: &str) -> Option<Level> {
    let (word, _) = rest.trim_start().split_once([' ', ':'])?;
    Some(match word {
        "Fatal" => Level::Fatal,
        "Parse" | "Recoverable" | "Core" | "Compile" => Level::Error,
        "Warning" | "Deprecated" => Level::Warn,
        "Notice" => Level::Info,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn prose_has_no_level(
            first in "[a-z]{0,18}|error|warn|e|a|log|note",
            rest in r"( |\t|:|=|\[)([A-Z]{0,7}|[a-z0-9]{0,7}|-|\||->|é|INFO|error)( |:|=|\[|\|)(INFO|error|[a-z ]{0,9})",
        ) {
            let line = format!("{first}{rest}");
            prop_assert!(!is_prose(&line) || matches!(word_by_word(&line), Found::Nothing), "{line}");
        }
    }

    #[test]
    fn most_sentences_are_prose_and_what_may_be_a_level_is_not() {
        assert!(is_prose("the order was taken") && is_prose("a 4th word"));
        for line in [
            "error: no",
            "Order taken",
            "warn - x",
            " order",
            "abcdefabcdefabcdef of",
            "level=info",
            "word",
            "",
        ] {
            assert!(!is_prose(line), "{line}");
        }
    }
}
