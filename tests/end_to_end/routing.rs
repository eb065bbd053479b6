//! Rules in an environment variable, and sinks of all three kinds.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::world::*;
use local_kinesis::LocalFirehose;
use local_lambda::{Role, Stream};

#[tokio::test]
async fn each_rule_sends_its_events_to_its_sinks() {
    let kinesis = kinesis().await;
    let firehose = LocalFirehose::builder().stream("metrics").start().await.unwrap();
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .extension_env("AWS_ENDPOINT_URL_FIREHOSE", firehose.endpoint())
        .extension_env("FORWARDER_SINKS__FIREHOSE__STREAM", "metrics")
        .extension_env("FORWARDER_SINKS__STDOUT__TYPE", "stdout")
        .extension_env(
            "FORWARDER_ROUTES",
            "function level>=error -> kinesis, stdout; platform.report -> firehose; platform.* -> drop; * -> kinesis",
        )
        .start()
        .await
        .unwrap();
    for format in ["text", "json", "node", "tracing"] {
        let order = format!(r#"{{"lines":12,"level":"mixed","format":"{format}"}}"#);
        assert!(lambda.invoke(order).await.unwrap().succeeded());
    }
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(2))
            .await
            .unwrap()
            .clean()
    );

    let in_kinesis = Found::in_stream(&kinesis, STREAM).await;
    in_kinesis.assert_conserves(&lambda, &["function"]);
    assert_eq!(in_kinesis.events().len(), 48);

    let delivered = firehose.delivered("metrics");
    let in_firehose = Found::in_records(delivered.iter().map(AsRef::as_ref));
    in_firehose.assert_conserves(&lambda, &["platform.report"]);
    assert_eq!(in_firehose.events().len(), 4);

    let printed = lambda
        .output()
        .into_iter()
        .filter(|line| line.role == Role::Extension && line.stream == Stream::Stdout);
    let printed: Vec<_> = printed.map(|line| line.text + "\n").collect();
    let in_stdout = Found::in_records(printed.iter().map(String::as_bytes));
    in_stdout.assert_proven();
    // Six levels in turn, of which error and fatal match.
    assert_eq!(in_stdout.events().len(), 4 * 4, "{:#?}", in_stdout.events());
    assert!(
        in_stdout
            .events()
            .iter()
            .all(|line| line["forwarder"]["sink"] == "stdout")
    );

    let report = in_kinesis.of_type("forwarder.report");
    let dropped = &report.last().unwrap()["record"]["routedOut"]["drop"];
    let platform = lambda
        .ground_truth()
        .iter()
        .filter(|event| event.json.contains("\"platform."))
        .count();
    assert_eq!(dropped.as_u64().unwrap() as usize, platform - 4);
}
