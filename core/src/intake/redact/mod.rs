//! Redaction, `FORWARDER_REDACT`: masks before anything is stored or sent.
//!
//! It is the text that people see which is masked, in each JSON string and number for itself: escapes are undone, again
//! and again for what is JSON inside of strings, and only the bytes that a match came from are replaced. So the JSON
//! stays valid, whatever an expression matches, and the rest of a line stays byte for byte.
//!
//! `layers`: a text and what its escapes stand for; `redactor`: masks records; `named`: what has a name.

mod layers;
mod named;
mod redactor;

pub use named::Named;
pub use redactor::Redactor;

use crate::route::nearest::nearest;
use crate::route::pattern::{Pattern, unescape_slashes};
use crate::telemetry::event::{Event, Members};
use crate::telemetry::json::Scanner;

/// Items to be masked.
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

    /// True if nothing is masked.
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

/// Texts in which an expression that can match the empty text most likely does.
const PROBES: [&str; 8] = ["", "a", "a b", "0", " ", ".", "A_1-", "\n"];

/// True if an expression matches the empty text, also where only its place counts, as of `\b`.
fn matches_nothing(pattern: &Pattern) -> bool {
    let is_empty = |(start, end): (usize, usize)| start == end;
    PROBES.iter().any(|probe| {
        let places = 0..=probe.len();
        let mut found = places.filter_map(|from| pattern.find(probe, from));
        found.any(is_empty)
    })
}

impl Mask {
    fn parse(item: &str) -> Result<Self, String> {
        if let Some(rest) = item.strip_prefix('/') {
            let inner = rest
                .strip_suffix('/')
                .filter(|inner| !inner.ends_with('\\') || inner.ends_with("\\\\"));
            let inner =
                inner.ok_or_else(|| format!("`{item}` does not end in `/`; an expression goes between two slashes"))?;
            let pattern = Pattern::new(&unescape_slashes(inner))?;
            if matches_nothing(&pattern) {
                return Err(format!(
                    "{pattern} matches the empty text; what is to be masked must have a letter"
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

    /// The first match at or after `from`: its bounds in bytes. That of an expression may be empty.
    fn find(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        match self {
            Self::Named(named) => named.find(text, from),
            Self::Own(pattern) => pattern.find(text, from),
        }
    }

    /// Text in the place of a finding.
    fn text(&self) -> &'static str {
        match self {
            Self::Named(named) => named.mask(),
            Self::Own(_) => "[redacted]",
        }
    }
}

/// Reads the event that this text is. One that is none any more goes out as text all the same, with nothing known of
/// it.
pub fn reread<'a>(text: &'a str, original: &Event<'a>) -> Event<'a> {
    let mut event = Event::unread();
    if event.scan(&mut Scanner::new(text)).is_ok() {
        return event;
    }
    Event {
        raw: text,
        time: None,
        record: None,
        members: Members::default(),
        ..original.clone()
    }
}

#[cfg(test)]
mod tests;
