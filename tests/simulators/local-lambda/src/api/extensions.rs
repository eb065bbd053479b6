//! The Extensions API, version 2020-01-01.

use std::time::Instant;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::reply::{self, Reply, accepted, header, told_fault, well_formed, with_header};
use crate::config::MAX_EXTENSIONS;
use crate::fault::Refusal;
use crate::lifecycle::Shared;
use crate::state::{Activity, Agent, Stage, State};

const NAME: &str = "lambda-extension-name";
const IDENTIFIER: &str = "lambda-extension-identifier";
const EVENT_IDENTIFIER: &str = "lambda-extension-event-identifier";
const FEATURES: &str = "lambda-extension-accept-feature";
const ERROR_TYPE: &str = "lambda-extension-function-error-type";

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Registration {
    events: Vec<String>,
    configuration_keys: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registered<'a> {
    function_name: &'a str,
    function_version: &'a str,
    handler: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

pub(super) async fn register(shared: &Shared, request: Request<Incoming>, life: u64) -> Result<Reply, Refusal> {
    let Some(name) = header(&request, NAME).map(str::to_owned) else {
        let message = "Empty extension name";
        return Err(Refusal::forbidden("Extension.InvalidExtensionName", message));
    };
    let features = header(&request, FEATURES).unwrap_or_default();
    let asks_account = features.split(',').any(|feature| feature.trim() == "accountId");
    let registration = registration(&reply::body(request).await?)?;
    if shared.config.policy.mode.concurrent() && wants(&registration, "INVOKE") {
        let message = "an extension cannot register for INVOKE on Managed Instances";
        return Err(Refusal::forbidden("Extension.InvalidEventType", message));
    }
    let id = Uuid::new_v4().to_string();
    // Reading the body took time.
    super::still_lives(shared, life)?;
    shared.state.update(|state| enter(state, &name, &id, &registration))?;
    let config = &shared.config;
    let registered = Registered {
        function_name: &config.function_name,
        function_version: &config.function_version,
        handler: &config.handler,
        account_id: (asks_account && config.tell_account_id).then_some(&config.account_id),
    };
    Ok(with_header(reply::json(StatusCode::OK, &registered), IDENTIFIER, &id))
}

fn registration(body: &[u8]) -> Result<Registration, Refusal> {
    let registration: Registration = if body.is_empty() {
        Registration::default()
    } else {
        serde_json::from_slice(body).map_err(|error| Refusal::forbidden("InvalidRequestFormat", error.to_string()))?
    };
    if !registration.configuration_keys.is_empty() {
        let message = "configurationKeys are not supported";
        return Err(Refusal::forbidden("InvalidRequestFormat", message));
    }
    let known = |event: &&String| !["INVOKE", "SHUTDOWN"].contains(&event.as_str());
    match registration.events.iter().find(known) {
        Some(event) => {
            let message = format!("unknown event '{event}'");
            Err(Refusal::forbidden("Extension.InvalidEventType", message))
        }
        None => Ok(registration),
    }
}

/// Writes a registration down. A name that no started process has belongs to an internal extension.
fn enter(state: &mut State, name: &str, id: &str, registration: &Registration) -> Result<(), Refusal> {
    if state.stage != Stage::Init {
        let message = "Extension registration closed already";
        return Err(Refusal::forbidden("Extension.RegistrationClosed", message));
    }
    let known = state.agents.iter_mut().find(|agent| agent.name == name);
    if let Some(agent) = known {
        if agent.activity != Activity::Started {
            let message = format!("State transition to Registered failed for extension {name}: it is registered");
            return Err(Refusal::forbidden("Extension.InvalidExtensionState", message));
        }
        registered(agent, id, registration);
        return Ok(());
    }
    if wants(registration, "SHUTDOWN") {
        let message = "an internal extension cannot register for SHUTDOWN";
        return Err(Refusal::forbidden("Extension.InvalidEventType", message));
    }
    if state.agents.len() >= MAX_EXTENSIONS {
        let message = format!("a function has at most {MAX_EXTENSIONS} extensions");
        return Err(Refusal::forbidden("Extension.TooManyExtensions", message));
    }
    let mut internal = Agent {
        external: false,
        ..Agent::external(name.to_owned())
    };
    registered(&mut internal, id, registration);
    state.agents.push(internal);
    Ok(())
}

fn wants(registration: &Registration, event: &str) -> bool {
    registration.events.iter().any(|wanted| wanted == event)
}

fn registered(agent: &mut Agent, id: &str, registration: &Registration) {
    agent.id = id.to_owned();
    agent.activity = Activity::Registered;
    agent.registered_at = Some(Instant::now());
    agent.invoke = wants(registration, "INVOKE");
    agent.shutdown = wants(registration, "SHUTDOWN");
}

/// Waits for an event. The first call tells that the extension is ready, later ones that it is done with the last.
pub(super) async fn next(shared: &Shared, request: &Request<Incoming>) -> Result<Reply, Refusal> {
    let id = identifier(request)?;
    let now = Instant::now();
    let entered = shared.state.update(|state| {
        let agent = caller(state, id)?;
        if !matches!(agent.activity, Activity::Waiting { .. }) {
            agent.activity = Activity::Waiting { since: now };
        }
        agent.ready_at.get_or_insert(now);
        Ok(agent.name.clone())
    });
    // One that subscribed in an earlier life need not do it again to be heard as listening.
    shared.hub.set_open(&entered?, true);
    let event = shared
        .state
        .wait(|state| {
            let agent = state.agent_by_id(id)?;
            let event = agent.pending.take()?;
            agent.activity = Activity::Busy;
            Some(event)
        })
        .await;
    let event_id = Uuid::new_v4().to_string();
    let reply = reply::json(StatusCode::OK, &event);
    Ok(with_header(reply, EVENT_IDENTIFIER, &event_id))
}

/// init/error and exit/error: what an extension tells before it exits.
pub(super) async fn fault(shared: &Shared, request: Request<Incoming>, otherwise: &str) -> Result<Reply, Refusal> {
    let id = identifier(&request)?.to_owned();
    let Some(told) = header(&request, ERROR_TYPE) else {
        let message = "Lambda-Extension-Function-Error-Type not found";
        return Err(Refusal::forbidden("Extension.MissingHeader", message));
    };
    let well_formed = well_formed(told, &["Extension"]);
    let error_type = if well_formed { told } else { otherwise }.to_owned();
    let fault = told_fault(error_type, &reply::body(request).await?);
    shared.state.update(|state| {
        caller(state, &id)?.fault = Some(fault);
        Ok(accepted())
    })
}

/// The identifier that a request carries.
pub(super) fn identifier(request: &Request<Incoming>) -> Result<&str, Refusal> {
    let Some(id) = header(request, IDENTIFIER) else {
        let message = "Missing Lambda-Extension-Identifier header";
        return Err(Refusal::forbidden("Extension.MissingExtensionIdentifier", message));
    };
    if Uuid::try_parse(id).is_err() {
        let message = "Invalid Lambda-Extension-Identifier";
        return Err(Refusal::forbidden("Extension.InvalidExtensionIdentifier", message));
    }
    Ok(id)
}

/// The extension with an identifier, unless it has told that it is broken.
pub(super) fn caller<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Agent, Refusal> {
    match state.agent_by_id(id) {
        None => Err(Refusal::forbidden(
            "Extension.UnknownExtensionIdentifier",
            "Unknown extension",
        )),
        Some(agent) if agent.fault.is_some() => {
            let message = format!("the extension {} has told an error: it can only exit", agent.name);
            Err(Refusal::forbidden("Extension.InvalidExtensionState", message))
        }
        Some(agent) => Ok(agent),
    }
}
