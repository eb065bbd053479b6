//! What is drawn over time, in a bounded number of steps.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use forwarder_core::route::Level;
use serde::Serialize;
use serde_json::Value;

use crate::entry::Entry;

/// The first length of a step, seconds. It doubles as what was read spans more time.
const SHORTEST: u64 = 5;

/// No step is longer, seconds: with [`STEPS`], 60 hours. What is older is let go.
const LONGEST: u64 = 300;

/// The most steps.
const STEPS: usize = 720;

/// Durations of a step that percentiles are computed from: a random sample of all.
const SAMPLE: usize = 256;

/// Shards whose lag is drawn; the furthest behind.
const SHARDS: usize = 8;

/// Events over time.
pub(super) struct Series {
    step: u64,
    steps: BTreeMap<u64, Step>,
    /// Counts changes, so that a page is sent what changed.
    version: u64,
    /// The version at which all of it changed.
    renewed: u64,
    lags: VecDeque<Lag>,
}

#[derive(Default)]
struct Step {
    /// By level: trace, debug, info, warn, error, fatal.
    levels: [u64; 6],
    invocations: u64,
    failed: u64,
    cold_starts: u64,
    bytes: u64,
    billed_kb: u64,
    durations: Vec<f32>,
    measured: u64,
    version: u64,
}

/// How far shards are behind at one time.
struct Lag {
    time: u64,
    shards: Vec<(String, f64)>,
}

/// A step as a page has it.
#[derive(Serialize)]
struct Shown {
    t: u64,
    levels: [u64; 6],
    invocations: u64,
    failed: u64,
    cold: u64,
    bytes: u64,
    kb: u64,
    p50: Option<f32>,
    p95: Option<f32>,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            step: SHORTEST,
            steps: BTreeMap::new(),
            version: 1,
            renewed: 1,
            lags: VecDeque::new(),
        }
    }
}

impl Series {
    /// Counts an event of so many bytes in the step of its time.
    pub(super) fn event(&mut self, entry: &Entry, time: SystemTime, bytes: usize, record: Option<&Value>) {
        let Some(step) = self.at(time) else { return };
        step.bytes += bytes as u64;
        if let Some(level) = entry.level {
            let index = match level {
                Level::Trace => 0,
                Level::Debug => 1,
                Level::Info => 2,
                Level::Warn => 3,
                Level::Error => 4,
                Level::Fatal => 5,
            };
            if let Some(count) = step.levels.get_mut(index) {
                *count += 1;
            }
        }
        let Some(record) = record.filter(|_| entry.kind == "platform.report") else {
            return;
        };
        let metric = |name: &str| record.pointer("/metrics")?.get(name)?.as_f64();
        step.invocations += 1;
        let status = record.get("status").and_then(Value::as_str);
        step.failed += u64::from(status.is_some_and(|status| status != "success"));
        step.cold_starts += u64::from(metric("initDurationMs").or(metric("restoreDurationMs")).is_some());
        if let Some(duration) = metric("durationMs").filter(|duration| (0.0..1e9).contains(duration)) {
            step.measured += 1;
            step.sample(duration as f32);
        }
    }

    /// Counts a record by what Kinesis bills for it.
    pub(super) fn record(&mut self, arrival: SystemTime, bytes: usize) {
        if let Some(step) = self.at(arrival) {
            step.billed_kb += bytes.div_ceil(1024).max(1) as u64;
        }
    }

    /// Notes how far shards are behind; seconds.
    pub(super) fn lag(&mut self, now: SystemTime, shards: &[(String, Option<f64>)]) {
        let known = shards.iter().filter_map(|(shard, lag)| Some((shard.clone(), (*lag)?)));
        let mut shards: Vec<_> = known.collect();
        shards.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        shards.truncate(SHARDS);
        let time = seconds(now);
        if self.lags.back().is_none_or(|last| last.time + 2 <= time) {
            self.lags.push_back(Lag { time, shards });
        }
        if self.lags.len() > STEPS {
            self.lags.pop_front();
        }
    }

    /// What changed since a version, as JSON, and the version that it is now.
    pub(super) fn since(&self, version: u64) -> (String, u64) {
        let all = version < self.renewed;
        let changed = self.steps.iter().filter(|(_, step)| all || step.version > version);
        let steps: Vec<_> = changed.map(|(time, step)| step.shown(*time)).collect();
        let lags: Vec<_> = self.lags.iter().map(|lag| (lag.time, &lag.shards)).collect();
        let json = serde_json::json!({ "step": self.step, "all": all, "steps": steps, "lags": lags });
        (json.to_string(), self.version)
    }

    fn at(&mut self, time: SystemTime) -> Option<&mut Step> {
        let seconds = seconds(time);
        let newest = self.steps.last_key_value().map_or(seconds, |(newest, _)| *newest);
        if newest.saturating_sub(seconds) >= LONGEST * STEPS as u64 {
            // Older than what is drawn. A single old event does not make all steps long.
            return None;
        }
        if seconds.saturating_sub(newest) >= LONGEST * STEPS as u64 {
            self.steps.clear();
            self.renewed = self.version + 1;
        }
        let span = self.step * STEPS as u64;
        let newest = newest.max(seconds);
        let oldest = self.steps.first_key_value().map_or(seconds, |(oldest, _)| *oldest);
        if newest - seconds.min(oldest) >= span && self.step < LONGEST {
            self.coarser();
            return self.at(time);
        }
        self.version += 1;
        let (key, version) = (seconds / self.step * self.step, self.version);
        if !self.steps.contains_key(&key) && seconds.saturating_sub(oldest) >= span {
            self.steps = self.steps.split_off(&seconds.saturating_sub(span));
            self.renewed = version;
        }
        let step = self.steps.entry(key).or_default();
        step.version = version;
        Some(step)
    }

    /// Steps twice as long.
    fn coarser(&mut self) {
        self.step = (self.step * 2).min(LONGEST);
        self.version += 1;
        self.renewed = self.version;
        for (time, step) in std::mem::take(&mut self.steps) {
            self.steps.entry(time / self.step * self.step).or_default().merge(step);
        }
    }
}

impl Step {
    fn sample(&mut self, duration: f32) {
        if self.durations.len() < SAMPLE {
            self.durations.push(duration);
            return;
        }
        // Each of all has the same chance to be in it.
        let place = fastrand::u64(0..self.measured.max(1));
        if let Some(slot) = usize::try_from(place)
            .ok()
            .and_then(|place| self.durations.get_mut(place))
        {
            *slot = duration;
        }
    }

    fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.levels.iter_mut().zip(other.levels) {
            *mine += theirs;
        }
        self.invocations += other.invocations;
        self.failed += other.failed;
        self.cold_starts += other.cold_starts;
        self.bytes += other.bytes;
        self.billed_kb += other.billed_kb;
        self.measured += other.measured;
        self.durations.extend(other.durations);
        fastrand::shuffle(&mut self.durations);
        self.durations.truncate(SAMPLE);
        self.version = self.version.max(other.version);
    }

    fn shown(&self, t: u64) -> Shown {
        let mut durations = self.durations.clone();
        durations.sort_by(f32::total_cmp);
        // The nearest rank.
        let percentile = |percent: usize| {
            let rank = (durations.len() * percent).div_ceil(100);
            durations.get(rank.saturating_sub(1)).copied()
        };
        Shown {
            t,
            levels: self.levels,
            invocations: self.invocations,
            failed: self.failed,
            cold: self.cold_starts,
            bytes: self.bytes,
            kb: self.billed_kb,
            p50: percentile(50),
            p95: percentile(95),
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn steps_are_bounded_whatever_time_they_span_and_nothing_recent_is_lost() {
        let mut series = Series::default();
        for hour in 0..1_000 {
            for second in 0..40 {
                series.record(at(1_000_000 + hour * 3_600 + second * 90), 1);
            }
            assert!(series.steps.len() <= STEPS + 1, "{}", series.steps.len());
        }
        assert_eq!(series.step, LONGEST);
        let kb: u64 = series.steps.values().map(|step| step.billed_kb).sum();
        assert!((60 * 40 - 41..=60 * 40 + 41).contains(&kb), "{kb}: the last 60 hours");
        let before = series.version;
        series.record(at(1_000_000), 1);
        assert_eq!(series.version, before, "what is older is let go");
    }

    #[test]
    fn one_event_of_another_week_makes_no_step_longer() {
        let mut series = Series::default();
        let week = 7 * 24 * 3_600;
        for time in [week, 2 * week, 2 * week + 60, week] {
            series.record(at(time), 1);
        }
        assert_eq!((series.step, series.steps.len()), (SHORTEST, 2));
    }

    #[test]
    fn steps_get_longer_and_keep_their_sums() {
        let mut series = Series::default();
        for second in 0..2 * 3_600 {
            series.record(at(1_000_000 + second), 1_025);
        }
        assert_eq!(series.step, 2 * SHORTEST);
        assert_eq!(series.steps.values().map(|step| step.billed_kb).sum::<u64>(), 2 * 7_200);
        let (all, version) = series.since(0);
        assert!(all.contains("\"all\":true"));
        series.record(at(1_000_000 + 7_199), 1);
        let (changed, _) = series.since(version);
        assert!(
            changed.contains("\"all\":false") && changed.matches("\"t\":").count() == 1,
            "{changed}"
        );
    }

    #[test]
    fn percentiles_are_of_a_sample_of_all() {
        let mut step = Step::default();
        for duration in 1..=100_000_u64 {
            step.measured = duration;
            step.sample(duration as f32);
        }
        assert_eq!(step.durations.len(), SAMPLE);
        let shown = step.shown(0);
        let (p50, p95) = (shown.p50.unwrap(), shown.p95.unwrap());
        assert!(
            (30_000.0..70_000.0).contains(&p50) && (85_000.0..100_000.0).contains(&p95),
            "{p50} {p95}"
        );
    }
}
