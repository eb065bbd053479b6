//! Init, invocations and freezes where nothing breaks.

use std::time::Duration;

use local_lambda::{LocalLambda, Role};

use crate::world::{GONE, plain, process_state, test_function, wait_for_state};

#[tokio::test]
async fn the_runtime_starts_when_all_extensions_have_registered() {
    let lambda = plain()
        .extension_env("SCRIPT_REGISTER_AFTER_MS", "200")
        .start()
        .await
        .unwrap();
    let init = lambda.init();
    let registered = init.extensions[0].registered_after.unwrap();
    assert!(registered >= Duration::from_millis(200), "{init:?}");
    assert!(init.runtime_started_after.unwrap() >= registered, "{init:?}");
    assert!(init.extensions[0].ready_after.unwrap() >= registered, "{init:?}");
    assert!(init.duration >= init.runtime_ready_after.unwrap(), "{init:?}");
}

#[tokio::test]
async fn processes_are_stopped_between_invocations() {
    let lambda = plain().start().await.unwrap();
    let stopped = || {
        for process in lambda.processes() {
            wait_for_state(process.pid, &[Some('T')]);
        }
    };
    stopped();
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
    assert_eq!(lambda.processes().len(), 2);
    stopped();
}

#[tokio::test]
async fn freezing_can_be_left_out() {
    let lambda = plain().freeze(false).start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    for process in lambda.processes() {
        assert_ne!(process_state(process.pid), Some('T'), "{process:?}");
    }
}

#[tokio::test]
async fn what_an_extension_holds_up_is_measured_and_billed() {
    let hold = Duration::from_secs(1);
    let lambda = plain().extension_env("SCRIPT_HOLD_MS", "1000").start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    let invocation = lambda.invoke("{}").await.unwrap();
    // The hold begins while the function runs, so a part of it is not added.
    assert!(invocation.added + invocation.duration >= hold, "{invocation:?}");
    assert!(invocation.added > hold / 4, "{invocation:?}");
    assert!(invocation.billed >= hold, "{invocation:?}");
    assert!(
        invocation.responded_after.unwrap() < hold,
        "the caller does not wait for it"
    );
}

#[tokio::test]
async fn an_extension_is_told_the_invocation() {
    let lambda = plain()
        .region("us-east-1")
        .function_name("orders")
        .start()
        .await
        .unwrap();
    let invocation = lambda.invoke("{}").await.unwrap();
    let output = lambda.output();
    let event = output.iter().find(|line| line.text.starts_with("event ")).unwrap();
    let event: serde_json::Value = serde_json::from_str(&event.text["event ".len()..]).unwrap();
    assert_eq!(event["eventType"], "INVOKE");
    assert_eq!(event["requestId"], invocation.request_id.as_str());
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:orders";
    assert_eq!(event["invokedFunctionArn"], arn);
    assert_eq!(event["tracing"]["type"], "X-Amzn-Trace-Id");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let deadline = event["deadlineMs"].as_u64().unwrap();
    let left = u128::from(deadline).checked_sub(now.as_millis()).unwrap();
    assert!((1..=20_000).contains(&left), "{left} ms left of 20 s");
}

#[tokio::test]
async fn an_extension_without_invoke_does_not_hold_anything_up() {
    let lambda = plain()
        .extension_env("SCRIPT_EVENTS", "SHUTDOWN")
        .extension_env("SCRIPT_HOLD_MS", "10000")
        .start()
        .await
        .unwrap();
    let invocation = lambda.invoke("{}").await.unwrap();
    assert!(invocation.succeeded() && invocation.added.is_zero(), "{invocation:?}");
    let report = lambda.shutdown("spindown", Duration::from_secs(2)).await.unwrap();
    assert!(report.clean(), "{report:?}");
}

#[tokio::test]
async fn a_function_needs_no_extension() {
    let lambda = LocalLambda::builder().function(test_function()).start().await.unwrap();
    let invocation = lambda.invoke(r#"{"lines":4}"#).await.unwrap();
    assert_eq!(invocation.json()["lines"], 4);
    assert_eq!(lambda.output().len(), 4);
    assert!(lambda.output().iter().all(|line| line.role == Role::Function));
}

#[tokio::test]
async fn a_streamed_response_is_taken_whole() {
    let lambda = plain().start().await.unwrap();
    let invocation = lambda.invoke(r#"{"stream":true,"responseBytes":10000}"#).await.unwrap();
    let response = invocation.response.unwrap();
    let text = String::from_utf8_lossy(&response);
    // A prelude of the runtime and eight zero bytes come before.
    let (_, body) = text.split_once(&"\0".repeat(8)).unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["padding"].as_str().unwrap().len(), 10_000);
}

#[tokio::test]
async fn a_response_that_is_too_large_is_an_error() {
    let lambda = plain().start().await.unwrap();
    let order = format!(r#"{{"responseBytes":{}}}"#, 6 * 1024 * 1024);
    let invocation = lambda.invoke(order).await.unwrap();
    let error = invocation.error.unwrap();
    assert_eq!(error.error_type, "Function.ResponseSizeTooLarge");
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
}

#[tokio::test]
async fn invocations_queue() {
    let lambda = plain().start().await.unwrap();
    let (first, second) = tokio::join!(lambda.invoke("{}"), lambda.invoke("{}"));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.succeeded() && second.succeeded());
    assert_ne!(first.request_id, second.request_id);
}

#[tokio::test]
async fn dropping_it_kills_everything() {
    let lambda = plain().start().await.unwrap();
    let processes = lambda.processes();
    assert_eq!(processes.len(), 2);
    drop(lambda);
    for process in processes {
        wait_for_state(process.pid, GONE);
    }
}
