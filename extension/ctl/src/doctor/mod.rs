//! `forwarderctl doctor [FILE]`: asks the account what a configuration would meet there, and writes nothing.
//!
//! # Layout
//! - `report`: checks, as text and as JSON.
//! - `caller`: credentials, account and region.
//! - `document`: the configuration that is kept elsewhere.
//! - `kinesis`, `firehose`: the stream of a sink, and a put to it; `key`: the stream's KMS key.
//! - `cause`: from a failed call to its cause and its fix.

mod caller;
mod cause;
#[cfg(feature = "remote-config")]
mod document;
mod firehose;
mod key;
mod kinesis;
mod report;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use forwarder_sinks::Connection;
use forwarder_sinks::account::Caller;
use forwarder_sinks::arn::StreamName;
use telemetry_forwarder::config::{self, Config, Inspection, SinkConfig};

use super::{ERRORS, GOOD, Output, WARNINGS};
use caller::Identity;
use report::{Check, Report};

/// Time that one call may take, that of a put.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);

/// Examines the configuration that these variables make. Returns the exit code: 0, 1 where something fails, 2 for a wrong
/// configuration.
///
/// # Errors
/// The answer cannot be written.
pub fn run(variables: &BTreeMap<String, String>, output: Output, out: &mut dyn Write) -> io::Result<u8> {
    let inspection = config::inspect(variables);
    let mut report = Report::default();
    let code = match &inspection.config {
        Err(problems) => {
            for problem in problems {
                let check = Check::fail(
                    problem.to_string(),
                    "correct it; `forwarderctl check` says what is in force",
                );
                report.add(None, "configuration", check);
            }
            ERRORS
        }
        Ok(config) => {
            warn(config, &inspection, &mut report);
            if examine(config, variables, &mut report)? {
                ERRORS
            } else if report.has_failed() {
                WARNINGS
            } else {
                GOOD
            }
        }
    };
    match output {
        Output::Text => report.write_text(out)?,
        Output::Json => writeln!(out, "{:#}", report.as_json())?,
    }
    Ok(code)
}

fn warn(config: &Config, inspection: &Inspection, report: &mut Report) {
    for warning in super::check::warnings(config, inspection) {
        // What is asked below is not warned of.
        if !warning.contains("writes KPL aggregates") {
            report.add(None, "configuration", Check::warn(warning, ""));
        }
    }
}

/// True if the configuration that is kept elsewhere is wrong.
fn examine(config: &Config, variables: &BTreeMap<String, String>, report: &mut Report) -> io::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        let asks = |config: &Config| config.sinks.iter().any(|sink| sink.stream.is_some());
        if !asks(config) && config.remote.is_none() {
            let nothing = Check::ok("no sink calls a service: there is nothing to ask");
            report.add(None, "sinks", nothing);
            return false;
        }
        let (caller, identity) = caller::find(variables, report).await;
        let Some(identity) = identity else { return false };
        #[cfg(feature = "remote-config")]
        let read = document::read(config, variables, &caller, report).await;
        #[cfg(not(feature = "remote-config"))]
        let read = document_is_none();
        let (sinks, is_wrong) = match read {
            Read::Nothing => (config.sinks.as_slice(), false),
            Read::Wrong => (config.sinks.as_slice(), true),
            Read::Good(ref sinks) => (sinks.as_slice(), false),
        };
        for sink in sinks {
            if let Some(stream) = &sink.stream {
                let mut subject = Subject::new(sink, stream, &caller, &identity, report);
                subject.examine().await;
            }
        }
        is_wrong
    }))
}

/// What became of the document that a configuration names.
enum Read {
    /// There is none, or it cannot be read: what is local counts.
    Nothing,
    /// It has mistakes, and would be refused: what is local counts.
    #[cfg_attr(
        not(feature = "remote-config"),
        expect(dead_code, reason = "nothing is read in this build")
    )]
    Wrong,
    /// Its sinks, with what variables say of them.
    #[cfg_attr(
        not(feature = "remote-config"),
        expect(dead_code, reason = "nothing is read in this build")
    )]
    Good(Vec<SinkConfig>),
}

#[cfg(not(feature = "remote-config"))]
fn document_is_none() -> Read {
    Read::Nothing
}

/// One sink that is examined.
struct Subject<'a> {
    sink: &'a SinkConfig,
    stream: &'a StreamName,
    connection: Connection,
    caller: &'a Caller,
    identity: &'a Identity,
    report: &'a mut Report,
}

impl<'a> Subject<'a> {
    fn new(
        sink: &'a SinkConfig,
        stream: &'a StreamName,
        caller: &'a Caller,
        identity: &'a Identity,
        report: &'a mut Report,
    ) -> Self {
        let region = sink.region.as_deref().or(stream.region()).or(caller.region.as_deref());
        let connection = Connection {
            protocol: sink.protocol,
            region: region.map(str::to_owned),
            endpoint: sink.endpoint.clone(),
            assume_role: sink.assume_role.clone(),
            attempt_timeout: ATTEMPT_TIMEOUT,
        };
        Self {
            sink,
            stream,
            connection,
            caller,
            identity,
            report,
        }
    }

    async fn examine(&mut self) {
        if self.connection.region.is_none() {
            let fix = "set AWS_REGION, or `region` of the sink; in Lambda it is the function's own";
            self.add("region", Check::fail("no region is set", fix));
            return;
        }
        if !caller::take_role(self).await {
            return;
        }
        match self.sink.kind.name {
            "kinesis" => kinesis::examine(self).await,
            "firehose" => firehose::examine(self).await,
            other => self.add("stream", Check::warn(format!("{other} is not known here"), "")),
        }
    }

    fn add(&mut self, check: &'static str, result: Check) {
        self.report.add(Some(&self.sink.name), check, result);
    }

    /// ARN of the stream, as far as that is known. `service` and `kind`: as in ARNs.
    fn arn(&self, service: &str, kind: &str) -> String {
        match self.stream {
            StreamName::Arn(arn) => arn.text.clone(),
            StreamName::Name(name) => format!(
                "arn:{}:{service}:{}:{}:{kind}/{name}",
                self.identity.partition,
                self.connection.region.as_deref().unwrap_or("*"),
                self.identity.account.as_deref().unwrap_or("*"),
            ),
        }
    }

    /// True if the stream is of another account than these credentials, or the role that is assumed.
    fn is_foreign(&self) -> bool {
        let role = self.sink.assume_role.as_ref();
        let of_role = role.and_then(|role| role.arn.split(':').nth(4));
        let own = of_role.or(self.identity.account.as_deref());
        match self.stream {
            StreamName::Arn(arn) => own.is_some_and(|own| own != arn.account),
            StreamName::Name(_) => false,
        }
    }

    /// Environment variable of a setting of this sink.
    fn variable(&self, setting: &str) -> String {
        format!("FORWARDER_SINKS__{}__{setting}", self.sink.name.to_uppercase())
    }
}
