//! The Telemetry API, version 2022-07-01.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use super::extensions::{caller, identifier};
use super::reply::{self, Reply};
use crate::config::SubscribeAnswer;
use crate::fault::Refusal;
use crate::lifecycle::Shared;
use crate::state::Stage;
use crate::telemetry::{Subscribed, Terms};

/// The only schema of Managed Instances.
const NEWEST_SCHEMA: &str = "2025-01-29";

pub(super) async fn subscribe(shared: &Shared, request: Request<Incoming>) -> Result<Reply, Refusal> {
    let id = identifier(&request)?;
    let name = shared
        .state
        .update(|state| caller(state, id).map(|agent| agent.name.clone()))?;
    let body = reply::body(request).await?;
    let closed = || Refusal::forbidden("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed");
    if shared.state.read(|state| state.stage) != Stage::Init {
        return Err(closed());
    }
    let mut terms = Terms::parse(&body)?;
    if shared.config.policy.mode.concurrent() && terms.schema_version != NEWEST_SCHEMA {
        let message = format!(
            "schemaVersion should be {NEWEST_SCHEMA} on Managed Instances, not '{}'",
            terms.schema_version
        );
        return Err(Refusal::bad_request("ValidationError", message));
    }
    match &shared.config.subscribe_answer {
        SubscribeAnswer::Accept => {}
        SubscribeAnswer::Closed => return Err(closed()),
        SubscribeAnswer::NotSupported => {
            return Err(Refusal {
                status: 202,
                ..Refusal::bad_request("Telemetry.NotSupported", "Telemetry API is not supported")
            });
        }
        SubscribeAnswer::RejectPath if terms.destination.path != "/" => {
            let message = "destination URI should have no path";
            return Err(Refusal::bad_request("ValidationError", message));
        }
        SubscribeAnswer::RejectPath => {}
        SubscribeAnswer::DropPath => terms.destination.path = "/".into(),
        SubscribeAnswer::RejectSchema { version, times } => {
            if *version == terms.schema_version && refuses_again(shared, *times) {
                let message = format!("schemaVersion {version} is not supported");
                return Err(Refusal::bad_request("ValidationError", message));
            }
        }
    }
    Ok(match shared.hub.subscribe(&name, terms) {
        Subscribed::New(index) => {
            shared.run(Arc::clone(&shared.hub).deliver(index));
            reply::json(StatusCode::OK, &"OK")
        }
        Subscribed::Again => reply::json(StatusCode::OK, &"AlreadySubscribed"),
    })
}

/// Counts a refusal, if there is one left.
fn refuses_again(shared: &Shared, times: u32) -> bool {
    shared.state.update(|state| {
        let refuses = state.refused_schemas < times;
        state.refused_schemas = state.refused_schemas.saturating_add(u32::from(refuses));
        refuses
    })
}
