//! Joins records that Lambda cut: a line longer than the subscription's `maxBytes` comes as several bodies, none of them
//! JSON. The first ends within the record and then `}]`; each later one begins with `[` and the same envelope, byte for
//! byte up to `"record":`, and goes on with the value.

use std::time::Instant;

use crate::telemetry::batch::{Batch, Malformed};
use crate::telemetry::invocation::Attribution;

/// The most that all beginnings together may take. Bytes; a line of 1 MiB is up to twice that as JSON, six times if it is
/// all control characters.
const MAX_BYTES: usize = 4 << 20;

/// The part of the buffer's bound that they may take.
const PART_OF_BUFFER: usize = 2;

/// As many other bodies may come between two parts. In the captures there was none.
const MAX_BODIES_BETWEEN: u32 = 16;

/// As long does a part wait for the next.
const MAX_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Beginnings of records whose other parts have not come.
#[derive(Debug, Default)]
pub(crate) struct Halves {
    waiting: Vec<Half>,
}

/// The beginning of a record.
#[derive(Debug)]
pub(crate) struct Half {
    /// The event's text from `{` to the cut.
    text: Vec<u8>,
    /// How much of it is repeated in the next part.
    header: usize,
    since: Instant,
    bodies: u32,
    /// The invocation that ran when it came; `None` where invocations overlap.
    attribution: Option<Attribution>,
}

impl Half {
    /// Its bytes, as they came.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// True if the cut parts a backslash from what it escapes.
    fn ends_in_escape(&self) -> bool {
        let backslashes = self.text.iter().rev().take_while(|byte| **byte == b'\\');
        backslashes.count() % 2 == 1
    }
}

/// True if a body begins with a log line as Lambda writes it, with nothing behind its record.
fn is_whole_line(body: &[u8], header: usize) -> bool {
    let Some(Ok(event)) = Batch::new(body).next() else {
        return false;
    };
    event
        .record
        .is_some_and(|record| event.raw.len() == header + record.len() + 1)
}

impl Halves {
    /// The body whose first element is the record joined, if `body` begins with the next part of one; and how lines were
    /// attributed when its beginning came.
    pub(crate) fn join(&mut self, body: &[u8]) -> Option<(Vec<u8>, Option<Attribution>)> {
        let rest = body.strip_prefix(b"[")?;
        for index in (0..self.waiting.len()).rev() {
            let half = self.waiting.get(index)?;
            let Some(more) = half
                .text
                .get(..half.header)
                .and_then(|header| rest.strip_prefix(header))
            else {
                continue;
            };
            let mut joined = Vec::with_capacity(1 + half.text.len() + more.len());
            joined.push(b'[');
            joined.extend_from_slice(&half.text);
            joined.extend_from_slice(more);
            // Another line of the same millisecond begins like that too, and is an event by itself.
            let belongs = match Batch::new(&joined).next() {
                Some(Ok(_)) => true,
                Some(Err(Malformed { cut: Some(_), .. })) => half.ends_in_escape() || !is_whole_line(body, half.header),
                _ => false,
            };
            if belongs {
                return Some((joined, self.waiting.remove(index).attribution));
            }
        }
        None
    }

    /// Remembers a beginning. Answers with those that there is no room for, the oldest first.
    pub(crate) fn add(
        &mut self,
        raw: &[u8],
        header: usize,
        attribution: &Attribution,
        now: Instant,
        buffer_bytes: usize,
    ) -> Vec<Half> {
        self.waiting.push(Half {
            text: raw.to_vec(),
            header,
            since: now,
            bodies: 0,
            attribution: attribution.as_now(),
        });
        let most = MAX_BYTES.min(buffer_bytes / PART_OF_BUFFER);
        let mut gone = Vec::new();
        while self.bytes() > most {
            gone.push(self.waiting.remove(0));
        }
        gone
    }

    /// Counts a body that came, and takes out what has waited for too long.
    pub(crate) fn expired(&mut self, now: Instant) -> Vec<Half> {
        for half in &mut self.waiting {
            half.bodies += 1;
        }
        let is_over = |half: &mut Half| half.bodies > MAX_BODIES_BETWEEN || now - half.since > MAX_WAIT;
        self.waiting.extract_if(.., is_over).collect()
    }

    /// Takes out all.
    pub(crate) fn take_all(&mut self) -> Vec<Half> {
        std::mem::take(&mut self.waiting)
    }

    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting
            .iter()
            .map(|half| size_of::<Half>() + half.text.capacity())
            .sum()
    }
}
