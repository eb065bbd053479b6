//! Time that an extension adds to invocations, on the local Lambda: a real function, freezes between its invocations.

use std::path::Path;
use std::time::Duration;

use local_lambda::LocalLambda;

use crate::Result;
use crate::contender::Contender;
use crate::sandbox::free_port;
use crate::stream::Stream;

/// Invocations in one environment.
pub const INVOCATIONS: usize = 20;

/// Time that Kinesis takes to answer, as in its own region.
pub const LATENCY: Duration = Duration::from_millis(10);

/// Lines that each invocation logs.
const PAYLOAD: &str = r#"{"lines": 20}"#;

/// Invokes a function in an environment with this extension; what was added to each invocation.
///
/// # Errors
/// Lambda or Kinesis cannot be started, or an invocation fails.
pub async fn added(contender: &Contender, function: &Path) -> Result<Vec<Duration>> {
    let stream = Stream::start(LATENCY).await?;
    let port = free_port()?.to_string();
    let spool = std::env::temp_dir().join(format!("process-bench-{}-{port}", std::process::id()));
    let mut builder = LocalLambda::builder()
        .function(function)
        .extension(&contender.program)
        .memory_mb(128)
        .timeout(Duration::from_secs(30))
        .extension_env("AWS_ENDPOINT_URL_KINESIS", stream.endpoint())
        .extension_env("FORWARDER_TELEMETRY__PORT", &port)
        .extension_env("TELEMETRY_PORT", &port)
        .extension_env("FORWARDER_SPOOL__DIR", spool.to_string_lossy());
    for (name, value) in &contender.variables {
        builder = builder.extension_env(name, value);
    }
    let lambda = builder.start().await?;
    let mut added = Vec::new();
    for _ in 0..INVOCATIONS {
        let invocation = lambda.invoke(PAYLOAD).await?;
        if !invocation.succeeded() {
            return Err(format!("an invocation failed: {invocation:?}").into());
        }
        added.push(invocation.added);
    }
    lambda.shutdown("spindown", Duration::from_secs(2)).await?;
    Ok(added)
}
