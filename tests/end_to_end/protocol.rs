//! Encodings of calls to Kinesis.

use end_to_end::binaries;
use end_to_end::world::*;
use local_kinesis::{CallError, Fault, LocalKinesis, RecordError};

use crate::kinds::end;

#[tokio::test]
async fn calls_are_as_short_as_their_records_in_cbor_and_a_third_longer_in_json() {
    for (protocol, least, most) in [("cbor", 1.0, 1.05), ("json", 1.33, 1.42)] {
        let kinesis = kinesis().await;
        let (builder, _) = lambda_to_kinesis(&kinesis);
        let builder = builder.function(binaries::test_function());
        let lambda = builder
            .extension_env("FORWARDER_SINKS__KINESIS__PROTOCOL", protocol)
            .start()
            .await
            .unwrap();
        // Each kind of failure, which is to mean the same.
        kinesis.set_fault(Fault::refuse_share(0.3, RecordError::Throttled));
        kinesis.add_fault(Fault::fail(CallError::throttling()).for_next(1));
        for _ in 0..5 {
            let invocation = lambda.invoke(r#"{"lines":2000}"#).await.unwrap();
            assert!(invocation.succeeded(), "{invocation:?}");
        }
        kinesis.clear_faults();
        let found = end(&lambda, &kinesis).await;
        found.assert_proven();
        let counts = kinesis.counts(STREAM);
        assert!(counts.records_refused > 0 && counts.calls_failed > 0, "{counts:?}");
        let sent = counts.received.data_bytes + counts.received.key_bytes;
        let share = counts.body_bytes as f64 / sent as f64;
        assert!((least..most).contains(&share), "{protocol}: {share}");
    }
}

#[tokio::test]
async fn a_service_of_json_alone_gets_json_and_it_is_said_once() {
    let builder = LocalKinesis::builder().stream(STREAM, 1).json_alone(true);
    let kinesis = builder.start().await.unwrap();
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let lambda = builder.function(binaries::test_function()).start().await.unwrap();
    for _ in 0..3 {
        let invocation = lambda.invoke(r#"{"lines":10}"#).await.unwrap();
        assert!(invocation.succeeded(), "{invocation:?}");
    }
    let found = end(&lambda, &kinesis).await;
    found.assert_proven();
    let said = extension_log(&lambda);
    let [said] = said.as_slice() else {
        panic!("it is said once, and nothing else: {said:#?}");
    };
    assert!(
        said.contains(r#""event":"protocol_json""#) && said.contains("UnknownOperationException"),
        "{said}"
    );
    assert_eq!(kinesis.total().calls_failed, 1);
}
