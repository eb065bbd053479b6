//! The job: what an event counts for. To do something else with the events, begin here: [`Counts::add`] is shown each
//! event once, and what it makes of a record is merged only when the record is acknowledged.

use std::collections::BTreeMap;
use std::time::SystemTime;

use forwarder_core::route::Level;
use reader::decode::Forwarded;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The function's name where the envelope does not tell it.
const UNKNOWN: &str = "unknown";

/// A name has 64 characters at most. Lambda API reference, `CreateFunction`.
const LONGEST_NAME: usize = 64;

/// Functions and minutes of a record that are counted apart: 600 bytes of log each. What is beyond counts for [`OTHERS`].
const MOST_PLACES: usize = 500;

/// The function's name where a record has more functions and minutes than are counted apart.
const OTHERS: &str = "others";

/// Durations of a record that are kept: more than a forwarder's record has reports.
const MOST_DURATIONS: usize = 40_000;

/// An invocation takes no longer: 15 minutes, and a day for what is not known yet. Milliseconds.
const LONGEST: f64 = 24.0 * 3_600_000.0;

/// A function and a minute, by its first millisecond since 1970: so a backlog is counted when it happened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) function: String,
    pub(crate) minute: u64,
}

/// Counters of one function and version.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    /// Lines that the function logged.
    pub(crate) lines: u64,
    /// Those of level error or above; lines of a stack trace have that of the line before.
    pub(crate) error_lines: u64,
    /// Invocations reported.
    pub(crate) invocations: u64,
    /// Those with another status than `success`.
    pub(crate) failed: u64,
    /// Those that an init or a restore came before.
    pub(crate) cold_starts: u64,
    /// Milliseconds billed.
    pub(crate) billed_ms: f64,
    /// Duration of each invocation. Milliseconds.
    pub(crate) durations_ms: Vec<f64>,
    /// Lines that the forwarder gave up and announced.
    pub(crate) dropped: u64,
}

/// Totals of a record, or of all records of a batch.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) places: BTreeMap<Place, Tally>,
    pub(crate) repeats: u64,
    pub(crate) corrupt_records: u64,
    pub(crate) corrupt_lines: u64,
    pub(crate) incomplete_lines: u64,
    /// Of all places.
    durations: usize,
}

#[derive(Deserialize)]
struct Dropped {
    ranges: Vec<[u64; 2]>,
}

impl Counts {
    /// Counts an event. `level` is that of a log line; `arrival` stands in for a time that nobody can read.
    pub(crate) fn add(&mut self, event: &Forwarded<'_>, level: Option<Level>, arrival: SystemTime) {
        let resource = event.stamp.as_ref().map(|stamp| &stamp.resource);
        let function = resource.and_then(|resource| resource.get("faas.name").cloned());
        let time = event.time.as_deref();
        let time = time.and_then(|time| humantime::parse_rfc3339_weak(time).ok());
        let function = function.filter(|name| name.len() <= LONGEST_NAME);
        let mut place = Place {
            function: function.unwrap_or_else(|| UNKNOWN.to_owned()),
            minute: minute(time.unwrap_or(arrival)),
        };
        if self.places.len() >= MOST_PLACES && !self.places.contains_key(&place) {
            place.function = OTHERS.to_owned();
            place.minute = minute(arrival);
        }
        let durations = &mut self.durations;
        let tally = self.places.entry(place);
        match event.kind.as_ref() {
            "function" => {
                let tally = tally.or_default();
                tally.lines += 1;
                tally.error_lines += u64::from(level >= Some(Level::Error));
            }
            "platform.report" => tally.or_default().report(&read(event.record), durations),
            "forwarder.dropped" => {
                let dropped = event.record.and_then(|record| serde_json::from_str(record.get()).ok());
                let ranges = dropped.map(|dropped: Dropped| dropped.ranges).unwrap_or_default();
                // What is no range says nothing; what nobody counts to must not stop the count.
                let ranges = ranges.iter().filter(|[first, last]| first <= last);
                let lines = ranges.map(|[first, last]| (last - first).saturating_add(1));
                let tally = tally.or_default();
                tally.dropped = lines.fold(tally.dropped, u64::saturating_add);
            }
            _ => {}
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (place, tally) in other.places {
            self.places.entry(place).or_default().merge(tally);
        }
        self.repeats += other.repeats;
        self.corrupt_records += other.corrupt_records;
        self.corrupt_lines += other.corrupt_lines;
        self.incomplete_lines += other.incomplete_lines;
        self.durations += other.durations;
    }

    /// What it takes to keep and to write it: as a range of numbers in `seen` is 1.
    pub(crate) fn weight(&self) -> usize {
        self.places.len() * 50 + self.durations
    }
}

impl Tally {
    fn report(&mut self, report: &Value, durations: &mut usize) {
        self.invocations += 1;
        let milliseconds = |name: &str| {
            let number = report.pointer("/metrics")?.get(name)?.as_f64()?;
            (0.0..=LONGEST).contains(&number).then_some(number)
        };
        let status = report.get("status").and_then(Value::as_str);
        self.failed += u64::from(status.is_some_and(|status| status != "success"));
        let began = milliseconds("initDurationMs").or(milliseconds("restoreDurationMs"));
        self.cold_starts += u64::from(began.is_some());
        self.billed_ms += milliseconds("billedDurationMs").unwrap_or_default();
        if let Some(duration) = milliseconds("durationMs").filter(|_| *durations < MOST_DURATIONS) {
            *durations += 1;
            // Lambda has three digits: more are only longer to write.
            self.durations_ms.push((duration * 1_000.0).round() / 1_000.0);
        }
    }

    fn merge(&mut self, other: Self) {
        self.lines += other.lines;
        self.error_lines += other.error_lines;
        self.invocations += other.invocations;
        self.failed += other.failed;
        self.cold_starts += other.cold_starts;
        self.billed_ms += other.billed_ms;
        self.durations_ms.extend(other.durations_ms);
        self.dropped = self.dropped.saturating_add(other.dropped);
    }
}

/// The record; nothing where it is none that a forwarder writes.
fn read(record: Option<&RawValue>) -> Value {
    let record = record.and_then(|record| serde_json::from_str(record.get()).ok());
    record.unwrap_or_default()
}

fn minute(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_secs() / 60 * 60 * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use reader::decode::Line;
    use std::time::Duration;

    fn count(lines: &[(&str, Option<Level>)]) -> Counts {
        let mut counts = Counts::default();
        for (line, level) in lines {
            let arrival = SystemTime::UNIX_EPOCH + Duration::from_secs(600);
            counts.add(&Line(line).event().unwrap(), *level, arrival);
        }
        counts
    }

    fn at(function: &str, minute: u64) -> Place {
        Place {
            function: function.into(),
            minute,
        }
    }

    #[test]
    fn events_count_for_their_function_in_the_minute_of_their_time() {
        let checkout = r#""forwarder":{"id":"i","sink":"s","seq":0,"resource":{"faas.name":"checkout"}}"#;
        let line = format!(r#"{{"time":"1970-01-01T00:01:59.999Z","type":"function","record":"x",{checkout}}}"#);
        let later = format!(r#"{{"time":"1970-01-01T00:02:00.000Z","type":"function","record":"x",{checkout}}}"#);
        let nowhere = r#"{"time":"yesterday","type":"function","record":"x"}"#;
        let counts = count(&[
            (&line, Some(Level::Error)),
            (&line, Some(Level::Warn)),
            (&later, Some(Level::Fatal)),
            (nowhere, Some(Level::Info)),
        ]);
        let found: Vec<_> = counts
            .places
            .iter()
            .map(|(place, tally)| (place.clone(), tally.lines, tally.error_lines))
            .collect();
        let expected = [
            (at("checkout", 60_000), 2, 1),
            (at("checkout", 120_000), 1, 1),
            (at("unknown", 600_000), 1, 0),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn reports_count_invocations_with_what_they_tell() {
        let line = |record: &str| format!(r#"{{"type":"platform.report","record":{record}}}"#);
        let cold =
            line(r#"{"status":"success","metrics":{"durationMs":12.5,"billedDurationMs":40,"initDurationMs":27.1}}"#);
        let restored =
            line(r#"{"status":"success","metrics":{"durationMs":1.5,"billedDurationMs":2,"restoreDurationMs":9}}"#);
        let late = line(r#"{"status":"timeout","metrics":{"durationMs":3000.0,"billedDurationMs":3000}}"#);
        let bare = line("{}");
        let strange = line("7");
        let counts = count(&[
            (&cold, None),
            (&restored, None),
            (&late, None),
            (&bare, None),
            (&strange, None),
        ]);
        let expected = Tally {
            invocations: 5,
            failed: 1,
            cold_starts: 2,
            billed_ms: 3_042.0,
            durations_ms: vec![12.5, 1.5, 3_000.0],
            ..Tally::default()
        };
        assert_eq!(counts.places.values().collect::<Vec<_>>(), [&expected]);
    }

    #[test]
    fn ranges_that_nobody_counts_to_are_no_poison() {
        let most = u64::MAX;
        let record = format!(r#"{{"ranges":[[0,{most}],[0,{most}],[9,3]]}}"#);
        let dropped = format!(r#"{{"type":"forwarder.dropped","record":{record}}}"#);
        let mut counts = count(&[(&dropped, None), (&dropped, None)]);
        counts.merge(count(&[(&dropped, None)]));
        let dropped: Vec<_> = counts.places.values().map(|tally| tally.dropped).collect();
        assert_eq!(dropped, [most]);
    }

    #[test]
    fn what_the_forwarder_gave_up_is_counted_and_nothing_else_of_it() {
        let dropped = r#"{"type":"forwarder.dropped","record":{"reason":"buffer_full","ranges":[[0,9],[20,20]]}}"#;
        let report = r#"{"type":"forwarder.report","record":{"nextSeq":4,"final":true}}"#;
        let counts = count(&[(dropped, None), (report, None)]);
        let expected = Tally {
            dropped: 11,
            ..Tally::default()
        };
        assert_eq!(counts.places.values().collect::<Vec<_>>(), [&expected]);
    }
}
