//! Much at once.

use std::time::Duration;

use end_to_end::post::{Poster, function_lines};
use end_to_end::world::*;
use local_kinesis::LocalKinesis;

/// Lines that begin with their number, each once.
fn assert_all_numbers(found: &Found, count: usize) {
    let mut seen = vec![false; count];
    for line in found.of_type("function") {
        let number: usize = line["record"].as_str().unwrap()[..10].parse().unwrap();
        assert!(!std::mem::replace(&mut seen[number], true), "{number} came twice");
    }
    let missing = seen.iter().filter(|seen| !**seen).count();
    assert_eq!(missing, 0, "of {count} lines are missing");
    found.assert_proven();
}

#[tokio::test]
async fn a_hundred_thousand_events_and_a_thousand_more_before_the_end_arrive() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let mut poster = Poster::connect(port).await;
    for batch in 0..100 {
        assert_eq!(poster.post("/", function_lines(batch * 1_000, 1_000, 200)).await, 200);
    }
    let wait = kinesis.wait_for_counts(STREAM, PATIENCE, |counts| counts.stored.data_bytes > 45_000_000);
    wait.await.expect("most of it is delivered while the environment runs");
    assert_eq!(poster.post("/", function_lines(100_000, 1_000, 200)).await, 200);
    let report = lambda.shutdown("spindown", Duration::from_secs(2)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    assert_all_numbers(&Found::in_stream(&kinesis, STREAM).await, 101_000);
    assert_silent(&lambda);
    let counts = kinesis.counts(STREAM);
    assert!(
        counts.largest_call_bytes <= 1_048_576 && counts.stored.largest_record <= 25_000,
        "{counts:?}"
    );
    let filled = counts.stored.data_bytes / counts.stored.records;
    assert!(filled > 24_000, "records are filled: {filled} bytes each");
}

#[tokio::test]
async fn a_stream_that_throttles_each_shard_loses_nothing() {
    let kinesis = LocalKinesis::builder()
        .stream(STREAM, 1)
        .enforce_limits(true)
        .start()
        .await
        .unwrap();
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let mut poster = Poster::connect(port).await;
    for batch in 0..6 {
        assert_eq!(poster.post("/", function_lines(batch * 1_000, 1_000, 200)).await, 200);
    }
    let wait = kinesis.wait_for_counts(STREAM, PATIENCE, |counts| counts.stored.data_bytes > 2_500_000);
    wait.await.expect("one shard takes 1 MB a second");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let report = lambda.shutdown("spindown", Duration::from_secs(4)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    assert!(kinesis.counts(STREAM).records_refused > 0, "the shard never throttled");
    assert_all_numbers(&Found::in_stream(&kinesis, STREAM).await, 6_000);
}
