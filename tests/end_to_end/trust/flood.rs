//! Connections that are many, slow or endless: what they hold is bounded, and Lambda's own goes through.

use std::time::Duration;

use end_to_end::post::{Poster, function_lines, subscribed_path};
use end_to_end::process::Extension;
use end_to_end::world::*;
use end_to_end::wrapped::Wrapped;
use local_lambda::SubscribeAnswer;

use super::attack::Attack;

const END: Duration = Duration::from_secs(2);
const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn bodies_held_open_are_bounded_together() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .memory_mb(128)
        .freeze(false)
        // Whoever reaches the port may post.
        .subscribe_answer(SubscribeAnswer::RejectPath);
    let lambda = builder.start().await.unwrap();
    let mut held = Vec::new();
    let body = vec![b'x'; 7 * 1024 * 1024];
    for _ in 0..9 {
        let mut attack = Attack::connect(port).await.unwrap();
        attack.begin("/", 15_900_000).await;
        attack.send(&body).await;
        held.push(attack);
    }
    lambda.invoke("{}").await.unwrap();
    assert_eq!(
        Poster::connect(port).await.post("/", function_lines(0, 100, 200)).await,
        200
    );
    let peak = Extension::of(&lambda).unwrap().peak_memory().unwrap();
    assert!(peak < 40 * MIB, "{} MiB", peak / MIB);
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    assert_eq!(Found::in_stream(&kinesis, STREAM).await.of_type("function").len(), 100);
}

#[tokio::test]
async fn heads_are_bounded_in_size_and_time() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.memory_mb(128).freeze(false).start().await.unwrap();
    let before = Extension::of(&lambda).unwrap().peak_memory().unwrap();
    let head = [b"POST / HTTP/1.1\r\nx: ".as_slice(), &vec![b'x'; 390_000]].concat();
    for _ in 0..500 {
        let mut attack = Attack::connect(port).await.unwrap();
        attack.send(&head).await;
        assert!(attack.closed(PATIENCE).await);
    }
    let mut slow = Attack::connect(port).await.unwrap();
    slow.send(b"POST / HT").await;
    let begin = std::time::Instant::now();
    assert!(slow.closed(PATIENCE).await, "a head that never ends");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let peak = Extension::of(&lambda).unwrap().peak_memory().unwrap();
    assert!(peak < before + 4 * MIB, "{} KiB more", (peak - before) / 1024);
    lambda.invoke("{}").await.unwrap();
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    Found::in_stream(&kinesis, STREAM).await.assert_proven();
}

#[tokio::test]
async fn with_more_connections_than_descriptors_next_is_asked_and_lambda_posts() {
    for descriptors in [64, 1_024] {
        let kinesis = kinesis().await;
        let (_, port) = lambda_to_kinesis(&kinesis);
        let wrapped = Wrapped::new(&format!("ulimit -n {descriptors}"));
        let builder = local_lambda::LocalLambda::builder()
            .extension(wrapped.path())
            .memory_mb(128)
            .timeout(Duration::from_secs(30))
            .extension_env("AWS_ENDPOINT_URL_KINESIS", kinesis.endpoint())
            .extension_env("FORWARDER_TELEMETRY__PORT", port.to_string())
            .extension_env("FORWARDER_SPOOL__DIR", spool_dir(port))
            .extension_env("FORWARDER_SINKS__KINESIS__STREAM", STREAM);
        let lambda = builder.freeze(false).start().await.unwrap();
        let mut held = Vec::new();
        for round in 0..6 {
            for _ in 0..300 {
                held.push(Attack::connect(port).await);
            }
            let invocation = lambda.invoke("{}").await.unwrap();
            assert!(invocation.succeeded(), "{descriptors}, {round}: {invocation:?}");
            assert!(
                invocation.added < Duration::from_secs(2),
                "{descriptors}: {invocation:?}"
            );
        }
        assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
        drop(held);
        let found = Found::in_stream(&kinesis, STREAM).await;
        found.assert_balances(&lambda, &["platform"]);
        let log = extension_log(&lambda);
        assert!(log.len() <= 5, "one warning a minute of each kind: {log:#?}");
    }
}

#[tokio::test]
async fn posts_that_stall_do_not_delay_the_end() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    let path = subscribed_path(port);
    let mut held = Vec::new();
    for _ in 0..300 {
        let mut attack = Attack::connect(port).await.unwrap();
        attack.begin(&path, 1_000).await;
        attack.send(b"[").await;
        held.push(attack);
    }
    lambda.invoke("{}").await.unwrap();
    let report = lambda.shutdown("spindown", END).await.unwrap();
    assert!(report.clean(), "{report:?}");
    assert!(report.duration < Duration::from_millis(300), "{report:?}");
    Found::in_stream(&kinesis, STREAM)
        .await
        .assert_conserves(&lambda, &["platform"]);
}
