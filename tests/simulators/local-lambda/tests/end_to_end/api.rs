//! The three APIs: requests accepted and refused, and the environment of processes.

use local_lambda::{LocalLambda, SubscribeAnswer};

use crate::world::{Directory, LIMIT, SHUTDOWN, plain, subscribed, test_function};

/// The first line of the extension that begins with `start`, without it.
async fn line(lambda: &LocalLambda, start: &str) -> String {
    let line = lambda.wait_for_output(LIMIT, |line| line.text.starts_with(start)).await;
    line.unwrap().text[start.len()..].to_owned()
}

#[tokio::test]
async fn mistakes_are_refused_by_name() {
    let lambda = plain().extension_env("SCRIPT_PROBE", "1").start().await.unwrap();
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
    for expected in [
        "no-name 403 Extension.InvalidExtensionName",
        "again 403 Extension.InvalidExtensionState",
        "no-json 403 InvalidRequestFormat",
        "event-type 403 Extension.InvalidEventType",
        "keys 403 InvalidRequestFormat",
        "internal-shutdown 403 Extension.InvalidEventType",
        "no-id 403 Extension.MissingExtensionIdentifier",
        "stranger 403 Extension.UnknownExtensionIdentifier",
        "garbled 403 Extension.InvalidExtensionIdentifier",
        "no-error-type 403 Extension.MissingHeader",
        "tcp 400 ValidationError",
        "telemetry-no-json 400 Telemetry.DeserializationError",
        "request-id 400 InvalidRequestID",
        "path 404 NotFound",
        "late-register 403 Extension.RegistrationClosed",
        "late-subscribe 403 Telemetry.SubscriptionClosed",
    ] {
        let (what, _) = expected.split_once(' ').unwrap();
        let answer = line(&lambda, &format!("probe {what} ")).await;
        assert_eq!(format!("{what} {answer}"), expected);
    }
}

#[tokio::test]
async fn an_internal_extension_gets_invocations_but_no_shutdown() {
    let lambda = plain().extension_env("SCRIPT_INTERNAL", "1").start().await.unwrap();
    let names: Vec<&str> = lambda
        .init()
        .extensions
        .iter()
        .map(|extension| &*extension.name)
        .collect();
    assert_eq!(names, ["scripted-extension", "internal"]);
    lambda.invoke("{}").await.unwrap();
    assert!(lambda.shutdown("spindown", SHUTDOWN).await.unwrap().clean());
    let count = |kind: &str| lambda.output().iter().filter(|line| line.text.contains(kind)).count();
    assert_eq!((count("\"INVOKE\","), count("\"SHUTDOWN\",")), (2, 1));
}

#[tokio::test]
async fn register_tells_of_the_function() {
    let builder = || {
        plain()
            .function_name("orders")
            .function_version("7")
            .handler("app.handler")
            .account_id("210987654321")
    };
    let lambda = builder().start().await.unwrap();
    let told = line(&lambda, "registered 200 ").await;
    assert_eq!(
        told,
        r#"{"functionName":"orders","functionVersion":"7","handler":"app.handler","accountId":"210987654321"}"#
    );
    let lambda = builder().tell_account_id(false).start().await.unwrap();
    assert!(!line(&lambda, "registered 200 ").await.contains("accountId"));
}

#[tokio::test]
async fn an_extension_sees_only_what_lambda_shows_it() {
    let lambda = plain()
        .env("CUSTOMERS_OWN", "1")
        .env("_HIDDEN", "1")
        .function_env("FUNCTIONS_OWN", "1")
        .extension_env("SCRIPT_DUMP_VARIABLES", "1")
        .start()
        .await
        .unwrap();
    assert_eq!(
        line(&lambda, "variables ").await.split(',').collect::<Vec<_>>(),
        [
            "AWS_ACCESS_KEY_ID",
            "AWS_DEFAULT_REGION",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            "AWS_LAMBDA_RUNTIME_API",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "CUSTOMERS_OWN",
            "LANG",
            "LD_LIBRARY_PATH",
            "PATH",
            "SCRIPT_DUMP_VARIABLES",
            "TZ",
        ]
    );
}

#[tokio::test]
async fn a_subscription_can_be_answered_otherwise() {
    let rejected = |times| SubscribeAnswer::RejectSchema {
        version: "2025-01-29".into(),
        times,
    };
    for (answer, expected) in [
        (SubscribeAnswer::Accept, "200 \"OK\""),
        (
            SubscribeAnswer::NotSupported,
            "202 {\"errorType\":\"Telemetry.NotSupported\"",
        ),
        (
            SubscribeAnswer::Closed,
            "403 {\"errorType\":\"Telemetry.SubscriptionClosed\"",
        ),
        (rejected(1), "400 {\"errorType\":\"ValidationError\""),
        (rejected(0), "200 \"OK\""),
    ] {
        let directory = Directory::new();
        let builder = subscribed(&directory, "platform").subscribe_answer(answer.clone());
        let lambda = builder.start().await.unwrap();
        let told = line(&lambda, "subscribed ").await;
        assert!(told.starts_with(expected), "{answer:?}: {told}");
        let accepted = expected.starts_with("200");
        assert_eq!(lambda.subscriptions().len(), usize::from(accepted), "{answer:?}");
    }
}

#[tokio::test]
async fn what_lambda_would_not_deploy_is_refused() {
    let twice = LocalLambda::builder().extension("/a/same").extension("/b/same");
    let many = (0..11).fold(LocalLambda::builder().function(test_function()), |builder, index| {
        builder.extension(format!("/opt/extensions/{index}"))
    });
    for (builder, told) in [
        (LocalLambda::builder(), "neither"),
        (twice, "same file name"),
        (many, "at most 10"),
    ] {
        let error = builder.start().await.unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
}
