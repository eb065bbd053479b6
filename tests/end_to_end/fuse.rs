//! A body that takes long is taken in slices: others are answered meanwhile.

use std::time::{Duration, Instant};

use end_to_end::post::{Poster, function_lines};
use end_to_end::world::*;

const MASKS: &str = "email,ipv4,ipv6,phone,credit_card,iban,aws_access_key,aws_secret_key,jwt,bearer";

#[tokio::test]
async fn while_a_long_body_is_taken_others_are_answered_and_next_is_asked() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .freeze(false)
        .extension_env("FORWARDER_REDACT", MASKS)
        .start()
        .await
        .unwrap();
    lambda.invoke("{}").await.unwrap();
    // Some seconds of work, in events of which each takes little.
    let long = function_lines(0, 40_000, 200);
    let mut poster = Poster::connect(port).await;
    let (sent, began) = (
        tokio::spawn(async move { poster.post("/", long).await }),
        Instant::now(),
    );
    let mut other = Poster::connect(port).await;
    let mut answered = 0;
    while !sent.is_finished() {
        assert_eq!(other.post("/", function_lines(100_000 + answered, 1, 100)).await, 200);
        answered += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(sent.await.unwrap(), 200);
    eprintln!("{answered} answers while a body was taken for {:?}", began.elapsed());
    let report = lambda.shutdown("spindown", Duration::from_secs(10)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_proven();
    // In the order of their `seq`: lines of others are between those of the long body.
    let mut lines: Vec<_> = found.of_type("function").into_iter().cloned().collect();
    lines.sort_by_key(|line| line["forwarder"]["seq"].as_u64());
    let is_other = |line: &serde_json::Value| line["record"].as_str().unwrap().starts_with("00001");
    let last = lines
        .iter()
        .rposition(|line| line["record"].as_str().unwrap().starts_with("0000039999"));
    let between = lines[..last.unwrap()].iter().filter(|line| is_other(line)).count();
    assert!(between > 3, "{between} of {answered} were taken in between");
    let last = found.of_type("forwarder.report").pop().unwrap();
    assert_eq!(last["record"]["counters"]["intake"]["sliced"], 1);
}
