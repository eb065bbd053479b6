//! Events of invocations, as Lambda posts them.

use forwarder_core::Forwarder;
use serde_json::{Value, json};

pub fn event(kind: &str, second: u32, record: &Value) -> String {
    let kind = if kind == "function" {
        kind.to_owned()
    } else {
        format!("platform.{kind}")
    };
    json!({"time": format!("2026-11-20T09:14:{second:02}.000Z"), "type": kind, "record": record}).to_string()
}

pub fn start(second: u32, id: &str) -> String {
    event("start", second, &json!({"requestId": id, "version": "7"}))
}

pub fn line(second: u32, text: &str) -> String {
    event("function", second, &text.into())
}

pub fn done(second: u32, id: &str, status: &str, error_type: Option<&str>) -> String {
    let mut record = json!({"requestId": id, "status": status, "metrics": {"durationMs": 12.5, "producedBytes": 18},
        "spans": [{"name": "responseLatency", "start": "t", "durationMs": 11.0}, {"name": "responseDuration", "start": "t", "durationMs": 1.0}]});
    if let Some(error_type) = error_type {
        record["errorType"] = error_type.into();
    }
    event("runtimeDone", second, &record)
}

pub fn report(second: u32, id: &str, status: &str, used: u32) -> String {
    let metrics = json!({"durationMs": 12.5, "billedDurationMs": 194, "memorySizeMB": 128, "maxMemoryUsedMB": used});
    event(
        "report",
        second,
        &json!({"requestId": id, "status": status, "metrics": metrics}),
    )
}

pub fn accept(forwarder: &Forwarder, events: &[String]) {
    forwarder.accept(format!("[{}]", events.join(",")).as_bytes());
}

pub fn init(kind: &str) -> Vec<String> {
    vec![
        event(
            "initStart",
            0,
            &json!({"initializationType": kind, "phase": "init", "instanceId": "4be7"}),
        ),
        event(
            "initReport",
            0,
            &json!({"initializationType": kind, "phase": "init", "metrics": {"durationMs": 180.1}}),
        ),
    ]
}
