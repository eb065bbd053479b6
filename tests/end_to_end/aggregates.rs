//! KPL aggregates into a stream that distributes records by AUTO: asked once, beside the function.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::stand_in::{StandIn, Summary};
use end_to_end::world::*;

const AUTO: Summary = (
    200,
    r#"{"StreamDescriptionSummary":{"StreamName":"telemetry","StreamARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry",
    "StreamStatus":"ACTIVE","RetentionPeriodHours":24,"StreamCreationTimestamp":1.7e9,"EnhancedMonitoring":[],"OpenShardCount":4,
    "RecordDistributionStrategy":"AUTO"}}"#,
);

const CLOSED: Summary = (400, r#"{"__type":"AccessDeniedException","message":"not authorized"}"#);

const FAILING: Summary = (500, r#"{"__type":"InternalFailure","message":"oops"}"#);

/// Number of times that it was asked, and what was said of it.
async fn said(format: &str, summary: Summary) -> (usize, Vec<String>) {
    let aws = StandIn::describing(summary).await;
    let kinesis = kinesis().await;
    let (builder, _) = lambda(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .extension_env("FORWARDER_SINKS__KINESIS__STREAM", STREAM)
        .extension_env("FORWARDER_SINKS__KINESIS__ENDPOINT", &aws.endpoint)
        .extension_env("FORWARDER_SINKS__KINESIS__FORMAT", format)
        .freeze(false)
        .start()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(aws.descriptions(), 0, "nobody is asked before the function runs");
    for _ in 0..3 {
        assert!(lambda.invoke(r#"{"lines":3}"#).await.unwrap().succeeded());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(4))
            .await
            .unwrap()
            .clean()
    );
    let log = extension_log(&lambda);
    let said = log.into_iter().filter(|line| line.contains("KPL aggregates")).collect();
    (aws.descriptions(), said)
}

#[tokio::test]
async fn aggregates_on_auto_are_said_once_as_an_error() {
    let (asked, said) = said("kpl", AUTO).await;
    assert_eq!((asked, said.len()), (1, 1), "{said:#?}");
    assert!(
        said[0].contains(r#""event":"target_loses""#) && said[0].contains(r#""level":"ERROR""#),
        "{said:#?}"
    );
}

#[tokio::test]
async fn where_it_may_not_ask_it_says_so_once() {
    let (asked, said) = said("kpl", CLOSED).await;
    assert_eq!((asked, said.len()), (1, 1), "{said:#?}");
    assert!(said[0].contains(r#""event":"target_not_seen""#), "{said:#?}");
    assert!(said[0].contains("kinesis:DescribeStreamSummary"), "{said:#?}");
}

#[tokio::test]
async fn nobody_is_asked_for_lines_and_nothing_is_said_of_no_answer() {
    assert_eq!(said("ndjson", AUTO).await, (0, Vec::new()));
    let (asked, said) = said("kpl", FAILING).await;
    assert_eq!((asked, said), (1, Vec::new()));
}
