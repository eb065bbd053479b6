//! Text of a log line, without what other columns say.

use std::borrow::Cow;

use serde_json::Value;

use crate::decode::lenient::{each_item, each_member, string};

/// A log line taken apart.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct LogText {
    /// Its first line.
    pub(crate) message: String,
    /// The members of a JSON line that are neither message nor trace: names and values, in their order.
    pub(crate) fields: Vec<(String, String)>,
    /// Its further lines: a stack trace, most often.
    pub(crate) more: Vec<String>,
    /// What is too much to be taken apart, as it is.
    rest: String,
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

/// Further lines that are shown of one line, members, and bytes of a message or value. A stack trace of Java has at
/// most 1,024 frames, and a line of Lambda 1 MiB. What is past it is said in numbers, and searched.
const MOST_LINES: usize = 2_000;
const MOST_FIELDS: usize = 500;

impl LogText {
    /// Of a record, as JSON text.
    pub(crate) fn new(record: &str, request: &str) -> Self {
        if record.starts_with('{') {
            return Self::of_object(record, request).unwrap_or_else(|| Self::of_text(record));
        }
        match string(record) {
            Some(line) => {
                let line = line.trim_end_matches(['\n', '\r']);
                let object = line.starts_with('{').then(|| Self::of_object(line, request)).flatten();
                object.unwrap_or_else(|| Self::of_text(without_prefix(line, request)))
            }
            None => Self::of_text(record),
        }
    }

    fn of_text(text: &str) -> Self {
        let (message, more) = text.split_once('\n').unwrap_or((text, ""));
        let mut new = Self {
            message: message.trim_end_matches('\r').to_owned(),
            ..Self::default()
        };
        if text.len() > message.len() {
            new.add_lines(more);
        }
        new
    }

    /// Adds lines below the message, and what there is no room for to the rest.
    fn add_lines(&mut self, text: &str) {
        let mut left = Some(text);
        while let Some(text) = left {
            if self.more.len() >= MOST_LINES {
                self.add_rest(text);
                return;
            }
            let (line, after) = match text.split_once('\n') {
                Some((line, after)) => (line, Some(after)),
                None => (text, None),
            };
            self.more.push(line.trim_end_matches('\r').to_owned());
            left = after;
        }
    }

    fn add_rest(&mut self, text: &str) {
        self.rest.push('\n');
        self.rest.push_str(text);
    }

    fn of_object(json: &str, request: &str) -> Option<Self> {
        let mut text = Self::default();
        let mut message = None;
        let is_object = each_member(json, |name, value| {
            let value = value.get();
            if message.is_none() && MESSAGES.contains(&name.as_ref()) && value.starts_with('"') {
                message = string(value);
            } else if (TRACES.contains(&name.as_ref()) && text.add_trace(value))
                || SHOWN_ELSEWHERE.contains(&name.as_ref())
            {
                // It has its place.
            } else if text.fields.len() >= MOST_FIELDS {
                text.rest.extend([" ", &name, "=", value]);
            } else {
                let value = string(value).map_or_else(|| value.to_owned(), quoted_if_needed);
                text.fields.push((name.into_owned(), value));
            }
        });
        if let Some(message) = message {
            let first = Self::of_text(without_prefix(message.trim_end(), request));
            text.message = first.message;
            text.more.splice(0..0, first.more);
            text.rest.insert_str(0, &first.rest);
            if text.more.len() > MOST_LINES {
                let rest = text.more.split_off(MOST_LINES).join("\n");
                text.add_rest(&rest);
            }
        }
        is_object.then_some(text)
    }

    /// Adds a stack trace: Python's runtime writes a list whose items have line breaks, others one long string. `false`
    /// for what is none.
    fn add_trace(&mut self, value: &str) -> bool {
        if let Some(text) = string(value) {
            let is_trace = text.contains('\n');
            if is_trace {
                self.add_lines(text.trim_end());
            }
            return is_trace;
        }
        let (mut lines, mut others) = (0, 0);
        each_item(value, |item| {
            *if item.get().starts_with('"') {
                &mut lines
            } else {
                &mut others
            } += 1
        });
        let is_trace = lines > 0 && others == 0;
        if is_trace {
            each_item(value, |item| {
                self.add_lines(string(item.get()).unwrap_or_default().trim_end())
            });
        }
        is_trace
    }

    /// What was not taken apart, as a person is told of it; none: all of it was.
    pub(crate) fn left_out(&self) -> Option<String> {
        (!self.rest.is_empty()).then(|| format!("… and {} more bytes: --json shows them", self.rest.len()))
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
        plain.push_str(&self.rest);
        plain
    }
}

fn quoted_if_needed(value: Cow<'_, str>) -> String {
    let bare = |char: char| !char.is_whitespace() && !char.is_control() && !matches!(char, '"' | '=');
    if !value.is_empty() && value.chars().all(bare) {
        return value.into_owned();
    }
    Value::from(value.as_ref()).to_string()
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
    #[test]
    fn what_strict_readers_refuse_is_shown_and_searched() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for (record, expected) in [
            (
                r#"{"level":"ERROR","message":"order \ud83d failed","order":7}"#,
                "order \u{fffd} failed order=7",
            ),
            (r#""[ERROR] order \udc00 failed\n""#, "[ERROR] order \u{fffd} failed"),
            (r#"{"message":"too large","value":1e999}"#, "too large value=1e999"),
            (
                &format!(r#"{{"message":"deep","value":{deep}}}"#),
                &format!("deep value={deep}"),
            ),
            (r#"{"message":"twice","a":1,"a":2}"#, "twice a=1 a=2"),
            (
                r#"{"message":"x","\ud83d":1e999,"stack":["a\ud83d"]}"#,
                "x \u{fffd}=1e999\na\u{fffd}",
            ),
            (
                r#""{\"message\":\"in a string\",\"value\":1e999}""#,
                "in a string value=1e999",
            ),
        ] {
            assert_eq!(LogText::new(record, REQUEST).plain(), expected, "{record}");
        }
    }

    #[test]
    fn what_is_too_much_is_said_and_searched() {
        for record in [
            json!("x\n".repeat(100_000) + "needle"),
            json!({"message": "x", "stack": vec!["x"; 100_000].join("\n") + "\nneedle"}),
            json!({"message": "x\n".repeat(100_000) + "needle"}),
            json!(
                (0..50_000)
                    .map(|id| (format!("{id:06}"), json!("x")))
                    .chain([("needle".into(), json!(1))])
                    .collect::<Value>()
            ),
        ] {
            let text = LogText::new(&record.to_string(), REQUEST);
            assert!(text.more.len() <= MOST_LINES && text.fields.len() <= MOST_FIELDS);
            assert!(text.plain().contains("needle") && text.left_out().is_some());
        }
    }
}
