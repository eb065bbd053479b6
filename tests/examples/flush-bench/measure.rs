//! Runs of the real binary on the local Lambda.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use end_to_end::binaries;
use end_to_end::world::{STREAM, kind, kinesis, lambda_to_kinesis};
use local_kinesis::{Fault, LocalKinesis};
use local_lambda::LocalLambda;
use reader::decode::decode;
use serde_json::Value;
use tokio::time::Instant;

/// Latency of a put to a stream of the same region.
pub(crate) const PUT: Duration = Duration::from_millis(20);

/// Latency of a put to a sick stream.
pub(crate) const SLOW_PUT: Duration = Duration::from_millis(300);

pub(crate) const STRATEGIES: [&str; 3] = ["end", "continuous", "adaptive"];

/// Work of each invocation: it prints five lines, and takes a few milliseconds.
const ORDER: &str = r#"{"lines":5,"sleepMs":5}"#;

/// Interval between invocations, and their number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pitch {
    pub(crate) name: &'static str,
    gap: Duration,
    invocations: u32,
}

pub(crate) const PITCHES: [Pitch; 3] = [
    Pitch {
        name: "50/s",
        gap: Duration::from_millis(20),
        invocations: 500,
    },
    Pitch {
        name: "1/s",
        gap: Duration::from_secs(1),
        invocations: 20,
    },
    Pitch {
        name: "1 per 20 s",
        gap: Duration::from_secs(20),
        invocations: 5,
    },
];

impl Pitch {
    pub(crate) fn is_rare(self) -> bool {
        self.gap >= Duration::from_secs(1)
    }
}

/// Results of a run. Milliseconds, sorted.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) pitch: &'static str,
    pub(crate) strategy: &'static str,
    /// From the runtime's `next` to the extension's.
    pub(crate) added: Vec<f64>,
    /// Duration of the function itself.
    pub(crate) function: Vec<f64>,
    /// From a line's time to its arrival in the stream.
    pub(crate) age: Vec<f64>,
    pub(crate) puts_per_invocation: f64,
}

impl Run {
    /// Less what there is without an extension.
    pub(crate) fn less(mut self, without: &Self) -> Self {
        let (added, function) = (quantile(&without.added, 0.5), quantile(&without.function, 0.5));
        self.added.iter_mut().for_each(|ms| *ms -= added);
        self.function.iter_mut().for_each(|ms| *ms -= function);
        self
    }
}

/// The value that this share of the values does not pass.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or_default()
}

/// One run under a strategy, or without an extension, where a put takes so long. The first invocation, a cold start, does not count.
pub(crate) async fn measure(pitch: Pitch, strategy: Option<&'static str>, put: Duration) -> Run {
    let kinesis = kinesis().await;
    kinesis.set_fault(Fault::delay(put));
    let builder = match strategy {
        Some(strategy) => lambda_to_kinesis(&kinesis)
            .0
            .extension_env("FORWARDER_FLUSH__STRATEGY", strategy),
        None => LocalLambda::builder(),
    };
    let lambda = builder
        .function(binaries::test_function())
        .start()
        .await
        .expect("an environment");
    let (mut added, mut function) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for number in 1..=pitch.invocations {
        let invocation = lambda.invoke(ORDER).await.expect("an invocation");
        if number > 1 {
            added.push(millis(invocation.added));
            function.push(millis(invocation.duration));
        }
        tokio::time::sleep_until(begun + pitch.gap * number).await;
    }
    lambda
        .shutdown("spindown", Duration::from_secs(2))
        .await
        .expect("a shutdown");
    Run {
        pitch: pitch.name,
        strategy: strategy.unwrap_or("without"),
        added: sorted(added),
        function: sorted(function),
        age: sorted(ages(&kinesis).await),
        puts_per_invocation: kinesis.total().calls as f64 / f64::from(pitch.invocations),
    }
}

/// Age of each of the function's lines when it arrived.
async fn ages(kinesis: &LocalKinesis) -> Vec<f64> {
    let mut ages = Vec::new();
    for record in kinesis.read_all(STREAM).await.expect("the stream can be read") {
        for line in decode(&record.data).expect("a record that can be decoded").lines() {
            let line: Value = serde_json::from_str(line.0).expect("a line that is JSON");
            if kind(&line) == "function" {
                let time = line.get("time").and_then(Value::as_str).expect("a time");
                let time = humantime::parse_rfc3339(time).expect("a time of RFC 3339");
                ages.push(since_1970(record.arrival) - since_1970(time));
            }
        }
    }
    ages
}

fn since_1970(time: SystemTime) -> f64 {
    millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}
