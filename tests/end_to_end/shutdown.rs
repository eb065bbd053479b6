//! The end of an environment.

use std::time::Duration;

use end_to_end::post::{Poster, function_lines};
use end_to_end::world::*;
use local_kinesis::Fault;

#[tokio::test]
async fn what_is_still_buffered_at_shutdown_arrives() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .freeze(false)
        .extension_env("FORWARDER_FLUSH__STRATEGY", "continuous")
        .start()
        .await
        .unwrap();
    let mut poster = Poster::connect(port).await;
    assert_eq!(poster.post("/", function_lines(0, 1_000, 200)).await, 200);
    assert_eq!(kinesis.counts(STREAM).calls, 0, "it is all still buffered");
    let report = lambda.shutdown("spindown", Duration::from_secs(2)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let found = Found::in_stream(&kinesis, STREAM).await;
    assert_eq!(found.of_type("function").len(), 1_000);
    found.assert_proven();
}

#[tokio::test]
async fn the_environment_is_left_well_before_its_deadline() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder.start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    let report = lambda.shutdown("spindown", Duration::from_secs(30)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    assert!(report.duration < Duration::from_secs(10), "{report:?}");
}

#[tokio::test]
async fn with_a_dead_sink_the_extension_leaves_in_time_and_names_what_it_could_not_deliver() {
    let kinesis = kinesis().await;
    kinesis.set_fault(Fault::silence());
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    Poster::connect(port).await.post("/", function_lines(0, 100, 200)).await;
    let report = lambda.shutdown("spindown", Duration::from_secs(2)).await.unwrap();
    assert!(report.clean(), "exit 0, not killed: {report:?}");
    let log = extension_log(&lambda).join("\n");
    assert!(
        log.contains(r#""event":"dropped""#) && log.contains(r#""reason":"shutdown""#),
        "{log}"
    );
    assert!(log.contains(r#""ranges":"[[0, "#), "{log}");
}

#[tokio::test]
async fn a_sick_sink_holds_the_function_for_one_budget_in_all() {
    let kinesis = kinesis().await;
    kinesis.set_fault(Fault::silence());
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder.start().await.unwrap();
    let mut added = Vec::new();
    for _ in 0..5 {
        let invocation = lambda.invoke("{}").await.unwrap();
        assert!(invocation.succeeded());
        added.push(invocation.added);
    }
    let total: Duration = added.iter().sum();
    // The budget once, and what Lambda takes to tell that the invocation is over each time.
    assert!(added[0] >= Duration::from_millis(500), "{added:?}");
    assert!(
        total < Duration::from_millis(500) + 5 * Duration::from_millis(150),
        "{added:?}"
    );
    kinesis.clear_faults();
    lambda.shutdown("spindown", Duration::from_secs(2)).await.unwrap();
    let found = Found::in_stream(&kinesis, STREAM).await;
    assert_eq!(found.of_type("platform.runtimeDone").len(), 5);
}

#[tokio::test]
async fn metrics_come_in_the_embedded_metric_format() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .extension_env("FORWARDER_METRICS", "emf")
        .function_name("checkout")
        .start()
        .await
        .unwrap();
    for _ in 0..3 {
        lambda.invoke("{}").await.unwrap();
    }
    lambda.shutdown("spindown", Duration::from_secs(2)).await.unwrap();
    let printed = lambda
        .output()
        .into_iter()
        .filter(|line| line.stream == local_lambda::Stream::Stdout);
    let lines: Vec<serde_json::Value> = printed.map(|line| serde_json::from_str(&line.text).unwrap()).collect();
    let [line] = lines.as_slice() else {
        panic!("one line at the end: {lines:#?}")
    };
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Namespace"], "TelemetryForwarder");
    assert_eq!(line["FunctionName"], "checkout");
    assert_eq!(line["EventsIn"], lambda.ground_truth().len());
    assert!(line["PutLatency"].as_f64().unwrap() > 0.0 && line["Dropped"] == 0);
}
