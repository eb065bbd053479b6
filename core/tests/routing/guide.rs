//! The examples of docs/ROUTING.md.

use std::time::Instant;

use forwarder_core::intake::redact::{Redaction, Redactor};
use forwarder_core::intake::{Settled, Verdict};
use forwarder_core::route::list;
use forwarder_core::telemetry::batch::Batch;

use crate::world::{event, intake, word};

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ROUTING.md"));

/// The fenced blocks of the guide: language and text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let mut fences = GUIDE.split("\n```");
    fences.next();
    // Of two fences the first opens a block, and the second closes it.
    let opening = fences.step_by(2);
    opening.map(|block| block.split_once('\n').unwrap()).collect()
}

/// Pairs of a block in one language and the next in another.
fn examples(first: &str, second: &str) -> Vec<(&'static str, &'static str)> {
    let blocks = blocks();
    let pairs = blocks.windows(2).filter(|pair| pair[0].0 == first);
    pairs
        .map(|pair| {
            assert_eq!(pair[1].0, second, "what follows {}", pair[0].1);
            (pair[0].1, pair[1].1)
        })
        .collect()
}

/// The verdict on each event, in the words of the guide.
fn route_all(rules: &str, events: &[String]) -> Vec<String> {
    let mut intake = intake(rules);
    // Verdicts by the text of the event: lines that waited have theirs later.
    let mut verdicts: Vec<(String, String)> = Vec::new();
    let mut settle = |text: &str, verdict: Verdict<'_>| {
        let place = verdicts
            .iter()
            .position(|(other, word)| other == text && word == "waits");
        match place {
            Some(place) => verdicts[place].1 = word(verdict),
            None => verdicts.push((text.to_owned(), word(verdict))),
        }
    };
    let body = format!("[{}]", events.join(","));
    for event in Batch::new(body.as_bytes()) {
        let event = event.unwrap_or_else(|malformed| panic!("{}", malformed.error));
        let decided = intake.decide(&event, Instant::now());
        for (line, verdict) in decided.settled.iter().flatten().flat_map(Settled::lines) {
            settle(line.event, verdict);
        }
        settle(decided.line.event, decided.verdict);
    }
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

#[test]
fn what_the_guide_says_of_routes_is_what_happens() {
    let examples = examples("routes", "events");
    assert!(examples.len() >= 6, "{}", examples.len());
    for (rules, events) in examples {
        let lines: Vec<_> = events.lines().map(|line| line.rsplit_once(" => ").unwrap()).collect();
        let events: Vec<_> = lines
            .iter()
            .map(|(text, _)| {
                let (kind, record) = text.split_once(' ').unwrap();
                event(kind, record)
            })
            .collect();
        for (verdict, (text, expected)) in route_all(rules, &events).iter().zip(lines) {
            assert_eq!(verdict, expected, "{text}\nwith\n{rules}");
        }
    }
}

#[test]
fn what_the_guide_says_of_masking_is_what_happens() {
    let examples = examples("redact", "masked");
    assert_eq!(examples.len(), 1);
    for (items, records) in examples {
        let mut redactor = Redactor::new(Redaction::parse(&list(items)).unwrap());
        for line in records.lines() {
            let (record, expected) = line.split_once(" => ").unwrap();
            let body = format!("[{}]", event("function", record));
            let event_before = Batch::new(body.as_bytes()).next().unwrap().unwrap();
            let masked = redactor.event(&event_before).unwrap();
            assert_eq!(masked, event("function", expected));
        }
    }
}
