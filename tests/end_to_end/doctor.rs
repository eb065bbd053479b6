//! `doctor` from inside a function: the test function runs `forwarderctl`, which is built beside it.

use end_to_end::binaries;
use end_to_end::world::*;
use serde_json::Value;

#[tokio::test]
async fn the_test_function_tells_what_its_own_role_meets() {
    let kinesis = kinesis().await;
    for (stream, code, put) in [(STREAM, 0, "ok"), ("gone", 1, "fail")] {
        let (builder, _) = lambda(&kinesis);
        let lambda = builder
            .function(binaries::test_function())
            .function_env("AWS_ENDPOINT_URL", kinesis.endpoint())
            .function_env("FORWARDER_SINKS__KINESIS__STREAM", stream)
            .extension_env("FORWARDER_SINKS__KINESIS__STREAM", STREAM)
            .start()
            .await
            .unwrap();
        let invocation = lambda.invoke(r#"{"doctor":true}"#).await.unwrap();
        assert!(invocation.succeeded(), "{:?}", lambda.output());
        let answer: Value = serde_json::from_slice(invocation.response.as_deref().unwrap()).unwrap();
        assert_eq!(answer["exitCode"], code, "{answer:#}");
        let checks = answer["doctor"]["checks"].as_array().unwrap();
        let is_put = |check: &&Value| check["sink"] == "kinesis" && check["check"] != "key";
        let last = checks.iter().rfind(is_put).unwrap();
        assert!(
            last["status"] == put || (put == "ok" && last["status"] == "warn"),
            "{answer:#}"
        );
        let region = checks.iter().find(|check| check["check"] == "region").unwrap();
        assert!(
            region["message"].as_str().unwrap().ends_with("from AWS_REGION"),
            "{answer:#}"
        );
    }
}
