//! Printing: the function's lines, counted.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::SystemTime;

use serde::Serialize;

use crate::order::{Format, Level, Order};

/// Count of printed lines.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Printed {
    /// Lines, those of stack traces included.
    lines: usize,
    /// Bytes, line breaks included.
    bytes: usize,
    /// Lines that carry a level, by that level.
    by_level: BTreeMap<&'static str, usize>,
    /// Lines without a level: the inner ones of a stack trace in a text format.
    without_level: usize,
}

/// Prints in the order's format, one write a line.
pub(crate) struct Printer<'a, W> {
    order: &'a Order,
    about: About<'a>,
    out: W,
    printed: Printed,
}

/// Members of a line about its invocation: JSON lines all of it, others the request.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct About<'a> {
    pub(crate) request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) execution_arn: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLine<'a> {
    timestamp: &'a str,
    level: &'a str,
    #[serde(flatten)]
    about: About<'a>,
    message: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stack_trace: &'a [&'a str],
}

/// The shape of a Python traceback, which other languages' traces share: only its first line has a level.
const TRACE: [&str; 5] = [
    "Traceback (most recent call last):",
    "  File \"/var/task/app.py\", line 12, in handler",
    "    total = price / quantity",
    "            ~~~~~~^~~~~~~~~~",
    "ZeroDivisionError: division by zero",
];

impl<'a, W: Write> Printer<'a, W> {
    pub(crate) fn new(order: &'a Order, about: About<'a>, out: W) -> Self {
        Self {
            order,
            about,
            out,
            printed: Printed::default(),
        }
    }

    /// The lines that were ordered, each numbered: `line 1/10`.
    pub(crate) fn lines(&mut self) -> io::Result<()> {
        for index in 0..self.order.lines {
            let mut message = format!("{} {}/{}", self.order.message, index + 1, self.order.lines);
            let missing = self.order.bytes.saturating_sub(message.len());
            if missing > 0 {
                message.push(' ');
                message.extend(std::iter::repeat_n('x', missing - 1));
            }
            self.line(self.order.level.of_line(index), &message, &[])?;
        }
        Ok(())
    }

    /// A stack trace: one JSON object, or several lines of text.
    pub(crate) fn stack_trace(&mut self) -> io::Result<()> {
        if self.order.format == Format::Json {
            return self.line(Level::Error, "division by zero", &TRACE);
        }
        self.line(Level::Error, "the handler failed", &[])?;
        for line in TRACE {
            self.raw(line)?;
            self.printed.without_level += 1;
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<Printed> {
        self.out.flush()?;
        Ok(self.printed)
    }

    fn line(&mut self, level: Level, message: &str, stack_trace: &[&str]) -> io::Result<()> {
        let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let (name, id) = (level.name(), self.about.request_id);
        let line = match self.order.format {
            Format::Text => format!("[{name}]\t{time}\t{id}\t{message}"),
            Format::Node => format!("{time}\t{id}\t{name}\t{message}"),
            Format::Tracing => format!("{time} {name:>5} test_function: {message} request_id={id}"),
            Format::Json => serde_json::to_string(&JsonLine {
                timestamp: &time,
                level: name,
                about: self.about,
                message,
                stack_trace,
            })?,
        };
        *self.printed.by_level.entry(name).or_default() += 1;
        self.raw(&line)
    }

    fn raw(&mut self, line: &str) -> io::Result<()> {
        let whole = format!("{line}\n");
        self.printed.lines += 1;
        self.printed.bytes += whole.len();
        self.out.write_all(whole.as_bytes())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn print(order: &str) -> (String, Printed) {
        let order: Order = serde_json::from_str(order).unwrap();
        let mut out = Vec::new();
        let about = About {
            request_id: "id-1",
            tenant_id: None,
            execution_arn: order.durable_execution_arn.as_deref(),
        };
        let mut printer = Printer::new(&order, about, &mut out);
        printer.lines().unwrap();
        if order.stack_trace {
            printer.stack_trace().unwrap();
        }
        let printed = printer.finish().unwrap();
        (String::from_utf8(out).unwrap(), printed)
    }

    #[test]
    fn what_is_counted_is_what_is_printed() {
        for format in ["text", "node", "tracing", "json"] {
            let order = format!(r#"{{"lines":8,"level":"mixed","format":"{format}","bytes":50,"stackTrace":true}}"#);
            let (text, printed) = print(&order);
            assert_eq!(text.lines().count(), printed.lines, "{format}");
            assert_eq!(text.len(), printed.bytes, "{format}");
            let levels: usize = printed.by_level.values().sum();
            assert_eq!(levels + printed.without_level, printed.lines, "{format}");
        }
    }

    #[test]
    fn messages_are_numbered_and_as_long_as_ordered() {
        let (text, _) = print(r#"{"lines":2,"message":"order","bytes":20}"#);
        let messages: Vec<&str> = text.lines().filter_map(|line| line.rsplit('\t').next()).collect();
        assert_eq!(messages, ["order 1/2 xxxxxxxxxx", "order 2/2 xxxxxxxxxx"]);
    }

    #[test]
    fn json_lines_are_objects_with_level_and_request() {
        let (text, _) = print(r#"{"format":"json","level":"warn","message":"a \"b\""}"#);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line.get("level").unwrap(), "WARN");
        assert_eq!(line.get("requestId").unwrap(), "id-1");
        assert_eq!(line.get("message").unwrap(), "a \"b\" 1/1");
        assert!(line.get("tenantId").is_none() && line.get("executionArn").is_none());
        let (text, _) = print(r#"{"format":"json","DurableExecutionArn":"arn:1"}"#);
        assert!(text.contains(r#""executionArn":"arn:1""#), "{text}");
    }
}
