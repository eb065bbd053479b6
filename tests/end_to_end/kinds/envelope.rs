//! What each line says of its invocation: the trace that Lambda told, and attributes of one's own.

use end_to_end::binaries;
use end_to_end::world::*;
use local_lambda::Mode;
use serde_json::Value;

use super::end;

fn root(tracing: &Value) -> String {
    let value = tracing["value"].as_str().unwrap();
    let root = value.strip_prefix("Root=1-").unwrap();
    root.split(';').next().unwrap().replace('-', "")
}

#[tokio::test]
async fn each_line_of_an_invocation_has_its_trace_and_the_attributes_that_were_set() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .env("OTEL_SERVICE_NAME", "checkout")
        .env("OTEL_RESOURCE_ATTRIBUTES", "service.version=1%2E2,team=nobody")
        .extension_env("FORWARDER_ATTRIBUTES", "team=payments")
        .start()
        .await
        .unwrap();
    for _ in 0..2 {
        lambda.invoke(r#"{"lines":3}"#).await.unwrap();
    }
    let found = end(&lambda, &kinesis).await;
    let starts = found.of_type("platform.start");
    assert_eq!(starts.len(), 2);
    for start in starts {
        let (tracing, request) = (&start["record"]["tracing"], &start["record"]["requestId"]);
        let of_request = |line: &&Value| line["forwarder"]["requestId"] == *request;
        let lines: Vec<_> = found.events().into_iter().filter(of_request).collect();
        assert_eq!(lines.len(), 6, "start, three lines, runtimeDone, report");
        for line in lines {
            assert_eq!(line["forwarder"]["traceId"], root(tracing), "{line}");
            assert_eq!(line["forwarder"]["spanId"], tracing["spanId"], "{line}");
        }
    }
    for line in &found.lines {
        let resource = &line["forwarder"]["resource"];
        assert_eq!(
            (
                &resource["service.name"],
                &resource["service.version"],
                &resource["team"]
            ),
            (&"checkout".into(), &"1.2".into(), &"payments".into()),
            "{line}"
        );
    }
    assert_silent(&lambda);
}

#[tokio::test]
async fn a_managed_instance_is_not_told_and_nothing_is_guessed() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .mode(Mode::ManagedInstances)
        .start()
        .await
        .unwrap();
    lambda.invoke(r#"{"format":"json"}"#).await.unwrap();
    let found = end(&lambda, &kinesis).await;
    assert!(found.lines.iter().all(|line| line["forwarder"]["traceId"].is_null()));
}
