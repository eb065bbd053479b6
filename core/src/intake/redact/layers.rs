//! A text and what its escapes stand for, layer by layer: JSON in a string, JSON in a string in that, and so on. Matches
//! in a deep layer are led back to the bytes of the text itself.

use std::borrow::Cow;

/// How often escapes are undone. A JSON document that was made a string five times is deeper than loggers go.
const MAX_LAYERS: usize = 6;

/// The layers of one text.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// Each undoes the escapes of the one before; the first of them those of the text. Memory is used again.
    layers: Vec<String>,
    used: usize,
}

impl Layers {
    /// Undoes the escapes of `text`, until none is left.
    pub(super) fn fill(&mut self, text: &str) {
        self.used = 0;
        while self.used < MAX_LAYERS {
            let mut next = match self.layers.get_mut(self.used) {
                Some(layer) => std::mem::take(layer),
                None => String::new(),
            };
            next.clear();
            let source = self.used.checked_sub(1).and_then(|above| self.layers.get(above));
            let is_new = decode(source.map_or(text, String::as_str), &mut next);
            match self.layers.get_mut(self.used) {
                Some(layer) => *layer = next,
                None => self.layers.push(next),
            }
            if !is_new {
                return;
            }
            self.used += 1;
        }
    }

    /// How many there are beside the text itself.
    pub(super) fn count(&self) -> usize {
        self.used
    }

    /// The layer of this number; 0 is `text`.
    pub(super) fn get<'a>(&'a self, text: &'a str, layer: usize) -> &'a str {
        match layer.checked_sub(1) {
            None => text,
            Some(index) => self.layers.get(index).map_or("", String::as_str),
        }
    }

    /// Leads places in a layer, in ascending order, back to `text`.
    pub(super) fn lead_back(&self, text: &str, layer: usize, places: &mut [usize]) {
        for above in (0..layer).rev() {
            to_source(self.get(text, above), places);
        }
    }
}

/// Undoes the escapes of `source`. `false` if there is none.
fn decode(source: &str, out: &mut String) -> bool {
    let mut rest = source;
    let mut is_new = false;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let (length, char) = escape(from);
        match char {
            Some(char) => {
                is_new = true;
                out.push(char);
            }
            None => out.push_str(from.get(..length).unwrap_or_default()),
        }
        rest = from.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    is_new
}

/// Turns places in the decoded text into those in its source; ascending. One within a character is that of the character.
fn to_source(source: &str, places: &mut [usize]) {
    let mut places = places.iter_mut().peekable();
    let (mut at, mut decoded) = (0, 0);
    while places.peek().is_some() {
        let rest = source.get(at..).unwrap_or_default();
        let plain = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        while let Some(place) = places.next_if(|place| **place <= decoded + plain) {
            *place = at + (*place - decoded);
        }
        at += plain;
        decoded += plain;
        let escaped = source.get(at..).unwrap_or_default();
        if escaped.is_empty() {
            // Nothing is behind the end.
            places.for_each(|place| *place = at);
            return;
        }
        let (length, char) = escape(escaped);
        let width = char.map_or(length, char::len_utf8);
        while let Some(place) = places.next_if(|place| **place < decoded + width) {
            *place = if char.is_some() { at } else { at + (*place - decoded) };
        }
        at += length;
        decoded += width;
    }
}

/// Bytes from `at` on that belong to an escape with the backslash before `at`. The next layer has another character there:
/// a match of this layer that begins with them would leave the backslash alone, and what it is in is no JSON any more.
pub(super) fn escape_before(text: &str, at: usize) -> usize {
    let from = at.checked_sub(1).and_then(|before| text.get(before..));
    match from.filter(|from| from.starts_with('\\')).map(escape) {
        Some((length, Some(_))) => length - 1,
        _ => 0,
    }
}

/// The escape that `text` begins with: its length, and what it stands for; `None` if it is none and stays as it is. Those
/// of JSON, Python, JavaScript and C.
fn escape(text: &str) -> (usize, Option<char>) {
    let Some(&kind) = text.as_bytes().get(1) else {
        return (1, None);
    };
    let unit = |from: usize, digits: usize| {
        let digits = text.get(from..from + digits)?;
        let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)
    };
    let char = match kind {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'"' | b'\\' | b'/' | b'\'' => char::from(kind),
        b'x' => match unit(2, 2).and_then(char::from_u32) {
            Some(char) => return (4, Some(char)),
            None => return (1, None),
        },
        b'U' => match unit(2, 8).and_then(char::from_u32) {
            Some(char) => return (10, Some(char)),
            None => return (1, None),
        },
        b'u' => {
            let Some(first) = unit(2, 4) else { return (1, None) };
            if let Some(char) = char::from_u32(first) {
                return (6, Some(char));
            }
            let second = text
                .get(6..8)
                .filter(|escape| *escape == "\\u")
                .and_then(|_| unit(8, 4));
            return match (first, second) {
                (0xD800..0xDC00, Some(second @ 0xDC00..0xE000)) => {
                    let char = char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00));
                    (12, char)
                }
                _ => (6, Some(char::REPLACEMENT_CHARACTER)),
            };
        }
        _ => return (1, None),
    };
    (2, Some(char))
}

/// A quote, as it stands in the text itself if it is one in a layer of this number.
pub(super) fn quote(layer: usize) -> Cow<'static, str> {
    match layer {
        0 => "\"".into(),
        _ => format!("{}\"", "\\".repeat((1 << layer) - 1)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_lead_back_to_where_they_came_from(text in r#"([a-c@é"{}]|\\[nrt"\\/x]|\\u00e9|\\ud83d\\ude00|\\x40|\\\\u0041){0,24}"#) {
            let mut layers = Layers::default();
            layers.fill(&text);
            for layer in 0..=layers.count() {
                let decoded = layers.get(&text, layer);
                let mut places: Vec<_> = decoded.char_indices().map(|(at, _)| at).chain([decoded.len()]).collect();
                layers.lead_back(&text, layer, &mut places);
                prop_assert!(places.is_sorted() && places.iter().all(|place| text.is_char_boundary(*place)));
                prop_assert_eq!(places.last(), Some(&text.len()));
                if layer == 1 {
                    for (pair, char) in places.windows(2).zip(decoded.chars()) {
                        let mut again = String::new();
                        decode(&text[pair[0]..pair[1]], &mut again);
                        prop_assert_eq!(again, char.to_string());
                    }
                }
            }
        }
    }
}
