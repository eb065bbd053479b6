//! What Lambda's APIs may answer: whatever it is, `next` is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use end_to_end::between::{Between, Verdict};
use end_to_end::binaries;
use end_to_end::process::Extension;
use end_to_end::world::*;
use end_to_end::wrapped::Wrapped;
use local_lambda::{Builder, LocalLambda};

const END: Duration = Duration::from_secs(2);
const MIB: u64 = 1024 * 1024;

const REGISTER: &str = "/2020-01-01/extension/register";
const NEXT: &str = "/2020-01-01/extension/event/next";

/// A Lambda whose extension asks through what stands between.
async fn between(
    kinesis: &local_kinesis::LocalKinesis,
    judge: impl Fn(&str) -> Verdict + Send + Sync + 'static,
) -> (Builder, Wrapped) {
    let between = Between::start(judge).await;
    let wrapped = Wrapped::new(&between.shell());
    let port = free_port();
    let builder = LocalLambda::builder()
        .function(binaries::test_function())
        .extension(wrapped.path())
        .timeout(Duration::from_secs(30))
        .extension_env("AWS_ENDPOINT_URL_KINESIS", kinesis.endpoint())
        .extension_env("FORWARDER_TELEMETRY__PORT", port.to_string())
        .extension_env("FORWARDER_SPOOL__DIR", spool_dir(port))
        .extension_env("FORWARDER_SINKS__KINESIS__STREAM", STREAM);
    (builder, wrapped)
}

/// Three invocations and the end go well, and all that Lambda handed over arrives.
async fn works(lambda: &LocalLambda, kinesis: &local_kinesis::LocalKinesis) {
    for _ in 0..3 {
        let invocation = lambda.invoke(r#"{"lines":3}"#).await.unwrap();
        assert!(invocation.succeeded(), "{invocation:?}");
    }
    let report = lambda.shutdown("spindown", END).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let found = Found::in_stream(kinesis, STREAM).await;
    found.assert_conserves(lambda, &["platform", "function"]);
}

#[tokio::test]
async fn register_that_fails_is_asked_again() {
    for failure in ["500", "429", "closed"] {
        let kinesis = kinesis().await;
        let calls = AtomicUsize::new(0);
        let judge = move |path: &str| match calls.load(Ordering::SeqCst) {
            0 | 1 if path == REGISTER => {
                calls.fetch_add(1, Ordering::SeqCst);
                match failure {
                    "closed" => Verdict::Close,
                    status => Verdict::Answer(status.parse().unwrap(), b"{}".to_vec()),
                }
            }
            _ => Verdict::Pass,
        };
        let (builder, _wrapped) = between(&kinesis, judge).await;
        let lambda = builder
            .start()
            .await
            .unwrap_or_else(|error| panic!("{failure}: {error}"));
        works(&lambda, &kinesis).await;
    }
}

#[tokio::test]
async fn next_is_asked_again_whatever_it_was_answered_and_no_answer_takes_memory() {
    let kinesis = kinesis().await;
    let calls = AtomicUsize::new(0);
    let judge = move |path: &str| {
        if path != NEXT {
            return Verdict::Pass;
        }
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Verdict::Close,
            1 => Verdict::Answer(500, b"<html>".to_vec()),
            2 => Verdict::Answer(200, vec![b' '; 300 * 1024 * 1024]),
            3 => Verdict::Answer(200, b"nonsense".to_vec()),
            4 => Verdict::Answer(403, br#"{"errorType":"Extension.UnknownExtensionIdentifier"}"#.to_vec()),
            _ => Verdict::Pass,
        }
    };
    let (builder, _wrapped) = between(&kinesis, judge).await;
    let lambda = builder.freeze(false).start().await.unwrap();
    let peak = Extension::of(&lambda).unwrap().peak_memory().unwrap();
    assert!(peak < 24 * MIB, "{} MiB", peak / MIB);
    works(&lambda, &kinesis).await;
}

#[tokio::test]
async fn an_environment_that_answers_nothing_but_errors_for_long_is_not_left() {
    let kinesis = kinesis().await;
    let calls = AtomicUsize::new(0);
    // More than a process that counts to 32 would bear.
    let judge = move |path: &str| match path {
        NEXT if (2..40).contains(&calls.fetch_add(1, Ordering::SeqCst)) => Verdict::Answer(503, Vec::new()),
        _ => Verdict::Pass,
    };
    let (builder, _wrapped) = between(&kinesis, judge).await;
    let builder = builder.freeze(false).timeout(Duration::from_secs(120));
    let lambda = builder.start().await.unwrap();
    works(&lambda, &kinesis).await;
}
