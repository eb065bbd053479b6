//! From strings to JSON and back.

use std::borrow::Cow;

use super::plain::plain_prefix;

/// The text that a JSON string stands for. `json` is a valid JSON string with its quotes; lone surrogates become U+FFFD.
pub fn unescape(json: &str) -> Cow<'_, str> {
    let inner = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(json);
    let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else {
        return Cow::Borrowed(inner);
    };
    let (plain, rest) = inner.split_at(first);
    let mut text = String::with_capacity(inner.len());
    text.push_str(plain);
    unescape_rest(rest, &mut text);
    Cow::Owned(text)
}

/// As [`unescape`], into memory that is there already.
pub(crate) fn unescape_into(json: &str, text: &mut String) {
    let inner = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(json);
    unescape_rest(inner, text);
}

fn unescape_rest(mut rest: &str, text: &mut String) {
    while let Some(escape) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (plain, escaped) = rest.split_at(escape);
        text.push_str(plain);
        let mut chars = escaped.chars();
        chars.next();
        match chars.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('u') => text.push(unescape_unicode(&mut chars)),
            Some(other) => text.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
}

fn unescape_unicode(chars: &mut std::str::Chars<'_>) -> char {
    let code_unit = |chars: &mut std::str::Chars<'_>| {
        let digits = chars.as_str().get(..4)?;
        let unit = u32::from_str_radix(digits, 16).ok()?;
        *chars = chars.as_str().get(4..)?.chars();
        Some(unit)
    };
    let Some(unit) = code_unit(chars) else {
        return char::REPLACEMENT_CHARACTER;
    };
    if !(0xD800..0xDC00).contains(&unit) {
        return char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut ahead = chars.clone();
    if ahead.next() == Some('\\')
        && ahead.next() == Some('u')
        && let Some(low @ 0xDC00..0xE000) = code_unit(&mut ahead)
    {
        *chars = ahead;
        return char::from_u32(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
            .unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    char::REPLACEMENT_CHARACTER
}

/// True if a JSON string has half of a surrogate pair, which stands for no character.
pub(crate) fn has_lone_surrogate(json: &str) -> bool {
    let mut rest = json;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let escape = rest.get(at + 1..).unwrap_or_default();
        let Some(digits) = escape.strip_prefix('u') else {
            rest = escape.get(1..).unwrap_or_default();
            continue;
        };
        let unit = digits.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        if unit.is_some_and(|unit| (0xD800..0xE000).contains(&unit)) {
            let mut chars = digits.chars();
            if unescape_unicode(&mut chars) == char::REPLACEMENT_CHARACTER {
                return true;
            }
            rest = chars.as_str();
        } else {
            rest = digits;
        }
    }
    false
}

/// Appends `text` as a JSON string, quotes included.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    escape(text, |piece| out.extend_from_slice(piece.as_bytes()));
}

/// As [`write_string`], to text.
pub(crate) fn push_string(out: &mut String, text: &str) {
    escape(text, |piece| out.push_str(piece));
}

fn escape(text: &str, mut put: impl FnMut(&str)) {
    put("\"");
    let mut rest = text;
    while let Some(&first) = rest.as_bytes().first() {
        let length = match first {
            b'"' => {
                put("\\\"");
                1
            }
            b'\\' => {
                put("\\\\");
                1
            }
            b'\n' => {
                put("\\n");
                1
            }
            b'\r' => {
                put("\\r");
                1
            }
            b'\t' => {
                put("\\t");
                1
            }
            0..=0x1f => {
                put(&format!("\\u{first:04x}"));
                1
            }
            _ => {
                let plain = plain_prefix(rest.as_bytes());
                put(rest.get(..plain).unwrap_or_default());
                plain
            }
        };
        // What ends a plain run is ASCII, so text begins there.
        rest = rest.get(length..).unwrap_or_default();
    }
    put("\"");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(text in any::<String>()) {
            let mut json = Vec::new();
            write_string(&mut json, &text);
            let json = String::from_utf8(json).unwrap();
            prop_assert_eq!(&serde_json::from_str::<String>(&json).unwrap(), &text);
            prop_assert_eq!(unescape(&json), text);
        }

        #[test]
        fn unescapes_as_serde_json_does(inner in r#"(\\u[0-9a-d][0-9a-f]{3}|\\[nrtbf"/\\]|[a-zé])*"#) {
            let json = format!("\"{inner}\"");
            if let Ok(text) = serde_json::from_str::<String>(&json) {
                prop_assert_eq!(unescape(&json), text);
            }
        }
    }
}
