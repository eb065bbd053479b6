//! Hostile content, in any size: runs of what each reader looks for, openers without an end, escapes, long words, many ids,
//! many tiny events.

use forwarder_core::telemetry::json::write_string;

/// Makes a body of about so many bytes.
pub type Body = Box<dyn Fn(usize) -> Vec<u8>>;

/// A body as Lambda posts it, of short lines: the measure of the others.
pub const GOOD: &str = "short lines";

/// Texts that are repeated: the beginnings of what is masked, of levels, of JSON, of escapes.
const RUNS: [&str; 26] = [
    "A",
    "a ",
    "eyJ",
    "eyJhbGciOiJIUzI1NiJ9.",
    "b",
    "QkJCbG9iIGJhc2U2NCBkYXRh",
    "Bearer ",
    "token=",
    "a@",
    "a.b@c.",
    "1.",
    "1:",
    "4 ",
    "+1 (",
    "GB82 ",
    "AKIA",
    "level=",
    "ERROR ",
    "\"",
    "\\",
    "\\u0040",
    "{\"a\":",
    "{",
    "[",
    "\n",
    "é",
];

/// Runs that are text of a body itself, without escapes.
const BROKEN: [&str; 8] = [",{", "{\"time\":\"", "[", "\"", "\\", "1,", "{},", "\u{fffd}\""];

/// Each kind of body by its name.
pub fn bodies() -> Vec<(String, Body)> {
    let mut all: Vec<(String, Body)> = Vec::new();
    for run in RUNS {
        all.push((format!("a line of {run:?}"), Box::new(move |bytes| line(run, bytes))));
    }
    for run in ["eyJ", "a@", "\\\"", "{\\\"a\\\":", "x"] {
        let body = move |bytes: usize| {
            let text = run.repeat(bytes / run.len());
            event(&format!(r#"{{"message":"{text}","level":"warn","a":{{"b":1}}}}"#))
        };
        all.push((format!("an object with {run:?}"), Box::new(body)));
    }
    for run in BROKEN {
        let body = move |bytes: usize| format!("[{{\"time\":\"t\",{}", run.repeat(bytes / run.len())).into_bytes();
        all.push((format!("a broken body of {run:?}"), Box::new(body)));
    }
    for run in ["1,", "1,,", "1, ,", ",", "1 ", "x\"\",", ",{"] {
        let body = move |bytes: usize| format!("[{}", run.repeat(bytes / run.len())).into_bytes();
        all.push((format!("{run:?} without an end"), Box::new(body)));
        let body = move |bytes: usize| format!("[1,{}{{", run.repeat(bytes / run.len())).into_bytes();
        all.push((format!("{run:?} before a brace"), Box::new(body)));
    }
    all.push(("bytes that are no text".into(), Box::new(|bytes| vec![0xff; bytes])));
    all.push(("an object deep".into(), Box::new(|bytes| event(&deep(bytes)))));
    all.push((
        "an object with many members".into(),
        Box::new(|bytes| {
            let members = (0..bytes / 16).map(|number| format!(r#""k{number:08}":1"#));
            event(&format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
        }),
    ));
    for (name, events) in EVENTS {
        let body = move |bytes: usize| {
            let mut body = "[".to_owned();
            let mut number = 0;
            while body.len() < bytes {
                let text = events.replace("{id}", &format!("{number:08}"));
                body.push_str(&text);
                body.push(',');
                number += 1;
            }
            body.pop();
            body.push(']');
            body.into_bytes()
        };
        all.push((name.into(), Box::new(body)));
    }
    all
}

/// Events that come in great number; each has an id of its own.
const EVENTS: [(&str, &str); 8] = [
    (
        GOOD,
        r#"{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"hello {id}\n"}"#,
    ),
    ("numbers", "1"),
    ("tiny events", r#"{"type":"function"}"#),
    ("tiny broken events", r#"{"type":"function"},1"#),
    (
        "lines of many requests",
        r#"{"type":"function","record":{"requestId":"{id}","message":"x"}}"#,
    ),
    (
        "starts of many requests and their lines",
        r#"{"type":"platform.start","record":{"requestId":"{id}"}},{"type":"function","record":"x"}"#,
    ),
    (
        "whole invocations",
        r#"{"type":"platform.start","record":{"requestId":"{id}"}},{"type":"platform.runtimeDone","record":{"requestId":"{id}","status":"success"}},{"type":"platform.report","record":{"requestId":"{id}","status":"success"}}"#,
    ),
    (
        "ends that never began, and gaps",
        r#"{"type":"platform.logsDropped","record":{"droppedRecords":1}},{"type":"platform.runtimeDone","record":{"requestId":"{id}","status":"failure"}},{"type":"platform.report","record":{"requestId":"{id}"}}"#,
    ),
];

fn line(run: &str, bytes: usize) -> Vec<u8> {
    let mut record = Vec::new();
    write_string(&mut record, &run.repeat(bytes / run.len()));
    event(&String::from_utf8(record).unwrap())
}

fn deep(bytes: usize) -> String {
    let depth = bytes / 6;
    format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))
}

/// A body of one log line.
fn event(record: &str) -> Vec<u8> {
    format!(r#"[{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":{record}}}]"#).into_bytes()
}
