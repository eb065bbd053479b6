//! Proof from the data alone: what was lost, what was announced as dropped, what came twice.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::Forwarded;
use super::ranges::Ranges;

/// Reads events in any order and tells for each life of a forwarder and each sink whether all of it is there. A reader
/// that is to go on later keeps it as it serializes: ranges of numbers, however many events there were.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Verifier {
    #[serde(with = "as_list")]
    lives: BTreeMap<Life, Seen>,
    unstamped: u64,
    /// Bytes that `lives` take. Counted again by who reads it back.
    #[serde(skip)]
    bytes: usize,
}

/// Bytes that a process takes besides its names, and a range of numbers.
const PROCESS: usize = 400;
const RANGE: usize = 32;

/// One life of a forwarder's process, towards one sink.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Life {
    /// The envelope's `id`.
    pub id: String,
    /// The envelope's `sink`.
    pub sink: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Seen {
    present: Ranges,
    announced: Ranges,
    /// Announcements that take the place of a line that they announce.
    stand_ins: u64,
    repeats: u64,
    events: u64,
    own: u64,
    next_seq: Option<u64>,
    /// When the first and the last line arrived, milliseconds since 1970; 0 where that is unknown.
    #[serde(default)]
    first_heard: u64,
    #[serde(default)]
    last_heard: u64,
}

/// Verdict about the completeness of a process' lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The final report is there, and every line that it promises, but for those announced as dropped.
    Complete,
    /// Lines are missing that nothing announces.
    Lost,
    /// There is no final report: lines after the last one seen may be missing.
    Unproven,
}

/// The findings for one life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifeReport {
    /// Which one.
    pub life: Life,
    /// The verdict.
    pub standing: Standing,
    /// Lambda's events seen, each counted once.
    pub events: u64,
    /// Lines of the forwarder itself seen, each counted once.
    pub own: u64,
    /// `[first, last]` of each range of lines that is missing and not announced.
    pub lost: Vec<[u64; 2]>,
    /// Lines announced as dropped.
    pub announced: u64,
    /// Lines seen once more than needed.
    pub repeats: u64,
    /// Statement of the final report: how many lines the life had. `None` as long as it was not seen.
    pub next_seq: Option<u64>,
    /// When the first line of it arrived that was seen; none where that is unknown.
    pub first_heard: Option<SystemTime>,
    /// When the last one arrived.
    pub last_heard: Option<SystemTime>,
}

impl LifeReport {
    /// The findings of a reader that began in the middle of the stream: what is missing before the first line seen came
    /// before the reader, and is no loss. Nor is what is missing below `begun`: a stream has no order over its shards,
    /// so that of the lines of the first moments those of one shard may be read and those of another not. Answers with
    /// which line what can be judged begins.
    pub fn from_the_middle(&mut self, begun: u64) -> u64 {
        let before = self.lost.iter().take_while(|[first, _]| *first == 0 || *first < begun);
        let before = before.count();
        let Some([_, last]) = self.lost.drain(..before).next_back() else {
            return 0;
        };
        if self.lost.is_empty() {
            self.standing = standing(&self.lost, self.next_seq);
        }
        last + 1
    }

    /// Number of lines that are missing and not announced.
    pub fn lost_lines(&self) -> u64 {
        let lines = self.lost.iter().map(|[first, last]| (last - first).saturating_add(1));
        lines.fold(0, u64::saturating_add)
    }
}

#[derive(Deserialize)]
struct DroppedRecord {
    ranges: Vec<[u64; 2]>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReportRecord {
    next_seq: u64,
    #[serde(rename = "final")]
    last: bool,
}

impl Verifier {
    /// Takes note of an event. `false` if it was seen before: a repeat.
    pub fn observe(&mut self, event: &Forwarded<'_>) -> bool {
        self.observe_at(event, SystemTime::UNIX_EPOCH)
    }

    /// As [`observe`](Self::observe), of an event that arrived at this time; 1970 where that is unknown.
    pub fn observe_at(&mut self, event: &Forwarded<'_>, arrival: SystemTime) -> bool {
        let Some(stamp) = &event.stamp else {
            self.unstamped += 1;
            return true;
        };
        let life = Life {
            id: stamp.id.clone().into_owned(),
            sink: stamp.sink.clone().into_owned(),
        };
        let new = PROCESS + life.id.len() + life.sink.len();
        let seen = self.lives.entry(life).or_insert_with(|| {
            self.bytes += new;
            Seen::default()
        });
        let ranges = seen.ranges();
        let is_new = seen.observe(event, stamp.seq, millis(arrival));
        self.bytes = (self.bytes + seen.ranges() * RANGE).saturating_sub(ranges * RANGE);
        is_new
    }

    /// Forgets lives: a reader that never ends would keep them all. A line of a life that comes again begins it again.
    pub fn forget(&mut self, mut is_over: impl FnMut(&LifeReport) -> bool) {
        self.lives.retain(|life, seen| !is_over(&seen.report(life.clone())));
        self.bytes = self.counted();
    }

    /// How many bytes all of it takes, about. Whoever writes a stream can make this grow: [`forget`](Self::forget) what
    /// is old.
    pub fn bytes(&mut self) -> usize {
        if self.bytes == 0 {
            // It was read back.
            self.bytes = self.counted();
        }
        self.bytes
    }

    fn counted(&self) -> usize {
        let lives = self.lives.iter();
        let bytes = lives.map(|(life, seen)| PROCESS + life.id.len() + life.sink.len() + seen.ranges() * RANGE);
        bytes.sum()
    }

    /// Events without the member `forwarder`, of which nothing can be proved.
    pub fn unstamped(&self) -> u64 {
        self.unstamped
    }

    /// Verdict for each process seen.
    pub fn report(&self) -> Vec<LifeReport> {
        self.lives
            .iter()
            .map(|(life, seen)| seen.report(life.clone()))
            .collect()
    }
}

impl Seen {
    fn observe(&mut self, event: &Forwarded<'_>, seq: u64, arrival: u64) -> bool {
        if arrival > 0 {
            self.last_heard = self.last_heard.max(arrival);
            self.first_heard = if self.first_heard == 0 {
                arrival
            } else {
                self.first_heard.min(arrival)
            };
        }
        let is_new = self.present.insert(seq, seq);
        let record = event.record.map_or("null", |record| record.get());
        if event.kind == "forwarder.dropped" {
            let ranges = serde_json::from_str::<DroppedRecord>(record).map_or(Vec::new(), |dropped| dropped.ranges);
            // What is no range says nothing. An announcement may have the number of a line that is there: its put failed as
            // far as the forwarder could tell. What it announces counts all the same.
            for [first, last] in ranges.into_iter().filter(|[first, last]| first <= last) {
                self.announced.insert(first, last);
                self.stand_ins += u64::from(is_new && (first..=last).contains(&seq));
            }
        }
        if !is_new {
            self.repeats += 1;
            return false;
        }
        if !event.kind.starts_with("forwarder.") {
            self.events += 1;
            return true;
        }
        self.own += 1;
        if event.kind == "forwarder.report"
            && let Ok(report) = serde_json::from_str::<ReportRecord>(record)
            && report.last
        {
            self.next_seq = Some(report.next_seq);
        }
        true
    }

    fn ranges(&self) -> usize {
        self.present.0.len() + self.announced.0.len()
    }

    fn report(&self, life: Life) -> LifeReport {
        let mut known = self.present.clone();
        for (first, last) in self.announced.iter() {
            known.insert(first, last);
        }
        let more = known.count() - self.present.count();
        let announced = self.stand_ins.saturating_add(more);
        let end = self.next_seq.unwrap_or(0).max(known.end());
        let lost = known.gaps(end);
        LifeReport {
            life,
            standing: standing(&lost, self.next_seq),
            events: self.events,
            own: self.own,
            lost,
            announced,
            repeats: self.repeats,
            next_seq: self.next_seq,
            first_heard: time(self.first_heard),
            last_heard: time(self.last_heard),
        }
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn time(millis: u64) -> Option<SystemTime> {
    (millis > 0).then(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)))?
}

fn standing(lost: &[[u64; 2]], next_seq: Option<u64>) -> Standing {
    match (lost.is_empty(), next_seq) {
        (false, _) => Standing::Lost,
        (true, Some(_)) => Standing::Complete,
        (true, None) => Standing::Unproven,
    }
}

/// A map whose keys are no strings, as JSON wants them, but a list of pairs.
mod as_list {
    use super::{BTreeMap, Deserialize, Life, Seen, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(lives: &BTreeMap<Life, Seen>, to: S) -> Result<S::Ok, S::Error> {
        lives.iter().collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<Life, Seen>, D::Error> {
        Ok(Vec::<(Life, Seen)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
