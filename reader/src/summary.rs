//! Platform events, and the forwarder's own, as one line each.

use serde_json::Value;

use crate::numbers::counted;

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
        "forwarder.invocation" => {
            let count = |name: &str, one: &str, many: &str| match record.get(name).and_then(Value::as_u64) {
                None => String::new(),
                Some(count) => counted(count, one, many),
            };
            let time = |name: &str, before: &str| match record.get(name) {
                None | Some(Value::Null) => String::new(),
                Some(ms) => format!("{before}{}", milliseconds(ms)),
            };
            let errors = record.get("error").and_then(Value::as_u64).filter(|errors| *errors > 0);
            let text = joined([
                text("/verdict"),
                time("durationMs", ""),
                time("billedMs", "billed "),
                time("initMs", "cold start "),
                count("lines", "line", "lines"),
                errors.map_or_else(String::new, |errors| counted(errors, "error", "errors")),
            ]);
            ("ROW", text)
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
fn joined<const COUNT: usize>(parts: [String; COUNT]) -> String {
    let there: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    there.join(" · ")
}

fn milliseconds(value: &Value) -> String {
    match value.as_f64() {
        Some(ms) if ms >= 10_000.0 => format!("{:.1} s", ms / 1_000.0),
        Some(ms) if ms >= 100.0 || ms.fract() == 0.0 => format!("{ms:.0} ms"),
        Some(ms) => format!("{ms:.1} ms"),
        None => plain(value),
    }
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
    fn a_row_of_an_invocation_is_one_line() {
        let record = json!({"verdict": "error", "durationMs": 12.5, "billedMs": 194, "initMs": 180.1, "lines": 12, "error": 1,
            "errorType": null, "restoreMs": null});
        assert_eq!(
            text("forwarder.invocation", &record),
            "ROW error · 12.5 ms · billed 194 ms · cold start 180 ms · 12 lines · 1 error"
        );
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
