//! Telemetry: events, their order, their delivery.

use std::time::Duration;

use crate::world::{Directory, LIMIT, SHUTDOWN, only, parsed, subscribed, test_function, types};
use local_lambda::{LocalLambda, LogFormat, TelemetryType};
use serde_json::{Value, json};

#[tokio::test]
async fn a_first_invocation_is_told_from_init_to_report() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "platform,function,extension")
        .start()
        .await
        .unwrap();
    let invocation = lambda.invoke(r#"{"lines":2,"responseBytes":100}"#).await.unwrap();
    assert!(invocation.succeeded(), "{invocation:?}");
    assert_eq!(invocation.json()["lines"], 2);
    let report = lambda.shutdown("spindown", SHUTDOWN).await.unwrap();
    assert!(report.clean() && report.flushed, "{report:?}");

    let events = parsed(&lambda.events());
    only(&events, "platform.telemetrySubscription", None);
    // These come whenever the extension gets to it.
    let its_own = ["extension", "platform.telemetrySubscription"];
    let platform: Vec<&str> = types(&events)
        .into_iter()
        .filter(|name| !its_own.contains(name))
        .collect();
    assert_eq!(
        platform,
        [
            "platform.initStart",
            "platform.initRuntimeDone",
            "platform.extension",
            "platform.initReport",
            "platform.start",
            "function",
            "function",
            "platform.runtimeDone",
            "platform.report",
        ]
    );
    let id = Some(invocation.request_id.as_str());
    let done = only(&events, "platform.runtimeDone", id);
    let response = invocation.response.as_ref().unwrap();
    assert_eq!(done["record"]["metrics"]["producedBytes"], response.len());
    let spans: Vec<&str> = done["record"]["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| span["name"].as_str().unwrap())
        .collect();
    assert_eq!(spans, ["responseLatency", "responseDuration", "runtimeOverhead"]);

    let metrics = &only(&events, "platform.report", id)["record"]["metrics"];
    let init = lambda.init().duration.as_secs_f64() * 1000.0;
    assert!(
        (metrics["initDurationMs"].as_f64().unwrap() - init).abs() < 0.01,
        "{metrics}"
    );
    let billed = metrics["billedDurationMs"].as_f64().unwrap();
    let exact = metrics["durationMs"].as_f64().unwrap() + init;
    assert!(billed >= exact && billed < exact + 1.0, "{metrics}");
    assert_eq!(metrics["memorySizeMB"], 128);
    assert!(metrics["maxMemoryUsedMB"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_handed_over_is_what_arrived() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "platform,function,extension")
        .start()
        .await
        .unwrap();
    for lines in [1, 700, 3] {
        let order = json!({"lines": lines, "level": "mixed", "stackTrace": true, "bytes": 100});
        assert!(lambda.invoke(order.to_string()).await.unwrap().succeeded());
    }
    let report = lambda.shutdown("spindown", SHUTDOWN).await.unwrap();
    let handed: Vec<Value> = lambda
        .ground_truth()
        .iter()
        .map(|event| {
            assert!(event.acknowledged && event.posts == 1, "{event:?}");
            assert_eq!(&*event.subscriber, "listener");
            serde_json::from_str(&event.json).unwrap()
        })
        .collect();
    assert_eq!(handed, directory.recorded().concat(), "nothing else, and in this order");
    let all = parsed(&lambda.events());
    assert_eq!(
        handed[..],
        all[..handed.len()],
        "the ground truth has the order of the events"
    );
    assert_eq!(report.undelivered, all.len() - handed.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_an_invocation_stand_between_its_start_and_its_runtime_done() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "function").start().await.unwrap();
    for _ in 0..5 {
        let invocation = lambda.invoke(r#"{"lines":1500,"bytes":300}"#).await.unwrap();
        let events = parsed(&lambda.events());
        let names = types(&events);
        let start = names.iter().rposition(|name| *name == "platform.start").unwrap();
        let done = names.iter().rposition(|name| *name == "platform.runtimeDone").unwrap();
        let lines = events[start..done].iter().filter(|event| event["type"] == "function");
        let first = lines.clone().next().unwrap()["record"].as_str().unwrap();
        assert!(
            first.contains(&invocation.request_id) && first.ends_with('\n'),
            "{first}"
        );
        assert_eq!(lines.count(), 1500);
        assert!(!names[done..].contains(&"function"), "no line comes after");
    }
}

#[tokio::test]
async fn batches_keep_the_limits_of_the_subscription() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "function").start().await.unwrap();
    assert_eq!(lambda.subscriptions()[0].types, [TelemetryType::Function]);
    assert_eq!(lambda.subscriptions()[0].path, "/telemetry");
    lambda.invoke(r#"{"lines":5000}"#).await.unwrap();
    lambda.invoke(r#"{"lines":1000,"bytes":1000}"#).await.unwrap();
    lambda.shutdown("spindown", SHUTDOWN).await.unwrap();
    let batches = directory.recorded();
    assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 6000);
    assert!(batches.concat().iter().all(|event| event["type"] == "function"));
    for batch in batches {
        let bytes: usize = batch.iter().map(|event| event.to_string().len()).sum();
        assert!(
            batch.len() <= 1000 && bytes <= 262_144,
            "{} events, {bytes} bytes",
            batch.len()
        );
    }
}

#[tokio::test]
async fn a_refused_post_is_repeated_and_counted() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "function")
        .extension_env("SCRIPT_REFUSE", "2")
        .freeze(false)
        .start()
        .await
        .unwrap();
    lambda.invoke(r#"{"lines":3}"#).await.unwrap();
    lambda.wait_until_delivered(LIMIT).await.unwrap();
    assert_eq!(lambda.failed_posts(), 2);
    let truth = lambda.ground_truth();
    assert_eq!(truth.iter().map(|event| event.posts).max(), Some(3));
    assert!(truth.iter().all(|event| event.acknowledged));
    assert_eq!(directory.recorded().concat().len(), 3);
}

#[tokio::test]
async fn what_nobody_accepts_is_dropped_and_announced() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "function")
        .extension_env("SCRIPT_REFUSE", "1000")
        .freeze(false)
        .start()
        .await
        .unwrap();
    lambda.invoke(r#"{"lines":3}"#).await.unwrap();
    let dropped = |event: &str| event.contains("platform.logsDropped");
    let event = lambda.wait_for_event(LIMIT, dropped).await.unwrap();
    let record = &serde_json::from_str::<Value>(&event).unwrap()["record"];
    assert!(record["droppedRecords"].as_u64().unwrap() > 0, "{record}");
    assert!(lambda.ground_truth().iter().all(|event| !event.acknowledged));
}

#[tokio::test]
async fn in_json_format_objects_stay_objects_and_other_lines_are_wrapped() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "function")
        .log_format(LogFormat::Json)
        .start()
        .await
        .unwrap();
    let invocation = lambda.invoke(r#"{"format":"json","level":"warn"}"#).await.unwrap();
    lambda.invoke(r#"{"format":"text"}"#).await.unwrap();
    lambda.shutdown("spindown", SHUTDOWN).await.unwrap();
    let events = directory.recorded().concat();
    let (object, wrapped) = (&events[0]["record"], &events[1]["record"]);
    assert_eq!(object["level"], "WARN");
    assert_eq!(object["requestId"], invocation.request_id.as_str());
    assert!(
        wrapped["message"].as_str().unwrap().starts_with("[INFO]\t"),
        "{wrapped}"
    );
}

#[tokio::test]
async fn subscribers_to_the_oldest_schema_get_strings() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "function")
        .extension_env("SCRIPT_SCHEMA", "2022-07-01")
        .log_format(LogFormat::Json)
        .start()
        .await
        .unwrap();
    lambda.invoke(r#"{"format":"json"}"#).await.unwrap();
    lambda.shutdown("spindown", SHUTDOWN).await.unwrap();
    let record = &directory.recorded().concat()[0]["record"];
    assert!(record.as_str().unwrap().starts_with('{'), "{record}");
}

#[tokio::test]
async fn without_a_function_events_are_the_tests_own() {
    let directory = Directory::new();
    let lambda = LocalLambda::builder()
        .extension(directory.extension("listener"))
        .extension_env("SCRIPT_TYPES", "platform,function")
        .extension_env("SCRIPT_RECORD", directory.path("record").to_string_lossy())
        .start()
        .await
        .unwrap();
    let odd = r#"{ "time":"2026-11-20T09:14:02.820Z", "type":"function", "record":{"n":1.50} }"#;
    let invocation = lambda.invoke_with_events("{}", &[odd.into()]).await.unwrap();
    assert!(invocation.succeeded());
    assert_eq!(invocation.response.as_deref(), Some(&b"null"[..]));
    lambda.emit(r#"{"type":"platform.new","record":{}}"#).unwrap();
    lambda.emit("not an event").unwrap_err();
    lambda.shutdown("spindown", SHUTDOWN).await.unwrap();

    let truth = lambda.ground_truth();
    assert!(truth.iter().any(|event| &*event.json == odd), "byte for byte");
    let events = directory.recorded().concat();
    let tail: Vec<&str> = types(&events).into_iter().rev().take(5).collect();
    assert_eq!(
        tail,
        [
            "platform.new",
            "platform.report",
            "platform.runtimeDone",
            "function",
            "platform.start"
        ]
    );
}

#[tokio::test]
async fn two_extensions_each_get_everything() {
    let directory = Directory::new();
    let lambda = LocalLambda::builder()
        .function(test_function())
        .extension(directory.extension("first"))
        .extension(directory.extension("second"))
        .extension_env("SCRIPT_TYPES", "function")
        .freeze(false)
        .start()
        .await
        .unwrap();
    lambda.invoke(r#"{"lines":50}"#).await.unwrap();
    lambda.wait_until_delivered(LIMIT).await.unwrap();
    for name in ["first", "second"] {
        let truth = lambda.ground_truth();
        let lines = truth.iter().filter(|event| &*event.subscriber == name);
        assert_eq!(lines.count(), 50, "{name}");
    }
}

#[tokio::test]
async fn a_report_is_delivered_after_the_thaw() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "platform").start().await.unwrap();
    let reports = || {
        let truth = lambda.ground_truth();
        truth
            .iter()
            .filter(|event| event.json.contains("platform.report"))
            .count()
    };
    lambda.invoke("{}").await.unwrap();
    assert_eq!(reports(), 0, "the first report waits");
    // Far longer than the 25 ms of the subscription.
    lambda.invoke(r#"{"sleepMs":1000}"#).await.unwrap();
    assert_eq!(reports(), 1, "the second waits in its turn");
    lambda.shutdown("spindown", Duration::from_secs(2)).await.unwrap();
    assert_eq!(reports(), 2);
}
