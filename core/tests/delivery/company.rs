//! A lane that is well beside two that are not: it takes as many lines a second as alone.

use std::sync::Arc;
use std::time::Duration;

use forwarder_core::Forwarder;
use forwarder_core::delivery::sink::{Reason, Sink};
use forwarder_core::route::Routes;
use tokio::time::Instant;

use crate::world::*;

/// Simulated, of posts that follow each other as fast as they are answered.
const FOR: Duration = Duration::from_secs(6);

/// Time until a sink that does not answer is known to fail: the first put's time-out is over.
const UNTIL_KNOWN: Duration = Duration::from_secs(6);

/// A body: few lines, long ones, since it is bytes that puts are bound by.
const LINES: usize = 25;
const LENGTH: usize = 10_000;

/// Lines that a sink takes which answers each put after 50 ms, beside sinks that do as they are told.
async fn taken_beside(sick: &[Act]) -> u64 {
    let well = Scripted::new([]);
    *well.always.lock().unwrap() = Act::TakeSlowly(Duration::from_millis(50));
    let mut lanes: Vec<(_, Arc<dyn Sink>)> = vec![(lane("well"), well.clone())];
    for (act, name) in sick.iter().zip(["first", "second"]) {
        let sink = Scripted::new([]);
        *sink.always.lock().unwrap() = act.clone();
        lanes.push((lane(name), sink));
    }
    let names = &["well", "first", "second"][..lanes.len()];
    let routes = Routes::parse(&format!("* -> {}", names.join(", ")), names).unwrap();
    let mut settings = settings(lanes, routes);
    settings.buffer_bytes = 4 << 20;
    let forwarder = Forwarder::start(settings);
    forwarder.run(true);
    let body = lines(0, LINES, LENGTH);
    let mut delivered = Vec::new();
    for time in [UNTIL_KNOWN, FOR] {
        let until = Instant::now() + time;
        while Instant::now() < until {
            // As the listener does. A POST takes a millisecond at least.
            forwarder.room(body.len(), Duration::from_millis(250)).await;
            forwarder.accept(&body);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        delivered.push(forwarder.stats().1[0].delivered);
    }
    assert_eq!(forwarder.stats().1[0].dropped_total(), 0, "it makes room for all of it");
    delivered[1] - delivered[0]
}

/// `kind`: of sickness, of two sinks.
async fn is_as_quick_beside(kind: &str, sick: Act) {
    let alone = taken_beside(&[]).await;
    assert!(alone > 4_000, "{alone}");
    let beside = taken_beside(&[sick.clone(), sick]).await;
    assert!(
        beside * 10 >= alone * 9,
        "beside sinks that are {kind} {beside} lines, alone {alone}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_as_quick_beside_two_that_are_gone() {
    is_as_quick_beside("gone", Act::Fail(Reason::Unreachable)).await;
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_as_quick_beside_two_that_refuse() {
    is_as_quick_beside("refusing", Act::Fail(Reason::AccessDenied)).await;
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_as_quick_beside_two_that_do_not_answer() {
    is_as_quick_beside("silent", Act::NeverAnswer).await;
}
