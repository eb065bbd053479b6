//! The body of one POST: a JSON array of events, read element by element so that a malformed one costs only itself.

mod merge;

use super::bytes::{blanks, text_of};
pub use super::malformed::{Fault, Malformed};
use crate::telemetry::event::{Event, log_header};
use crate::telemetry::json::{Scanner, SyntaxError};

/// Number of times that the bytes of a body may be looked at for where malformed elements end. Past that the rest of
/// the body is one piece: a body of broken elements must not take the time of the function.
const SCANS: usize = 8;

/// A place where an event may begin counts as so many bytes more: to look there costs as much.
const SCAN_BYTES: usize = 64;

/// A body has at least so many bytes, as far as that number goes: a short one may be broken in many places.
const LEAST_BYTES: usize = 512;

/// Malformed pieces between events. Lambda writes none; behind so many, from the next malformed element on, the rest of
/// the body is one piece: each is an event of the forwarder's own, which costs more than it tells.
const MOST_PIECES: usize = 4_096;

/// Where a record was cut that is longer than the subscription's `maxBytes`, Lambda closes what it knows to be open.
const CUT_END: &[u8] = b"}]";

/// The most that an error can be before the place of a cut: a word (`fals`) or a character's bytes. Bytes.
const CUT_TOKEN: usize = 4;

/// Iterates over the events of a body. Every byte that is not JSON punctuation is in an event or in a [`Malformed`].
pub struct Batch<'a> {
    body: &'a [u8],
    pos: usize,
    /// The part of the body that is known to be text, from `text_start`.
    text: Scanner<'a>,
    text_start: usize,
    place: Place,
    /// Bytes that may still be looked at for where a malformed element ends.
    scans_left: usize,
    /// The malformed piece that was read last.
    piece: Option<Malformed<'a>>,
    /// What stands behind the malformed piece returned last.
    ahead: Option<Result<Event<'a>, Malformed<'a>>>,
    is_first: bool,
    /// Malformed pieces so far.
    pieces: usize,
}

/// What was read: small, since nearly always it is an event.
enum Read {
    Event,
    /// It is in [`Batch::piece`].
    Malformed,
    End,
}

enum Place {
    Start,
    Element,
    AfterElement,
    End,
}

impl<'a> Batch<'a> {
    /// Reads `body`. An empty body holds nothing.
    pub fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            pos: 0,
            text: Scanner::new(text_of(body)),
            text_start: 0,
            place: Place::Start,
            scans_left: SCANS * body.len().max(LEAST_BYTES),
            piece: None,
            ahead: None,
            is_first: true,
            pieces: 0,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.pos).copied()
    }

    fn skip_whitespace(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.pos += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// Everything from `start` on, as one malformed piece; nothing follows.
    fn rest(&mut self, start: usize, error: Fault) -> Malformed<'a> {
        self.place = Place::End;
        self.pos = self.body.len();
        let raw = self.body.get(start..).unwrap_or_default();
        Malformed {
            raw: raw.trim_ascii_end(),
            error,
            cut: None,
        }
    }

    /// Reads the event at `start`; errors are told by their place in the text. Bytes are taken for text once: from one
    /// that is none the next text is looked for only when an element begins behind it.
    #[inline]
    fn scan(&mut self, start: usize, event: &mut Event<'a>) -> Result<(), SyntaxError> {
        if start < self.text_start || start >= self.text_start + self.text.len() {
            self.text_start = start;
            self.text = Scanner::new(text_of(self.body.get(start..).unwrap_or_default()));
        }
        self.text.pos = start - self.text_start;
        event.scan(&mut self.text)
    }

    /// Where the scan ended.
    fn scanned_to(&self) -> usize {
        self.text_start + self.text.pos
    }

    #[inline]
    fn element(&mut self, event: &mut Event<'a>) -> Read {
        let start = self.pos;
        let is_first = std::mem::take(&mut self.is_first);
        self.place = Place::AfterElement;
        let scanned = self.scan(start, event);
        let end = self.scanned_to();
        let error = match scanned {
            Ok(()) if !is_first || self.is_end_of_event(end) => {
                self.pos = end;
                return Read::Event;
            }
            Ok(()) => SyntaxError {
                what: "expected `,` or `]`",
                at: end,
            },
            Err(error) => SyntaxError {
                at: error.at + self.text_start,
                ..error
            },
        };
        let piece = self.malformed_element(start, is_first, error);
        self.malformed(piece)
    }

    /// A later part of a record may look like an event, but what follows it then is the rest of the value.
    fn is_end_of_event(&self, end: usize) -> bool {
        let next = self.body.get(end + blanks(self.body, end));
        matches!(next, None | Some(b',' | b']' | b'{'))
    }

    #[cold]
    fn malformed_element(&mut self, start: usize, is_first: bool, error: SyntaxError) -> Malformed<'a> {
        if let Some(cut) = self.cut(start, error) {
            return cut;
        }
        self.scans_left = self.scans_left.saturating_sub(self.scanned_to() - start);
        if self.pieces >= MOST_PIECES {
            return self.rest(start, Fault::At(error));
        }
        let is_part = is_first && log_header(self.body.get(start..).unwrap_or_default()).is_some();
        let end = if is_part {
            self.end_of_part(start, error)
        } else {
            self.element_end(start).or_else(|| self.resync(start))
        };
        let Some(end) = end else {
            return self.rest(start, Fault::At(error));
        };
        self.pos = end;
        let raw = self.body.get(start..end).unwrap_or_default();
        Malformed {
            raw: raw.trim_ascii_end(),
            error: Fault::At(error),
            cut: None,
        }
    }

    /// The first part of a record that was cut: up to the last two bytes of the body nothing is wrong with it.
    fn cut(&mut self, start: usize, error: SyntaxError) -> Option<Malformed<'a>> {
        let end = self.body.trim_ascii_end().strip_suffix(CUT_END)?.len();
        if error.at + CUT_TOKEN < end {
            return None;
        }
        let raw = self.body.get(start..end)?;
        let cut = log_header(raw)?;
        self.place = Place::End;
        self.pos = self.body.len();
        Some(Malformed {
            raw,
            error: Fault::Whole("the record is cut off"),
            cut: Some(cut),
        })
    }

    /// Where a later part of a record ends whose beginning is not known: nothing in it may be taken for an event. What
    /// follows it is events to the end of the body, as Lambda writes them; nothing inside of a value is.
    fn end_of_part(&mut self, start: usize, error: SyntaxError) -> Option<usize> {
        // A value that is wrong only inside: its brackets and quotes pair.
        let header = log_header(self.body.get(start..)?)?;
        let begins_as_value = error.at > start + header;
        if begins_as_value
            && let Some(end) = self.element_end(start)
            && self.are_events_to_the_end(end)
        {
            return Some(end);
        }
        let body = self.body;
        for at in memchr::memmem::find_iter(body.get(start..)?, b",{\"time\":\"") {
            if self.are_events_to_the_end(start + at) {
                return Some(start + at);
            }
            if self.scans_left == 0 {
                break;
            }
        }
        None
    }

    /// True if from this comma or bracket on there are events and the end of the array, and nothing else.
    fn are_events_to_the_end(&mut self, mut at: usize) -> bool {
        let body = self.body;
        let mut event = Event::unread();
        let from = at;
        let is_end = loop {
            match body.get(at) {
                Some(b']') => break body.get(at + 1..).unwrap_or_default().trim_ascii().is_empty(),
                Some(b',') => at += 1,
                _ => break false,
            }
            at += blanks(body, at);
            if self.scan(at, &mut event).is_err() {
                at = self.scanned_to();
                break false;
            }
            at = self.scanned_to();
            at += blanks(body, at);
            if at - from > self.scans_left {
                break false;
            }
        };
        self.scans_left = self.scans_left.saturating_sub(at - from);
        is_end
    }

    /// End of the element that starts at `start`, if its brackets and quotes are paired: before a `,` or `]` of the
    /// array itself.
    fn element_end(&mut self, start: usize) -> Option<usize> {
        let bytes = self.body.get(start..)?;
        let bytes = bytes.get(..self.scans_left.min(bytes.len()))?;
        let (mut depth, mut at) = (0_usize, 0);
        let end = loop {
            let Some(byte) = bytes.get(at) else { break None };
            at += 1;
            match byte {
                b'"' => at = end_of_string(bytes, at),
                b'{' | b'[' => depth += 1,
                b',' | b']' if depth == 0 => break Some(start + at - 1),
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        };
        self.scans_left -= at;
        end
    }

    /// Brackets or quotes do not pair: looks for the next comma after which an event stands that is followed by the end
    /// of the array or another element.
    fn resync(&mut self, start: usize) -> Option<usize> {
        let body = self.body;
        // Where Lambda wrote the body, only what it writes is an event.
        let first = body
            .trim_ascii_start()
            .strip_prefix(b"[")
            .unwrap_or_default()
            .trim_ascii_start();
        let mut event = Event::unread();
        let from = body.get(start..)?;
        let (mut of_lambda, mut others) = (
            memchr::memmem::find_iter(from, LAMBDAS),
            memchr::memchr_iter(b'{', from),
        );
        let begins: &mut dyn Iterator<Item = usize> = match first.starts_with(LAMBDAS) {
            true => &mut of_lambda,
            false => &mut others,
        };
        // Looked for by how they begin: commas may be as many as bytes.
        for at in begins {
            let before = from.get(..at)?.trim_ascii_end();
            if before.last() != Some(&b',') {
                continue;
            }
            let next = start + at;
            let is_event = self.scan(next, &mut event).is_ok();
            let end = self.scanned_to();
            self.scans_left = self.scans_left.checked_sub(end - next + SCAN_BYTES)?;
            if is_event && matches!(body.get(end + blanks(body, end)), Some(b',' | b']')) {
                return Some(start + before.len() - 1);
            }
        }
        None
    }

    #[inline]
    fn next_piece(&mut self, event: &mut Event<'a>) -> Read {
        loop {
            self.skip_whitespace();
            match self.place {
                Place::Start => {
                    let start = self.pos;
                    if self.peek().is_none() {
                        self.place = Place::End;
                    } else if !self.eat(b'[') {
                        let piece = self.rest(start, Fault::Whole("the body is not a JSON array"));
                        return self.malformed(piece);
                    } else {
                        self.skip_whitespace();
                        self.place = if self.eat(b']') { Place::End } else { Place::Element };
                    }
                }
                // A comma too many leaves out nothing.
                Place::Element => match self.peek() {
                    Some(b',') => self.pos += 1,
                    Some(b']') => {
                        self.pos += 1;
                        self.place = Place::End;
                    }
                    Some(_) => return self.element(event),
                    None => return self.ends_within_its_array(),
                },
                Place::AfterElement => {
                    if self.eat(b',') {
                        self.place = Place::Element;
                    } else if self.eat(b']') {
                        self.place = Place::End;
                    } else if self.peek().is_none() {
                        return self.ends_within_its_array();
                    } else {
                        // No comma: what stands here is an element of its own, most likely a broken one.
                        return self.element(event);
                    }
                }
                Place::End => {
                    if self.peek().is_none() {
                        return Read::End;
                    }
                    let error = SyntaxError {
                        what: "something follows the array",
                        at: self.pos,
                    };
                    let piece = self.rest(self.pos, Fault::At(error));
                    return self.malformed(piece);
                }
            }
        }
    }

    fn malformed(&mut self, piece: Malformed<'a>) -> Read {
        self.piece = Some(piece);
        Read::Malformed
    }

    fn ends_within_its_array(&mut self) -> Read {
        let piece = self.rest(self.pos, Fault::Whole("the body ends within its array"));
        self.malformed(piece)
    }
}

/// Where a string ends whose quote stands before `at`; behind its own quote, or at the end of the bytes.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return bytes.len(),
        }
    }
}

/// How events begin as Lambda writes them.
const LAMBDAS: &[u8] = b"{\"time\":\"";

#[cfg(test)]
mod tests;
