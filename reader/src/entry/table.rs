//! Rows of invocations as a table.

use super::page::{cut, request, shown};
use super::{Entries, Entry, LONGEST_TIME, SHORT};
use crate::clean::clean;
use crate::paint::Look;
use crate::row::{INCOMPLETE, Row};

/// Width of the longest word of the contract, `success`. A longer one, which is not ours, is cut.
const VERDICT: usize = 7;

/// Right-aligned columns: heading, width, value. Times are `12.5 ms` to `900.0 s`, memory `10240/10240`.
const NUMBERS: [(&str, usize, Cell); 6] = [
    ("COLD START", 10, |row| row.cold_start.clone()),
    ("DURATION", 9, |row| row.duration.clone()),
    ("BILLED", 9, |row| row.billed.clone()),
    ("MEMORY MB", 11, |row| row.memory.clone()),
    ("LINES", 6, |row| number(row.lines)),
    ("ERRORS", 6, |row| number(row.errors)),
];

type Cell = fn(&Row) -> String;

fn number(number: Option<u64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

impl Entries {
    /// The row in an entry as one line of a table, below the headings where these have another place than before.
    /// Nothing of another entry.
    pub fn render_row(&mut self, entry: &Entry, colours: bool, out: &mut String) {
        let Some(row) = &entry.row else { return };
        let (function, look) = self.function(entry);
        let width = self.function_width.max("FUNCTION".len());
        if self.headings != Some(width) {
            self.headings = Some(width);
            Look::Bold.paint_into(out, &headings(width), colours);
            out.push('\n');
        }
        let mut paint = |look: Look, text: &str| look.paint_into(out, text, colours);
        paint(Look::Dim, &format!("{:<12} ", clean(cut(&entry.time, LONGEST_TIME))));
        paint(look, &format!("{function:<width$} "));
        paint(Look::Dim, &format!("{:<SHORT$} ", request(entry)));
        let verdict_look = match row.verdict.as_str() {
            "success" => Look::Green,
            _ if row.has_failed() => Look::BoldRed,
            _ => Look::Dim,
        };
        let verdict: String = known(&row.verdict).chars().take(VERDICT).collect();
        paint(verdict_look, &format!("{:<VERDICT$}", clean(&verdict)));
        for (_, width, cell) in NUMBERS {
            paint(Look::Plain, &format!(" {:>width$}", known(&cell(row))));
        }
        if !row.is_complete {
            paint(Look::BoldYellow, &format!(" {INCOMPLETE}"));
        }
        if !row.first_error.is_empty() {
            paint(Look::Plain, &format!(" {}", shown(&row.first_error)));
        }
        out.push('\n');
    }
}

impl Entry {
    /// True if it is the row of an invocation.
    pub(crate) fn is_row(&self) -> bool {
        self.row.is_some()
    }

    /// A row says itself whose it is, also where the envelope does not.
    pub(super) fn take_from_the_row(&mut self) {
        let Some(row) = &self.row else { return };
        for (known, told) in [
            (&mut self.function, &row.function),
            (&mut self.request, &row.request),
            (&mut self.trace, &row.trace),
            (&mut self.execution, &row.execution),
        ] {
            if known.is_empty() {
                known.clone_from(told);
            }
        }
    }
}

/// The value, or a dash for what is not known.
fn known(value: &str) -> &str {
    if value.is_empty() { "-" } else { value }
}

fn headings(function_width: usize) -> String {
    let mut line = format!(
        "{:<12} {:<function_width$} {:<SHORT$} {:<VERDICT$}",
        "TIME", "FUNCTION", "REQUEST", "VERDICT"
    );
    for (heading, width, _) in NUMBERS {
        line.push_str(&format!(" {heading:>width$}"));
    }
    line + " FIRST ERROR"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Line;
    use serde_json::{Value, json};

    fn table(lines: &[Value], colours: bool) -> String {
        let mut entries = Entries::default();
        let mut out = String::new();
        for line in lines {
            let line = line.to_string();
            let entry = entries.entry(&Line(&line).event().unwrap());
            assert!(entry.is_row(), "{line}");
            entries.render_row(&entry, colours, &mut out);
        }
        out
    }

    fn row(function: &str, changes: &Value) -> Value {
        let mut record = json!({"requestId": "8f2a11c0-5b7a-4c53-9a41-3f9d2b6c8e10", "functionName": function,
            "verdict": "success", "coldStart": true, "initMs": 180.1, "restoreMs": null, "durationMs": 12.5, "billedMs": 194,
            "memoryMb": 128, "maxMemoryMb": 91, "lines": 12, "error": 0, "fatal": 0, "errorType": null, "firstError": null,
            "complete": true});
        for (name, value) in changes.as_object().unwrap() {
            record[name] = value.clone();
        }
        // With the envelope `lean`: the function is in the row alone.
        json!({"time": "2026-11-20T09:14:02.905Z", "type": "forwarder.invocation", "record": record,
            "forwarder": {"id": "i", "sink": "s", "seq": 0}})
    }

    #[test]
    fn rows_are_a_table() {
        let nothing = json!({"coldStart": null, "durationMs": null, "billedMs": null, "maxMemoryMb": null, "lines": null,
            "error": null, "verdict": "unknown", "complete": false});
        let failed = json!({"verdict": "timeout", "coldStart": false, "durationMs": 900_000.0, "billedMs": 900_000, "error": 2,
            "fatal": 1, "maxMemoryMb": 10_240, "memoryMb": 10_240, "firstError": "no stock", "errorType": "Sandbox.Timedout"});
        let rows = [
            row("a", &json!({})),
            row("a", &nothing),
            row("checkout-api", &failed),
            row("b", &json!({"initMs": null, "restoreMs": 7})),
        ];
        let expected = "\
TIME         FUNCTION REQUEST  VERDICT COLD START  DURATION    BILLED   MEMORY MB  LINES ERRORS FIRST ERROR
09:14:02.905 a        8f2a11c0 success     180 ms   12.5 ms    194 ms      91/128     12      0
09:14:02.905 a        8f2a11c0 unknown          -         -         -           -      -      - (incomplete)
TIME         FUNCTION     REQUEST  VERDICT COLD START  DURATION    BILLED   MEMORY MB  LINES ERRORS FIRST ERROR
09:14:02.905 checkout-api 8f2a11c0 timeout         no   900.0 s   900.0 s 10240/10240     12      3 no stock
09:14:02.905 b            8f2a11c0 success       7 ms   12.5 ms    194 ms      91/128     12      0
";
        assert_eq!(table(&rows, false), expected);
    }

    #[test]
    fn terminal_escapes_are_neutralised_in_every_column_of_rows() {
        let evil = json!("\u{1b}[2J\u{202e}\r\nx\u{1b}[31m");
        let members = [
            "requestId",
            "functionName",
            "verdict",
            "coldStart",
            "durationMs",
            "billedMs",
            "maxMemoryMb",
            "lines",
        ];
        let members = members.iter().chain(&["error", "firstError", "errorType", "complete"]);
        let all: serde_json::Map<_, _> = members.map(|name| ((*name).to_owned(), evil.clone())).collect();
        let mut line = row("a", &Value::Object(all));
        line["time"] = evil;
        let shown = table(&[line], false);
        assert!(
            !shown
                .chars()
                .any(|char| crate::clean::acts_on_terminals(char) && char != '\n'),
            "{shown:?}"
        );
        assert_eq!(shown.lines().count(), 2, "{shown:?}");
        let long = json!({"verdict": "v".repeat(100_000), "functionName": "f".repeat(100_000), "requestId": "r".repeat(9_999)});
        let shown = table(&[row("a", &long)], false);
        assert!(shown.len() < 500, "{}", shown.len());
        let coloured = table(&[row("a", &json!({"verdict": "oom"}))], true);
        assert!(coloured.contains("\u{1b}[1;31moom    \u{1b}[0m"), "{coloured:?}");
    }

    #[test]
    fn other_events_are_no_rows() {
        let mut entries = Entries::default();
        let line = r#"{"type":"platform.report","record":{"verdict":"success"}}"#;
        let entry = entries.entry(&Line(line).event().unwrap());
        let mut out = String::new();
        entries.render_row(&entry, false, &mut out);
        assert!(!entry.is_row() && out.is_empty());
    }
}
