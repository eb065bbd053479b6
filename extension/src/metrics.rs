//! The forwarder's counters in CloudWatch's embedded metric format: `FORWARDER_METRICS=emf`.
//!
//! One JSON line on standard output a minute, if there is news, and one at the end. CloudWatch Logs makes metrics of
//! it, in the namespace `TelemetryForwarder`, by function. Each line says what happened since the one before.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forwarder_core::Forwarder;
use forwarder_core::record::stats::LaneStats;

/// Interval between metrics while the environment runs.
pub const INTERVAL: Duration = Duration::from_secs(60);

const NAMESPACE: &str = "TelemetryForwarder";

/// Name and unit of each metric.
const METRICS: [(&str, &str); 6] = [
    ("EventsIn", "Count"),
    ("Delivered", "Count"),
    ("Dropped", "Count"),
    ("Spooled", "Count"),
    ("PutLatency", "Milliseconds"),
    ("AddedTime", "Milliseconds"),
];

/// Counters to be written, and those written before.
#[derive(Debug)]
pub struct Metrics {
    function: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    before: Totals,
    /// Time that `next` was held back after each invocation since the last line, in milliseconds.
    added: Vec<f64>,
}

/// Sums over all lanes since the start.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Totals {
    events: u64,
    delivered: u64,
    dropped: u64,
    spooled: u64,
    puts: u64,
    put_time: Duration,
}

impl Metrics {
    /// `function`: the dimension `FunctionName`.
    pub fn new(function: String) -> Self {
        Self {
            function,
            state: Mutex::default(),
        }
    }

    /// Notes how long an invocation's end was held up.
    pub fn add_held(&self, held: Duration) {
        self.lock().added.push(held.as_secs_f64() * 1_000.0);
    }

    /// Writes a line, if there is news.
    pub fn write(&self, forwarder: &Forwarder) {
        let (intake, lanes) = forwarder.stats();
        if let Some(line) = self.line(Totals::new(intake.events, &lanes), SystemTime::now()) {
            // With standard output gone there is nobody to tell.
            let _ = std::io::stdout().lock().write_all(line.as_bytes());
        }
    }

    fn line(&self, now: Totals, time: SystemTime) -> Option<String> {
        let mut state = self.lock();
        let before = std::mem::replace(&mut state.before, now);
        let added = std::mem::take(&mut state.added);
        if before == now && added.is_empty() {
            return None;
        }
        // A sum that went back began again: with a life after a restore.
        let more = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        let puts = more(now.puts, before.puts);
        let latency = now.put_time.checked_sub(before.put_time).unwrap_or(now.put_time);
        let latency = latency.as_secs_f64() * 1_000.0 / puts.max(1) as f64;
        let mean_added = added.iter().sum::<f64>() / added.len().max(1) as f64;
        let timestamp = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        let metrics: Vec<_> = METRICS
            .map(|(name, unit)| serde_json::json!({"Name": name, "Unit": unit}))
            .into();
        let line = serde_json::json!({
            "_aws": {
                "Timestamp": timestamp,
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": metrics}],
            },
            "FunctionName": self.function,
            "EventsIn": more(now.events, before.events),
            "Delivered": more(now.delivered, before.delivered),
            "Dropped": more(now.dropped, before.dropped),
            // How many there are, not how many more.
            "Spooled": now.spooled,
            "PutLatency": latency,
            "AddedTime": mean_added,
        });
        // By its source the forwarder knows the line if it comes back as an `extension` event.
        let line = line.to_string();
        Some(format!(
            "{{\"source\":\"telemetry-forwarder\",{}\n",
            line.strip_prefix('{').unwrap_or(&line)
        ))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Totals {
    fn new(events: u64, lanes: &[LaneStats]) -> Self {
        lanes.iter().fold(
            Self {
                events,
                ..Self::default()
            },
            |sum, lane| Self {
                delivered: sum.delivered + lane.delivered,
                dropped: sum.dropped + lane.dropped_total(),
                spooled: sum.spooled + lane.spooled,
                puts: sum.puts + lane.puts,
                put_time: sum.put_time + lane.put_time,
                ..sum
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_new_in_the_embedded_metric_format() {
        let metrics = Metrics::new("checkout".into());
        let first = Totals {
            events: 10,
            delivered: 8,
            dropped: 1,
            spooled: 1,
            puts: 2,
            put_time: Duration::from_millis(60),
        };
        metrics.add_held(Duration::from_millis(20));
        metrics.add_held(Duration::from_millis(40));
        let time = UNIX_EPOCH + Duration::from_millis(1_795_166_045_760);
        let line = metrics.line(first, time).unwrap();
        assert!(line.starts_with(r#"{"source":"telemetry-forwarder","#) && line.ends_with("}\n"));
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["_aws"]["Timestamp"], 1_795_166_045_760_u64);
        let directive = &json["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (&directive["Namespace"], &directive["Dimensions"][0][0]),
            (&"TelemetryForwarder".into(), &"FunctionName".into())
        );
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(json[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        assert_eq!(
            (&json["EventsIn"], &json["PutLatency"], &json["AddedTime"]),
            (&10.into(), &30.0.into(), &30.0.into())
        );
        assert_eq!(json["FunctionName"], "checkout");
        assert_eq!(metrics.line(first, time), None, "nothing is new");
        let second = Totals { events: 15, ..first };
        let json: serde_json::Value = serde_json::from_str(&metrics.line(second, time).unwrap()).unwrap();
        assert_eq!(
            (&json["EventsIn"], &json["Delivered"], &json["PutLatency"]),
            (&5.into(), &0.into(), &0.0.into())
        );
    }
}
