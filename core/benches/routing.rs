//! Cost of twenty rules, compared with one: `cargo bench -p forwarder-core --bench routing`.
//!
//! The promise: 1,000,000 mixed events through 20 rules, none of which looks into records, take at most 1.3 times as
//! long as through a single `*`. The bench ends in an error if that is broken.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use forwarder_core::route::{Decision, Router, Routes};
use forwarder_core::telemetry::batch::Batch;
use forwarder_core::telemetry::event::{Event, KNOWN_TYPES};
use forwarder_core::telemetry::invocation::Attribution;

const EVENTS: usize = 1_000_000;

/// The most that twenty rules may take, in times of one.
const MOST: f64 = 1.3;

/// Twenty rules, the last of them a catch-all.
fn twenty_rules() -> String {
    let types = KNOWN_TYPES
        .iter()
        .filter(|name| !matches!(**name, "function" | "extension"));
    let mut rules: Vec<_> = types.map(|name| format!("{name} -> kinesis")).collect();
    let later = [
        "function",
        "extension",
        "platform.*",
        "platform.one",
        "platform.two",
        "platform.three",
        "extension, function",
    ];
    rules.extend(later.map(|selector| format!("{selector} -> firehose")));
    rules.push("* -> kinesis".into());
    assert_eq!(rules.len(), 20);
    rules.join("; ")
}

/// A body like those that Lambda posts: of each invocation its platform events and eight lines, text and JSON.
fn body() -> String {
    let mut events = Vec::new();
    for number in 0..100 {
        let id = format!("{number:08}-5b7a-4c53-9a41-3f9d2b6c8e10");
        let event = |kind: &str, record: String| {
            format!(r#"{{"time":"2026-11-20T09:14:02.820Z","type":"{kind}","record":{record}}}"#)
        };
        events.push(event(
            "platform.start",
            format!(r#"{{"requestId":"{id}","version":"$LATEST"}}"#),
        ));
        for line in 0..4 {
            events.push(event(
                "function",
                format!(r#""2026-11-20T09:14:02.820Z\t{id}\tINFO\tline {line} of some words\n""#),
            ));
            events.push(event(
                "function",
                format!(r#"{{"level":"INFO","requestId":"{id}","message":"line {line}","order":{{"id":{number}}}}}"#),
            ));
        }
        events.push(event(
            "platform.runtimeDone",
            format!(r#"{{"requestId":"{id}","status":"success","metrics":{{"durationMs":12.5}}}}"#),
        ));
        events.push(event(
            "platform.report",
            format!(
                r#"{{"requestId":"{id}","status":"success","metrics":{{"durationMs":12.5,"billedDurationMs":13}}}}"#
            ),
        ));
    }
    format!("[{}]", events.join(","))
}

fn router(rules: &str) -> Router {
    Router::new(Arc::new(Routes::parse(rules, &["kinesis", "firehose"]).unwrap()))
}

/// Decides about so many events and nothing else.
fn decide(router: &mut Router, events: &[Event<'_>]) -> usize {
    let mut taken = 0;
    for event in events.iter().cycle().take(EVENTS) {
        let decision = router.decide(black_box(event), event.members.request_id);
        taken += usize::from(matches!(decision, Decision::To(..)));
    }
    taken
}

/// All the way from the body to the decision: parse, attribute, decide.
fn read_and_decide(router: &mut Router, body: &str) -> usize {
    let (mut taken, mut seen) = (0, 0);
    let mut attribution = Attribution::new(false);
    while seen < EVENTS {
        for event in Batch::new(black_box(body).as_bytes()).flatten() {
            let context = attribution.observe(&event);
            taken += usize::from(matches!(router.decide(&event, context.request_id), Decision::To(..)));
            seen += 1;
        }
    }
    taken
}

/// The shortest of some runs in turn: what the machine does besides only makes runs longer.
fn shortest(mut runs: [&mut dyn FnMut() -> usize; 2]) -> [Duration; 2] {
    let mut shortest = [Duration::MAX; 2];
    for _ in 0..15 {
        for (run, shortest) in runs.iter_mut().zip(&mut shortest) {
            let started = Instant::now();
            black_box(run());
            *shortest = started.elapsed().min(*shortest);
        }
    }
    shortest
}

fn main() {
    let body = body();
    let events: Vec<_> = Batch::new(body.as_bytes()).map(Result::unwrap).collect();
    let tables = [
        ("one rule", "* -> kinesis".to_owned()),
        ("twenty rules", twenty_rules()),
    ];

    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("routing 1,000,000 events");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for (name, rules) in &tables {
        let mut router = router(rules);
        group.bench_function(format!("decide, {name}"), |bencher| {
            bencher.iter(|| decide(&mut router, &events))
        });
        group.bench_function(format!("read and decide, {name}"), |bencher| {
            bencher.iter(|| read_and_decide(&mut router, &body))
        });
    }
    group.finish();
    criterion.final_summary();

    let [(_, one), (_, twenty)] = &tables;
    let (mut one, mut twenty) = (router(one), router(twenty));
    let decided = shortest([&mut || decide(&mut one, &events), &mut || decide(&mut twenty, &events)]);
    let read = shortest([&mut || read_and_decide(&mut one, &body), &mut || {
        read_and_decide(&mut twenty, &body)
    }]);
    for (what, [one, twenty]) in [("decide", decided), ("read and decide", read)] {
        let ratio = twenty.as_secs_f64() / one.as_secs_f64();
        println!("{what}: one rule {one:?}, twenty rules {twenty:?}, ratio {ratio:.2} (at most {MOST})");
        assert!(ratio <= MOST, "twenty rules take {ratio:.2} times as long as one");
    }
}
