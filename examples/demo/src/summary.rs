//! Platform events, and the forwarder's own, as one sentence each.

use serde_json::Value;

/// What an event that is no log line says, from its type and its record.
pub(crate) fn summary(kind: &str, record: &Value) -> String {
    let text = |path: &str| record.pointer(path).map(plain).unwrap_or_default();
    let status = || match text("/errorType").as_str() {
        "" => text("/status"),
        error => format!("{} ({error})", text("/status")),
    };
    match kind {
        "platform.initStart" => format!("init of version {}", text("/functionVersion")),
        "platform.initRuntimeDone" => format!("init of the runtime: {}", status()),
        "platform.initReport" => format!("init report: {}, {} ms", status(), text("/metrics/durationMs")),
        "platform.extension" => format!("extension {}: {}", text("/name"), text("/state")),
        "platform.telemetrySubscription" => format!("{} subscribed to {}", text("/name"), text("/types")),
        "platform.start" => "start".to_owned(),
        "platform.runtimeDone" => format!("done: {}, {} ms", status(), text("/metrics/durationMs")),
        "platform.report" => report(record, &status()),
        "platform.logsDropped" => format!("Lambda dropped {} lines: {}", text("/droppedRecords"), text("/reason")),
        "forwarder.report" => format!(
            "forwarder{}: {} lines in {} records",
            if record.pointer("/final") == Some(&Value::Bool(true)) {
                ", last report"
            } else {
                ""
            },
            text("/counters/delivered"),
            text("/counters/records"),
        ),
        "forwarder.dropped" => format!("forwarder dropped {}: {}", text("/ranges"), text("/reason")),
        _ => format!("{kind} {record}"),
    }
}

fn report(record: &Value, status: &str) -> String {
    let metric = |name: &str| {
        record
            .pointer("/metrics")
            .and_then(|metrics| metrics.get(name))
            .map(plain)
    };
    let mut sentence = format!("report: {status}");
    for (name, before, after) in [
        ("durationMs", "", " ms"),
        ("billedDurationMs", "billed ", " ms"),
        ("initDurationMs", "init ", " ms"),
    ] {
        if let Some(value) = metric(name) {
            sentence.push_str(&format!(", {before}{value}{after}"));
        }
    }
    if let (Some(used), Some(size)) = (metric("maxMemoryUsedMB"), metric("memorySizeMB")) {
        sentence.push_str(&format!(", {used} of {size} MB"));
    }
    sentence
}

/// A string without its quotes, a list with commas, anything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_is_one_line() {
        let mut record = json!({"status": "success", "metrics": {"durationMs": 12.5, "billedDurationMs": 13,
            "memorySizeMB": 512, "maxMemoryUsedMB": 33, "initDurationMs": 80.25}});
        assert_eq!(
            summary("platform.report", &record),
            "report: success, 12.5 ms, billed 13 ms, init 80.25 ms, 33 of 512 MB"
        );
        record = json!({"status": "error", "errorType": "Runtime.ExitError", "metrics": {"durationMs": 1}});
        assert_eq!(
            summary("platform.report", &record),
            "report: error (Runtime.ExitError), 1 ms"
        );
    }

    #[test]
    fn what_the_forwarder_says_of_itself_is_one_line() {
        let record = json!({"counters": {"delivered": 41, "records": 3}, "final": true});
        assert_eq!(
            summary("forwarder.report", &record),
            "forwarder, last report: 41 lines in 3 records"
        );
        let record = json!({"reason": "buffer_full", "ranges": [[0, 4], [9, 9]]});
        assert_eq!(
            summary("forwarder.dropped", &record),
            "forwarder dropped 0, 4, 9, 9: buffer_full"
        );
    }

    #[test]
    fn an_unknown_type_is_shown_as_it_is() {
        assert_eq!(summary("platform.new", &json!({"a": 1})), r#"platform.new {"a":1}"#);
    }
}
