//! The main job: what a function prints arrives.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::world::*;
use local_lambda::LogFormat;
use serde_json::{Value, json};

const END: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_cold_start_and_ten_invocations_arrive_whole() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let kinesis = kinesis().await;
        let (builder, _) = lambda_to_kinesis(&kinesis);
        let lambda = builder
            .function(binaries::test_function())
            .log_format(format)
            .start()
            .await
            .unwrap();
        for number in 0..10 {
            let order =
                json!({"lines": number + 1, "level": "mixed", "format": if number % 2 == 0 { "text" } else { "json" }});
            assert!(lambda.invoke(order.to_string()).await.unwrap().succeeded());
        }
        let report = lambda.shutdown("spindown", END).await.unwrap();
        assert!(report.clean(), "{report:?}");
        let found = Found::in_stream(&kinesis, STREAM).await;
        found.assert_conserves(&lambda, &["platform", "function"]);
        assert_eq!(found.of_type("function").len(), 55);
        assert_eq!(found.of_type("platform.report").len(), 10);
        assert_silent(&lambda);
    }
}

#[tokio::test]
async fn text_lines_carry_the_request_that_printed_them() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder.function(binaries::test_function()).start().await.unwrap();
    let mut requests = Vec::new();
    for number in 0..5 {
        let order = json!({"lines": 3, "message": format!("invocation-{number}"), "stackTrace": number == 2});
        requests.push(lambda.invoke(order.to_string()).await.unwrap().request_id);
    }
    lambda.shutdown("spindown", END).await.unwrap();
    let found = Found::in_stream(&kinesis, STREAM).await;
    let mut seen = 0;
    for line in found.of_type("function") {
        let text = line["record"].as_str().unwrap();
        let Some((_, rest)) = text.split_once("invocation-") else {
            continue;
        };
        let number: usize = rest[..1].parse().unwrap();
        assert_eq!(line["forwarder"]["requestId"], *requests[number], "{line}");
        seen += 1;
    }
    assert!(seen >= 15, "{seen}");
    let trace = |line: &&&Value| {
        line["record"]
            .as_str()
            .is_some_and(|text| !text.contains("invocation-"))
    };
    for line in found.of_type("function").iter().filter(trace) {
        assert!(
            requests
                .iter()
                .any(|request| line["forwarder"]["requestId"] == **request),
            "{line}"
        );
    }
}

#[tokio::test]
async fn the_envelope_names_the_function() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .function_name("checkout")
        .function_version("7")
        .account_id("210987654321")
        .region("eu-central-1");
    let lambda = builder.start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    lambda.shutdown("spindown", END).await.unwrap();
    let found = Found::in_stream(&kinesis, STREAM).await;
    let resource = &found.of_type("platform.report")[0]["forwarder"]["resource"];
    let instance = &found.of_type("platform.initStart")[0]["record"]["instanceId"];
    let expected = json!({
        "faas.name": "checkout", "faas.version": "7", "faas.instance": instance,
        "cloud.region": "eu-central-1", "cloud.account.id": "210987654321",
    });
    assert_eq!(*resource, expected);
}

#[tokio::test]
async fn the_account_comes_from_the_invocation_where_register_does_not_tell_it() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .tell_account_id(false)
        .account_id("210987654321")
        .start()
        .await
        .unwrap();
    lambda.invoke("{}").await.unwrap();
    lambda.shutdown("spindown", END).await.unwrap();
    let found = Found::in_stream(&kinesis, STREAM).await;
    let resource = &found.of_type("platform.report")[0]["forwarder"]["resource"];
    assert_eq!(resource["cloud.account.id"], "210987654321");
}

#[tokio::test]
async fn under_end_nothing_but_the_report_waits_in_a_frozen_environment() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .function(binaries::test_function())
        .extension_env("FORWARDER_FLUSH__STRATEGY", "end");
    let lambda = builder.start().await.unwrap();
    for invocation in 1..=3 {
        lambda.invoke(r#"{"lines":5}"#).await.unwrap();
        let found = Found::in_stream(&kinesis, STREAM).await;
        assert_eq!(found.of_type("function").len(), 5 * invocation);
        assert_eq!(found.of_type("platform.runtimeDone").len(), invocation);
        assert_eq!(found.of_type("platform.report").len(), invocation - 1);
    }
    assert_eq!(
        kinesis.counts(STREAM).calls_unanswered,
        0,
        "no put was in flight at a freeze"
    );
}

#[tokio::test]
async fn continuous_adds_nothing_and_delivers_what_the_last_invocation_left() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .function(binaries::test_function())
        .extension_env("FORWARDER_FLUSH__STRATEGY", "continuous");
    let lambda = builder.start().await.unwrap();
    for _ in 0..3 {
        lambda.invoke(r#"{"lines":5,"sleepMs":200}"#).await.unwrap();
    }
    let found = Found::in_stream(&kinesis, STREAM).await;
    assert!(
        found.of_type("function").len() >= 10,
        "the third invocation delivered what the second left"
    );
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    Found::in_stream(&kinesis, STREAM)
        .await
        .assert_conserves(&lambda, &["platform", "function"]);
}

#[tokio::test]
async fn a_function_that_fails_times_out_or_crashes_loses_no_line() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .function(binaries::test_function())
        .timeout(Duration::from_secs(1));
    let lambda = builder.start().await.unwrap();
    for order in [
        r#"{"lines":3,"message":"one"}"#,
        r#"{"lines":3,"message":"two","fail":"error"}"#,
        r#"{"lines":3,"message":"three","fail":"panic"}"#,
        r#"{"lines":3,"message":"four","fail":"exit"}"#,
        r#"{"lines":3,"message":"five","late":true}"#,
        r#"{"lines":3,"message":"six"}"#,
    ] {
        lambda.invoke(order).await.unwrap();
    }
    lambda.shutdown("spindown", END).await.unwrap();
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_conserves(&lambda, &["platform", "function"]);
    assert!(
        found.lives.len() >= 3,
        "the crash and the timeout each ended a life: {:?}",
        found.lives
    );
    for message in ["one", "two", "three", "four", "five", "six"] {
        let lines = found.of_type("function");
        let printed = lines.iter().filter(|line| {
            line["record"]
                .as_str()
                .is_some_and(|text| text.contains(&format!("{message} ")))
        });
        assert!(printed.count() >= 3, "{message}: {lines:#?}");
    }
}
