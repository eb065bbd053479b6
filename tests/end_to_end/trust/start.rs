//! Variables and files that cannot be read: the extension stands by at once, and nothing goes out unmasked.

use std::process::Command;
use std::time::{Duration, Instant};

use end_to_end::binaries;
use end_to_end::world::*;
use end_to_end::wrapped::Wrapped;
use local_lambda::{Builder, LocalLambda};

const END: Duration = Duration::from_secs(2);

/// A Lambda whose extension is prepared by these lines of shell.
fn prepared(kinesis: &local_kinesis::LocalKinesis, shell: &str) -> (Builder, Wrapped) {
    let wrapped = Wrapped::new(shell);
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

async fn stands_by(builder: Builder, kinesis: &local_kinesis::LocalKinesis, says: &str) {
    let begin = Instant::now();
    let lambda = builder.start().await.unwrap();
    for _ in 0..2 {
        let invocation = lambda
            .invoke(r#"{"lines":3,"message":"me@example.com"}"#)
            .await
            .unwrap();
        assert!(invocation.succeeded(), "{invocation:?}");
    }
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "`next` waited: {:?}",
        begin.elapsed()
    );
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    assert!(
        kinesis.read_all(STREAM).await.unwrap().is_empty(),
        "nothing is forwarded"
    );
    let log = extension_log(&lambda).join("\n");
    assert!(log.contains("standing_by") && log.contains(says), "{log}");
}

#[tokio::test]
async fn a_redaction_that_is_not_utf_8_forwards_nothing() {
    let kinesis = kinesis().await;
    let (builder, _wrapped) = prepared(&kinesis, r#"export FORWARDER_REDACT="email$(printf '\377')""#);
    stands_by(builder, &kinesis, "FORWARDER_REDACT").await;
}

#[tokio::test]
async fn a_configuration_that_is_a_pipe_is_not_waited_for() {
    let kinesis = kinesis().await;
    let pipe = std::env::temp_dir().join(format!("forwarder-pipe-{}", std::process::id()));
    let _ = std::fs::remove_file(&pipe);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (builder, _wrapped) = prepared(&kinesis, "");
    let builder = builder.extension_env("FORWARDER_CONFIG", pipe.to_str().unwrap());
    stands_by(builder, &kinesis, "no regular file").await;
    std::fs::remove_file(pipe).unwrap();
}
