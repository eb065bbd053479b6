//! The way of telemetry: at least once, and not all of it where it is too much.

use std::collections::BTreeMap;

use end_to_end::binaries;
use end_to_end::process::Extension;
use end_to_end::world::*;
use local_lambda::TelemetryFault;

use super::{END, end};

#[tokio::test]
async fn what_lambda_drops_is_told_and_the_rest_arrives() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .telemetry_buffer(64 * 1024)
        .freeze(false)
        .start()
        .await
        .unwrap();
    // A listener that is stopped takes nothing for a while.
    let extension = Extension::of(&lambda).unwrap();
    extension.signal("STOP");
    let (invocation, ()) = tokio::join!(lambda.invoke(r#"{"lines":3000,"bytes":200}"#), async {
        lambda
            .wait_for_event(PATIENCE, |event| event.contains("platform.runtimeDone"))
            .await
            .unwrap();
        extension.signal("CONT");
    });
    assert!(invocation.unwrap().succeeded());
    // `runtimeDone` may be among what was dropped: the next invocation is none the worse for it.
    assert!(lambda.invoke(r#"{"lines":2}"#).await.unwrap().succeeded());
    let found = end(&lambda, &kinesis).await;
    let dropped = found.of_type("platform.logsDropped");
    let records: u64 = dropped
        .iter()
        .map(|event| event["record"]["droppedRecords"].as_u64().unwrap())
        .sum();
    assert!(records > 1_000, "{dropped:#?}");
    let handed = lambda.ground_truth().len() as u64;
    let told = dropped.len() as u64;
    let all = lambda
        .events()
        .iter()
        .filter(|event| !event.contains(r#""type":"extension""#))
        .count() as u64;
    assert_eq!(handed - told + records, all - told, "nothing vanished unseen");
}

#[tokio::test]
async fn what_lambda_posts_twice_is_forwarded_twice_and_what_breaks_off_once() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder.function(binaries::test_function()).start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    for (fault, message) in [
        (TelemetryFault::LostAnswers(1), "unheard"),
        (TelemetryFault::BrokenPosts(1), "broken"),
    ] {
        // What the thaw brings is out of the way first.
        lambda.invoke(r#"{"sleepMs":500}"#).await.unwrap();
        lambda.telemetry_fault(fault);
        let order = format!(r#"{{"lines":3,"message":"{message}","sleepMs":300}}"#);
        assert!(lambda.invoke(order).await.unwrap().succeeded());
    }
    let report = lambda.shutdown("spindown", END).await.unwrap();
    assert!(report.clean(), "{report:?}");
    assert_eq!(lambda.failed_posts(), 2);
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_proven();
    let mut copies: BTreeMap<String, u32> = BTreeMap::new();
    for event in found.events() {
        let mut event = event.clone();
        event.as_object_mut().unwrap().remove("forwarder");
        *copies.entry(event.to_string()).or_default() += 1;
    }
    for event in lambda.ground_truth() {
        let json: serde_json::Value = serde_json::from_str(&event.json).unwrap();
        let found = copies.remove(&json.to_string()).unwrap_or_default();
        assert!(found >= 1 && found <= event.posts, "{found} of {}: {json}", event.posts);
    }
    assert!(copies.is_empty(), "nobody sent these: {copies:#?}");
    let lines = |message: &str| {
        let all = found.of_type("function").into_iter();
        all.filter(|line| line["record"].as_str().unwrap().contains(message))
            .count()
    };
    assert_eq!(lines("broken "), 3);
}
