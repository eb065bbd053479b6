//! Resets: the processes start again over the same `/tmp`, the subscription is there already.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::post::subscribed_path;
use end_to_end::world::*;
use local_lambda::{LocalLambda, Status, Trouble};

use super::end;

/// Number of times that the platform said a subscription is new, and how often that it is there already.
fn subscriptions(found: &Found) -> [usize; 2] {
    let events = found.of_type("platform.telemetrySubscription");
    ["Subscribed", "Already subscribed"]
        .map(|state| events.iter().filter(|event| event["record"]["state"] == state).count())
}

fn port_and_uri(lambda: &LocalLambda) -> (u16, String) {
    let subscriptions = lambda.subscriptions();
    assert_eq!(subscriptions.len(), 1, "{subscriptions:?}");
    (subscriptions[0].port, subscriptions[0].uri.clone())
}

#[tokio::test]
async fn timeout_crash_and_lack_of_memory_lose_nothing() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .memory_mb(256)
        .limit_memory(true)
        .start()
        .await
        .unwrap();
    let uri = format!("http://sandbox.localdomain:{port}{}", subscribed_path(port));
    assert_eq!(port_and_uri(&lambda), (port, uri.clone()));
    let soon = Duration::from_millis(30);
    for (order, trouble, error_type, reason) in [
        (r#"{"lines":5,"fail":"exit"}"#, None, "Runtime.ExitError", "failure"),
        (r#"{"lines":5,"fail":"memory"}"#, None, "Runtime.OutOfMemory", "failure"),
        (
            r#"{"lines":5,"sleepMs":20000}"#,
            Some(Trouble::Hang(soon)),
            "Sandbox.Timedout",
            "timeout",
        ),
        (
            r#"{"lines":5,"sleepMs":20000}"#,
            Some(Trouble::Crash(soon)),
            "Runtime.ExitError",
            "failure",
        ),
    ] {
        let broken = match trouble {
            Some(trouble) => lambda.invoke_amid(order, trouble).await.unwrap(),
            None => lambda.invoke(order).await.unwrap(),
        };
        assert_eq!(broken.error.unwrap().error_type, error_type, "{order}");
        let reset = broken.reset.unwrap();
        assert!(reset.reason == reason && reset.clean(), "{order}: {reset:?}");
        let next = lambda.invoke(r#"{"lines":2}"#).await.unwrap();
        assert!(next.succeeded() && next.init.is_some(), "{next:?}");
        assert_eq!(port_and_uri(&lambda), (port, uri.clone()));
    }
    let found = end(&lambda, &kinesis).await;
    assert_eq!(found.of_type("function").len(), 4 * (5 + 2));
    assert_eq!(found.lives.len(), 5, "{:?}", found.lives);
    assert_eq!(subscriptions(&found), [1, 4]);
    assert_silent(&lambda);
}

#[tokio::test]
async fn an_init_over_its_limit_runs_again_inside_the_first_invocation() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .function_env("TEST_FUNCTION_INIT_LINES", "3")
        .function_env("TEST_FUNCTION_INIT_MS", "1500")
        .init_timeout(Duration::from_secs(1))
        .tolerate_init_failure(true)
        .start()
        .await
        .unwrap();
    assert_eq!(lambda.init().status, Status::Timeout);
    let first = lambda.invoke(r#"{"lines":2}"#).await.unwrap();
    assert!(first.succeeded(), "{first:?}");
    assert_eq!(first.init.unwrap().status, Status::Success);
    let found = end(&lambda, &kinesis).await;
    assert_eq!(found.of_type("function").len(), 3 + 3 + 2);
    let reports = found.of_type("platform.initReport");
    assert_eq!(reports.len(), 2, "{reports:#?}");
    for (phase, status) in [("init", "timeout"), ("invoke", "success")] {
        let of_phase = reports.iter().find(|event| event["record"]["phase"] == phase);
        assert_eq!(of_phase.expect(phase)["record"]["status"], status);
    }
    assert_eq!(subscriptions(&found), [1, 1]);
    assert_silent(&lambda);
}
