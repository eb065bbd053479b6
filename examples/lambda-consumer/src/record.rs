//! One record: its lines, those that came before left out, parts joined.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use forwarder_core::route::{Level, Levels};
use forwarder_core::telemetry::event::Kind;
use reader::decode::{DecodeError, Forwarded, Joined, Joiner, Line, MOST_BYTES, MOST_LINES, Part, decode_within};
use serde_json::value::RawValue;

use crate::counts::Counts;
use crate::notice::{Notice, head};
use crate::otlp::Lines;
use crate::seen::{Life, Seen};

/// Bytes of parts that wait for the rest of their lines, and processes whose last level is remembered. Past it the parts are
/// given up, and the levels forgotten.
const MOST_WAITING: usize = 16 * 1024 * 1024;
const MOST_LEVELS: usize = 10_000;

/// A record as it came.
pub(crate) struct Raw<'a> {
    pub(crate) shard: &'a str,
    pub(crate) sequence_number: &'a str,
    pub(crate) data: &'a [u8],
    pub(crate) arrival: SystemTime,
}

/// Result of reading a record. It takes effect only when the record is acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) counts: Counts,
    pub(crate) notices: Vec<Notice>,
    /// Its lines.
    pub(crate) seen: Seen,
    /// The lines themselves, where they are sent on.
    pub(crate) lines: Lines,
}

/// A line of which some parts were there, and others not yet.
#[derive(Debug)]
pub(crate) struct Begun {
    life: Life,
    /// The number of its first part.
    first: u64,
    /// The place in the batch of the first record that had a part of it.
    pub(crate) record: usize,
    parts: usize,
    of: usize,
}

/// Reads one record after the other.
pub(crate) struct Reader<'a> {
    /// Lines of earlier batches.
    earlier: &'a Seen,
    /// Lines of this batch.
    seen: Seen,
    joiner: Joiner,
    begun: BTreeMap<(Life, u64), Begun>,
    levels: BTreeMap<Life, Levels>,
    records: usize,
    /// True if the lines are sent on.
    keeps_lines: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(earlier: &'a Seen, keeps_lines: bool) -> Self {
        Self {
            earlier,
            seen: Seen::default(),
            joiner: Joiner::default(),
            begun: BTreeMap::new(),
            levels: BTreeMap::new(),
            records: 0,
            keeps_lines,
        }
    }

    /// Reads the next record.
    pub(crate) fn read(&mut self, raw: &Raw<'_>) -> Record {
        let mut record = Record::default();
        match decode_within(raw.data, MOST_BYTES) {
            Ok(decoded) => {
                let mut bad = BadLines::default();
                for (index, line) in decoded.lines().enumerate() {
                    if index >= MOST_LINES {
                        bad.add(index, &"the record has more lines than a forwarder writes");
                    } else if let Err(error) = self.line(raw, line, &mut record) {
                        bad.add(index, &error);
                    }
                }
                bad.into_record(raw, &mut record);
            }
            Err(error) => {
                record.counts.corrupt_records += 1;
                record.notices.push(Notice::CorruptRecord {
                    shard: raw.shard.to_owned(),
                    sequence_number: raw.sequence_number.to_owned(),
                    bytes: raw.data.len(),
                    head: head(raw.data),
                    error: error.to_string(),
                });
            }
        }
        self.records += 1;
        if self.joiner.waiting_bytes() > MOST_WAITING {
            self.joiner.give_up();
            let begun = std::mem::take(&mut self.begun).len() as u64;
            record.counts.incomplete_lines += begun;
            record.notices.push(Notice::IncompleteLines { count: begun });
        }
        if self.levels.len() > MOST_LEVELS {
            self.levels.clear();
        }
        record
    }

    /// The lines that are not whole.
    pub(crate) fn begun(&self) -> impl Iterator<Item = &Begun> {
        self.begun.values()
    }

    fn line(&mut self, raw: &Raw<'_>, line: Line<'_>, record: &mut Record) -> Result<(), DecodeError> {
        let event = line.event()?;
        let life = event.stamp.as_ref().map(|stamp| Life {
            id: stamp.id.clone().into_owned(),
            sink: stamp.sink.clone().into_owned(),
        });
        if let (Some(life), Some(stamp)) = (&life, &event.stamp) {
            if self.earlier.contains(life, stamp.seq) || !self.seen.insert(life, stamp.seq) {
                record.counts.repeats += 1;
                return Ok(());
            }
            record.seen.insert(life, stamp.seq);
        }
        let (Some(part), Some(life)) = (event.stamp.as_ref().and_then(|stamp| stamp.part), &life) else {
            self.event(line, &event, life, raw, record);
            return Ok(());
        };
        match self.joiner.take(line.0) {
            // Not the part that it says it is: a line like others.
            Joined::Whole => self.event(line, &event, Some(life.clone()), raw, record),
            Joined::Waiting => self.note_part(part, life),
            Joined::Line(whole) => {
                self.begun.remove(&(life.clone(), part.first));
                let line = Line(&whole);
                if let Ok(event) = line.event() {
                    self.event(line, &event, Some(life.clone()), raw, record);
                }
            }
        }
        Ok(())
    }

    fn event(&mut self, line: Line<'_>, event: &Forwarded<'_>, life: Option<Life>, raw: &Raw<'_>, record: &mut Record) {
        // Lines inherit a level within a life only; those without an envelope have none to tell them apart by.
        let level = match life {
            Some(life) => level(self.levels.entry(life).or_default(), event),
            None => level(&mut Levels::default(), event),
        };
        record.counts.add(event, level, raw.arrival);
        if self.keeps_lines {
            record.lines.push(line, level);
        }
    }

    fn note_part(&mut self, part: Part, life: &Life) {
        let begun = self.begun.entry((life.clone(), part.first)).or_insert(Begun {
            life: life.clone(),
            first: part.first,
            record: self.records,
            parts: 0,
            of: part.of,
        });
        begun.parts += 1;
    }
}

impl Begun {
    pub(crate) fn notice(&self) -> Notice {
        Notice::IncompleteLine {
            id: self.life.id.clone(),
            sink: self.life.sink.clone(),
            first: self.first,
            parts: self.parts,
            of: self.of,
        }
    }
}

/// Lines of a record that cannot be read.
#[derive(Default)]
struct BadLines {
    first: Option<(usize, String)>,
    count: u64,
}

impl BadLines {
    fn add(&mut self, index: usize, error: &dyn fmt::Display) {
        self.count += 1;
        self.first.get_or_insert_with(|| (index + 1, error.to_string()));
    }

    /// One notice, however many there are.
    fn into_record(self, raw: &Raw<'_>, record: &mut Record) {
        record.counts.corrupt_lines += self.count;
        record
            .notices
            .extend(self.first.map(|(line, error)| Notice::CorruptLine {
                shard: raw.shard.to_owned(),
                sequence_number: raw.sequence_number.to_owned(),
                line,
                count: self.count,
                error,
            }));
    }
}

/// The level of a log line, as the forwarder's own rules see it.
fn level(levels: &mut Levels, event: &Forwarded<'_>) -> Option<Level> {
    let kind = Kind::from_name(event.kind.as_ref());
    let request_id = event.stamp.as_ref().and_then(|stamp| stamp.request_id.as_deref());
    levels.observe_record(kind, event.record.map(RawValue::get), request_id)
}
