//! Shapes of what may stand before a level: times, ids, processes, places, marks.

use super::super::Level;
use super::super::table;

pub(super) fn is_month(word: &str) -> bool {
    // Most words are none: their first letter says so.
    matches!(
        word.as_bytes().first(),
        Some(b'J' | b'F' | b'M' | b'A' | b'S' | b'O' | b'N' | b'D')
    ) && matches!(
        word,
        "Jan" | "Feb" | "Mar" | "Apr" | "May" | "Jun" | "Jul" | "Aug" | "Sep" | "Oct" | "Nov" | "Dec"
    )
}

/// Marks without letters and digits that are not of ASCII.
pub(super) fn is_symbol(word: &str) -> bool {
    !word.is_ascii() && !word.chars().any(char::is_alphanumeric)
}

/// What follows `name[123]` or `host name[123]`, which syslog has behind a time.
pub(super) fn behind_process(from: &str) -> Option<&str> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-/".contains(byte);
    let mut rest = from;
    for _ in 0..2 {
        let length = rest.bytes().take_while(|byte| is_name(byte)).count();
        let behind = rest.get(length..).filter(|_| length > 0)?;
        if let Some(inner) = behind.strip_prefix('[') {
            let behind = inner.trim_start_matches(|char: char| char.is_ascii_digit());
            let is_number = behind.len() < inner.len();
            return behind
                .strip_prefix(']')
                .filter(|_| is_number)
                .map(|rest| rest.trim_start_matches(':'));
        }
        rest = behind.strip_prefix(' ')?;
    }
    None
}

/// Chromium: `[1120/091402.649194:ERROR:gpu_process.cc(12)] message`.
pub(super) fn behind_numbers(text: &str) -> Option<Level> {
    let mut fields = text.split(':');
    fields.next().filter(|field| looks_like_time(field))?;
    let name = fields.find(|field| !looks_like_time(field))?;
    table::find_word(name).filter(|_| is_upper(name))
}

/// Where in its code a logger was called, as Airflow writes it: `{taskinstance.py:1149}`.
pub(super) fn is_place(word: &str) -> bool {
    let inner = word.strip_prefix('{').and_then(|word| word.strip_suffix('}'));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    inner
        .and_then(|inner| inner.rsplit_once(':'))
        .is_some_and(|(file, line)| file.bytes().all(is_name) && line.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A time, a date, an offset, or any other number.
pub(super) fn looks_like_time(word: &str) -> bool {
    // Most words are none: their first byte says so.
    if !matches!(word.as_bytes().first(), Some(b'0'..=b'9' | b'+')) {
        return false;
    }
    let mut digits = word.as_bytes();
    while let [rest @ .., b'Z' | b':' | b','] = digits {
        digits = rest;
    }
    while let [rest @ .., b'A' | b'P' | b'M'] = digits {
        digits = rest;
    }
    while let [b'+', rest @ ..] = digits {
        digits = rest;
    }
    if !digits.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let is_plain = |byte: &u8| {
        matches!(
            byte,
            b'0'..=b'9' | b'-' | b':' | b'.' | b',' | b'/' | b'+' | b'T' | b'Z' | b'#'
        )
    };
    if digits.iter().all(is_plain) {
        return true;
    }
    // `20-Nov-2026`, `20/Nov/2026:09:14:02`, `1.7951e+09`
    let mut parts = digits.splitn(3, |byte| matches!(byte, b'-' | b'/' | b'e'));
    let (Some(day), Some(month), rest) = (parts.next(), parts.next(), parts.next().unwrap_or_default()) else {
        return false;
    };
    let is_number = |part: &[u8]| part.iter().all(is_plain);
    is_number(day)
        && is_number(rest)
        && (std::str::from_utf8(month).is_ok_and(is_month) || (is_number(month) && digits.contains(&b'e')))
}

/// An id; behind a time a short one, too.
pub(super) fn looks_like_id(word: &str, has_time: bool) -> bool {
    let is_short = has_time && word.len() >= 6 && word.bytes().any(|byte| byte.is_ascii_digit());
    (is_short || word.len() >= 16) && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

pub(super) fn is_zone(word: &str) -> bool {
    matches!(
        word,
        "UTC" | "GMT" | "Z" | "AM" | "PM" | "CET" | "CEST" | "EST" | "EDT" | "PST" | "PDT" | "JST" | "IST"
    )
}

/// True if there are capitals alone.
pub(super) fn is_upper(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_uppercase())
}
