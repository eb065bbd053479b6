//! Durable functions: one execution is many invocations, which replay what was done before.

use std::collections::BTreeMap;

use end_to_end::binaries;
use end_to_end::world::*;
use local_lambda::LogFormat;

use super::end;

#[tokio::test]
async fn each_replay_is_kept_under_its_own_request() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .function(binaries::test_function())
        .function_version("7")
        .log_format(LogFormat::Json)
        .start()
        .await
        .unwrap();
    let execution = lambda.durable_execution("order-17");
    // Each invocation prints again what the ones before it have printed. The third one crashes, and is retried.
    let mut printed = BTreeMap::new();
    for (steps, fail) in [(1, ""), (2, ""), (3, r#","fail":"exit""#), (3, ""), (4, "")] {
        let order = format!(r#"{{"lines":{steps},"message":"step","format":"json"{fail}}}"#);
        let invocation = execution.invoke(&order).await.unwrap();
        assert_eq!(invocation.succeeded(), fail.is_empty(), "{invocation:?}");
        printed.insert(invocation.request_id, steps);
    }
    let found = end(&lambda, &kinesis).await;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for line in found.of_type("function") {
        assert_eq!(line["record"]["executionArn"], execution.arn());
        assert_eq!(line["forwarder"]["executionArn"], execution.arn());
        let request = line["forwarder"]["requestId"].as_str().unwrap();
        *seen.entry(request.to_owned()).or_default() += 1;
        assert_eq!(line["forwarder"]["resource"]["cloud.account.id"], "123456789012");
        assert_eq!(line["forwarder"]["resource"]["faas.version"], "7");
    }
    assert_eq!(seen, printed);
    for done in found.of_type("platform.runtimeDone") {
        assert_eq!(
            done["forwarder"]["executionArn"],
            execution.arn(),
            "what comes later has it too"
        );
    }
    let start = found.of_type("platform.start")[0];
    assert!(
        start["forwarder"]["executionArn"].is_null(),
        "nobody has told by then: {start}"
    );
    assert_eq!(found.lives.len(), 2, "the crash ended a life: {:?}", found.lives);
}
