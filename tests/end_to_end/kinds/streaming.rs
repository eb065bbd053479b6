//! Response streaming: the invocation ends with its stream.

use end_to_end::binaries;
use end_to_end::world::*;

use super::end;

#[tokio::test]
async fn the_end_of_the_stream_is_the_end_of_the_invocation() {
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let builder = builder.extension_env("FORWARDER_FLUSH__STRATEGY", "end");
    let lambda = builder.function(binaries::test_function()).start().await.unwrap();
    let order = r#"{"lines":5,"stream":true,"responseBytes":1000,"chunkMs":10}"#;
    for _ in 0..3 {
        let invocation = lambda.invoke(order).await.unwrap();
        assert!(invocation.succeeded(), "{invocation:?}");
        // It is held to the end of the stream, not of its beginning.
        let found = Found::in_stream(&kinesis, STREAM).await;
        let done = found.of_type("platform.runtimeDone");
        let of_this = done
            .iter()
            .find(|event| event["record"]["requestId"] == invocation.request_id);
        let record = &of_this.expect("the end of the invocation is there")["record"];
        let response = invocation.response.unwrap();
        assert_eq!(record["metrics"]["producedBytes"], response.len());
        let duration = record["spans"][1]["durationMs"].as_f64().unwrap();
        assert_eq!(record["spans"][1]["name"], "responseDuration");
        // At least thirty chunks with a pause of 10 ms after each but the last.
        assert!(duration >= 290.0, "{record}");
    }
    let found = end(&lambda, &kinesis).await;
    assert_eq!(found.of_type("function").len(), 15);
    assert_silent(&lambda);
}
