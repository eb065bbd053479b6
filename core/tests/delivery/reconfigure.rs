//! Another configuration while events come: no event is lost, and none is decided by half of each.

use std::sync::Arc;
use std::time::Duration;

use forwarder_core::Forwarder;
use forwarder_core::delivery::sink::Sink;
use forwarder_core::forwarder::{Changes, LaneSet};
use forwarder_core::intake::redact::Redaction;
use forwarder_core::route::Routes;
use serde_json::json;

use crate::world::*;

fn changes(routes: &str, version: &str) -> Changes {
    Changes {
        routes: Routes::parse(routes, &["kinesis"]).unwrap(),
        types: settings(Vec::new(), Routes::all_to(0)).types,
        redaction: Redaction::default(),
        attributes: Vec::new(),
        max_age: Duration::from_secs(10),
        version: version.to_owned(),
    }
}

fn event(kind: &str, record: &str) -> String {
    format!(r#"{{"time":"2026-11-20T09:14:02.820Z","type":"{kind}","record":{record}}}"#)
}

fn post(forwarder: &Forwarder, events: &[String]) {
    forwarder.accept(format!("[{}]", events.join(",")).as_bytes());
}

fn records(sink: &Scripted) -> Vec<serde_json::Value> {
    sink.of_type("function")
        .into_iter()
        .map(|line| line["record"].clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn from_one_event_to_the_next_another_table_counts() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    let line = |text: &str| event("function", &format!("\"{text}\""));
    post(&forwarder, &[line("before"), line("ERROR before")]);
    forwarder.reconfigure(changes("function level>=error -> kinesis; * -> drop", "7"));
    post(&forwarder, &[line("INFO after"), line("ERROR after")]);
    forwarder.close(soon(), false).await;
    assert_eq!(
        records(&sink),
        [json!("before"), json!("ERROR before"), json!("ERROR after")]
    );
    let report = sink.of_type("forwarder.report").pop().unwrap();
    assert_eq!(report["record"]["config"], "7");
    assert_eq!(report["record"]["routedOut"]["drop"], 1);
    sink.verdict();
}

#[tokio::test(start_paused = true)]
async fn between_two_slices_of_a_body_each_event_has_one_table() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    let body = lines(0, 4_000, 100);
    let mut whole = forwarder.join(&body);
    let mut taking = forwarder.begin(&mut whole);
    let mut swaps = 0;
    // Tables that both take everything: what is missing would have been lost.
    while !forwarder.take(&mut taking, Duration::ZERO) {
        swaps += 1;
        let routes = if swaps % 2 == 0 {
            "* -> kinesis"
        } else {
            "function text~/x/ -> kinesis; * -> kinesis"
        };
        forwarder.reconfigure(changes(routes, &swaps.to_string()));
    }
    forwarder.close(soon(), false).await;
    assert!(swaps > 5, "{swaps}");
    assert_eq!(records(&sink).len(), 4_000);
    sink.verdict();
}

#[tokio::test(start_paused = true)]
async fn what_waits_by_the_old_rules_goes_on_with_the_rest_of_its_invocation() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.routes = Routes::parse("function keep=failed -> kinesis; * -> kinesis", &["kinesis"]).unwrap();
    });
    let line = |text: &str| event("function", &format!("\"{text}\""));
    post(
        &forwarder,
        &[event("platform.start", r#"{"requestId":"a"}"#), line("one")],
    );
    // By other places in another table, which is what waits would be judged by.
    forwarder.reconfigure(changes(
        "platform.* -> drop; extension -> drop; function keep=failed -> kinesis",
        "2",
    ));
    post(&forwarder, &[line("two")]);
    post(
        &forwarder,
        &[event("platform.start", r#"{"requestId":"b"}"#), line("three")],
    );
    let done = r#"{"requestId":"b","status":"success","metrics":{"durationMs":1}}"#;
    post(&forwarder, &[event("platform.runtimeDone", done)]);
    forwarder.close(soon(), false).await;
    assert_eq!(records(&sink), [json!("one"), json!("two")]);
    let report = sink.of_type("forwarder.report").pop().unwrap();
    assert_eq!(report["record"]["routedOut"]["notKept"], 1);
    sink.verdict();
}

#[tokio::test(start_paused = true)]
async fn what_begins_to_wait_by_the_new_rules_has_its_time_limit() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.run(false);
    let mut change = changes("function keep=failed -> kinesis; * -> drop", "2");
    change.max_age = Duration::from_secs(1);
    forwarder.reconfigure(change);
    post(
        &forwarder,
        &[
            event("platform.start", r#"{"requestId":"a"}"#),
            event("function", "\"one\""),
        ],
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(records(&sink), [json!("one")]);
}

#[tokio::test(start_paused = true)]
async fn masks_attributes_and_rows_change_too() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    let mut change = changes("* -> kinesis; forwarder.invocation -> kinesis", "2");
    change.redaction = Redaction::parse(&["email"]).unwrap();
    change.attributes = vec![("team".to_owned(), "payments".to_owned())];
    forwarder.reconfigure(change);
    post(
        &forwarder,
        &[
            event("platform.start", r#"{"requestId":"a"}"#),
            event("function", "\"from me@example.com\""),
        ],
    );
    // Rows are over with the rules that made them.
    forwarder.reconfigure(changes("* -> kinesis", "3"));
    post(&forwarder, &[event("function", "\"from me@example.com\"")]);
    forwarder.close(soon(), false).await;
    assert_eq!(
        records(&sink),
        [json!("from [redacted:email]"), json!("from me@example.com")]
    );
    let line = &sink.of_type("function")[0];
    assert_eq!(line["forwarder"]["resource"]["team"], "payments");
    assert_eq!(sink.of_type("forwarder.invocation").len(), 1);
    assert_eq!(sink.of_type("forwarder.report").pop().unwrap()["record"]["config"], "3");
}

fn set(sink: &Arc<Scripted>) -> LaneSet {
    let settings = settings(
        vec![(lane("kinesis"), Arc::clone(sink) as Arc<dyn Sink>)],
        Routes::all_to(0),
    );
    LaneSet {
        lanes: settings.lanes,
        buffer_bytes: settings.buffer_bytes,
        spool: settings.spool,
    }
}

#[tokio::test(start_paused = true)]
async fn before_anything_has_come_other_lanes_may_take_the_place_once() {
    let (old, new) = (Scripted::new([]), Scripted::new([]));
    let forwarder = forwarder(&old);
    let id = forwarder.id();
    let table = changes("function level>=error -> kinesis; * -> drop", "7");
    assert!(forwarder.replace_lanes(set(&new), &table));
    let line = |text: &str| event("function", &format!("\"{text}\""));
    post(&forwarder, &[line("INFO"), line("ERROR")]);
    assert!(
        !forwarder.replace_lanes(set(&old), &changes("* -> kinesis", "8")),
        "a line has come"
    );
    forwarder.close(soon(), false).await;
    assert_eq!(records(&new), [json!("ERROR")]);
    let report = new.of_type("forwarder.report").pop().unwrap();
    assert_eq!(
        (&report["record"]["config"], &report["forwarder"]["id"]),
        (&json!("7"), &json!(id))
    );
    new.verdict();
    assert!(old.of_type("forwarder.report").is_empty() && records(&old).is_empty());
}

#[tokio::test(start_paused = true)]
async fn once_something_has_come_lanes_stay() {
    let (old, new) = (Scripted::new([]), Scripted::new([]));
    let forwarder = forwarder(&old);
    // Even if nothing of it went anywhere.
    forwarder.reconfigure(changes("* -> drop", "1"));
    post(&forwarder, &[event("function", "\"dropped\"")]);
    assert!(!forwarder.replace_lanes(set(&new), &changes("* -> kinesis", "2")));
    forwarder.close(soon(), false).await;
    assert!(new.of_type("forwarder.report").is_empty());
    assert_eq!(old.of_type("forwarder.report").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn lanes_that_come_in_a_pause_wait_for_its_end() {
    let (old, new) = (Scripted::new([]), Scripted::new([]));
    let forwarder = forwarder(&old);
    forwarder.pause().await;
    assert!(forwarder.replace_lanes(set(&new), &changes("* -> kinesis", "1")));
    post(&forwarder, &[event("function", "\"x\"")]);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(records(&new).is_empty(), "the environment is about to be frozen");
    forwarder.run(true);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(records(&new), [json!("x")]);
}
