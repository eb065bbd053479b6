//! What each line says of its invocation: the trace that Lambda told, and attributes of one's own.

use std::collections::BTreeSet;

use end_to_end::binaries;
use end_to_end::world::*;
use local_lambda::{Builder, Mode};
use serde_json::Value;

use super::end;

fn root(tracing: &Value) -> String {
    let value = tracing["value"].as_str().unwrap();
    let root = value.strip_prefix("Root=1-").unwrap();
    root.split(';').next().unwrap().replace('-', "")
}

/// Builder of a function that has attributes from all three places.
fn with_attributes(builder: Builder, mode: Mode) -> Builder {
    builder
        .function(binaries::test_function())
        .mode(mode)
        .function_env("TEST_FUNCTION_INIT_LINES", "2")
        .env("OTEL_SERVICE_NAME", "checkout")
        .env("OTEL_RESOURCE_ATTRIBUTES", "service.version=1%2E2,team=nobody")
        .extension_env("FORWARDER_ATTRIBUTES", "team=payments")
}

/// Holds every line, also of init, of a restore and of our own reports, to the attributes that were set.
fn assert_attributes(found: &Found) {
    for line in &found.lines {
        let resource = &line["forwarder"]["resource"];
        let attributes = ["service.name", "service.version", "team"].map(|key| resource[key].as_str());
        assert_eq!(attributes, ["checkout", "1.2", "payments"].map(Some), "{line}");
    }
}

#[tokio::test]
async fn each_line_of_an_invocation_has_its_trace_and_the_attributes_that_were_set() {
    for mode in [Mode::OnDemand, Mode::ProvisionedConcurrency, Mode::SnapStart] {
        let kinesis = kinesis().await;
        let (builder, _) = lambda_to_kinesis(&kinesis);
        let lambda = with_attributes(builder, mode).start().await.unwrap();
        for _ in 0..2 {
            lambda.invoke(r#"{"lines":3}"#).await.unwrap();
        }
        let found = end(&lambda, &kinesis).await;
        let starts = found.of_type("platform.start");
        assert_eq!(starts.len(), 2, "{mode:?}");
        for start in &starts {
            let (tracing, request) = (&start["record"]["tracing"], &start["record"]["requestId"]);
            let of_request = |line: &&Value| line["forwarder"]["requestId"] == *request;
            let lines: Vec<_> = found.events().into_iter().filter(of_request).collect();
            assert_eq!(lines.len(), 6, "{mode:?}: start, three lines, runtimeDone, report");
            for line in lines {
                assert_eq!(line["forwarder"]["traceId"], root(tracing), "{mode:?}: {line}");
                assert_eq!(line["forwarder"]["spanId"], tracing["spanId"], "{mode:?}: {line}");
            }
        }
        let traces: BTreeSet<_> = starts.iter().map(|start| root(&start["record"]["tracing"])).collect();
        assert_eq!(traces.len(), 2, "{mode:?}: a trace each");
        let init = found
            .events()
            .into_iter()
            .filter(|line| line["forwarder"]["requestId"].is_null());
        let traced: Vec<_> = init.filter(|line| !line["forwarder"]["traceId"].is_null()).collect();
        assert!(
            traced.is_empty(),
            "{mode:?}: what is of no invocation has no trace: {traced:?}"
        );
        assert_attributes(&found);
        assert_silent(&lambda);
    }
}

#[tokio::test]
async fn a_managed_instance_is_not_told_and_nothing_is_guessed() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = with_attributes(builder, Mode::ManagedInstances).start().await.unwrap();
    lambda.invoke(r#"{"format":"json"}"#).await.unwrap();
    let found = end(&lambda, &kinesis).await;
    assert!(found.lines.iter().all(|line| line["forwarder"]["traceId"].is_null()));
    assert_attributes(&found);
}
