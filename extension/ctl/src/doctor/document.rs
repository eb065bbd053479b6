//! The configuration that is kept elsewhere: whether it can be read, and whether it would be taken.

use std::collections::BTreeMap;
use std::time::Duration;

use forwarder_sinks::Documents;
use forwarder_sinks::account::Caller;
use telemetry_forwarder::config::{self, Config, RemoteDocument};

use super::report::{Check, Report};
use super::{Read, warn};

/// Time that the document may take, as the extension gives it.
const ANSWER_TIME: Duration = Duration::from_secs(5);

const NAME: &str = "document";

/// Reads the document that the configuration names, and reports on it.
pub(super) async fn read(
    config: &Config,
    variables: &BTreeMap<String, String>,
    caller: &Caller,
    report: &mut Report,
) -> Read {
    let Some(source) = config.remote.clone() else {
        return Read::Nothing;
    };
    let name = source.to_string();
    let documents = Documents::of_caller(source, caller.clone());
    let read = tokio::time::timeout(ANSWER_TIME, documents.read(None)).await;
    let read = read.unwrap_or_else(|_| Err(format!("no answer in {ANSWER_TIME:?}")));
    let document = match read {
        Ok(Some(document)) => document,
        Ok(None) => return Read::Nothing,
        Err(error) => {
            report.add(
                None,
                NAME,
                Check::fail(format!("{name} cannot be read: {error}"), fix(&error, &name)),
            );
            return Read::Nothing;
        }
    };
    let remote = RemoteDocument {
        name: name.clone(),
        text: document.text,
    };
    let inspection = config::inspect_with(variables, &remote);
    match &inspection.config {
        Ok(config) => {
            let message = format!("{name}, version {}, can be read and is valid", document.version);
            report.add(None, NAME, Check::ok(message));
            warn(config, &inspection, report);
            Read::Good(config.sinks.clone())
        }
        Err(problems) => {
            for problem in problems {
                let fix = "correct it there: a document with any mistake is refused as a whole";
                report.add(None, NAME, Check::fail(problem.to_string(), fix));
            }
            Read::Wrong
        }
    }
}

/// What to do about a document that cannot be read. What it lacks of permissions is in the error.
fn fix(error: &str, name: &str) -> String {
    if error.contains("needs ") {
        format!("allow it to the function's role on {name}")
    } else if error.contains("ParameterNotFound") || error.contains("NoSuchKey") || error.contains("answered 404") {
        format!("there is no {name} in this account and region: make it, or correct FORWARDER_CONFIG")
    } else if error.contains("answered 301") {
        "name a bucket of the function's region".to_owned()
    } else {
        "in a VPC: an endpoint for ssm or s3, or a NAT gateway; else AWS_ENDPOINT_URL_SSM, AWS_ENDPOINT_URL_S3"
            .to_owned()
    }
}
