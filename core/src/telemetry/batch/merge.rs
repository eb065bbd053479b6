//! Neighbouring malformed elements as one piece.

use super::{Batch, Malformed, Place, Read};
use crate::telemetry::bytes::offset;
use crate::telemetry::event::Event;

/// As often in a body, malformed elements that are text stay apart from neighbours that are not.
pub(super) const MOST_KINDS: usize = 16;

impl<'a> Iterator for Batch<'a> {
    type Item = Result<Event<'a>, Malformed<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut event = Event::unread();
        let next = self.read(&mut event)?;
        Some(next.map(|()| event))
    }
}

impl<'a> Batch<'a> {
    /// As `next`, in place: an event is large to copy. After `None` and `Err` what is in `event` is no event.
    #[inline]
    pub(crate) fn read(&mut self, event: &mut Event<'a>) -> Option<Result<(), Malformed<'a>>> {
        if self.ahead.is_some() {
            let ahead = self.ahead.take()?.map(|ahead| *event = ahead);
            return Some(ahead.map_err(|piece| self.merged(piece)));
        }
        match self.next_piece(event) {
            Read::Event => Some(Ok(())),
            Read::Malformed => {
                let piece = self.piece.take()?;
                Some(Err(self.merged(piece)))
            }
            Read::End => None,
        }
    }

    #[cold]
    fn merged(&mut self, mut piece: Malformed<'a>) -> Malformed<'a> {
        self.pieces += 1;
        let is_text = |piece: &Malformed<'_>| std::str::from_utf8(piece.raw).is_ok();
        // Looked at once, and only if something follows.
        let first = piece.clone();
        let was_text = std::cell::LazyCell::new(|| is_text(&first));
        // A million broken elements must not become a million events.
        while piece.cut.is_none() {
            let mut event = Event::unread();
            if let Some(end) = self.skip_scalars() {
                let start = offset(self.body, piece.raw);
                piece.raw = self.body.get(start..end).unwrap_or_default();
            }
            let next = match self.next_piece(&mut event) {
                Read::Event => Some(Ok(event)),
                Read::Malformed => self.piece.take().map(Err),
                Read::End => None,
            };
            match next {
                // Text among other bytes is better read by itself, as long as there is not much of it.
                Some(Err(next)) if next.cut.is_none() && (self.pieces > MOST_KINDS || is_text(&next) == *was_text) => {
                    let start = offset(self.body, piece.raw);
                    let end = offset(self.body, next.raw) + next.raw.len();
                    piece.raw = self.body.get(start..end).unwrap_or_default();
                }
                ahead => {
                    self.ahead = ahead;
                    break;
                }
            }
        }
        piece
    }

    /// Passes over the numbers, words and strings that follow an element, none of which is an event. Returns where they end.
    fn skip_scalars(&mut self) -> Option<usize> {
        if !matches!(self.place, Place::AfterElement) {
            return None;
        }
        let rest = self.body.get(self.pos..)?;
        let (mut end, mut seen, mut in_string, mut escaped) = (None, 0, false, false);
        for (at, byte) in rest.iter().enumerate().take(self.scans_left) {
            seen = at + 1;
            match byte {
                byte if !byte.is_ascii() => break,
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b',' => end = Some(at),
                b'{' | b'[' | b'}' => break,
                b']' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        self.scans_left -= seen;
        let (start, end) = (self.pos, end?);
        self.pos += end;
        let last = rest
            .get(..end)?
            .iter()
            .rposition(|byte| *byte != b',' && !byte.is_ascii_whitespace())?;
        Some(start + last + 1)
    }
}
