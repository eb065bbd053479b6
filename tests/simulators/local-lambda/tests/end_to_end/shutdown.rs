//! The end of an environment.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use local_lambda::Error;
use serde_json::Value;

use crate::world::{SHUTDOWN, plain};

#[tokio::test]
async fn extensions_are_told_the_reason_and_the_deadline_and_end() {
    let lambda = plain().start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    let report = lambda.shutdown("SpinDown", SHUTDOWN).await.unwrap();
    assert!(report.clean() && report.duration < SHUTDOWN, "{report:?}");
    let function = report.process("test-function").unwrap();
    assert_eq!(function.exit.unwrap().signal(), Some(15), "SIGTERM for the runtime");
    assert!(!function.killed && function.after_shutdown_event.is_none());
    assert!(
        report
            .process("scripted-extension")
            .unwrap()
            .after_shutdown_event
            .is_some()
    );

    let output = lambda.output();
    let event = output.last().unwrap().text.strip_prefix("event ").unwrap();
    let event: Value = serde_json::from_str(event).unwrap();
    assert_eq!(
        (&event["eventType"], &event["shutdownReason"]),
        (&"SHUTDOWN".into(), &"SpinDown".into())
    );
    assert!(lambda.processes().is_empty());
    assert!(matches!(lambda.invoke("{}").await, Err(Error::ShutDown)));
}

#[tokio::test]
async fn who_does_not_end_is_killed_at_the_deadline() {
    let lambda = plain()
        .extension_env("SCRIPT_HANG_ON_SHUTDOWN", "1")
        .start()
        .await
        .unwrap();
    let deadline = Duration::from_millis(400);
    let report = lambda.shutdown("spindown", deadline).await.unwrap();
    let extension = report.process("scripted-extension").unwrap();
    assert!(extension.killed && !report.clean(), "{report:?}");
    assert_eq!(extension.exit.unwrap().signal(), Some(9));
    assert!(extension.after >= deadline, "not before: {report:?}");
}

#[tokio::test]
async fn an_exit_code_is_reported() {
    let lambda = plain()
        .extension_env("SCRIPT_EXIT_ON", "shutdown")
        .start()
        .await
        .unwrap();
    let report = lambda.shutdown("spindown", SHUTDOWN).await.unwrap();
    let extension = report.process("scripted-extension").unwrap();
    assert_eq!(extension.exit.unwrap().code(), Some(3));
    assert!(!extension.killed && !report.clean());
}

#[tokio::test]
async fn who_did_not_ask_for_shutdown_is_killed_at_once() {
    let lambda = plain().extension_env("SCRIPT_EVENTS", "INVOKE").start().await.unwrap();
    let report = lambda.shutdown("spindown", Duration::from_secs(60)).await.unwrap();
    let extension = report.process("scripted-extension").unwrap();
    assert!(extension.killed && extension.after_shutdown_event.is_none());
    assert!(report.duration < Duration::from_secs(30), "{report:?}");
}

#[tokio::test]
async fn after_a_reset_the_environment_goes_on() {
    let lambda = plain().start().await.unwrap();
    lambda.shutdown("failure", SHUTDOWN).await.unwrap();
    assert!(lambda.processes().is_empty());
    let invocation = lambda.invoke("{}").await.unwrap();
    assert!(invocation.succeeded() && invocation.init.is_some(), "{invocation:?}");
}
