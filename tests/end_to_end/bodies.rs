//! Bodies that are no telemetry: always 200, and nothing is lost.

use std::time::Duration;

use end_to_end::post::{Poster, subscribed_path};
use end_to_end::world::*;

#[tokio::test]
async fn whatever_is_posted_is_answered_with_200_and_forwarded() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let mut poster = Poster::connect(port).await;
    for body in [
        &b""[..],
        b"[]",
        b"not JSON",
        b"{\"type\":\"function\",\"record\":\"no array\"}",
        b"[{\"type\":\"function\",\"record\":\"one\"},{broken},{\"type\":\"function\",\"record\":\"two\"}]",
        b"[{\"type\":\"function\",\"record\":\"three\"},\xff\xfe]",
        b"[{\"type\":\"function\",\"record\":\"four\"},{\"type\":\"func",
        b"\x1f\x8b\x08\x00",
    ] {
        for query in ["", "?x=1"] {
            let path = format!("{}{query}", subscribed_path(port));
            assert_eq!(poster.post(&path, body).await, 200);
        }
    }
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(2))
            .await
            .unwrap()
            .clean()
    );
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_proven();
    let mut texts: Vec<_> = found
        .of_type("function")
        .iter()
        .map(|line| line["record"].as_str().unwrap())
        .collect();
    texts.sort_unstable();
    assert_eq!(texts, ["four", "four", "one", "one", "three", "three", "two", "two"]);
    let unparsed = found.of_type("forwarder.unparsed");
    let with_body = |body: &str| unparsed.iter().filter(|line| line["record"]["body"] == body).count();
    assert_eq!(with_body("not JSON"), 2);
    assert_eq!(with_body("{broken}"), 2);
    assert_eq!(with_body("{\"type\":\"func"), 2);
    assert_eq!(with_body("//4="), 2, "{unparsed:#?}");
    assert_eq!(unparsed.len(), 12, "{unparsed:#?}");
}

#[tokio::test]
async fn a_body_over_the_bound_is_drained_counted_and_announced() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let mut poster = Poster::connect(port).await;
    let seventeen = 17 * 1024 * 1024;
    assert_eq!(poster.post("/", vec![b'x'; seventeen]).await, 200);
    assert_eq!(poster.post("/", r#"[{"type":"function","record":"after"}]"#).await, 200);
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(2))
            .await
            .unwrap()
            .clean()
    );
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_proven();
    assert_eq!(found.of_type("function").len(), 1);
    let announced = found.of_type("forwarder.unparsed");
    assert!(
        announced[0]["record"]["error"]
            .as_str()
            .unwrap()
            .contains(&seventeen.to_string())
    );
    let counters = &found.of_type("forwarder.report").last().unwrap()["record"]["counters"];
    assert_eq!(counters["intake"]["oversizedBodies"], 1);
    assert!(extension_log(&lambda).join("\n").contains("body_too_large"));
}

#[tokio::test]
async fn a_body_as_large_as_the_bound_is_taken() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let line = format!(r#"{{"type":"function","record":"{}"}}"#, "x".repeat(100_000));
    let body = format!("[{}]", vec![line.as_str(); 160].join(","));
    assert!(body.len() > 15_000_000);
    assert_eq!(Poster::connect(port).await.post("/", body).await, 200);
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(4))
            .await
            .unwrap()
            .clean()
    );
    let found = Found::in_stream(&kinesis, STREAM).await;
    assert_eq!(found.of_type("function").len(), 160);
    found.assert_proven();
}
