//! Checks, in the order in which they were made.

use std::io::{self, Write};

use serde_json::{Value, json};

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// As it must be.
    Ok,
    /// Not as it should be, or not known.
    Warn,
    /// Lines would not arrive.
    Fail,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One check.
#[derive(Debug, Clone)]
pub(super) struct Check {
    status: Status,
    message: String,
    /// Empty where nothing is to be done.
    fix: String,
}

impl Check {
    pub(super) fn ok(message: impl Into<String>) -> Self {
        Self::new(Status::Ok, message, "")
    }

    pub(super) fn warn(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Status::Warn, message, fix)
    }

    pub(super) fn fail(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Status::Fail, message, fix)
    }

    pub(super) fn new(status: Status, message: impl Into<String>, fix: impl Into<String>) -> Self {
        // A message of a service may have line breaks, and a check is one line.
        let line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            status,
            message: line(message.into()),
            fix: line(fix.into()),
        }
    }
}

/// All checks of a run: sink, if it is about one; name; result.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(Option<String>, &'static str, Check)>);

impl Report {
    pub(super) fn add(&mut self, sink: Option<&str>, name: &'static str, check: Check) {
        self.0.push((sink.map(str::to_owned), name, check));
    }

    pub(super) fn has_failed(&self) -> bool {
        self.count(Status::Fail) > 0
    }

    fn count(&self, status: Status) -> usize {
        self.0.iter().filter(|(_, _, check)| check.status == status).count()
    }

    /// One line a check, and the sum.
    pub(super) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for (sink, name, check) in &self.0 {
            writeln!(out, "{:4}  {}", check.status.name(), text(sink.as_deref(), name, check))?;
        }
        let [ok, warn, fail] = [Status::Ok, Status::Warn, Status::Fail].map(|status| self.count(status));
        writeln!(out, "\n{ok} ok, {warn} warn, {fail} fail")
    }

    pub(super) fn as_json(&self) -> Value {
        let checks = self.0.iter().map(|(sink, name, check)| {
            json!({
                "status": check.status.name(),
                "sink": sink,
                "check": name,
                "message": check.message,
                "fix": Some(&check.fix).filter(|fix| !fix.is_empty()),
                "text": text(sink.as_deref(), name, check),
            })
        });
        let checks: Vec<_> = checks.collect();
        json!({
            "ok": self.count(Status::Ok),
            "warn": self.count(Status::Warn),
            "fail": self.count(Status::Fail),
            "checks": checks,
        })
    }
}

fn text(sink: Option<&str>, name: &str, check: &Check) -> String {
    let subject = sink.map_or_else(|| name.to_owned(), |sink| format!("{sink}: {name}"));
    let fix = if check.fix.is_empty() {
        String::new()
    } else {
        format!("; fix: {}", check.fix)
    };
    format!("{subject}: {}{fix}", check.message)
}
