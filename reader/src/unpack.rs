//! From records to events: decoded by their first bytes, each once, parts made whole. What cannot be read costs only
//! itself.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::decode::{
    Forwarded, Joined, Joiner, Life, LifeReport, Line, MOST_BYTES, MOST_LINES, Verifier, decode_within,
};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::stream::Record;

/// Bytes of parts that wait for the rest of their lines; past it they are given up and shown as they are.
const WAITING_BYTES: usize = 32 * 1024 * 1024;

/// Time after the beginning of reading in which a line may arrive that was sent before others that were not read:
/// shards do not begin at the same line, and what is sent again comes late.
const FIRST_MOMENTS: Duration = Duration::from_secs(15);

/// How far apart the oldest records of two shards may have arrived that expired together.
const HORIZONS_APART: Duration = Duration::from_secs(5 * 60);

/// The shortest time for which a stream keeps records, with five minutes for clocks. Kinesis developer guide,
/// retention.
const SHORTEST_RETENTION: Duration = Duration::from_secs((24 * 60 - 5) * 60);

/// How long a process of the forwarder runs at most: as long as an instance of Lambda Managed Instances. Lambda
/// developer guide, Managed Instances: 14 days.
const LONGEST_PROCESS: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Processes whose first lines are remembered for [`Unpacker::begun`].
const MOST_BEGUN: usize = 50_000;

/// Something in the stream that is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The shard, or the file.
    pub shard: String,
    /// The record's sequence number; empty: a file has none.
    pub sequence_number: String,
    /// The first line in it that cannot be read, from 1; none: the record as a whole.
    pub line: Option<usize>,
    /// How many lines of the record cannot be read; 1 for a record as a whole.
    pub count: u64,
    /// The error in it.
    pub reason: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            shard,
            sequence_number,
            count,
            reason,
            ..
        } = self;
        write!(f, "skipped ")?;
        if sequence_number.is_empty() {
            return match self.line {
                Some(line) if *count > 1 => {
                    write!(f, "{count} lines of {shard}, the first of them line {line}: {reason}")
                }
                Some(line) => write!(f, "line {line} of {shard}: {reason}"),
                None => write!(f, "the rest of {shard}: {reason}"),
            };
        }
        match self.line {
            Some(line) if *count > 1 => write!(f, "{count} lines, the first of them line {line}, of ")?,
            Some(line) => write!(f, "line {line} of ")?,
            None => {}
        }
        write!(f, "record {sequence_number} of {shard}: {reason}")
    }
}

/// Counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records.
    pub records: u64,
    /// Bytes of their data.
    pub bytes: u64,
    /// Lines, repeats and parts included.
    pub lines: u64,
    /// Records and lines that were skipped because they cannot be read.
    pub unreadable: u64,
    /// Lines that stood in their record behind one with a greater number: the forwarder does not write that.
    pub out_of_order: u64,
}

/// Takes records apart. As it serializes it can be kept, but for the parts that wait: [`parts`](Self::parts).
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Unpacker {
    verifier: Verifier,
    counts: Counts,
    #[serde(default)]
    first_moments: FirstMoments,
    #[serde(default)]
    newest: Option<SystemTime>,
    #[serde(skip)]
    joiner: Joiner,
}

/// What arrived when reading began where the stream has more before, or had it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct FirstMoments {
    /// End of them; none: reading began at the beginning.
    until: Option<SystemTime>,
    /// By `id` and `sink`: one more than the greatest number that arrived in them.
    lives: BTreeMap<String, BTreeMap<String, u64>>,
    /// Reading began with the oldest record that the stream has.
    #[serde(default)]
    horizon: Option<Horizon>,
}

/// The end of the stream's memory, as far as the records tell.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Horizon {
    /// When reading began.
    began: SystemTime,
    /// When the oldest record arrived that was read.
    oldest: Option<SystemTime>,
}

impl Horizon {
    /// When the oldest record arrived, if there may have been older ones that the stream no longer has.
    fn expired_until(&self) -> Option<SystemTime> {
        let oldest = self.oldest?;
        let age = self.began.duration_since(oldest).unwrap_or_default();
        (age >= SHORTEST_RETENTION).then_some(oldest)
    }
}

impl FirstMoments {
    fn observe(&mut self, event: &Forwarded<'_>, arrival: SystemTime) {
        // What has no arrival tells nothing.
        if arrival <= SystemTime::UNIX_EPOCH {
            return;
        }
        if let Some(horizon) = &mut self.horizon
            && horizon.oldest.is_none_or(|oldest| arrival < oldest)
        {
            horizon.oldest = Some(arrival);
            let until = arrival.checked_add(HORIZONS_APART);
            if until < self.until.and_then(|before| before.checked_sub(HORIZONS_APART)) {
                // All that came so far arrived later than that.
                self.lives.clear();
            }
            self.until = until;
        }
        let is_in_them = self.until.is_some_and(|until| arrival < until);
        let Some(stamp) = event.stamp.as_ref().filter(|_| is_in_them) else {
            return;
        };
        if self.lives.len() >= MOST_BEGUN && !self.lives.contains_key(stamp.id.as_ref()) {
            return;
        }
        let sinks = self.lives.entry(stamp.id.clone().into_owned()).or_default();
        let next = sinks.entry(stamp.sink.clone().into_owned()).or_default();
        *next = (*next).max(stamp.seq.saturating_add(1));
    }
}

impl Unpacker {
    /// Reading begins in the middle of the stream, with what arrives at this time.
    pub fn begin_in_the_middle(&mut self, time: SystemTime) {
        self.first_moments.until = time.checked_add(FIRST_MOMENTS);
    }

    /// Reading begins, at this time, with the oldest record that the stream has.
    pub fn begin_at_the_horizon(&mut self, now: SystemTime) {
        self.first_moments.horizon = Some(Horizon {
            began: now,
            oldest: None,
        });
    }

    /// Each process with what can be said of it, and the number of its first line that can be judged.
    /// `from_the_beginning`: the reader began with the oldest record; otherwise what is missing before a process's
    /// first line is no loss, nor what is missing among the lines of the first moments. The same where the beginning
    /// may have expired: the oldest record is older than the shortest retention, and the process may be older than that
    /// record.
    #[must_use]
    pub fn judged(&self, from_the_beginning: bool) -> Vec<(LifeReport, u64)> {
        let horizon = self.first_moments.horizon.and_then(|horizon| horizon.expired_until());
        let judged = self.lives().into_iter().map(|mut report| {
            let expired = horizon
                .zip(report.first_heard)
                .is_some_and(|(oldest, heard)| heard.duration_since(oldest).unwrap_or_default() < LONGEST_PROCESS);
            let before = if from_the_beginning && !expired {
                0
            } else {
                report.from_the_middle(self.begun(&report.life))
            };
            (report, before)
        });
        judged.collect()
    }

    /// Bytes that what is known of the processes takes, about.
    pub fn kept_bytes(&mut self) -> usize {
        self.verifier.bytes()
    }

    /// When the newest record arrived; none where that is unknown.
    #[must_use]
    pub fn newest(&self) -> Option<SystemTime> {
        self.newest
    }

    /// One more than the greatest number of this life that arrived when reading had just begun in the middle of the
    /// stream: gaps below it prove nothing.
    #[must_use]
    pub fn begun(&self, life: &Life) -> u64 {
        let sinks = self.first_moments.lives.get(&life.id);
        sinks
            .and_then(|sinks| sinks.get(&life.sink))
            .copied()
            .unwrap_or_default()
    }

    /// Appends the events of a record that were not seen before, and what is none.
    pub fn take(&mut self, record: &Record, events: &mut Vec<Event>, unreadable: &mut Vec<Unreadable>) {
        self.counts.records += 1;
        self.counts.bytes += record.data.len() as u64;
        if record.arrival > SystemTime::UNIX_EPOCH {
            self.newest = self.newest.max(Some(record.arrival));
        }
        let mut bad = BadLines::default();
        match decode_within(&record.data, MOST_BYTES) {
            Err(error) => bad.add(None, &error),
            Ok(decoded) => {
                let mut last = HashMap::new();
                for (index, (number, line)) in decoded.numbered_lines().enumerate() {
                    self.counts.lines += 1;
                    if index >= MOST_LINES {
                        bad.add(Some(number), &"the record has more lines than a forwarder writes");
                        continue;
                    }
                    match line.event() {
                        Ok(event) => {
                            self.counts.out_of_order += u64::from(is_out_of_order(&event, &mut last));
                            self.first_moments.observe(&event, record.arrival);
                            events.extend(self.line(line, &event, record.arrival));
                        }
                        Err(error) => bad.add(Some(number), &error),
                    }
                }
            }
        }
        self.counts.unreadable += bad.count;
        unreadable.extend(bad.of(record));
        if self.joiner.waiting_bytes() > WAITING_BYTES {
            events.extend(self.give_up());
        }
    }

    fn line(&mut self, line: Line<'_>, event: &Forwarded<'_>, arrival: SystemTime) -> Option<Event> {
        if !self.verifier.observe_at(event, arrival) {
            return None;
        }
        if event.stamp.as_ref().is_none_or(|stamp| stamp.part.is_none()) {
            return Some(Event::new(line.0.to_owned(), event));
        }
        match self.joiner.take(line.0) {
            Joined::Whole => Some(Event::new(line.0.to_owned(), event)),
            Joined::Waiting => None,
            Joined::Line(whole) => {
                let span = event
                    .stamp
                    .as_ref()
                    .and_then(|stamp| stamp.part)
                    .map_or(1, |part| part.of as u64);
                let mut joined = Event::of_line(whole)?;
                if let Some(place) = &mut joined.place {
                    place.span = span;
                }
                Some(joined)
            }
        }
    }

    /// Counts what cannot be read and is in no record.
    pub fn skip(&mut self, unreadable: &Unreadable) {
        self.counts.unreadable += unreadable.count;
    }

    /// Parts that wait for the rest of their lines, as they came.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.joiner.parts()
    }

    /// Lets parts wait that an earlier unpacker had: they count as seen.
    pub fn wait_for_the_rest_of(&mut self, parts: impl IntoIterator<Item = String>) {
        for part in parts {
            self.joiner.take(&part);
        }
        // What was read back is not counted yet.
        self.verifier.forget(|_| false);
    }

    /// Gives up the lines whose other parts did not come: what there is of them.
    pub fn give_up(&mut self) -> Vec<Event> {
        self.joiner.give_up().into_iter().filter_map(Event::of_line).collect()
    }

    /// Counters so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Proof by sequence numbers for each process of a forwarder.
    #[must_use]
    pub fn lives(&self) -> Vec<LifeReport> {
        self.verifier.report()
    }

    /// Events without the forwarder's member, of which nothing can be proved.
    #[must_use]
    pub fn unstamped(&self) -> u64 {
        self.verifier.unstamped()
    }

    /// See [`Verifier::forget`].
    pub fn forget(&mut self, is_over: impl FnMut(&LifeReport) -> bool) {
        self.verifier.forget(is_over);
    }
}

/// What cannot be read of a record: one notice, however many lines it is.
#[derive(Default)]
struct BadLines {
    first: Option<(Option<usize>, String)>,
    count: u64,
}

impl BadLines {
    fn add(&mut self, line: Option<usize>, reason: &dyn fmt::Display) {
        self.count += 1;
        self.first.get_or_insert_with(|| (line, reason.to_string()));
    }

    fn of(self, record: &Record) -> Option<Unreadable> {
        let (line, reason) = self.first?;
        Some(Unreadable {
            shard: record.shard.clone(),
            sequence_number: record.sequence_number.clone(),
            line,
            count: self.count,
            reason,
        })
    }
}

/// The contract: lines are in order within a record. An announcement may take an earlier number.
fn is_out_of_order<'a>(event: &Forwarded<'a>, last: &mut HashMap<(String, String), u64>) -> bool {
    let Some(stamp) = &event.stamp else { return false };
    if event.kind.starts_with("forwarder.") {
        return false;
    }
    let life = (stamp.id.clone().into_owned(), stamp.sink.clone().into_owned());
    last.insert(life, stamp.seq).is_some_and(|before| before > stamp.seq)
}

#[cfg(test)]
pub(crate) mod tests;
