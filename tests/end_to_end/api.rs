//! Limit of an answer.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::post::subscribed_path;
use end_to_end::world::*;
use local_lambda::{LocalLambda, SubscribeAnswer};

const END: Duration = Duration::from_secs(2);

async fn works_without_telemetry(lambda: &LocalLambda) {
    for _ in 0..3 {
        let invocation = lambda.invoke(r#"{"lines":3}"#).await.unwrap();
        assert!(invocation.succeeded(), "{invocation:?}");
        assert!(invocation.added < Duration::from_millis(500), "{invocation:?}");
    }
    let report = lambda.shutdown("spindown", END).await.unwrap();
    assert!(report.clean(), "{report:?}");
}

#[tokio::test]
async fn where_telemetry_is_not_supported_the_extension_keeps_running() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .function(binaries::test_function())
        .subscribe_answer(SubscribeAnswer::NotSupported);
    let lambda = builder.start().await.unwrap();
    works_without_telemetry(&lambda).await;
    assert!(extension_log(&lambda).join("\n").contains("telemetry_unsupported"));
}

#[tokio::test]
async fn a_refused_schema_is_asked_for_once_more_with_the_older_one() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let answer = SubscribeAnswer::RejectSchema {
        version: "2025-01-29".into(),
        times: u32::MAX,
    };
    let lambda = builder.subscribe_answer(answer).start().await.unwrap();
    assert_eq!(lambda.subscriptions()[0].schema_version, "2022-12-13");
    lambda.invoke("{}").await.unwrap();
    lambda.shutdown("spindown", END).await.unwrap();
    Found::in_stream(&kinesis, STREAM)
        .await
        .assert_conserves(&lambda, &["platform"]);
}

#[tokio::test]
async fn a_refused_subscription_is_said_clearly_and_the_function_is_unharmed() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .function(binaries::test_function())
        .subscribe_answer(SubscribeAnswer::Closed);
    let lambda = builder.start().await.unwrap();
    works_without_telemetry(&lambda).await;
    let log = extension_log(&lambda).join("\n");
    assert!(
        log.contains("subscribe_failed") && log.contains("Telemetry.SubscriptionClosed"),
        "{log}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_clearly_and_the_function_is_unharmed() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let _taken = std::net::TcpListener::bind(("0.0.0.0", port)).unwrap();
    let lambda = builder.function(binaries::test_function()).start().await.unwrap();
    works_without_telemetry(&lambda).await;
    let log = extension_log(&lambda).join("\n");
    assert!(
        log.contains("port_taken") && log.contains("FORWARDER_TELEMETRY__PORT"),
        "{log}"
    );
}

#[tokio::test]
async fn it_subscribes_as_the_contract_says() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.start().await.unwrap();
    let subscription = &lambda.subscriptions()[0];
    assert_eq!(subscription.schema_version, "2025-01-29");
    assert_eq!(
        (subscription.max_items, subscription.max_bytes, subscription.timeout),
        (1_000, 1_048_576, Duration::from_millis(25))
    );
    let path = subscribed_path(port);
    assert_eq!(path.len(), 33, "{path}");
    assert_eq!(subscription.uri, format!("http://sandbox.localdomain:{port}{path}"));
}
