//! Levels of lines as loggers write them, through the router.

use std::sync::Arc;

use forwarder_core::route::{Decision, Level, Levels, Router, Routes};
use forwarder_core::telemetry::batch::Batch;
use forwarder_core::telemetry::event::Kind;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Records, each with what it is and its right level.
const LINES: &str = include_str!("content/levels.ndjson");

/// The same of more loggers, as they write.
const LOGGERS: &str = include_str!("content/loggers.ndjson");

/// The same of loggers that nobody named before, from their documentation: each with the address of the page that shows such
/// a line. Times, names and messages are ours, all else is as it is there.
const DOCUMENTED: &str = include_str!("content/documented.ndjson");

/// So many of them are promised.
const LEAST_DOCUMENTED: usize = 25;

#[derive(Deserialize)]
struct Case<'a> {
    what: String,
    /// Address of the documentation.
    page: Option<String>,
    #[serde(borrow)]
    record: &'a RawValue,
    level: String,
}

fn cases() -> impl Iterator<Item = Case<'static>> {
    let lines = LINES.lines().chain(LOGGERS.lines()).chain(DOCUMENTED.lines());
    lines.map(|line| serde_json::from_str(line).unwrap())
}

fn in_event(record: &str) -> String {
    format!(r#"[{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":{record}}}]"#)
}

fn level_of(record: &str) -> Level {
    let body = in_event(record);
    let event = Batch::new(body.as_bytes()).next().unwrap().unwrap();
    let level = Levels::default().observe(&event, None).unwrap();
    let as_read = Levels::default().observe_record(Kind::Function, Some(record), None);
    assert_eq!(as_read, Some(level), "readers see another level: {record}");
    level
}

#[test]
fn lines_of_loggers_have_the_level_that_their_writers_meant() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases() {
        count += 1;
        let level = level_of(case.record.get());
        if level.name() != case.level {
            wrong.push(format!(
                "{}: {} instead of {}: {}",
                case.what,
                level.name(),
                case.level,
                case.record.get()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn lines_from_documentation_name_their_pages() {
    let of_documentation = DOCUMENTED.lines().count();
    let named = cases().filter(|case| {
        let page = case.page.as_deref();
        page.is_some_and(|page| page.starts_with("https://"))
    });
    let named: Vec<_> = named.map(|case| case.what).collect();
    assert_eq!(named.len(), of_documentation, "{named:?}");
    let loggers: std::collections::BTreeSet<_> = named.iter().map(|what| what.split([',', '(']).next()).collect();
    assert!(loggers.len() >= LEAST_DOCUMENTED, "{}: {loggers:?}", loggers.len());
}

#[test]
fn a_rule_sees_the_same_level() {
    for case in cases() {
        let rules = format!("function level>={} -> kinesis; * -> drop", case.level);
        let mut router = Router::new(Arc::new(Routes::parse(&rules, &["kinesis"]).unwrap()));
        let body = in_event(case.record.get());
        let event = Batch::new(body.as_bytes()).next().unwrap().unwrap();
        assert!(matches!(router.decide(&event, None), Decision::To(..)), "{}", case.what);
    }
}

/// The same JSON, written in other ways.
#[test]
fn the_way_an_object_is_written_changes_nothing() {
    for case in cases() {
        let record = case.record.get();
        let Ok(serde_json::Value::Object(members)) = serde_json::from_str(record) else {
            continue;
        };
        let pretty = serde_json::to_string_pretty(&members).unwrap();
        let escaped_keys: Vec<_> = members
            .iter()
            .map(|(key, value)| {
                let key: String = key.chars().map(|char| format!("\\u{:04x}", u32::from(char))).collect();
                format!("\"{key}\":{value}")
            })
            .collect();
        let reversed: Vec<_> = escaped_keys.iter().rev().map(String::as_str).collect();
        for written in [
            pretty,
            format!("{{{}}}", escaped_keys.join(",")),
            format!("{{{}}}", reversed.join(" ,\n")),
        ] {
            assert_eq!(level_of(&written).name(), case.level, "{}: {written}", case.what);
        }
    }
}

/// The same text, with what consoles and files add to it.
#[test]
fn colours_blanks_marks_and_line_ends_change_nothing() {
    for case in cases() {
        let Ok(text) = serde_json::from_str::<String>(case.record.get()) else {
            continue;
        };
        let bare = text.trim_end();
        for written in [
            bare.to_owned(),
            format!("{bare}\r\n"),
            format!("\u{feff}{text}"),
            format!("  {text}"),
            format!("\u{1b}[31m{bare}\u{1b}[0m\n"),
        ] {
            let json = serde_json::to_string(&written).unwrap();
            assert_eq!(level_of(&json).name(), case.level, "{}: {written:?}", case.what);
        }
    }
}

fn goes_to_kinesis(rules: &str, record: &str) -> bool {
    let mut router = Router::new(Arc::new(Routes::parse(rules, &["kinesis"]).unwrap()));
    let body = in_event(record);
    let event = Batch::new(body.as_bytes()).next().unwrap().unwrap();
    matches!(router.decide(&event, None), Decision::To(..))
}

#[test]
fn members_are_found_wherever_a_logger_puts_json() {
    let prefix = "2026-11-20T09:14:02.820Z\t7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10";
    let text = |text: String| serde_json::to_string(&text).unwrap();
    for (predicate, record) in [
        (
            "record.errorType=TypeError",
            text(format!(
                "{prefix}\tERROR\tInvoke Error \t{{\"errorType\":\"TypeError\",\"stack\":[\"a\"]}}\n"
            )),
        ),
        (
            "record.orderId=7",
            text(format!("{prefix}\tINFO\t{{\"level\":\"error\",\"orderId\":7}}\n")),
        ),
        (
            "record.orderId=7",
            text("09:14:02.820 [main] {x} {\"orderId\":7}\n".into()),
        ),
        ("record.orderId=7", text("\u{feff}{\"orderId\":7}\r\n".into())),
        ("record.orderId=7", text("  {\"orderId\":7}\n".into())),
        (
            "record.message.orderId=7",
            r#"{"level":"INFO","message":"{\"orderId\":7}"}"#.into(),
        ),
        (
            "record.message.orderId=7",
            r#"{"level":"INFO","message":{"orderId":7}}"#.into(),
        ),
        (
            "record.message.a.b=7",
            r#"{"message":" {\"a\":\"{\\\"b\\\":7}\"}\n"}"#.into(),
        ),
        ("record.message.0.b=7", text("{\"message\":\"[{\\\"b\\\":7}]\"}".into())),
    ] {
        let rules = format!("function {predicate} -> kinesis; * -> drop");
        assert!(goes_to_kinesis(&rules, &record), "{predicate}: {record}");
    }
    for (predicate, record) in [
        ("record.b=7", text("{\"a\":1} {\"b\":7}".into())),
        ("record.b=7", text("{\"b\":7} and more".into())),
        ("record.message.b=7", r#"{"message":"b is 7"}"#.into()),
    ] {
        let rules = format!("function {predicate} -> kinesis; * -> drop");
        assert!(!goes_to_kinesis(&rules, &record), "{predicate}: {record}");
    }
}

/// What becomes of each function line of a body, by the rules of its function.
fn of_lines(rules: &str, body: &str) -> Vec<String> {
    let mut router = Router::new(Arc::new(Routes::parse(rules, &["kinesis"]).unwrap()));
    let events = Batch::new(body.as_bytes()).map(|event| event.unwrap());
    let lines = events.filter(|event| event.kind == Kind::Function);
    lines
        .map(|event| match router.decide(&event, None) {
            Decision::To(..) => "kinesis".to_owned(),
            other => format!("{other:?}: {}", event.raw),
        })
        .collect()
}

#[test]
fn whole_bodies_go_where_their_rules_mean() {
    for (rules, body, count) in [
        (
            "function record.errorType=TypeError -> kinesis; function record.orderId=7 -> kinesis; \
             function level>=error -> kinesis; * -> drop",
            include_str!("content/node-prefix-json.json"),
            3,
        ),
        (
            "function record.message.orderId=7 -> kinesis; function level>=error -> kinesis; * -> drop",
            include_str!("content/json-in-message.json"),
            2,
        ),
        (
            "function level>=error -> kinesis; * -> drop",
            include_str!("content/surrogates.json"),
            5,
        ),
    ] {
        assert_eq!(of_lines(rules, body), vec!["kinesis"; count], "{rules}");
    }
    // Each rule by itself, too.
    let prefix = include_str!("content/node-prefix-json.json");
    for (rule, place) in [("record.errorType=TypeError", 2), ("record.orderId=7", 0)] {
        let found = of_lines(&format!("function {rule} -> kinesis; * -> drop"), prefix);
        assert_eq!(found[place], "kinesis", "{rule}");
    }
}
