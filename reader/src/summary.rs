//! Platform events, and the forwarder's own, as one line each.

use serde_json::Value;

use crate::numbers;

/// Summary of an event that is no log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// One word for its type.
    pub(crate) badge: &'static str,
    pub(crate) text: String,
    /// It tells of something that went wrong.
    pub(crate) is_bad: bool,
}

/// From its type and its record.
pub(crate) fn summary(kind: &str, record: &Value) -> Summary {
    let text = |path: &str| record.pointer(path).map(plain).unwrap_or_default();
    let status = || match text("/errorType").as_str() {
        "" => text("/status"),
        error => format!("{} ({error})", text("/status")),
    };
    let ms = || {
        record
            .pointer("/metrics/durationMs")
            .map(milliseconds)
            .unwrap_or_default()
    };
    let is_bad = matches!(record.pointer("/status").and_then(Value::as_str), Some(status) if status != "success");
    let (badge, text) = match kind {
        "platform.initStart" => (
            "INIT",
            joined([text("/runtimeVersion"), format!("version {}", text("/functionVersion"))]),
        ),
        "platform.initRuntimeDone" => ("INIT", format!("runtime ready: {}", status())),
        "platform.initReport" => ("INIT", joined([status(), ms()])),
        "platform.restoreStart" => ("RESTORE", format!("version {}", text("/functionVersion"))),
        "platform.restoreRuntimeDone" => ("RESTORE", format!("runtime ready: {}", status())),
        "platform.restoreReport" => ("RESTORE", joined([status(), ms()])),
        "platform.extension" => ("EXT", joined([text("/name"), text("/state"), text("/errorType")])),
        "platform.telemetrySubscription" => ("EXT", format!("{} subscribed to {}", text("/name"), text("/types"))),
        "platform.start" => ("START", String::new()),
        "platform.runtimeDone" => ("DONE", joined([status(), ms()])),
        "platform.report" => ("REPORT", report(record, status())),
        "platform.logsDropped" => {
            let text = format!("Lambda dropped {} lines: {}", text("/droppedRecords"), text("/reason"));
            return Summary {
                badge: "LOST",
                text,
                is_bad: true,
            };
        }
        "forwarder.report" => {
            let last = record.pointer("/final") == Some(&Value::Bool(true));
            let text = format!(
                "{}: {} lines in {} records",
                if last { "last report" } else { "report" },
                text("/counters/delivered"),
                text("/counters/records"),
            );
            ("FWD", text)
        }
        "forwarder.dropped" => {
            let text = format!("dropped {}: {}", ranges(record), text("/reason"));
            return Summary {
                badge: "FWD",
                text,
                is_bad: true,
            };
        }
        "forwarder.unparsed" => {
            let text = format!("could not be read ({}): {}", text("/error"), text("/body"));
            return Summary {
                badge: "FWD",
                text,
                is_bad: true,
            };
        }
        _ => ("EVENT", format!("{kind} {record}")),
    };
    Summary { badge, text, is_bad }
}

fn report(record: &Value, status: String) -> String {
    let metric = |name: &str| record.pointer("/metrics").and_then(|metrics| metrics.get(name));
    let time = |name: &str, before: &str| metric(name).map(|ms| format!("{before}{}", milliseconds(ms)));
    let memory = metric("maxMemoryUsedMB").zip(metric("memorySizeMB"));
    joined([
        status,
        time("durationMs", "").unwrap_or_default(),
        time("billedDurationMs", "billed ").unwrap_or_default(),
        time("initDurationMs", "cold start ").unwrap_or_default(),
        time("restoreDurationMs", "restore ").unwrap_or_default(),
        memory.map_or_else(String::new, |(used, size)| {
            format!("{}/{} MB", plain(used), plain(size))
        }),
    ])
}

/// `lines 0–4, 9`
fn ranges(record: &Value) -> String {
    let pair = |range: &Value| Some((range.get(0)?.as_u64()?, range.get(1)?.as_u64()?));
    let ranges = record
        .get("ranges")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(pair);
    let ranges: Vec<_> = ranges
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}–{last}")
            }
        })
        .collect();
    format!("lines {}", ranges.join(", "))
}

/// What there is of it, separated by dots.
pub(crate) fn joined<const COUNT: usize>(parts: [String; COUNT]) -> String {
    let there: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    there.join(" · ")
}

fn milliseconds(value: &Value) -> String {
    value.as_f64().map_or_else(|| plain(value), numbers::milliseconds)
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

    fn text(kind: &str, record: &Value) -> String {
        let summary = summary(kind, record);
        format!("{} {}", summary.badge, summary.text)
    }

    #[test]
    fn a_report_is_one_line() {
        let mut record = json!({"status": "success", "metrics": {"durationMs": 12.52, "billedDurationMs": 13,
            "memorySizeMB": 512, "maxMemoryUsedMB": 33, "initDurationMs": 180.25}});
        assert_eq!(
            text("platform.report", &record),
            "REPORT success · 12.5 ms · billed 13 ms · cold start 180 ms · 33/512 MB"
        );
        record = json!({"status": "error", "errorType": "Runtime.ExitError", "metrics": {"durationMs": 90_000}});
        assert_eq!(
            text("platform.report", &record),
            "REPORT error (Runtime.ExitError) · 90.0 s"
        );
        assert!(summary("platform.report", &record).is_bad);
    }

    #[test]
    fn what_the_forwarder_says_of_itself_is_one_line() {
        let record = json!({"counters": {"delivered": 41, "records": 3}, "final": true});
        assert_eq!(
            text("forwarder.report", &record),
            "FWD last report: 41 lines in 3 records"
        );
        let record = json!({"reason": "buffer_full", "ranges": [[0, 4], [9, 9]]});
        assert_eq!(
            text("forwarder.dropped", &record),
            "FWD dropped lines 0–4, 9: buffer_full"
        );
        assert!(summary("forwarder.dropped", &record).is_bad);
    }

    #[test]
    fn an_unknown_type_is_shown_as_it_is() {
        assert_eq!(text("platform.new", &json!({"a": 1})), r#"EVENT platform.new {"a":1}"#);
        assert_eq!(text("platform.report", &json!(7)), "REPORT ");
    }
}
