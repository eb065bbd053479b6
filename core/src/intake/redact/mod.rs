//! What is masked before anything is stored or sent: `FORWARDER_REDACT`.
//!
//! It is the text that people see which is masked, in each JSON string and number for itself: escapes are undone first, and a
//! text that is JSON again is looked into in its turn. So the JSON stays valid, whatever an expression matches. A text
//! without a match is not touched.

mod named;

use std::borrow::Cow;

pub use named::Named;

use crate::route::nearest::nearest;
use crate::route::pattern::{Pattern, unescape_slashes};
use crate::route::skim::string_length;
use crate::telemetry::event::{Event, Members};
use crate::telemetry::json::{Scanner, push_string, unescape_into};

/// How deep JSON inside of strings is looked into; deeper it is masked as the text that it is.
const MAX_DEPTH: usize = 4;

/// What shall be masked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redaction(Vec<Mask>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mask {
    Named(Named),
    Own(Pattern),
}

impl Redaction {
    /// Reads names and `/regex/`es.
    ///
    /// # Errors
    /// What is wrong with each of those that are wrong.
    pub fn parse<T: AsRef<str>>(items: &[T]) -> Result<Self, Vec<String>> {
        let (mut masks, mut errors) = (Vec::new(), Vec::new());
        for item in items {
            match Mask::parse(item.as_ref().trim()) {
                Ok(mask) => masks.push(mask),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self(masks))
        } else {
            Err(errors)
        }
    }

    /// Whether nothing is masked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names and expressions, as they are written.
    pub fn items(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|mask| match mask {
            Mask::Named(named) => named.name().to_owned(),
            Mask::Own(pattern) => pattern.to_string(),
        })
    }
}

impl Mask {
    fn parse(item: &str) -> Result<Self, String> {
        if let Some(rest) = item.strip_prefix('/') {
            let inner = rest
                .strip_suffix('/')
                .filter(|inner| !inner.ends_with('\\') || inner.ends_with("\\\\"));
            let inner = inner
                .ok_or_else(|| format!("`{item}` does not end in `/`; an expression stands between two slashes"))?;
            let pattern = Pattern::new(&unescape_slashes(inner))?;
            if pattern.is_match("") {
                return Err(format!(
                    "{pattern} matches the empty text; what shall be masked must have a letter"
                ));
            }
            return Ok(Self::Own(pattern));
        }
        let named = Named::ALL
            .into_iter()
            .find(|named| named.name() == item.to_ascii_lowercase());
        named.map(Self::Named).ok_or_else(|| {
            let hint = nearest(item, Named::NAMES).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            format!(
                "unknown name `{item}`{hint} (allowed: {}, and `/regex/`)",
                Named::NAMES.join(", ")
            )
        })
    }

    fn find(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        match self {
            Self::Named(named) => named.find(text, from),
            Self::Own(pattern) => pattern.find(text, from).filter(|(start, end)| start < end),
        }
    }

    /// What stands in the place of what was found.
    fn text(&self) -> &'static str {
        match self {
            Self::Named(Named::Email) => "[redacted:email]",
            Self::Named(Named::Ipv4) => "[redacted:ipv4]",
            Self::Named(Named::CreditCard) => "[redacted:credit_card]",
            Self::Named(Named::AwsAccessKey) => "[redacted:aws_access_key]",
            Self::Named(Named::Jwt) => "[redacted:jwt]",
            Self::Named(Named::Bearer) => "[redacted:bearer]",
            Self::Own(_) => "[redacted]",
        }
    }
}

/// Masks one text after another, in memory of its own.
#[derive(Debug, Default)]
pub struct Redactor {
    masks: Vec<Mask>,
    /// Buffers that are not in use.
    pool: Vec<String>,
    /// The masked event.
    event: String,
    /// Matches masked so far.
    pub masked: u64,
}

impl Redactor {
    /// Masks what the configuration names.
    pub fn new(redaction: Redaction) -> Self {
        Self {
            masks: redaction.0,
            ..Self::default()
        }
    }

    /// Whether it masks nothing.
    pub fn is_idle(&self) -> bool {
        self.masks.is_empty()
    }

    /// The text of a log line's event with its record masked, if there is something to mask. It is to be given back by
    /// [`reuse`](Self::reuse).
    pub fn event(&mut self, event: &Event<'_>) -> Option<String> {
        let record = event.record?;
        let record = self.json(record, 0)?;
        let original = event.record.unwrap_or_default();
        // The record is a part of the event's text.
        let start = original.as_ptr() as usize - event.raw.as_ptr() as usize;
        let mut text = std::mem::take(&mut self.event);
        text.clear();
        text.push_str(event.raw.get(..start).unwrap_or_default());
        text.push_str(&record);
        text.push_str(event.raw.get(start + original.len()..).unwrap_or_default());
        self.give_back(record);
        Some(text)
    }

    /// Takes back the memory of a masked event.
    pub fn reuse(&mut self, event: String) {
        self.event = event;
    }

    /// Bytes that are no event, masked wherever they are text.
    pub(crate) fn bytes<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.is_idle() {
            return Cow::Borrowed(bytes);
        }
        let mut masked = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            match self.text(chunk.valid(), 0) {
                Some(text) => {
                    masked.extend_from_slice(text.as_bytes());
                    self.give_back(text);
                }
                None => masked.extend_from_slice(chunk.valid().as_bytes()),
            }
            masked.extend_from_slice(chunk.invalid());
        }
        Cow::Owned(masked)
    }

    /// Masks the strings and numbers of a JSON text. `None` if there is nothing to mask.
    fn json(&mut self, json: &str, depth: usize) -> Option<String> {
        let bytes = json.as_bytes();
        let (mut masked, mut copied, mut at) = (None, 0, 0);
        while let Some(&byte) = bytes.get(at) {
            let (length, replacement) = match byte {
                b'"' => {
                    let length = bytes.get(at..).and_then(string_length).unwrap_or(json.len() - at);
                    let string = json.get(at..at + length).unwrap_or_default();
                    (length, self.string(string, depth))
                }
                b'-' | b'0'..=b'9' => {
                    let rest = json.get(at..).unwrap_or_default();
                    let length = rest
                        .find([',', '}', ']', ' ', '\t', '\n', '\r', ':', '"'])
                        .unwrap_or(rest.len());
                    (
                        length.max(1),
                        self.text(rest.get(..length).unwrap_or_default(), MAX_DEPTH),
                    )
                }
                _ => (1, None),
            };
            if let Some(replacement) = replacement {
                let masked = masked.get_or_insert_with(|| self.buffer());
                masked.push_str(json.get(copied..at).unwrap_or_default());
                push_string(masked, &replacement);
                copied = at + length;
                self.give_back(replacement);
            }
            at += length;
        }
        if let Some(masked) = &mut masked {
            masked.push_str(json.get(copied..).unwrap_or_default());
        }
        masked
    }

    /// The masked text of a JSON string.
    fn string(&mut self, string: &str, depth: usize) -> Option<String> {
        let inner = string.get(1..string.len().saturating_sub(1)).unwrap_or_default();
        // Most lines have one escape, the line feed at their end: what stands before it is the text as it is.
        let plain = inner.strip_suffix("\\n").unwrap_or(inner);
        if memchr::memchr(b'\\', plain.as_bytes()).is_none() {
            let mut masked = self.text(plain, depth)?;
            if plain.len() < inner.len() {
                masked.push('\n');
            }
            return Some(masked);
        }
        let mut text = self.buffer();
        unescape_into(string, &mut text);
        let masked = self.text(&text, depth);
        self.give_back(text);
        masked
    }

    /// Masks a text; in one that is JSON first its strings and numbers.
    fn text(&mut self, text: &str, depth: usize) -> Option<String> {
        let mut masked = match text.trim_ascii_start().as_bytes().first() {
            Some(b'{' | b'[' | b'"') if depth < MAX_DEPTH => self.json(text, depth + 1),
            _ => None,
        };
        for index in 0..self.masks.len() {
            let current = masked.as_deref().unwrap_or(text);
            let Some(mask) = self.masks.get(index) else { break };
            let Some(mut found) = mask.find(current, 0) else {
                continue;
            };
            let mut next = self.pool.pop().unwrap_or_default();
            let mut copied = 0;
            loop {
                next.push_str(current.get(copied..found.0).unwrap_or_default());
                next.push_str(mask.text());
                self.masked += 1;
                copied = found.1;
                match mask.find(current, copied) {
                    Some(another) => found = another,
                    None => break,
                }
            }
            next.push_str(current.get(copied..).unwrap_or_default());
            if let Some(before) = masked.replace(next) {
                self.give_back(before);
            }
        }
        masked
    }

    fn buffer(&mut self) -> String {
        self.pool.pop().unwrap_or_default()
    }

    fn give_back(&mut self, mut buffer: String) {
        buffer.clear();
        self.pool.push(buffer);
    }
}

/// Reads the event that this text is. One that is none any more goes out as text all the same, with nothing known of it.
pub fn reread<'a>(text: &'a str, original: &Event<'a>) -> Event<'a> {
    Event::scan(&mut Scanner::new(text)).unwrap_or_else(|_| Event {
        raw: text,
        time: None,
        record: None,
        members: Members::default(),
        ..original.clone()
    })
}

#[cfg(test)]
mod tests;
