//! One function on its local Lambda, with the real extension beside it, from init to shutdown.

use std::net::TcpListener;
use std::time::Duration;

use local_kinesis::LocalKinesis;
use local_lambda::{HandedOver, Invocation, LocalLambda, Role, ShutdownReport, Stream};
use tokio::sync::mpsc::UnboundedSender;

use crate::error::{Error, in_time};
use crate::programs::Programs;
use crate::scenario::{Script, Step};

/// The stream that all functions' telemetry goes to.
pub(crate) const STREAM: &str = "telemetry";

/// Time that Lambda gives an environment with external extensions for its shutdown. Lambda developer guide, lifecycle.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// Ground truth: what happened to a function, from its local Lambda.
pub(crate) struct Ended {
    pub(crate) name: &'static str,
    pub(crate) invocations: Vec<Invocation>,
    pub(crate) shutdown: ShutdownReport,
    /// Every event that was posted to the extension.
    pub(crate) handed_over: Vec<HandedOver>,
    /// Warnings and errors that the extension logged.
    pub(crate) log: Vec<String>,
}

/// A function that is about to run.
pub(crate) struct Function {
    script: Script,
    lambda: local_lambda::Builder,
}

impl Function {
    /// Everything is settled but started; `port` is for the extension's listener.
    pub(crate) fn new(script: Script, programs: &Programs, kinesis: &LocalKinesis, port: u16) -> Self {
        let lambda = LocalLambda::builder()
            .function(&programs.function)
            .extension(&programs.extension)
            .function_name(script.name)
            .log_format(script.log_format)
            .timeout(script.timeout)
            .memory_mb(512)
            .extension_env("AWS_ENDPOINT_URL_KINESIS", kinesis.endpoint())
            .extension_env("FORWARDER_SINKS__KINESIS__STREAM", STREAM)
            .extension_env("FORWARDER_TELEMETRY__PORT", port.to_string());
        Self { script, lambda }
    }

    /// Runs all its invocations and shuts it down. `begun` hears of each step. Dropped midway, its processes are killed.
    pub(crate) async fn run(self, begun: UnboundedSender<(&'static str, Step)>) -> Result<Ended, Error> {
        let Script { name, steps, .. } = self.script;
        let broken = |source| Error::Lambda { function: name, source };
        let lambda = in_time(format!("the init of {name}"), self.lambda.start())
            .await?
            .map_err(broken)?;
        let mut invocations = Vec::new();
        for step in steps {
            // Who no longer listens needs no progress.
            let _ = begun.send((name, *step));
            let what = format!("the invocation of {name} with {}", step.title);
            invocations.push(in_time(what, lambda.invoke(step.event)).await?.map_err(broken)?);
        }
        let shutdown = lambda.shutdown("spindown", SHUTDOWN);
        let shutdown = in_time(format!("the shutdown of {name}"), shutdown)
            .await?
            .map_err(broken)?;
        let output = lambda.output().into_iter();
        Ok(Ended {
            name,
            invocations,
            shutdown,
            handed_over: lambda.ground_truth(),
            log: output
                .filter(|line| line.role == Role::Extension && line.stream == Stream::Stderr)
                .map(|line| line.text)
                .collect(),
        })
    }
}

/// Ports that nobody listens on, all different.
pub(crate) fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT], Error> {
    let mut ports = [0; COUNT];
    let mut held = Vec::new();
    for port in &mut ports {
        let socket = TcpListener::bind(("0.0.0.0", 0)).map_err(Error::NoPort)?;
        *port = socket.local_addr().map_err(Error::NoPort)?.port();
        // Held until all are found, so that none is found twice.
        held.push(socket);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ() {
        let [first, second, third] = free_ports().unwrap();
        assert!(first != second && second != third && first != third && first != 0);
    }
}
