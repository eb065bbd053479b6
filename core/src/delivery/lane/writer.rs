//! From events to lines, and from lines to chunks: the one place that gives out `seq`.

use std::ops::Range;

use tokio::time::Instant;

use super::LaneSettings;
use crate::record::chunk::{Chunk, Cut, OpenChunk};
use crate::record::envelope::{Envelope, Resource, Stamp};
use crate::record::line::Line;
use crate::record::oversize::{Oversize, pieces};
use crate::telemetry::json::write_string;

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The `seq` that were used up.
    pub seq: Range<u64>,
    /// It is too long for a record and was not written.
    pub dropped: bool,
}

pub(crate) struct Writer {
    stamp: Stamp,
    envelope: Envelope,
    id: String,
    name: String,
    cut: Cut,
    /// Longest line that fits into a record, in bytes.
    longest_line: usize,
    oversize: Oversize,
    open: OpenChunk,
}

impl Writer {
    /// `key_bytes`: what the partition key takes of each record. `max_record`: what a record may not pass, key included.
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
            id: id.to_owned(),
            name: settings.name.clone(),
            cut: encoding.cut(settings.record_bytes, max_record, key_bytes),
            longest_line: encoding.longest_line(max_record, key_bytes),
            oversize: settings.oversize,
            open: OpenChunk::new(0),
        }
    }

    /// What the envelope says of the function from here on.
    pub(crate) fn set_resource(&mut self, resource: &Resource) {
        self.stamp = Stamp::new(self.envelope, &self.id, &self.name, resource);
    }

    /// From here on lines are another life's, from this number on. Nothing may be open.
    pub(crate) fn begin_life(&mut self, id: &str, first: u64, resource: &Resource) {
        id.clone_into(&mut self.id);
        self.set_resource(resource);
        self.open = OpenChunk::new(first);
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn cut(&self) -> Cut {
        self.cut
    }

    /// Whether lines of the forwarder's own have a place: not in the envelope `raw`.
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

    /// Since when the chunk that is being filled has a line.
    pub(crate) fn open_since(&self) -> Option<Instant> {
        self.open.since()
    }

    /// Closes the chunk that is being filled, if there is a line in it.
    pub(crate) fn seal(&mut self) -> Option<Chunk> {
        self.open.seal()
    }

    /// Writes the line of one event, or of its parts; full chunks go to `sealed`.
    pub(crate) fn write(&mut self, line: Line<'_>, now: Instant, sealed: &mut impl FnMut(Chunk)) -> Written {
        let first = self.next_seq();
        let dropped = match self.write_line(line, "", now, sealed) {
            Ok(()) => false,
            Err(bytes) => !self.write_oversize(line, bytes, now, sealed),
        };
        if dropped {
            self.open.skip().into_iter().for_each(sealed);
        }
        Written {
            seq: first..self.next_seq(),
            dropped,
        }
    }

    fn write_line(
        &mut self,
        line: Line<'_>,
        extra: &str,
        now: Instant,
        sealed: &mut impl FnMut(Chunk),
    ) -> Result<(), usize> {
        let Self {
            open,
            stamp,
            cut,
            longest_line,
            ..
        } = self;
        let Line {
            event,
            has_line_breaks,
            context,
            ..
        } = line;
        open.add(now, *cut, *longest_line, sealed, |out, seq| {
            stamp.write_line(out, event, has_line_breaks, context, seq, extra);
        })
    }

    /// `false` if nothing of it was written. `bytes`: the length of the whole line.
    fn write_oversize(&mut self, line: Line<'_>, bytes: usize, now: Instant, sealed: &mut impl FnMut(Chunk)) -> bool {
        let Some(record) = line.record else { return false };
        // The line without its record, and what the envelope of a part says more.
        let frame = bytes - record.len().min(bytes) + "\"\"".len() + EXTRA_BYTES;
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
                let pieces = pieces(record, room);
                for (index, piece) in pieces.iter().enumerate() {
                    let of = pieces.len();
                    let extra = format!(r#","part":{{"first":{first},"index":{index},"of":{of}}}"#);
                    self.write_piece(line, record, piece, &extra, now, sealed);
                }
                true
            }
            Oversize::Truncate => {
                // A text stays a text; of any other value the beginning of its JSON is kept, as a text.
                let text = crate::telemetry::json::unescape(record);
                let text = if record.starts_with('"') { text.as_ref() } else { record };
                let piece = pieces(text, room).first().copied().unwrap_or_default();
                let extra = format!(r#","truncated":{{"bytes":{}}}"#, record.len());
                self.write_piece(line, record, piece, &extra, now, sealed);
                true
            }
        }
    }

    fn write_piece(
        &mut self,
        line: Line<'_>,
        record: &str,
        piece: &str,
        extra: &str,
        now: Instant,
        sealed: &mut impl FnMut(Chunk),
    ) {
        // The record is a part of the event's own text, by position and not by content.
        let start = (record.as_ptr() as usize).saturating_sub(line.event.as_ptr() as usize);
        let before = line.event.get(..start).unwrap_or_default();
        let after = line.event.get(start + record.len()..).unwrap_or_default();
        let mut event = Vec::with_capacity(before.len() + piece.len() + after.len() + piece.len() / 8);
        event.extend_from_slice(before.as_bytes());
        write_string(&mut event, piece);
        event.extend_from_slice(after.as_bytes());
        let event = String::from_utf8(event).unwrap_or_default();
        let part = Line { event: &event, ..line };
        // It fits: its room was reckoned so.
        let _ = self.write_line(part, extra, now, sealed);
    }
}

/// At most this much is added to the envelope of a part: the member's names and three numbers of twenty digits; and the
/// `seq` of a later part may have more digits than that of the whole line.
const EXTRA_BYTES: usize = 36 + 3 * 20 + 20;

/// With less room than this for a piece, a line would become too many.
const SMALLEST_PIECE: usize = 64;
