//! Configurations with mistakes.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::world::*;

const END: Duration = Duration::from_secs(2);

#[tokio::test]
async fn mistakes_are_all_said_and_the_function_is_unharmed() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .extension_env("FORWARDER_SINKS__KINESIS__STREAM", "not a name")
        .extension_env("FORWARDER_FLUSH__BUDGET", "fast")
        .extension_env("FORWARDER_ROUTES", "functoin -> kinesis")
        .start()
        .await
        .unwrap();
    for _ in 0..3 {
        assert!(lambda.invoke(r#"{"lines":3}"#).await.unwrap().succeeded());
    }
    let report = lambda.shutdown("spindown", END).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let log = extension_log(&lambda);
    assert_eq!(
        log.iter().filter(|line| line.contains("configuration_error")).count(),
        3,
        "{log:#?}"
    );
    for expected in [
        "FORWARDER_SINKS__KINESIS__STREAM",
        "FORWARDER_FLUSH__BUDGET",
        "did you mean `function`?",
        "standing_by",
    ] {
        assert!(log.iter().any(|line| line.contains(expected)), "{expected}: {log:#?}");
    }
    assert!(
        log.iter()
            .all(|line| line.starts_with(r#"{"source":"telemetry-forwarder""#)),
        "{log:#?}"
    );
}

#[tokio::test]
async fn on_request_a_mistake_fails_the_init() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda(&kinesis);
    let builder = builder
        .extension_env("FORWARDER_ON_ERROR", "fail")
        .tolerate_init_failure(true);
    let lambda = builder.start().await.unwrap();
    let failure = lambda.init().fault.as_ref().expect("the init failed");
    assert_eq!(failure.error_type, "Extension.ConfigurationError");
    assert!(
        failure.message.contains("FORWARDER_SINKS__KINESIS__STREAM is not set"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_file_and_variables_make_one_configuration() {
    let kinesis = kinesis().await;
    let path = std::env::temp_dir().join(format!("forwarder-e2e-{}.toml", std::process::id()));
    let file = "[sinks.kinesis]\nstream = \"telemetry\"\nenvelope = \"lean\"\n[[routes]]\nmatch = \"platform.start\"\nto = [\"kinesis\"]\n";
    std::fs::write(&path, file).unwrap();
    let (builder, _) = lambda(&kinesis);
    let lambda = builder
        .extension_env("FORWARDER_CONFIG", path.to_str().unwrap())
        .start()
        .await
        .unwrap();
    lambda.invoke("{}").await.unwrap();
    lambda.shutdown("spindown", END).await.unwrap();
    std::fs::remove_file(path).unwrap();
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_conserves(&lambda, &["platform.start"]);
    assert!(found.events()[0]["forwarder"].get("resource").is_none());
}
