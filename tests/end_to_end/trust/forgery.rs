//! Requests that are not Lambda's: refused unread, counted, said once; and Lambda's own always taken.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use end_to_end::post::{Poster, function_lines, subscribed_path};
use end_to_end::process::{Extension, start_again};
use end_to_end::world::*;
use local_lambda::{LocalLambda, SubscribeAnswer};

use super::attack::{Attack, ask};

const END: Duration = Duration::from_secs(2);

const FORGED: &str = r#"[{"time":"2026-11-20T09:14:02.820Z","type":"platform.start","record":{"requestId":"forged","tenantId":"forged"}},
{"time":"2026-11-20T09:14:02.820Z","type":"platform.logsDropped","record":{"reason":"forged","droppedRecords":1,"droppedBytes":1}},
{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"forged"}]"#;

fn request(method: &str, path: &str) -> Vec<u8> {
    let length = FORGED.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: sandbox.localdomain\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), FORGED.as_bytes()].concat()
}

fn said(lambda: &LocalLambda, event: &str) -> usize {
    let event = format!(r#""event":"{event}""#);
    extension_log(lambda)
        .iter()
        .filter(|line| line.contains(&event))
        .count()
}

/// `counters.intake.refused` of the last report.
fn refused(found: &Found) -> u64 {
    let reports = found.of_type("forwarder.report");
    reports.last().expect("a report")["record"]["counters"]["intake"]["refused"]
        .as_u64()
        .expect("a number")
}

#[tokio::test]
async fn another_path_or_method_is_refused_counted_and_never_forwarded() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let path = subscribed_path(port);
    lambda.invoke("{}").await.unwrap();
    let mut count = 0;
    for other in [
        "/",
        "/latest/meta-data",
        "/00000000000000000000000000000000",
        "//",
        "/%2f",
        &path[..32],
        &format!("{path}0"),
    ] {
        for method in ["POST", "GET", "PUT"] {
            assert_eq!(ask(port, &request(method, other)).await, Some(404), "{method} {other}");
            count += 1;
        }
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "post"] {
        assert_eq!(ask(port, &request(method, &path)).await, Some(405), "{method}");
        count += 1;
    }
    lambda.invoke("{}").await.unwrap();
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_conserves(&lambda, &["platform"]);
    assert!(!found.lines.iter().any(|line| line.to_string().contains("forged")));
    assert_eq!(refused(&found), count);
    assert_eq!(said(&lambda, "listener_refused"), 1, "one warning a minute");
}

#[tokio::test]
async fn a_refused_body_is_not_read() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let mut attack = Attack::connect(port).await.unwrap();
    attack.begin("/", 100_000_000).await;
    assert_eq!(attack.status().await, Some(404), "before a byte of its body");
    assert!(attack.closed(PATIENCE).await);
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
}

#[tokio::test]
async fn each_environment_has_a_path_of_its_own_that_others_cannot_read_and_a_reset_keeps_it() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let path = subscribed_path(port);
    assert_eq!(lambda.subscriptions()[0].path, path);
    let file = Path::new(&spool_dir(port)).join("listener");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    Extension::of(&lambda).unwrap().signal("KILL");
    start_again(&lambda).await;
    assert_eq!(subscribed_path(port), path, "the subscription has survived");
    assert_eq!(ask(port, &request("POST", "/")).await, Some(404), "at once");
    lambda.invoke("{}").await.unwrap();
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    Found::in_stream(&kinesis, STREAM)
        .await
        .assert_balances(&lambda, &["platform"]);

    let (builder, other) = lambda_to_kinesis(&kinesis);
    let other_lambda = builder.start().await.unwrap();
    assert_ne!(subscribed_path(other), path);
    other_lambda.shutdown("spindown", END).await.unwrap();
}

#[tokio::test]
async fn where_the_path_is_lost_any_is_taken_until_lambda_has_shown_it() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    Extension::of(&lambda).unwrap().signal("KILL");
    std::fs::remove_file(Path::new(&spool_dir(port)).join("listener")).unwrap();
    start_again(&lambda).await;
    assert_eq!(said(&lambda, "listener_any_path"), 1);
    lambda.invoke("{}").await.unwrap();
    assert_eq!(
        ask(port, &request("POST", "/")).await,
        Some(404),
        "Lambda's own has shown it"
    );
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_balances(&lambda, &["platform"]);
}

#[tokio::test]
async fn where_lambda_refuses_a_path_the_plain_address_is_taken_and_no_other() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .subscribe_answer(SubscribeAnswer::RejectPath)
        .extension_env("FORWARDER_LOG", "info");
    let lambda = builder.start().await.unwrap();
    assert_eq!(lambda.subscriptions()[0].path, "/");
    assert_eq!(lambda.subscriptions()[0].schema_version, "2025-01-29");
    lambda.invoke("{}").await.unwrap();
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    assert_eq!(said(&lambda, "listener_plain"), 1);
    Found::in_stream(&kinesis, STREAM)
        .await
        .assert_conserves(&lambda, &["platform"]);
}

#[tokio::test]
async fn where_the_platform_drops_the_path_it_is_found_out() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder.freeze(false).subscribe_answer(SubscribeAnswer::DropPath);
    let lambda = builder.start().await.unwrap();
    let begin = std::time::Instant::now();
    while said(&lambda, "listener_any_path") == 0 {
        assert!(begin.elapsed() < PATIENCE);
        lambda.invoke("{}").await.unwrap();
    }
    for _ in 0..3 {
        lambda.invoke("{}").await.unwrap();
    }
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    let found = Found::in_stream(&kinesis, STREAM).await;
    assert!(found.of_type("platform.runtimeDone").len() >= 3);
}

#[tokio::test]
async fn a_body_that_ends_early_is_answered_400_and_what_lambda_posts_again_arrives() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let path = subscribed_path(port);
    let body = function_lines(0, 10, 200);
    let mut attack = Attack::connect(port).await.unwrap();
    attack.begin(&path, body.len()).await;
    attack.send(&body.as_bytes()[..body.len() / 2]).await;
    tokio::io::AsyncWriteExt::shutdown(&mut attack.0).await.unwrap();
    assert!(matches!(attack.status().await, Some(400) | None), "never 200");
    assert_eq!(Poster::connect(port).await.post("/", body).await, 200);
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    let found = Found::in_stream(&kinesis, STREAM).await;
    assert_eq!(found.of_type("function").len(), 10, "once");
    assert!(found.of_type("forwarder.unparsed").is_empty());
    found.assert_proven();
}
