//! Provisioned concurrency: init ahead of any invocation.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::world::*;
use local_lambda::Mode;

use super::end;

#[tokio::test]
async fn init_long_before_the_first_invocation_loses_nothing() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .mode(Mode::ProvisionedConcurrency)
        .function_version("3")
        .function_env("TEST_FUNCTION_INIT_LINES", "4")
        .start()
        .await
        .unwrap();
    // Ready, frozen, and not needed yet.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..3 {
        let invocation = lambda.invoke(r#"{"lines":5}"#).await.unwrap();
        assert!(invocation.succeeded(), "{invocation:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found = end(&lambda, &kinesis).await;
    assert_eq!(found.of_type("function").len(), 19);
    let init = found.of_type("platform.initStart")[0];
    assert_eq!(init["record"]["initializationType"], "provisioned-concurrency");
    assert_eq!(found.lives.len(), 1);
    assert_silent(&lambda);
}
