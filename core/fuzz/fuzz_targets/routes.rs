//! Any text is a route table or is refused; what is read is written and read again the same; a table decides about any
//! event. The text up to the first NUL is the table, the rest the body of a POST.
#![no_main]

use std::sync::Arc;

use forwarder_core::intake::redact::{Redaction, Redactor};
use forwarder_core::route::{Outcome, Router, Routes, list};
use forwarder_core::telemetry::batch::Batch;
use forwarder_core::telemetry::invocation::Attribution;

const SINKS: [&str; 3] = ["kinesis", "firehose", "stdout"];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let split = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (table, body) = input.split_at(split);
    let Ok(text) = std::str::from_utf8(table) else { return };
    let _ = Redaction::parse(&list(text));
    let Ok(routes) = Routes::parse(text, &SINKS) else {
        return;
    };
    assert_eq!(Routes::parse(&routes.to_string(), &SINKS).as_ref(), Ok(&routes));
    routes.dead_rules(|_| true);
    routes.uncovered_types(|_| true);
    let mut router = Router::new(Arc::new(routes));
    let mut attribution = Attribution::new(false);
    let mut redactor = Redactor::new(Redaction::parse(&["email", "ipv4", "credit_card", "jwt"]).unwrap_or_default());
    for event in Batch::new(body.get(1..).unwrap_or_default()).flatten() {
        let context = attribution.observe(&event);
        router.decide(&event, context.request_id);
        Outcome::of(&event);
        redactor.event(&event);
    }
});
