//! Masks one record after another, in memory of its own.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::layers::{Layers, escape_before, quote};
use super::named::{Named, is_secret_name};
use super::{Mask, Redaction};
use crate::telemetry::event::Event;
use crate::telemetry::json::skim::string_length;
use crate::telemetry::json::{Scanner, unescape};

/// As much may own expressions read of a line, in times of its length, before the clock is asked. One that matches at
/// many places may read to the line's end from each of them.
const FREE_READS: usize = 64;

/// As long may own expressions take for one line that passes [`FREE_READS`]; then it is masked as a whole.
const LINE_TIME: Duration = Duration::from_millis(20);

/// The shortest value that is a secret by its member's name. Bytes.
const SHORTEST_SECRET: usize = 8;

/// A record that took too much work, as JSON text.
const WHOLE: &str = "\"[redacted]\"";

/// Masks one text after another, in memory of its own.
#[derive(Debug, Default)]
pub struct Redactor {
    masks: Vec<Mask>,
    layers: Layers,
    /// Matches in the text that is looked at, in ascending order.
    matches: Vec<Match>,
    /// Those of one layer.
    found: Vec<Match>,
    places: Vec<usize>,
    /// The masked event.
    event: String,
    work: Work,
    /// Matches masked so far.
    pub masked: u64,
    /// Texts masked as a whole so far: their own expressions took too much work.
    pub masked_whole: u64,
}

/// A part of a text to be masked.
#[derive(Debug, Clone, Copy)]
struct Match {
    start: usize,
    end: usize,
    mask: &'static str,
    is_named: bool,
    /// It is a number of JSON in this layer: a string takes its place.
    quoted: Option<usize>,
}

/// What own expressions have done for a line.
#[derive(Debug, Default)]
struct Work {
    read: usize,
    free: usize,
    since: Option<Instant>,
    is_over: bool,
}

impl Work {
    fn begin(length: usize) -> Self {
        Self {
            free: FREE_READS * length,
            ..Self::default()
        }
    }

    /// Notes that up to so many bytes are read. `false` if there was too much.
    fn go_on(&mut self, bytes: usize) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.read = self.read.saturating_add(bytes);
        self.is_over = self.is_over || (self.read > self.free && since.elapsed() > LINE_TIME);
        !self.is_over
    }
}

impl Redactor {
    /// Masks what the configuration names.
    pub fn new(redaction: Redaction) -> Self {
        Self {
            masks: redaction.0,
            ..Self::default()
        }
    }

    /// Masks something else from here on. Its counters stay.
    pub(crate) fn replace(&mut self, redaction: Redaction) {
        self.masks = redaction.0;
    }

    /// True if it masks nothing.
    pub fn is_idle(&self) -> bool {
        self.masks.is_empty()
    }

    /// The text of a log line's event with its record masked, if there is something to mask. It is to be given back by
    /// [`reuse`](Self::reuse).
    pub fn event(&mut self, event: &Event<'_>) -> Option<String> {
        let record = event.record?;
        let mut text = std::mem::take(&mut self.event);
        text.clear();
        // The record is a part of the event's text.
        let start = (record.as_ptr() as usize).saturating_sub(event.raw.as_ptr() as usize);
        text.push_str(event.raw.get(..start).unwrap_or_default());
        if !self.record(record, &mut text) {
            self.event = text;
            return None;
        }
        text.push_str(event.raw.get(start + record.len()..).unwrap_or_default());
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
        self.work = Work::begin(bytes.len());
        let before = self.masked;
        let mut masked = String::new();
        let mut all = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            self.look(chunk.valid(), false);
            masked.clear();
            self.write(chunk.valid(), &mut masked);
            all.extend_from_slice(masked.as_bytes());
            all.extend_from_slice(chunk.invalid());
        }
        if self.work.is_over {
            self.masked = before + 1;
            self.masked_whole += 1;
            return Cow::Borrowed(b"[redacted]");
        }
        Cow::Owned(all)
    }

    /// Appends the record masked. `false` if there is nothing to mask.
    pub(super) fn record(&mut self, json: &str, out: &mut String) -> bool {
        self.work = Work::begin(json.len());
        let before = self.masked;
        let begin = out.len();
        let bytes = json.as_bytes();
        let masks_secrets = self.masks.contains(&Mask::Named(Named::Bearer));
        let (mut copied, mut at) = (0, 0);
        let mut key = None;
        while let Some(&byte) = bytes.get(at) {
            let rest = json.get(at..).unwrap_or_default();
            let length = match byte {
                b'"' => string_length(rest.as_bytes()).unwrap_or(rest.len()),
                b'-' | b'0'..=b'9' => rest
                    .find([',', '}', ']', ' ', '\t', '\n', '\r', ':', '"'])
                    .unwrap_or(rest.len()),
                _ => 1,
            };
            let token = rest.get(..length).unwrap_or_default();
            if byte == b'"' {
                let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
                let is_key = json
                    .get(at + length..)
                    .is_some_and(|behind| behind.trim_start().starts_with(':'));
                self.look(inner, true);
                if masks_secrets
                    && !is_key
                    && inner.len() >= SHORTEST_SECRET
                    && key.take().is_some_and(|key| is_secret_name(&unescape(key)))
                {
                    self.all_of(inner);
                }
                key = is_key.then_some(token);
                if !self.matches.is_empty() {
                    out.push_str(json.get(copied..=at).unwrap_or_default());
                    self.write(inner, out);
                    copied = at + length - 1;
                }
            } else if length > 1 || byte.is_ascii_digit() {
                self.look(token, false);
                if !self.matches.is_empty() {
                    out.push_str(json.get(copied..at).unwrap_or_default());
                    out.push('"');
                    self.matches.iter_mut().for_each(|found| found.quoted = None);
                    self.write(token, out);
                    out.push('"');
                    copied = at + length;
                }
            } else if matches!(byte, b',' | b'{' | b'}') {
                key = None;
            }
            at += length.max(1);
        }
        if self.work.is_over {
            out.truncate(begin);
            out.push_str(WHOLE);
            self.masked = before + 1;
            self.masked_whole += 1;
            return true;
        }
        out.push_str(json.get(copied..).unwrap_or_default());
        copied > 0
    }

    /// Finds what is to be masked in a text. `is_string`: it is what stands between the quotes of a JSON string.
    fn look(&mut self, text: &str, is_string: bool) {
        self.matches.clear();
        // Most lines have one escape, the line feed at their end: what stands before it is the text as it is.
        let plain = text.strip_suffix("\\n").filter(|_| is_string).unwrap_or(text);
        if memchr::memchr(b'\\', plain.as_bytes()).is_none() {
            // A quote in it would be escaped once.
            self.look_into(plain, usize::from(is_string));
            std::mem::swap(&mut self.matches, &mut self.found);
            return;
        }
        let mut layers = std::mem::take(&mut self.layers);
        layers.fill(text);
        for layer in usize::from(is_string && layers.count() > 0)..=layers.count() {
            let looked_at = layers.get(text, layer);
            self.look_into(looked_at, layer.max(usize::from(is_string)));
            if layer < layers.count() {
                let out_of_escape = |found: &mut Match| {
                    found.start += if found.is_named {
                        escape_before(looked_at, found.start)
                    } else {
                        0
                    };
                    found.start < found.end
                };
                self.found.retain_mut(out_of_escape);
            }
            if self.found.is_empty() {
                continue;
            }
            self.places.clear();
            self.places
                .extend(self.found.iter().flat_map(|found| [found.start, found.end]));
            layers.lead_back(text, layer, &mut self.places);
            let (places, _) = self.places.as_chunks::<2>();
            let found = self.found.iter().zip(places);
            self.matches
                .extend(found.map(|(found, &[start, end])| Match { start, end, ..*found }));
        }
        self.layers = layers;
        merge(&mut self.matches);
    }

    /// Finds what is to be masked in one layer, in which a quote is escaped so many times.
    fn look_into(&mut self, text: &str, escapes: usize) {
        self.found.clear();
        for mask in &self.masks {
            let is_own = matches!(mask, Mask::Own(_));
            let mut from = 0;
            loop {
                if is_own && !self.work.go_on(text.len() - from) {
                    return;
                }
                let Some((start, end)) = mask.find(text, from) else {
                    break;
                };
                if start == end {
                    // The empty text: what it stands before may still match.
                    let Some(next) = text.get(end..).and_then(|rest| rest.chars().next()) else {
                        break;
                    };
                    from = end + next.len_utf8();
                    continue;
                }
                let quoted = is_number(text, start, end).then_some(escapes);
                self.found.push(Match {
                    start,
                    end,
                    mask: mask.text(),
                    is_named: !is_own,
                    quoted,
                });
                from = end;
            }
        }
        merge(&mut self.found);
    }

    /// Masks a text as a whole.
    fn all_of(&mut self, text: &str) {
        let mask = Named::Bearer.mask();
        self.matches.clear();
        self.matches.push(Match {
            start: 0,
            end: text.len(),
            mask,
            is_named: true,
            quoted: None,
        });
    }

    /// Appends the text with its matches masked.
    fn write(&mut self, text: &str, out: &mut String) {
        let mut copied = 0;
        for found in &self.matches {
            out.push_str(text.get(copied..found.start).unwrap_or_default());
            let quote = found.quoted.map(quote);
            out.extend(quote.as_deref());
            out.push_str(found.mask);
            out.extend(quote.as_deref());
            copied = found.end;
            self.masked += 1;
        }
        out.push_str(text.get(copied..).unwrap_or_default());
    }
}

/// Sorts matches and joins those that overlap; the first gives its name.
fn merge(matches: &mut Vec<Match>) {
    matches.sort_by_key(|found| (found.start, std::cmp::Reverse(found.end)));
    matches.dedup_by(|next, before| {
        let overlaps = next.start < before.end;
        // In the layer where it is a number it is one; in others it is a part of a string.
        if overlaps && (next.start, next.end) == (before.start, before.end) {
            before.quoted = before.quoted.or(next.quoted);
        }
        if overlaps && next.end > before.end {
            before.end = next.end;
            before.quoted = None;
        }
        overlaps
    });
}

/// True if a match is a whole number of a JSON text.
fn is_number(text: &str, start: usize, end: usize) -> bool {
    let number = text.get(start..end).unwrap_or_default();
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let before = text.get(..start).unwrap_or_default().trim_ascii_end();
    let behind = text.get(end..).unwrap_or_default().trim_ascii_start();
    if !behind.starts_with([',', '}', ']']) {
        return false;
    }
    let is_member = before
        .strip_suffix(':')
        .is_some_and(|key| is_end_of_string(key.trim_ascii_end()));
    is_member || (before.ends_with([',', '[']) && !is_in_string(before) && is_in_array(text, start))
}

/// True if the bracket before a place begins an array that is JSON, as far as can be told nearby.
fn is_in_array(text: &str, at: usize) -> bool {
    let near = text.floor_char_boundary(at.saturating_sub(NEAR));
    let bracket = text.get(near..at).and_then(|before| before.rfind(['[', '{']));
    bracket.is_some_and(|bracket| {
        let begin = near + bracket;
        let end = text.floor_char_boundary((at + LONGEST_ARRAY).min(text.len()));
        Scanner::new(text.get(begin..end).unwrap_or_default()).value().is_ok()
    })
}

/// True if a text ends in a quote that is none of a JSON text inside of the string.
fn is_end_of_string(text: &str) -> bool {
    text.strip_suffix('"').is_some_and(|inner| !inner.ends_with('\\'))
}

/// As far is looked back for what is around a number: a quote, a bracket. Bytes.
const NEAR: usize = 256;

/// As far behind a number is looked for the end of its array. Bytes.
const LONGEST_ARRAY: usize = 4_096;

/// True if a text ends within a string, as far as its last quote tells.
fn is_in_string(text: &str) -> bool {
    let near = text
        .get(text.floor_char_boundary(text.len().saturating_sub(NEAR))..)
        .unwrap_or_default();
    let quoted = near.rsplit_once('"').map(|(before, _)| before);
    quoted.is_some_and(|before| before.ends_with('\\') || before.trim_ascii_end().ends_with([':', ',', '[', '{']))
}
