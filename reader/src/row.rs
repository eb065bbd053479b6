//! `forwarder.invocation`, the row of one invocation: its values as text for a person.

use forwarder_core::telemetry::event::INVOCATION;
use serde_json::Value;

use crate::decode::lenient;
use crate::numbers::{counted, milliseconds};
use crate::summary::{Summary, joined};

/// One invocation. A text is empty where nothing is known. Nothing in it is harmless on a terminal yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) function: String,
    pub(crate) request: String,
    pub(crate) trace: String,
    pub(crate) execution: String,
    pub(crate) verdict: String,
    /// How long the start took that somebody waited for, or that it was none.
    pub(crate) cold_start: String,
    pub(crate) duration: String,
    pub(crate) billed: String,
    /// `91/128`, MB.
    pub(crate) memory: String,
    pub(crate) lines: Option<u64>,
    /// Lines of level `error` and above.
    pub(crate) errors: Option<u64>,
    /// The first of them; where there is none, the type of the error that Lambda told.
    pub(crate) first_error: String,
    /// False: its start, its report or a part of its lines is missing.
    pub(crate) is_complete: bool,
}

impl Row {
    /// The row in an event, its record as JSON text; none: it is an event of another type.
    pub(crate) fn of(kind: &str, record: &str) -> Option<Self> {
        (kind == INVOCATION).then(|| Self::of_record(&lenient::value(record)))
    }

    /// Whoever may write to the stream may write anything: a value of another type is one that is not known.
    fn of_record(record: &Value) -> Self {
        let text = |name: &str| {
            let value = record.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let number = |name: &str| record.get(name).and_then(Value::as_f64);
        let count = |name: &str| record.get(name).and_then(Value::as_u64);
        let time = |name: &str| number(name).map(milliseconds).unwrap_or_default();
        let cold_start = match record.get("coldStart") {
            Some(Value::Bool(true)) => match number("initMs").or(number("restoreMs")) {
                Some(ms) => milliseconds(ms),
                None => "yes".to_owned(),
            },
            Some(Value::Bool(false)) => "no".to_owned(),
            _ => String::new(),
        };
        let memory = number("maxMemoryMb").zip(number("memoryMb"));
        let first_error = Some(text("firstError")).filter(|text| !text.is_empty());
        Self {
            function: text("functionName"),
            request: text("requestId"),
            trace: text("traceId"),
            execution: text("executionArn"),
            verdict: text("verdict"),
            cold_start,
            duration: time("durationMs"),
            billed: time("billedMs"),
            memory: memory.map_or_else(String::new, |(used, size)| format!("{used}/{size}")),
            lines: count("lines"),
            errors: count("error").map(|errors| errors.saturating_add(count("fatal").unwrap_or_default())),
            first_error: first_error.unwrap_or_else(|| text("errorType")),
            is_complete: record.get("complete") != Some(&Value::Bool(false)),
        }
    }

    /// True if the invocation went wrong.
    pub(crate) fn has_failed(&self) -> bool {
        !matches!(self.verdict.as_str(), "success" | "unknown" | "")
    }

    /// The row as one line among others.
    pub(crate) fn summary(&self) -> Summary {
        let named = |name: &str, value: &str| match value {
            "" => String::new(),
            value => format!("{name}{value}"),
        };
        let cold_start = match self.cold_start.as_str() {
            "" | "no" => String::new(),
            "yes" => "cold start".to_owned(),
            time => format!("cold start {time}"),
        };
        let memory = match self.memory.as_str() {
            "" => String::new(),
            memory => format!("{memory} MB"),
        };
        let errors = self.errors.filter(|errors| *errors > 0);
        let text = joined([
            self.verdict.clone(),
            self.duration.clone(),
            named("billed ", &self.billed),
            cold_start,
            memory,
            self.lines
                .map_or_else(String::new, |lines| counted(lines, "line", "lines")),
            errors.map_or_else(String::new, |errors| counted(errors, "error", "errors")),
            self.first_error.clone(),
            if self.is_complete { "" } else { INCOMPLETE }.to_owned(),
        ]);
        Summary {
            badge: "ROW",
            text,
            is_bad: self.has_failed(),
        }
    }
}

/// Mark of a row with `complete` `false`.
pub(crate) const INCOMPLETE: &str = "(incomplete)";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(record: &Value) -> Row {
        Row::of(INVOCATION, &record.to_string()).unwrap()
    }

    #[test]
    fn a_row_of_an_invocation_is_one_line() {
        let mut record = json!({"verdict": "error", "durationMs": 12.5, "billedMs": 194, "coldStart": true, "initMs": 180.1,
            "memoryMb": 128, "maxMemoryMb": 91, "lines": 12, "error": 1, "fatal": 0, "errorType": "ValueError",
            "firstError": "no stock", "restoreMs": null, "complete": true});
        assert_eq!(
            row(&record).summary().text,
            "error · 12.5 ms · billed 194 ms · cold start 180 ms · 91/128 MB · 12 lines · 1 error · no stock"
        );
        record["complete"] = false.into();
        assert!(row(&record).summary().text.ends_with(" · no stock · (incomplete)"));
        assert!(row(&record).summary().is_bad);
    }

    #[test]
    fn each_value_is_taken_from_its_member() {
        let mut record = json!({"coldStart": true, "initMs": null, "restoreMs": 7, "errorType": "Runtime.ExitError",
            "error": 2, "fatal": 3, "verdict": "crash"});
        let found = row(&record);
        assert_eq!((found.cold_start.as_str(), found.errors), ("7 ms", Some(5)));
        assert_eq!(found.first_error, "Runtime.ExitError", "there is no line of an error");
        assert!(found.has_failed());
        record["restoreMs"] = Value::Null;
        record["verdict"] = "unknown".into();
        assert_eq!(row(&record).cold_start, "yes");
        record["coldStart"] = false.into();
        assert_eq!(row(&record).cold_start, "no");
        assert!(!row(&record).has_failed());
    }

    #[test]
    fn what_has_another_type_is_not_known() {
        let nothing = row(&json!({}));
        assert!(nothing.duration.is_empty() && nothing.lines.is_none() && nothing.is_complete);
        let evil = json!(["\u{1b}[2J", {"a": 1}]);
        let members = [
            "functionName",
            "verdict",
            "coldStart",
            "durationMs",
            "billedMs",
            "lines",
            "error",
            "firstError",
        ];
        let members = members.iter().map(|name| ((*name).to_owned(), evil.clone()));
        assert_eq!(row(&Value::Object(members.collect())), nothing);
        assert_eq!(row(&json!("text")), nothing);
        assert_eq!(Row::of(INVOCATION, r#"{"durationMs":1e999}"#), Some(nothing));
        assert_eq!(Row::of("function", "{}"), None);
    }
}
