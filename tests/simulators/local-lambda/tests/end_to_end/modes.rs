//! The kinds of Lambda, each as it differs from the plain one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use local_lambda::{LocalLambda, LogFormat, Mode, Status};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::world::{Directory, SHUTDOWN, only, parsed, plain, process_state, subscribed, types, wait_for_state};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_instance_runs_many_invocations_at_once_and_is_never_frozen() {
    let directory = Directory::new();
    let lambda = subscribed(&directory, "platform,function")
        .mode(Mode::ManagedInstances)
        .concurrency(8)
        .extension_env("SCRIPT_EVENTS", "SHUTDOWN")
        .extension_env("SCRIPT_DUMP_VARIABLES", "1")
        .start()
        .await
        .unwrap();
    let variables = &told(&lambda, "variables")[0];
    assert!(variables.contains("AWS_LAMBDA_LOG_FORMAT"), "{variables}");
    assert!(!variables.contains("AWS_LAMBDA_MAX_CONCURRENCY"), "{variables}");
    let hold = Duration::from_millis(500);
    let order = format!(r#"{{"lines":2,"format":"json","sleepMs":{}}}"#, hold.as_millis());
    let lambda = Arc::new(lambda);
    let started = Instant::now();
    let mut crowd = JoinSet::new();
    for _ in 0..8 {
        let (lambda, order) = (Arc::clone(&lambda), order.clone());
        crowd.spawn(async move { lambda.invoke(order).await.unwrap() });
    }
    let invocations = crowd.join_all().await;
    assert!(started.elapsed() < 4 * hold, "they overlap: {:?}", started.elapsed());
    assert!(
        invocations
            .iter()
            .all(|invocation| invocation.succeeded() && invocation.duration >= hold)
    );
    assert!(
        lambda
            .processes()
            .iter()
            .all(|process| process_state(process.pid) != Some('T'))
    );
    assert!(lambda.shutdown("spindown", SHUTDOWN).await.unwrap().clean());

    let events = parsed(&lambda.events());
    assert!(!types(&events).contains(&"platform.runtimeDone"));
    for invocation in &invocations {
        let id = Some(invocation.request_id.as_str());
        let start = only(&events, "platform.start", id);
        assert!(start["record"]["functionArn"].is_string(), "{start}");
        let report = &only(&events, "platform.report", id)["record"];
        let metrics: Vec<&String> = report["metrics"].as_object().unwrap().keys().collect();
        assert_eq!(metrics, ["durationMs"]);
        assert_eq!(report["spans"].as_array().unwrap().len(), 2);
        let lines = events
            .iter()
            .filter(|event| event["record"]["requestId"] == invocation.request_id);
        assert_eq!(lines.count(), 4, "start, two lines, report");
    }
}

#[tokio::test]
async fn a_managed_instance_refuses_invoke_and_older_schemas() {
    let lambda = plain()
        .mode(Mode::ManagedInstances)
        .tolerate_init_failure(true)
        .start()
        .await
        .unwrap();
    let registered = &told(&lambda, "registered")[0];
    assert!(
        registered.contains("403") && registered.contains("Extension.InvalidEventType"),
        "{registered}"
    );
    assert!(lambda.invoke("{}").await.is_err(), "nothing is tried again");

    let lambda = plain()
        .mode(Mode::ManagedInstances)
        .extension_env("SCRIPT_EVENTS", "SHUTDOWN")
        .extension_env("SCRIPT_TYPES", "platform")
        .extension_env("SCRIPT_SCHEMA", "2022-12-13")
        .start()
        .await
        .unwrap();
    let answer = &told(&lambda, "subscribed")[0];
    assert!(answer.contains("400") && answer.contains("ValidationError"), "{answer}");
}

#[tokio::test]
async fn on_a_managed_instance_a_timeout_ends_nothing_and_a_crash_everything() {
    let lambda = plain()
        .mode(Mode::ManagedInstances)
        .extension_env("SCRIPT_EVENTS", "SHUTDOWN")
        .timeout(Duration::from_millis(500))
        .start()
        .await
        .unwrap();
    let before = lambda.processes();
    let late = lambda.invoke(r#"{"sleepMs":1000}"#).await.unwrap();
    assert_eq!(late.status, Status::Timeout);
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
    // Longer than the late one has left: its answer is taken, and nobody gets it.
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
    assert_eq!(lambda.processes(), before);
    let crash = lambda.invoke(r#"{"fail":"exit"}"#).await.unwrap();
    assert_eq!(crash.error.unwrap().error_type, "Runtime.ExitError");
    assert_eq!(crash.reset.unwrap().reason, "failure");
    assert!(
        lambda.invoke("{}").await.is_err(),
        "another environment would take its place"
    );
}

#[tokio::test]
async fn a_tenants_environment_tells_the_tenant() {
    let lambda = plain()
        .tenant_id("blue")
        .log_format(LogFormat::Json)
        .start()
        .await
        .unwrap();
    lambda.invoke(r#"{"format":"json"}"#).await.unwrap();
    let events = parsed(&lambda.events());
    for name in ["platform.start", "platform.runtimeDone", "platform.report", "function"] {
        assert_eq!(only(&events, name, None)["record"]["tenantId"], "blue", "{name}");
    }
}

#[tokio::test]
async fn a_durable_execution_is_many_invocations() {
    let lambda = plain()
        .function_version("7")
        .log_format(LogFormat::Json)
        .start()
        .await
        .unwrap();
    let execution = lambda.durable_execution("order-17");
    let form = "arn:aws:lambda:eu-west-1:123456789012:function:local-function:7/durable-execution/order-17/";
    assert!(execution.arn().starts_with(form), "{}", execution.arn());
    for _ in 0..3 {
        assert!(execution.invoke(r#"{"format":"json"}"#).await.unwrap().succeeded());
    }
    let events = parsed(&lambda.events());
    let lines: Vec<&Value> = events.iter().filter(|event| event["type"] == "function").collect();
    assert!(
        lines
            .iter()
            .all(|line| line["record"]["executionArn"] == execution.arn()),
        "{lines:#?}"
    );
    let requests: BTreeSet<String> = lines
        .iter()
        .map(|line| line["record"]["requestId"].to_string())
        .collect();
    assert_eq!(requests.len(), 3);
}
