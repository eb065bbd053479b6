//! A route table before a stream of events.

use std::sync::Arc;

use forwarder_core::route::{Decision, Outcome, Router, Routes};
use forwarder_core::telemetry::batch::Batch;
use forwarder_core::telemetry::invocation::Attribution;

pub const SINKS: [&str; 3] = ["kinesis", "firehose", "stdout"];

/// Where the last of these events goes: `kinesis`, `kinesis+stdout`, `drop`, `sampled`, `unmatched`; `kept …` or `not kept` for
/// what waits, by the outcome of the next event if that ends an invocation, else `waits`.
pub fn route(rules: &str, events: &str) -> String {
    let routes = Routes::parse(rules, &SINKS).unwrap_or_else(|errors| panic!("{rules}: {errors:#?}"));
    let mut router = Router::new(Arc::new(routes.clone()));
    let mut attribution = Attribution::new(false);
    let body = format!("[{events}]");
    let mut verdict = String::new();
    let mut waiting = None;
    for event in Batch::new(body.as_bytes()) {
        let event = event.unwrap_or_else(|malformed| panic!("{events}: {}", malformed.error));
        let context = attribution.observe(&event);
        if let (Some(candidates), Some(outcome)) = (waiting.take(), Outcome::of(&event)) {
            return match routes.kept(candidates, Some(&outcome)) {
                Some((_, targets)) => format!("kept {}", names(targets)),
                None => "not kept".into(),
            };
        }
        verdict = match router.decide(&event, context.request_id) {
            Decision::To(_, targets) => names(targets),
            Decision::Drop(_) => "drop".into(),
            Decision::Wait(candidates) => {
                waiting = Some(candidates);
                "waits".into()
            }
            Decision::Sampled => "sampled".into(),
            Decision::Unmatched => "unmatched".into(),
        };
    }
    verdict
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
