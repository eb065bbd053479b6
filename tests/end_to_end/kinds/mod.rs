//! Each kind of Lambda, with the real binary in it: what a reader finds is all that Lambda handed over.

pub(crate) mod chaos;
mod durable;
mod envelope;
mod managed_instances;
mod provisioned;
mod resets;
mod snapstart;
mod streaming;
mod telemetry;
mod tenants;

use std::time::Duration;

use end_to_end::world::{Found, STREAM};
use local_kinesis::LocalKinesis;
use local_lambda::LocalLambda;

/// Time that Lambda gives for a shutdown.
const END: Duration = Duration::from_secs(2);

/// Shuts the environment down and reads the stream: everything is there, once, and proven.
pub(crate) async fn end(lambda: &LocalLambda, kinesis: &LocalKinesis) -> Found {
    let report = lambda.shutdown("spindown", END).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let found = Found::in_stream(kinesis, STREAM).await;
    found.assert_conserves(lambda, &["platform", "function"]);
    found
}
