//! Reads the level of a text line: the formats of the managed runtimes and of the best-known loggers.
//!
//! A line is read word by word from its beginning. Times, ids, numbers, threads and what stands in brackets are
//! skipped; the first word that is none of them must be a level, or the line has none.

mod shapes;
mod words;

use std::borrow::Cow;

use super::colours::without_colours;
use super::object;
use super::table;
use super::{Level, combine};
use crate::telemetry::json::unescape_into;
use shapes::{is_month, looks_like_time};
use words::words;

/// Length of a text line that is searched for its level, in bytes of JSON text. The longest known prefix, Rust's
/// tracing with colours and a request's span, stays well below.
const HEAD_BYTES: usize = 256;

/// The level that a text line shows. `json` is its JSON text, `scratch` memory to work in.
pub(in crate::telemetry) fn level(json: &str, scratch: &mut String) -> Option<Level> {
    scratch.clear();
    let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    let head = head(inner);
    unescape_into(head, scratch);
    let found = find(&plain(scratch));
    let outer = match found {
        Found::Level(level, Rest::None) => return Some(level),
        Found::Nothing => return None,
        Found::Level(level, Rest::Json) => Some(level),
        Found::Json => None,
    };
    if head.len() < inner.len() {
        scratch.clear();
        unescape_into(inner, scratch);
    }
    let line = plain(scratch);
    let object = memchr::memchr(b'{', line.as_bytes());
    combine(outer, object.and_then(|at| of_json(line.get(at..)?)))
}

/// The level of a message's text, without looking into JSON. `message` is its JSON text.
pub(in crate::telemetry) fn level_of(message: &str, scratch: &mut String) -> Option<Level> {
    let head = head(message.get(1..message.len().saturating_sub(1))?);
    let text = if head.contains('\\') {
        scratch.clear();
        unescape_into(head, scratch);
        scratch.as_str()
    } else {
        head
    };
    match find(&plain(text)) {
        Found::Level(level, _) => Some(level),
        _ => None,
    }
}

/// An object's own level, and that of an object in its message.
fn of_json(text: &str) -> Option<Level> {
    let shown = object::read(text);
    let inner = shown.message.and_then(|message| match message.as_bytes() {
        [b'{', ..] => object::read(message).level,
        [b'"', b'{', ..] => {
            let mut text = String::new();
            unescape_into(message, &mut text);
            object::read(&text).level
        }
        _ => None,
    });
    combine(shown.level, inner)
}

/// The first [`HEAD_BYTES`] of a line's text, escaped as it is. An escape cut in two only garbles the very end.
fn head(inner: &str) -> &str {
    inner.get(..inner.floor_char_boundary(HEAD_BYTES)).unwrap_or_default()
}

/// The text without colours, and without blanks and a byte order mark before it.
fn plain(text: &str) -> Cow<'_, str> {
    let is_blank = |char: char| char.is_whitespace() || char == '\u{feff}';
    match without_colours(text) {
        // Nearly every line begins with something.
        Cow::Borrowed(text) if text.as_bytes().first().is_some_and(u8::is_ascii_graphic) => Cow::Borrowed(text),
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_start_matches(is_blank)),
        Cow::Owned(text) => Cow::Owned(text.trim_start_matches(is_blank).to_owned()),
    }
}

enum Found {
    Level(Level, Rest),
    /// An object begins where the level would stand.
    Json,
    Nothing,
}

/// What stands behind the prefix that a runtime wrote.
#[derive(PartialEq, Eq)]
enum Rest {
    Json,
    None,
}

fn find(line: &str) -> Found {
    // Each format is looked for where a line can begin like that.
    let special = match line.as_bytes().first() {
        Some(b'{') => return Found::Json,
        Some(b'<') => syslog(line),
        Some(b'[' | b'A'..=b'Z') => ruby(line).or_else(|| klog(line)),
        Some(b'a'..=b'z') => return words(line),
        _ => None,
    };
    if let Some(level) = special {
        return Found::Level(level, Rest::None);
    }
    let line = below_java_header(line);
    if let Some((level, message)) = runtime(line) {
        // `console.log` and `print` say INFO of whatever they are given: the text itself may know better.
        return match message.as_bytes().first() {
            Some(b'{') => Found::Level(level, Rest::Json),
            _ if level == Level::Info => match words(message) {
                Found::Level(inner, _) => Found::Level(inner, Rest::None),
                _ => Found::Level(level, Rest::None),
            },
            _ => Found::Level(level, Rest::None),
        };
    }
    words(line)
}

/// Lambda's own formats, fields separated by tabs. Node.js and .NET: `2026-…Z\t<request>\tINFO\tmessage`; Python:
/// `[INFO]\t2026-…Z\t<request>\tmessage`. The level, and the message.
fn runtime(line: &str) -> Option<(Level, &str)> {
    if !matches!(line.as_bytes().first()?, b'[' | b'+' | b'0'..=b'9') {
        return None;
    }
    let (first, rest) = split_at_byte(line, b'\t')?;
    let (second, rest) = split_at_byte(rest, b'\t')?;
    if looks_like_time(first) {
        let (third, message) = split_at_byte(rest, b'\t').unwrap_or((rest, ""));
        return Some((table::find_value(third.trim())?, message.trim_start()));
    }
    let name = first.strip_prefix('[')?.strip_suffix(']')?;
    let level = table::find_value(name.trim())?;
    let message = match split_at_byte(rest, b'\t') {
        Some((_, message)) if looks_like_time(second) => message,
        _ => rest,
    };
    Some((level, message.trim_start()))
}

/// The text before and behind the first such byte. Faster than `split_once` where that is far away.
fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(byte, text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Systemd's console format of .NET and others: `<3>message`.
fn syslog(line: &str) -> Option<Level> {
    let (priority, _) = line.strip_prefix('<')?.split_once('>')?;
    let number: u8 = priority.parse().ok().filter(|_| priority.len() <= 3)?;
    (number < 192).then(|| table::Scale::Syslog.level(f64::from(number % 8), table::Small::Nothing))?
}

/// Ruby: `I, [2026-11-20T09:14:02.820123 #8]  INFO <request> -- : message`. Tornado: `[E 261120 09:14:02 web:1789] message`.
fn ruby(line: &str) -> Option<Level> {
    if let [b'[', _, b' ', ..] = line.as_bytes() {
        let (letter, rest) = (line.get(1..2)?, line.get(3..)?);
        return of_letter(letter).filter(|_| looks_like_time(rest.split(' ').next().unwrap_or_default()));
    }
    let (letter, rest) = line.split_at_checked(1)?;
    // mlog: `W: 2026/11/20 09:14:02 main.go:13: message`
    let is_first = rest.starts_with(", [")
        || rest
            .strip_prefix(": ")
            .is_some_and(|rest| looks_like_time(rest.split(' ').next().unwrap_or_default()));
    of_letter(letter).filter(|_| is_first)
}

/// glog and klog: `E1120 09:14:02.820123       8 handler.go:34] message`. CockroachDB writes the year before the month; so
/// does glog since 0.7, and in a crash it leaves out the colons of the time.
fn klog(line: &str) -> Option<Level> {
    let (letter, rest) = line.split_at_checked(1)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let is_time = match rest.as_bytes().get(digits..)? {
        [b' ', b'0'..=b'2', b'0'..=b'9', b':', ..] => true,
        [b' ', clock @ ..] => {
            let is_clock = clock.get(..6)?.iter().all(u8::is_ascii_digit);
            is_clock && clock.get(6) == Some(&b' ')
        }
        _ => false,
    };
    of_letter(letter).filter(|_| is_time && matches!(digits, 4 | 6 | 8))
}

fn of_letter(letter: &str) -> Option<Level> {
    Some(match letter {
        "T" | "V" => Level::Trace,
        "D" => Level::Debug,
        "I" | "A" | "N" => Level::Info,
        "W" => Level::Warn,
        "E" => Level::Error,
        "F" | "C" => Level::Fatal,
        _ => return None,
    })
}

/// java.util.logging: `Nov 20, 2026 9:14:02 AM com.example.Handler handle`, and the level on the next line.
fn below_java_header(line: &str) -> &str {
    if !is_month(line.get(..3).unwrap_or_default()) {
        return line;
    }
    let below = line.split_once('\n').filter(|(header, _)| header.contains(", "));
    below.map_or(line, |(_, below)| below)
}

#[cfg(test)]
mod tests;
