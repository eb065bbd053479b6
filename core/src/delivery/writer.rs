//! From events to lines, and from lines to chunks: the one place that gives out `seq`.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::settings::LaneSettings;
use crate::record::chunk::{Chunk, Cut, OpenChunk};
use crate::record::envelope::{Envelope, Resource, Stamp};
use crate::record::line::Line;
use crate::record::origin::Origin;
use crate::record::oversize::{Oversize, pieces};
use crate::record::own_event::OwnEvent;
use crate::telemetry::json::write_string;

/// Outcome of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The `seq` that were used up.
    pub seq: Range<u64>,
    /// Those of them that no line has, because it is too long for a record.
    pub dropped: Range<u64>,
}

pub(crate) struct Writer {
    stamp: Stamp,
    envelope: Envelope,
    /// Whose lines these are.
    own: Arc<Origin>,
    cut: Cut,
    /// Longest line that fits into a record, in bytes.
    longest_line: usize,
    oversize: Oversize,
    open: OpenChunk,
}

impl Writer {
    /// `key_bytes`: what the partition key takes of each record. `max_record`: what a record may not pass, key
    /// included.
    pub(crate) fn new(
        settings: &LaneSettings,
        max_record: usize,
        key_bytes: usize,
        id: &str,
        resource: &Resource,
    ) -> Self {
        let encoding = settings.encoding();
        Self {
            stamp: Stamp::new(settings.envelope, id, &settings.name, resource),
            envelope: settings.envelope,
            own: Arc::new(Origin {
                id: id.to_owned(),
                sink: settings.name.clone(),
            }),
            cut: encoding.cut(settings.record_bytes, max_record, key_bytes),
            longest_line: encoding.longest_line(max_record, key_bytes),
            oversize: settings.oversize,
            open: OpenChunk::new(0),
        }
    }

    /// Sets the envelope's resource from here on.
    pub(crate) fn set_resource(&mut self, resource: &Resource) {
        self.stamp = Stamp::new(self.envelope, &self.own.id, &self.own.sink, resource);
    }

    /// From here on lines are this owner's, from this number on. Nothing may be open.
    pub(crate) fn begin(&mut self, own: Arc<Origin>, first: u64, resource: &Resource) {
        self.own = own;
        self.set_resource(resource);
        self.open = OpenChunk::new(first);
    }

    /// The owner of the lines that are written.
    pub(crate) fn own(&self) -> &Arc<Origin> {
        &self.own
    }

    pub(crate) fn cut(&self) -> Cut {
        self.cut
    }

    /// True if the forwarder's own lines have a place: not in the envelope `raw`.
    pub(crate) fn tells_of_itself(&self) -> bool {
        self.envelope != Envelope::Raw
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.open.next_seq()
    }

    /// Bytes in the chunk that is being filled.
    pub(crate) fn open_bytes(&self) -> usize {
        self.open.len()
    }

    /// Lines in the chunk that is being filled.
    pub(crate) fn open_lines(&self) -> u64 {
        self.open.lines()
    }

    /// Since when the chunk that is being filled has a line.
    pub(crate) fn open_since(&self) -> Option<Instant> {
        self.open.since()
    }

    /// Closes the chunk that is being filled, if there is a line in it.
    pub(crate) fn seal(&mut self) -> Option<Chunk> {
        self.open.seal()
    }

    /// Writes the line of one event, or of its parts; full chunks go to `sealed`.
    #[inline]
    pub(crate) fn write(
        &mut self,
        line: &Line<'_>,
        now: Instant,
        sealed: &mut impl FnMut(Chunk, &Arc<Origin>),
    ) -> Written {
        let first = self.next_seq();
        let whole = self.write_line(line, "", now, sealed);
        let is_written = match whole {
            Ok(()) => true,
            Err(bytes) => self.write_oversize(line, bytes, now, sealed),
        };
        let written = self.next_seq();
        if !is_written {
            self.open.skip().into_iter().for_each(|chunk| sealed(chunk, &self.own));
        }
        Written {
            seq: first..self.next_seq(),
            dropped: written..self.next_seq(),
        }
    }

    /// Writes a line of the forwarder's own that is in no chunk. Nothing may be open. One that does not fit, because of
    /// all that the envelope says, has the least of an envelope.
    pub(crate) fn write_alone(&mut self, event: &OwnEvent, now: Instant) -> (u64, Bytes) {
        let seq = self.next_seq();
        let mut line = None;
        let mut take = |chunk: Chunk, _: &Arc<Origin>| line = Some(chunk.lines);
        if self.write_line(&event.line(), "", now, &mut take).is_ok() {
            self.open.seal().into_iter().for_each(|chunk| take(chunk, &self.own));
        } else {
            self.open.skip();
        }
        (
            seq,
            line.unwrap_or_else(|| Bytes::from(event.foreign_line(&self.own, seq))),
        )
    }

    #[inline]
    fn write_line(
        &mut self,
        line: &Line<'_>,
        extra: &str,
        now: Instant,
        sealed: &mut impl FnMut(Chunk, &Arc<Origin>),
    ) -> Result<(), usize> {
        let Self {
            open,
            stamp,
            own,
            cut,
            longest_line,
            ..
        } = self;
        let mut sealed = |chunk: Chunk| sealed(chunk, own);
        open.add(now, *cut, *longest_line, &mut sealed, |out, seq| {
            stamp.write_line(out, line, seq, extra);
        })
    }

    /// `false` if it was not, or not wholly, written. `bytes`: the length of the whole line.
    #[cold]
    fn write_oversize(
        &mut self,
        line: &Line<'_>,
        bytes: usize,
        now: Instant,
        sealed: &mut impl FnMut(Chunk, &Arc<Origin>),
    ) -> bool {
        let Some(record) = line.record else { return false };
        // A line has no line breaks between tokens, so what is cut has none either.
        let record = match line.has_line_breaks {
            true => Cow::Owned(record.replace(['\n', '\r'], "")),
            false => Cow::Borrowed(record),
        };
        // The line without its record, and what the envelope of a part says more.
        let frame = bytes.saturating_sub(record.len()) + "\"\"".len() + EXTRA_BYTES;
        let room = self.longest_line.saturating_sub(frame);
        if room < SMALLEST_PIECE {
            return false;
        }
        match self.oversize {
            Oversize::Drop => false,
            // A part would not say so.
            Oversize::Split if self.envelope == Envelope::Raw => false,
            Oversize::Split => {
                let first = self.next_seq();
                let pieces = pieces(&record, room);
                let of = pieces.len();
                pieces.iter().enumerate().all(|(index, piece)| {
                    let extra = format!(r#","part":{{"first":{first},"index":{index},"of":{of}}}"#);
                    self.write_piece(line, piece, &extra, now, sealed)
                })
            }
            Oversize::Truncate => {
                // A text stays a text; of any other value the beginning of its JSON is kept, as a text.
                let text = crate::telemetry::json::unescape(&record);
                let text = if record.starts_with('"') {
                    text.as_ref()
                } else {
                    &record
                };
                let piece = pieces(text, room).first().copied().unwrap_or_default();
                let bytes = line.record.map_or(0, str::len);
                let extra = format!(r#","truncated":{{"bytes":{bytes}}}"#);
                self.write_piece(line, piece, &extra, now, sealed)
            }
        }
    }

    /// `false` if the line is still too long, which the room for it was to prevent.
    fn write_piece(
        &mut self,
        line: &Line<'_>,
        piece: &str,
        extra: &str,
        now: Instant,
        sealed: &mut impl FnMut(Chunk, &Arc<Origin>),
    ) -> bool {
        let Some(record) = line.record else { return false };
        // The record is a part of the event's own text, by position and not by content.
        let start = (record.as_ptr() as usize).saturating_sub(line.event.as_ptr() as usize);
        let before = line.event.get(..start).unwrap_or_default();
        let after = line.event.get(start + record.len()..).unwrap_or_default();
        let mut event = Vec::with_capacity(before.len() + piece.len() + after.len() + piece.len() / 8);
        event.extend_from_slice(before.as_bytes());
        write_string(&mut event, piece);
        event.extend_from_slice(after.as_bytes());
        let event = String::from_utf8(event).unwrap_or_default();
        let part = Line { event: &event, ..*line };
        self.write_line(&part, extra, now, sealed).is_ok()
    }
}

/// At most this much is added to the envelope of a part: the member's names and three numbers of twenty digits; and the
/// `seq` of a later part may have more digits than that of the whole line.
const EXTRA_BYTES: usize = 36 + 3 * 20 + 20;

/// With less room than this for a piece, a line would become too many.
const SMALLEST_PIECE: usize = 64;
