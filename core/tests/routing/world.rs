//! A route table before a stream of events.

use std::sync::Arc;
use std::time::Instant;

use forwarder_core::Types;
use forwarder_core::intake::redact::Redaction;
use forwarder_core::intake::{Intake, Settled, Verdict};
use forwarder_core::record::envelope::Resource;
use forwarder_core::route::Routes;
use forwarder_core::telemetry::batch::Batch;

pub const SINKS: [&str; 3] = ["kinesis", "firehose", "stdout"];

/// The whole pipeline before this table.
pub fn intake(rules: &str) -> Intake {
    let routes = Routes::parse(rules, &SINKS).unwrap_or_else(|errors| panic!("{rules}: {errors:#?}"));
    let types = Types {
        platform: true,
        function: true,
        extension: true,
    };
    let (resource, redaction) = (Resource::default(), Redaction::default());
    Intake::new(types, Arc::new(routes), resource, redaction, false)
}

/// A verdict in the words of the guide: `kinesis`, `kinesis+stdout`, `drop`, `sampled`, `unmatched`, `waits`, `kept …`,
/// `not kept`.
pub fn word(verdict: Verdict<'_>) -> String {
    match verdict {
        Verdict::Send(_, targets) => names(targets),
        Verdict::Keep(_, targets) => format!("kept {}", names(targets)),
        Verdict::Drop(_) => "drop".into(),
        Verdict::Wait => "waits".into(),
        Verdict::NotKept => "not kept".into(),
        Verdict::Sampled => "sampled".into(),
        Verdict::Unmatched => "unmatched".into(),
        Verdict::OwnLine => "own line".into(),
    }
}

/// The verdict on the last line that waited until now, or else on the last of these events.
pub fn route(rules: &str, events: &str) -> String {
    let mut intake = intake(rules);
    let body = format!("[{events}]");
    let mut last = String::new();
    for event in Batch::new(body.as_bytes()) {
        let event = event.unwrap_or_else(|malformed| panic!("{events}: {}", malformed.error));
        let decided = intake.decide(&event, Instant::now());
        if let Some((_, verdict)) = decided.settled.iter().flatten().flat_map(Settled::lines).last() {
            return word(verdict);
        }
        last = word(decided.verdict);
    }
    last
}

pub fn names(targets: &[usize]) -> String {
    targets
        .iter()
        .map(|&target| SINKS[target])
        .collect::<Vec<_>>()
        .join("+")
}

pub fn event(kind: &str, record: &str) -> String {
    format!(r#"{{"time":"2026-11-20T09:14:02.820Z","type":"{kind}","record":{record}}}"#)
}

/// A log line of the function; `record` is JSON.
pub fn line(record: &str) -> String {
    event("function", record)
}

/// The start of an invocation.
pub fn start(request_id: &str) -> String {
    event("platform.start", &format!(r#"{{"requestId":"{request_id}"}}"#))
}

/// Its end.
pub fn done(request_id: &str, status: &str, duration_ms: f64) -> String {
    let record =
        format!(r#"{{"requestId":"{request_id}","status":"{status}","metrics":{{"durationMs":{duration_ms}}}}}"#);
    event("platform.runtimeDone", &record)
}
