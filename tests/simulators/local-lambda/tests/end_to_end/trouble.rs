//! Faults from outside, and on the way of telemetry.

use std::time::Duration;

use local_lambda::{Status, TelemetryFault, Trouble};
use serde_json::Value;

use crate::world::{Directory, LIMIT, only, parsed, plain, subscribed};

#[tokio::test]
async fn trouble_resets_any_function() {
    let soon = Duration::from_millis(50);
    for (trouble, status, error_type, reason) in [
        (Trouble::Crash(soon), Status::Error, "Runtime.ExitError", "failure"),
        (
            Trouble::OutOfMemory(soon),
            Status::Error,
            "Runtime.OutOfMemory",
            "failure",
        ),
        (Trouble::Hang(soon), Status::Timeout, "Sandbox.Timedout", "timeout"),
    ] {
        let lambda = plain().start().await.unwrap();
        let invocation = lambda.invoke_amid(r#"{"sleepMs":10000}"#, trouble).await.unwrap();
        assert!(
            invocation.duration < Duration::from_secs(9),
            "{trouble:?}: {invocation:?}"
        );
        assert_eq!(invocation.status, status, "{trouble:?}");
        assert_eq!(invocation.error.unwrap().error_type, error_type, "{trouble:?}");
        let reset = invocation.reset.unwrap();
        assert_eq!(reset.reason, reason, "{trouble:?}");
        assert!(reset.clean(), "{trouble:?}: {reset:?}");
        assert!(lambda.invoke("{}").await.unwrap().succeeded(), "{trouble:?}");
    }
}

#[tokio::test]
async fn trouble_that_comes_too_late_befalls_nobody() {
    let lambda = plain().start().await.unwrap();
    let trouble = Trouble::Crash(Duration::from_secs(60));
    assert!(lambda.invoke_amid("{}", trouble).await.unwrap().succeeded());
}

#[tokio::test]
async fn more_memory_than_the_functions_is_fatal_where_it_is_limited() {
    let lambda = plain().limit_memory(true).memory_mb(128).start().await.unwrap();
    let invocation = lambda.invoke(r#"{"fail":"memory"}"#).await.unwrap();
    assert_eq!(invocation.error.unwrap().error_type, "Runtime.OutOfMemory");
    let events = parsed(&lambda.events());
    let report = &only(&events, "platform.report", None)["record"];
    assert_eq!(report["errorType"], "Runtime.OutOfMemory");
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
}

#[tokio::test]
async fn what_a_slow_listener_has_no_room_for_is_dropped_and_told() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "platform,function")
        .freeze(false)
        .telemetry_buffer(64 * 1024)
        .start()
        .await
        .unwrap();
    lambda.telemetry_fault(TelemetryFault::Slow(Duration::from_millis(500)));
    lambda.invoke(r#"{"lines":3000,"bytes":200}"#).await.unwrap();
    let dropped = |event: &str| event.contains("platform.logsDropped");
    lambda.wait_for_event(LIMIT, dropped).await.unwrap();
    lambda.clear_telemetry_faults();
    lambda.wait_until_delivered(LIMIT).await.unwrap();

    let records = |name| {
        let arrived = directory.recorded().concat();
        let of_type = arrived.into_iter().filter(|event: &Value| event["type"] == name);
        of_type.map(|event| event["record"].clone()).collect::<Vec<Value>>()
    };
    let told = records("platform.logsDropped");
    let lost: u64 = told
        .iter()
        .map(|record| record["droppedRecords"].as_u64().unwrap())
        .sum();
    let reason = told[0]["reason"].as_str().unwrap();
    assert!(reason.contains("slower than the logs production rate"), "{reason}");
    let mut all = parsed(&lambda.events());
    all.retain(|event| event["type"] != "extension");
    let lines = all.iter().filter(|event| event["type"] == "function").count();
    assert_eq!(lines, 3000);
    let arrived = directory.recorded().concat().len() - told.len();
    assert_eq!(
        arrived + usize::try_from(lost).unwrap(),
        all.len() - told.len(),
        "what did not arrive was told"
    );
}

#[tokio::test]
async fn a_lost_answer_and_a_broken_post_are_repeated() {
    for (fault, copies) in [(TelemetryFault::LostAnswers(2), 3), (TelemetryFault::BrokenPosts(2), 1)] {
        let directory = Directory::new();
        let lambda = subscribed(&directory, "function").freeze(false).start().await.unwrap();
        lambda.telemetry_fault(fault);
        lambda.invoke(r#"{"lines":1}"#).await.unwrap();
        lambda.wait_until_delivered(LIMIT).await.unwrap();
        assert_eq!(lambda.ground_truth()[0].posts, 3, "{fault:?}");
        assert_eq!(directory.recorded().concat().len(), copies, "{fault:?}");
    }
}
