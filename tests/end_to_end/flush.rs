//! Holding of `next`, its cost, and the opening of connections.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::world::*;
use local_kinesis::{Fault, LocalKinesis};
use local_lambda::{LocalLambda, Mode};
use serde_json::Value;
use tokio::time::Instant;

const END: Duration = Duration::from_secs(2);

/// Time added to each invocation at this pitch, in order.
async fn added(lambda: &LocalLambda, count: usize, pitch: Duration) -> Vec<Duration> {
    let mut added = Vec::new();
    let begun = Instant::now();
    for number in 1..=count {
        let invocation = lambda.invoke(r#"{"lines":3}"#).await.unwrap();
        assert!(invocation.succeeded(), "{invocation:?}");
        added.push(invocation.added);
        tokio::time::sleep_until(begun + pitch * u32::try_from(number).unwrap()).await;
    }
    added
}

/// The value that this share of them does not pass.
fn quantile(added: &[Duration], share: f64) -> Duration {
    let mut sorted = added.to_vec();
    sorted.sort();
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

async fn at_fifty_a_second(put_takes: Duration) -> Vec<Duration> {
    let kinesis = kinesis().await;
    kinesis.set_fault(Fault::delay(put_takes));
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder.function(binaries::test_function()).start().await.unwrap();
    let added = added(&lambda, 150, Duration::from_millis(20)).await;
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    Found::in_stream(&kinesis, STREAM)
        .await
        .assert_conserves(&lambda, &["platform", "function"]);
    added
}

#[tokio::test]
async fn at_fifty_a_second_adaptive_adds_nothing_however_slow_the_sink() {
    let instant = at_fifty_a_second(Duration::ZERO).await;
    let slow = at_fifty_a_second(Duration::from_millis(300)).await;
    assert!(
        slow[0] >= Duration::from_millis(250),
        "the first is held: {:?}",
        slow[0]
    );
    for added in [&instant, &slow] {
        let median = quantile(&added[1..], 0.5);
        assert!(median < Duration::from_millis(1), "median {median:?}");
    }
    // On a quiet machine they are within a millisecond; the bound leaves room for a noisy one, and none for a put.
    let (instant, slow) = (quantile(&instant[1..], 0.9), quantile(&slow[1..], 0.9));
    assert!(
        slow < instant + Duration::from_millis(50),
        "{instant:?} with instant puts, {slow:?}"
    );
}

#[tokio::test]
async fn rare_invocations_leave_nothing_but_the_report_in_a_frozen_environment() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .function(binaries::test_function())
        .extension_env("FORWARDER_FLUSH__IDLE", "100ms");
    let lambda = builder.start().await.unwrap();
    for invocation in 1..=4 {
        lambda.invoke(r#"{"lines":5}"#).await.unwrap();
        let found = Found::in_stream(&kinesis, STREAM).await;
        assert_eq!(found.of_type("function").len(), 5 * invocation);
        assert_eq!(found.of_type("platform.runtimeDone").len(), invocation);
        assert_eq!(found.of_type("platform.report").len(), invocation - 1);
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(kinesis.counts(STREAM).calls_unanswered, 0);
}

/// Waits until a connection is open, and says how many calls were made by then.
async fn calls_when_connected(kinesis: &LocalKinesis) -> u64 {
    let begun = Instant::now();
    while kinesis.connections_open() == 0 {
        assert!(begun.elapsed() < PATIENCE, "no connection was opened");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    kinesis.total().calls
}

#[tokio::test]
async fn connections_are_opened_at_the_first_invocation_while_the_function_runs() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder.function(binaries::test_function()).start().await.unwrap();
    assert_eq!(kinesis.connections_open(), 0, "not before the first invocation");
    let invoking = lambda.invoke(r#"{"lines":3,"sleepMs":2000}"#);
    let (invocation, calls) = tokio::join!(invoking, calls_when_connected(&kinesis));
    assert!(invocation.unwrap().succeeded());
    assert_eq!(calls, 0, "the connection is there before the first call");
    let calls = kinesis.calls(STREAM);
    assert!(
        calls.iter().all(|call| call.connection == calls[0].connection),
        "{calls:?}"
    );
    assert_silent(&lambda);
}

#[tokio::test]
async fn on_managed_instances_connections_are_opened_without_an_invocation() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder.function(binaries::test_function()).mode(Mode::ManagedInstances);
    let lambda = builder.start().await.unwrap();
    assert_eq!(calls_when_connected(&kinesis).await, 0);
    assert_silent(&lambda);
}

#[tokio::test]
async fn debug_tells_the_story_of_an_invocation_and_does_not_feed_itself() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .function(binaries::test_function())
        .extension_env("FORWARDER_LOG", "debug")
        .extension_env("FORWARDER_TELEMETRY__TYPES", "platform,function,extension");
    let lambda = builder.start().await.unwrap();
    let request_id = lambda.invoke(r#"{"lines":3,"sleepMs":100}"#).await.unwrap().request_id;
    lambda.invoke("{}").await.unwrap();
    lambda.shutdown("spindown", END).await.unwrap();
    let log: Vec<Value> = extension_log(&lambda)
        .iter()
        .map(|line| serde_json::from_str(line).expect("a line that is JSON"))
        .collect();
    for line in &log {
        assert!(line["event"].is_string() && line["time"].is_string(), "{line}");
    }
    let start = log.iter().find(|line| line["event"] == "started").expect("the start");
    for part in ["register_us", "configure_us", "listen_us", "subscribe_us"] {
        assert!(start[part].as_u64() > Some(0), "{start}");
    }
    let of_request = log.iter().filter(|line| line["requestId"] == *request_id);
    let events: Vec<_> = of_request.clone().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "invoke",
            "start_seen",
            "done_seen",
            "flush_begins",
            "flush_ends",
            "next"
        ]
    );
    let times: Vec<_> = of_request.filter_map(|line| line["after_ms"].as_u64()).collect();
    assert!(times.is_sorted() && times[1] >= 100, "{times:?}");
    let place = |event: &str| log.iter().position(|line| line["event"] == event).unwrap();
    let invoke = &log[place("invoke")];
    assert_eq!(
        (&invoke["strategy"], &invoke["why"]),
        (&"end".into(), &"first_invocation".into())
    );
    let (begins, ends) = (&log[place("flush_begins")], &log[place("flush_ends")]);
    assert!(
        begins["lines"].as_u64() >= Some(5) && ends["left"] == 0,
        "{begins} {ends}"
    );
    assert!(place("flush_begins") < place("put_begins") && place("put_begins") < place("put_ends"));
    assert!(place("put_ends") < place("flush_ends"));
    let second = log.iter().filter(|line| line["event"] == "invoke").nth(1).unwrap();
    assert_eq!(
        (&second["strategy"], &second["why"]),
        (&"continuous".into(), &"frequent".into())
    );
    // All of it came back as telemetry, and went no further.
    let found = Found::in_stream(&kinesis, STREAM).await;
    assert!(found.of_type("extension").is_empty());
    found.assert_proven();
}
