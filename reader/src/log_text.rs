//! What a log line says, without what other columns say.

use serde_json::Value;

use crate::members::Members;

/// A log line taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LogText {
    /// Its first line.
    pub(crate) message: String,
    /// The members of a JSON line that are neither message nor trace: names and values, in their order.
    pub(crate) fields: Vec<(String, String)>,
    /// Its further lines: a stack trace, most often.
    pub(crate) more: Vec<String>,
}

/// Members of a JSON line that have columns of their own, or say again what the event says.
const SHOWN_ELSEWHERE: [&str; 9] = [
    "timestamp",
    "time",
    "@timestamp",
    "ts",
    "level",
    "severity",
    "requestId",
    "AWSRequestId",
    "function_request_id",
];

/// Under these names loggers write what a line says.
const MESSAGES: [&str; 3] = ["message", "msg", "errorMessage"];

/// Under these names loggers write stack traces.
const TRACES: [&str; 6] = [
    "stackTrace",
    "stack_trace",
    "stacktrace",
    "stack",
    "exception",
    "traceback",
];

impl LogText {
    /// Of a record, as JSON text.
    pub(crate) fn new(record: &str, request: &str) -> Self {
        if record.starts_with('{') {
            return Self::of_object(record, request).unwrap_or_default();
        }
        match serde_json::from_str(record) {
            Ok(Value::String(line)) => {
                let line = line.trim_end_matches(['\n', '\r']);
                let object = line.starts_with('{').then(|| Self::of_object(line, request)).flatten();
                object.unwrap_or_else(|| Self::of_text(without_prefix(line, request)))
            }
            _ => Self::of_text(record),
        }
    }

    fn of_text(text: &str) -> Self {
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r').to_owned());
        Self {
            message: lines.next().unwrap_or_default(),
            fields: Vec::new(),
            more: lines.collect(),
        }
    }

    fn of_object(json: &str, request: &str) -> Option<Self> {
        let Members(members) = serde_json::from_str(json).ok()?;
        let mut text = Self::default();
        let mut has_message = false;
        for (name, value) in members {
            match value {
                Value::String(message) if !has_message && MESSAGES.contains(&name.as_str()) => {
                    has_message = true;
                    let Self { message, more, .. } = Self::of_text(without_prefix(message.trim_end(), request));
                    text.message = message;
                    text.more.splice(0..0, more);
                }
                value if TRACES.contains(&name.as_str()) && is_trace(&value) => text.more.extend(lines(&value)),
                _ if SHOWN_ELSEWHERE.contains(&name.as_str()) => {}
                Value::String(value) => text.fields.push((name, quoted_if_needed(value))),
                value => text.fields.push((name, value.to_string())),
            }
        }
        Some(text)
    }

    /// All of it as text: what `--grep` looks into.
    pub(crate) fn plain(&self) -> String {
        let mut plain = self.message.clone();
        for (name, value) in &self.fields {
            plain.extend([" ", name, "=", value]);
        }
        for line in &self.more {
            plain.extend(["\n", line]);
        }
        plain
    }
}

fn is_trace(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\n'),
        Value::Array(lines) => !lines.is_empty() && lines.iter().all(Value::is_string),
        _ => false,
    }
}

/// Each line of a trace: Python's runtime writes a list whose items have line breaks, others one long string.
fn lines(trace: &Value) -> Vec<String> {
    let of = |text: &str| text.trim_end().lines().map(str::to_owned).collect::<Vec<_>>();
    match trace {
        Value::String(text) => of(text),
        Value::Array(items) => items.iter().filter_map(Value::as_str).flat_map(of).collect(),
        _ => Vec::new(),
    }
}

fn quoted_if_needed(value: String) -> String {
    let bare = |char: char| !char.is_whitespace() && !char.is_control() && !matches!(char, '"' | '=');
    if !value.is_empty() && value.chars().all(bare) {
        return value;
    }
    Value::String(value).to_string()
}

/// Lambda's runtimes put three fields before a message, separated by tabs: level, time and request id in some order.
fn without_prefix<'a>(line: &'a str, request: &str) -> &'a str {
    let fields: Vec<&str> = line.splitn(4, '\t').collect();
    match fields.as_slice() {
        [before @ .., message] if before.len() == 3 && !request.is_empty() && before.contains(&request) => message,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const REQUEST: &str = "8f2a11c0-5b7a-4c53-9a41-3f9d2b6c8e10";

    fn plain(record: Value) -> String {
        LogText::new(&record.to_string(), REQUEST).plain()
    }

    #[test]
    fn a_text_line_comes_without_what_the_columns_say() {
        for line in [
            format!("[WARN]\t2026-11-20T09:14:02.820Z\t{REQUEST}\tstock is\tlow\n"),
            format!("2026-11-20T09:14:02.820Z\t{REQUEST}\tWARN\tstock is\tlow\n"),
        ] {
            assert_eq!(plain(json!(line)), "stock is\tlow");
        }
        assert_eq!(
            plain(json!("[WARN]\tof\tsomething\telse\n")),
            "[WARN]\tof\tsomething\telse"
        );
        assert_eq!(plain(json!("one\r\ntwo\n")), "one\ntwo");
    }

    #[test]
    fn a_json_line_is_its_message_and_its_other_members_in_their_order() {
        let record = format!(
            r#"{{"timestamp":"t","level":"ERROR","requestId":"{REQUEST}","zone":"a b","message":"no stock","left":0,"at":"x"}}"#
        );
        let expected = r#"no stock zone="a b" left=0 at=x"#;
        assert_eq!(LogText::new(&record, REQUEST).plain(), expected);
        assert_eq!(plain(json!(format!("{record}\n"))), expected, "as a string too");
    }

    #[test]
    fn traces_are_lines_in_every_shape() {
        let expected = "division by zero errorType=ZeroDivisionError\n  File \"app.py\", line 3\n    1 / 0";
        let python = json!({"errorMessage": "division by zero", "errorType": "ZeroDivisionError",
            "stackTrace": ["  File \"app.py\", line 3\n    1 / 0\n"]});
        assert_eq!(plain(python), expected);
        let java = json!({"message": "failed\n\tat f", "stack": "E: x\n\tat g\n"});
        assert_eq!(plain(java), "failed\n\tat f\nE: x\n\tat g");
        assert_eq!(plain(json!({"msg": "x", "exception": "none"})), "x exception=none");
    }

    #[test]
    fn what_is_neither_text_nor_object_stays_as_it_is() {
        for record in [json!(7), json!(null), json!([1, "a"])] {
            assert_eq!(plain(record.clone()), record.to_string());
        }
        assert_eq!(plain(json!("{no json}\n")), "{no json}");
    }
}
