//! Managed Instances: SHUTDOWN only, many invocations at once, no `runtimeDone`, never frozen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use end_to_end::binaries;
use end_to_end::process::Extension;
use end_to_end::world::*;
use local_kinesis::Fault;
use local_lambda::{Builder, Invocation, LocalLambda, Mode, Trouble};
use serde_json::json;
use tokio::task::JoinSet;

use super::end;

fn instance(builder: Builder) -> Builder {
    builder
        .function(binaries::test_function())
        .mode(Mode::ManagedInstances)
        .function_version("$LATEST.PUBLISHED")
        .concurrency(8)
}

/// Invocations with these orders, all at once.
async fn crowd(lambda: &Arc<LocalLambda>, orders: impl IntoIterator<Item = String>) -> Vec<Invocation> {
    let mut crowd = JoinSet::new();
    for order in orders {
        let lambda = Arc::clone(lambda);
        crowd.spawn(async move { lambda.invoke(order).await.unwrap() });
    }
    crowd.join_all().await
}

#[tokio::test]
async fn many_invocations_at_once_arrive_while_the_instance_runs() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = instance(builder).extension_env("FORWARDER_FLUSH__MAX_AGE", "1s");
    let lambda = Arc::new(builder.start().await.unwrap());
    let orders = (0..40).map(|number| {
        let format = if number % 2 == 0 { "json" } else { "text" };
        json!({"lines": 3, "format": format, "message": format!("invocation-{number}"), "sleepMs": 50}).to_string()
    });
    let invocations = crowd(&lambda, orders).await;
    assert!(invocations.iter().all(Invocation::succeeded));

    // A timer does it: nobody is invoked any more, and nobody is shut down.
    let delivered = kinesis.wait_for_records(STREAM, PATIENCE, |records| {
        let found = Found::in_records(records.iter().map(|record| record.data.as_ref()));
        found.of_type("platform.report").len() == 40
    });
    delivered.await.expect("the timer delivers");
    let found = end(&lambda, &kinesis).await;
    assert_eq!(found.of_type("function").len(), 120);
    assert!(found.of_type("platform.runtimeDone").is_empty());
    assert_silent(&lambda);

    // Lines that name their request are believed, and no request is guessed for the others.
    let mut of_request: BTreeMap<&str, usize> = BTreeMap::new();
    for line in found.of_type("function") {
        let told = &line["forwarder"]["requestId"];
        assert_eq!(*told, line["record"]["requestId"], "{line}");
        if let Some(request) = told.as_str() {
            *of_request.entry(request).or_default() += 1;
        }
    }
    assert_eq!(of_request.len(), 20);
    assert!(of_request.values().all(|lines| *lines == 3), "{of_request:?}");
}

#[tokio::test]
async fn an_instance_that_breaks_is_delivered_whole() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = Arc::new(instance(builder).start().await.unwrap());
    crowd(&lambda, (0..8).map(|_| r#"{"lines":5,"format":"json"}"#.to_owned())).await;
    let trouble = Trouble::Crash(Duration::from_millis(50));
    let crash = lambda
        .invoke_amid(r#"{"lines":5,"sleepMs":10000}"#, trouble)
        .await
        .unwrap();
    let reset = crash.reset.unwrap();
    assert!(reset.reason == "failure" && reset.clean(), "{reset:?}");
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_conserves(&lambda, &["platform", "function"]);
    assert_eq!(found.of_type("function").len(), 45);
}

#[tokio::test]
async fn what_an_instance_that_breaks_cannot_deliver_is_said_for_nobody_takes_it_up() {
    let kinesis = kinesis().await;
    kinesis.set_fault(Fault::silence());
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = instance(builder).start().await.unwrap();
    let crash = lambda.invoke(r#"{"lines":5,"fail":"exit"}"#).await.unwrap();
    let reset = crash.reset.unwrap();
    assert!(reset.reason == "failure" && reset.clean(), "{reset:?}");
    let log = extension_log(&lambda).join("\n");
    assert!(
        log.contains(r#""event":"dropped""#) && log.contains(r#""reason":"shutdown""#),
        "another environment, on another disk, takes its place: {log}"
    );
}

#[tokio::test]
async fn a_timeout_ends_nothing() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = instance(builder)
        .timeout(Duration::from_millis(500))
        .start()
        .await
        .unwrap();
    let extension = Extension::of(&lambda).unwrap().pid;
    let late = lambda.invoke(r#"{"sleepMs":700}"#).await.unwrap();
    assert!(!late.succeeded());
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
    assert_eq!(Extension::of(&lambda).unwrap().pid, extension, "the same process");
    let found = end(&lambda, &kinesis).await;
    let reports = found.of_type("platform.report");
    let of_late = reports
        .iter()
        .find(|event| event["record"]["requestId"] == late.request_id);
    assert_eq!(
        of_late.expect("a report of the late one")["record"]["status"],
        "timeout"
    );
    assert_eq!(found.lives.len(), 1);
}
