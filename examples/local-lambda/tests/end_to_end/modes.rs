//! The kinds of Lambda, each as it differs from the plain one.

use std::time::Duration;

use local_lambda::{LocalLambda, Mode};
use serde_json::Value;

use crate::world::{Directory, SHUTDOWN, only, parsed, plain, subscribed, types, wait_for_state};

/// The lines of the scripted extension that begin with a word.
fn told(lambda: &LocalLambda, word: &str) -> Vec<String> {
    let lines = lambda.output().into_iter().map(|line| line.text);
    lines.filter(|line| line.starts_with(word)).collect()
}

fn metrics<'a>(events: &'a [Value], request: &str) -> &'a Value {
    &only(events, "platform.report", Some(request))["record"]["metrics"]
}

#[tokio::test]
async fn a_snapshot_is_taken_after_init_and_restored_at_the_first_invocation() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "platform,function")
        .mode(Mode::SnapStart)
        .start()
        .await
        .unwrap();
    for process in lambda.processes() {
        wait_for_state(process.pid, &[Some('T')]);
    }
    let snapshot = lambda.processes();
    let first = lambda.invoke("{}").await.unwrap();
    assert!(first.succeeded() && first.restore.is_some(), "{first:?}");
    let second = lambda.invoke("{}").await.unwrap();
    assert!(second.restore.is_none());
    assert_eq!(lambda.processes(), snapshot, "the same processes go on");
    assert!(lambda.shutdown("spindown", SHUTDOWN).await.unwrap().clean());

    let events = parsed(&lambda.events());
    let init = only(&events, "platform.initStart", None);
    assert_eq!(init["record"]["initializationType"], "snap-start");
    let restore = only(&events, "platform.restoreStart", None);
    assert_ne!(restore["record"]["instanceId"], init["record"]["instanceId"]);
    let names: Vec<&str> = types(&events)
        .into_iter()
        .skip_while(|name| *name != "platform.initReport")
        .take(5)
        .collect();
    assert_eq!(
        names,
        [
            "platform.initReport",
            "platform.restoreStart",
            "platform.restoreRuntimeDone",
            "platform.restoreReport",
            "platform.start",
        ]
    );
    let [first, second] = [&first, &second].map(|invocation| metrics(&events, &invocation.request_id));
    assert!(first["restoreDurationMs"].as_f64().unwrap() > 0.0, "{first}");
    let billed = |name: &str| first[name].as_u64().unwrap();
    assert!(
        billed("billedDurationMs") >= billed("billedRestoreDurationMs"),
        "{first}"
    );
    assert!(first["initDurationMs"].is_null(), "{first}");
    assert!(second["restoreDurationMs"].is_null(), "{second}");
    let subscribed: Vec<Value> = events
        .into_iter()
        .filter(|event| event["type"] != "extension")
        .collect();
    assert_eq!(directory.recorded().concat(), subscribed, "all of it, in order");
}

#[tokio::test]
async fn a_snapshot_has_no_credentials_in_its_variables_and_others_after_the_restore() {
    let lambda = plain()
        .mode(Mode::SnapStart)
        .extension_env("SCRIPT_CREDENTIALS", "1")
        .extension_env("SCRIPT_DUMP_VARIABLES", "1")
        .start()
        .await
        .unwrap();
    let variables = &told(&lambda, "variables")[0];
    assert!(
        !variables.contains("AWS_ACCESS_KEY_ID") && !variables.contains("AWS_SESSION_TOKEN"),
        "{variables}"
    );
    lambda.invoke("{}").await.unwrap();
    assert_eq!(
        told(&lambda, "credentials"),
        [
            "credentials 200 AKIDSNAPSHOT",
            "credentials 404 ",
            "credentials 200 AKIDRESTORE1",
            "credentials 404 ",
        ]
    );
}

#[tokio::test]
async fn after_a_reset_a_snapshotted_function_starts_without_its_snapshot() {
    let lambda = plain().mode(Mode::SnapStart).start().await.unwrap();
    let crash = lambda.invoke(r#"{"fail":"exit"}"#).await.unwrap();
    assert_eq!(crash.reset.unwrap().reason, "failure");
    let again = lambda.invoke("{}").await.unwrap();
    assert!(again.succeeded() && again.init.is_some(), "{again:?}");
}

#[tokio::test]
async fn provisioned_concurrency_does_not_bill_its_init_with_an_invocation() {
    let hold = Duration::from_millis(300);
    let lambda = plain()
        .mode(Mode::ProvisionedConcurrency)
        .extension_env("SCRIPT_REGISTER_AFTER_MS", hold.as_millis().to_string())
        .start()
        .await
        .unwrap();
    let invocation = lambda.invoke("{}").await.unwrap();
    let events = parsed(&lambda.events());
    let init = only(&events, "platform.initStart", None);
    assert_eq!(init["record"]["initializationType"], "provisioned-concurrency");
    let metrics = metrics(&events, &invocation.request_id);
    assert!(metrics["initDurationMs"].as_f64().unwrap() >= 300.0, "{metrics}");
    let exact = metrics["durationMs"].as_f64().unwrap();
    let billed = metrics["billedDurationMs"].as_f64().unwrap();
    assert!(billed >= exact && billed < exact + 1.0, "{metrics}");
}
