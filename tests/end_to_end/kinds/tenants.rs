//! Tenant isolation: the environment belongs to one tenant, and its lines say so.

use end_to_end::binaries;
use end_to_end::world::*;
use local_lambda::LogFormat;

use super::end;

#[tokio::test]
async fn what_belongs_to_an_invocation_names_its_tenant() {
    for (log_format, format) in [(LogFormat::Text, "text"), (LogFormat::Json, "json")] {
        let kinesis = kinesis().await;
        let (builder, _) = lambda_to_kinesis(&kinesis);
        let lambda = builder
            .function(binaries::test_function())
            .tenant_id("tenant-blue")
            .log_format(log_format)
            .start()
            .await
            .unwrap();
        for _ in 0..3 {
            let order = format!(r#"{{"lines":4,"format":"{format}","stackTrace":true}}"#);
            lambda.invoke(order).await.unwrap();
        }
        let found = end(&lambda, &kinesis).await;
        let mut named = 0;
        for kind in ["function", "platform.start", "platform.runtimeDone", "platform.report"] {
            for line in found.of_type(kind) {
                assert_eq!(line["forwarder"]["tenantId"], "tenant-blue", "{format}: {line}");
                named += 1;
            }
        }
        assert!(named >= 3 * (5 + 3), "{named}");
        let init = found.of_type("platform.initStart")[0];
        assert!(init["forwarder"]["tenantId"].is_null(), "nobody is known yet: {init}");
        assert_silent(&lambda);
    }
}
