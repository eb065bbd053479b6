//! Faults, and how the environment goes on.

use std::time::Duration;

use local_lambda::{Error, LocalLambda, Status};

use crate::world::{Directory, SHUTDOWN, only, parsed, plain, scripted_extension, subscribed, test_function, types};

#[tokio::test]
async fn a_functions_error_is_an_answer() {
    for (fail, told) in [("error", "told to fail"), ("panic", "told to panic")] {
        let lambda = plain().start().await.unwrap();
        let before = lambda.processes();
        let invocation = lambda.invoke(format!(r#"{{"fail":"{fail}"}}"#)).await.unwrap();
        assert_eq!(invocation.status, Status::Error);
        let error = invocation.error.unwrap();
        assert!(error.message.contains(told), "{error}");
        assert!(invocation.response.is_none() && invocation.reset.is_none());
        assert_eq!(lambda.processes(), before, "nothing is restarted");
        let events = parsed(&lambda.events());
        let done = only(&events, "platform.runtimeDone", None);
        assert_eq!(done["record"]["status"], "error");
        assert!(lambda.invoke("{}").await.unwrap().succeeded());
    }
}

#[tokio::test]
async fn a_late_function_is_killed_and_everything_starts_again() {
    let directory = Directory::new();
    let timeout = Duration::from_secs(1);
    let lambda = subscribed(&directory, "platform,function")
        .timeout(timeout)
        .start()
        .await
        .unwrap();
    let before = lambda.processes();
    let late = lambda.invoke(r#"{"lines":5,"late":true}"#).await.unwrap();
    assert_eq!(late.status, Status::Timeout);
    assert!(
        late.error
            .unwrap()
            .message
            .ends_with("Task timed out after 1.00 seconds")
    );
    assert!(late.duration <= timeout, "{:?}", late.duration);
    let reset = late.reset.unwrap();
    assert_eq!(reset.reason, "timeout");
    assert!(reset.process("test-function").unwrap().killed);
    assert!(reset.clean(), "the extension ended by itself: {reset:?}");

    let again = lambda.invoke("{}").await.unwrap();
    assert!(again.succeeded(), "{again:?}");
    assert_eq!(again.init.unwrap().status, Status::Success);
    assert!(
        lambda.processes().iter().all(|process| !before.contains(process)),
        "all are new"
    );
    lambda.shutdown("spindown", SHUTDOWN).await.unwrap();

    let events = parsed(&lambda.events());
    let id = Some(late.request_id.as_str());
    let done = only(&events, "platform.runtimeDone", id);
    assert_eq!(done["record"]["status"], "timeout");
    assert!(done["record"]["errorType"].is_null());
    assert_eq!(only(&events, "platform.report", id)["record"]["status"], "timeout");
    let lines = |record: &serde_json::Value| record["record"].as_str().unwrap().contains(&late.request_id);
    let printed = events
        .iter()
        .filter(|event| event["type"] == "function" && lines(event));
    assert_eq!(printed.count(), 5, "what it had printed is not lost");

    // The subscription survives, with its port, and nothing is lost on the way.
    let answers: Vec<String> = lambda
        .output()
        .into_iter()
        .filter_map(|line| line.text.strip_prefix("subscribed ").map(str::to_owned))
        .collect();
    assert_eq!(answers, ["200 \"OK\"", "200 \"AlreadySubscribed\""]);
    let phases: Vec<&str> = events
        .iter()
        .filter(|event| event["type"] == "platform.initStart")
        .map(|event| event["record"]["phase"].as_str().unwrap())
        .collect();
    assert_eq!(phases, ["init", "invoke"]);
    let subscribed: Vec<_> = events
        .iter()
        .filter(|event| event["type"] != "extension")
        .cloned()
        .collect();
    assert_eq!(directory.recorded().concat(), subscribed);
}

#[tokio::test]
async fn a_function_that_exits_fails_and_everything_starts_again() {
    let lambda = plain().start().await.unwrap();
    let invocation = lambda
        .invoke(r#"{"lines":3,"fail":"exit","exitCode":7}"#)
        .await
        .unwrap();
    assert_eq!(invocation.status, Status::Error);
    assert_eq!(invocation.error.unwrap().error_type, "Runtime.ExitError");
    let reset = invocation.reset.unwrap();
    assert_eq!(reset.reason, "failure");
    assert_eq!(reset.process("test-function").unwrap().exit.unwrap().code(), Some(7));
    let events = parsed(&lambda.events());
    let done = types(&events)
        .iter()
        .position(|name| *name == "platform.runtimeDone")
        .unwrap();
    assert_eq!(events[done]["record"]["errorType"], "Runtime.ExitError");
    let lines = events[..done].iter().filter(|event| event["type"] == "function");
    assert_eq!(lines.count(), 3, "its last words come before");
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
}

#[tokio::test]
async fn an_extension_past_the_timeout_ends_the_invocation() {
    let lambda = plain()
        .extension_env("SCRIPT_HOLD_MS", "60000")
        .timeout(Duration::from_secs(1))
        .start()
        .await
        .unwrap();
    let invocation = lambda.invoke("{}").await.unwrap();
    assert_eq!(invocation.status, Status::Timeout);
    assert_eq!(invocation.json()["lines"], 1, "the caller had its answer before");
    let reset = invocation.reset.unwrap();
    let extension = reset.process("scripted-extension").unwrap();
    assert!(
        extension.killed && !reset.clean(),
        "it held on past its SHUTDOWN: {reset:?}"
    );
    let events = parsed(&lambda.events());
    assert_eq!(
        only(&events, "platform.runtimeDone", None)["record"]["status"],
        "success"
    );
    assert_eq!(only(&events, "platform.report", None)["record"]["status"], "timeout");
}

#[tokio::test]
async fn an_extension_that_exits_is_a_crash() {
    let lambda = plain().extension_env("SCRIPT_EXIT_ON", "invoke").start().await.unwrap();
    let invocation = lambda.invoke(r#"{"sleepMs":10000}"#).await.unwrap();
    assert_eq!(invocation.status, Status::Error);
    let error = invocation.error.unwrap();
    assert_eq!(error.error_type, "Extension.Crash");
    assert!(error.message.contains("exit status: 3"), "{error}");
    assert!(
        invocation.duration < Duration::from_secs(9),
        "the function is not waited for"
    );
    assert_eq!(invocation.reset.unwrap().reason, "failure");
}

#[tokio::test]
async fn a_failed_init_is_an_error_that_shows_why() {
    let error = plain()
        .extension_env("SCRIPT_INIT_ERROR", "Extension.Told")
        .start()
        .await
        .unwrap_err();
    let Error::Init(failure) = error else { panic!("{error}") };
    assert_eq!(failure.report.fault.as_ref().unwrap().error_type, "Extension.Told");
    assert!(
        failure.to_string().contains("registered 200"),
        "it shows the output: {failure}"
    );
    let events = parsed(&failure.events);
    assert_eq!(
        only(&events, "platform.extension", None)["record"]["state"],
        "InitError"
    );
    let report = only(&events, "platform.initReport", None);
    assert_eq!(report["record"]["errorType"], "Extension.Told");
}

#[tokio::test]
async fn a_failed_init_can_be_tolerated_and_runs_again_in_the_invocation() {
    for (builder, error_type) in [
        (plain().extension_env("SCRIPT_EXIT_ON", "init"), "Extension.Crash"),
        (
            plain().function_env("TEST_FUNCTION_INIT_EXIT", "1"),
            "Runtime.ExitError",
        ),
        (plain().extension("/nowhere/extension"), "Extension.LaunchError"),
        (
            LocalLambda::builder().function("/nowhere/bootstrap"),
            "Runtime.InvalidEntrypoint",
        ),
    ] {
        let lambda = builder.tolerate_init_failure(true).start().await.unwrap();
        assert_eq!(lambda.init().fault.as_ref().unwrap().error_type, error_type);
        let invocation = lambda.invoke("{}").await.unwrap();
        assert_eq!(invocation.error.unwrap().error_type, error_type);
        let init = invocation.init.unwrap();
        assert_eq!(init.status, Status::Error, "{error_type}");
        let events = parsed(&lambda.events());
        let reports: Vec<&str> = events
            .iter()
            .filter(|event| event["type"] == "platform.initReport")
            .map(|event| event["record"]["phase"].as_str().unwrap())
            .collect();
        assert_eq!(reports, ["init", "invoke"], "{error_type}");
    }
}

#[tokio::test]
async fn an_init_that_takes_too_long_times_out() {
    let error = LocalLambda::builder()
        .function(test_function())
        .extension(scripted_extension())
        .extension_env("SCRIPT_REGISTER_AFTER_MS", "60000")
        .init_timeout(Duration::from_millis(200))
        .start()
        .await
        .unwrap_err();
    let Error::Init(failure) = error else { panic!("{error}") };
    assert_eq!(failure.report.status, Status::Timeout);
    let report = parsed(&failure.events);
    let report = only(&report, "platform.initReport", None);
    assert_eq!(report["record"]["status"], "timeout");
    assert!(failure.report.runtime_started_after.is_none());
}
