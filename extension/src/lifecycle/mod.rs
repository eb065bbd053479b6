//! The life of the extension: register → set up → subscribe → the loop around `next` → shutdown.
//!
//! The function's own init waits for `register`, so that comes first; what lies between it and the first `next` runs
//! beside the function's init. Whatever is wrong with the forwarder, `next` is answered: an extension that exits takes
//! the function with it.
//!
//! - this file: one life from `register` to the exit code, and what a panic in it leads to.
//! - `set_up`: what a forwarder at work is made of; `events`: the loop around `next`; `end`: the shutdown.

mod end;
mod events;
mod set_up;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forwarder_core::Forwarder;
use tokio::task::AbortHandle;

use crate::config::{self, OnError};
use crate::environment::{Environment, Terminate};
use crate::invocations::Invocations;
use crate::listener::Intake;
use crate::remote::{self, Remote};
use crate::runtime_api::RuntimeApi;
use crate::start::Start;
use crate::tasks::caught;
use crate::turn::Turns;

/// Lives one life. `variables` are those of the environment; `name` is the executable's file name. Returns the exit
/// code.
pub async fn run(variables: &BTreeMap<String, String>, name: &str) -> u8 {
    let Some(address) = variables.get("AWS_LAMBDA_RUNTIME_API") else {
        log::error!(event = "not_in_lambda"; "AWS_LAMBDA_RUNTIME_API is not set: this is a Lambda extension, which Lambda starts from /opt/extensions");
        return 2;
    };
    let mut terminate = Terminate::new();
    let api = RuntimeApi::new(address);
    let concurrent = is_of_type(variables, "lambda-managed-instances");
    let mut start = Start::begin();
    let Some(environment) = Environment::register(api, name, concurrent).await else {
        return 1;
    };
    start.registered();
    match caught("set_up", set_up(&environment, variables, start)).await {
        Ok(Ready::Forwards(extension)) => extension.live(&environment, &mut terminate).await,
        Ok(Ready::Exits(code)) => code,
        Ok(Ready::StandsBy) | Err(_) => environment.stand_by(&mut terminate).await,
    }
}

/// What comes after the set-up.
enum Ready {
    Forwards(Box<Extension>),
    /// Nothing is forwarded; why is in the log.
    StandsBy,
    /// Lambda was asked to fail the function's init.
    Exits(u8),
}

async fn set_up(environment: &Environment, variables: &BTreeMap<String, String>, mut start: Start) -> Ready {
    let account = environment.registration.function.account_id.as_deref();
    let (basics, config) = config::load_in(variables, account);
    crate::logger::set_level(basics.log);
    for warning in &basics.warnings {
        log::warn!(event = "configuration_warning"; "{warning}");
    }
    let config = match config {
        Ok(config) => config,
        Err(problems) => {
            for problem in &problems {
                log::error!(event = "configuration_error"; "{problem}");
            }
            if basics.on_error == OnError::Fail {
                return Ready::Exits(environment.fail("Extension.ConfigurationError", &problems).await);
            }
            log::error!(event = "standing_by", mistakes = problems.len(); "the configuration has mistakes: no telemetry is forwarded; the function is not affected");
            return Ready::StandsBy;
        }
    };
    let (config, version) = remote::last_good(config, variables, account);
    start.configured();
    match Extension::set_up(environment, &config, version, variables, start).await {
        Some(extension) => Ready::Forwards(Box::new(extension)),
        None => Ready::StandsBy,
    }
}

/// True if the environment is of this kind: `on-demand`, `provisioned-concurrency`, `snap-start`,
/// `lambda-managed-instances`.
fn is_of_type(variables: &BTreeMap<String, String>, initialization_type: &str) -> bool {
    variables
        .get("AWS_LAMBDA_INITIALIZATION_TYPE")
        .is_some_and(|kind| kind == initialization_type)
}

/// The forwarder at work.
struct Extension {
    forwarder: Arc<Forwarder>,
    intake: Arc<Intake>,
    invocations: Arc<Invocations>,
    listener: AbortHandle,
    turns: Turns,
    /// Time that Lambda may keep an event before it posts it.
    telemetry_timeout: Duration,
    /// A snapshot will be taken of the process.
    snapshot: bool,
    /// An invocation has come since that.
    restored: AtomicBool,
    /// A Managed Instance that fails is replaced: nobody takes up what is on its disk.
    replaced: bool,
    /// Opener of the sinks' connections.
    warming: Mutex<Option<AbortHandle>>,
    /// The sinks' targets were asked if they go with the formats.
    looked: Arc<AtomicBool>,
    /// The configuration that is kept elsewhere.
    remote: Option<Arc<Remote>>,
    /// The end has begun; it comes once.
    ends: AtomicBool,
}
