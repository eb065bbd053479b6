//! What a forwarder at work is made of: listener, lanes, subscription.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use forwarder_core::delivery::spool::SpoolMode;
use forwarder_core::forwarder::flush::Rhythm;
use forwarder_core::record::envelope::Resource;
use forwarder_core::{Forwarder, Settings};

use super::{Extension, is_of_type};
use crate::clock::Moment;
use crate::config::Config;
use crate::environment::Environment;
use crate::extensions_api::Function;
use crate::invocations::Invocations;
use crate::listener::gate::Gate;
use crate::listener::path::Paths;
use crate::listener::{Intake, Listener};
use crate::metrics::{self, Metrics};
use crate::remote::{Parts, Remote};
use crate::start::Start;
use crate::telemetry_api::{Subscription, Wanted, subscribe};
use crate::turn::Turns;
use crate::{sinks, tasks};

impl Extension {
    /// Opens the listener and subscribes. `version`: that of the last good copy which `config` was made of. `None` if no telemetry can come; why is in the log then.
    pub(super) async fn set_up(
        environment: &Environment,
        config: &Config,
        version: Option<String>,
        variables: &BTreeMap<String, String>,
        mut start: Start,
    ) -> Option<Self> {
        let listener = match Listener::bind(config.port, environment.api.is_at_home()).await {
            Ok(listener) => Arc::new(listener),
            Err(error) => {
                log::error!(event = "port_taken", port = config.port, error = error.to_string().as_str(); "the telemetry port cannot be opened, most likely because another extension has it; set FORWARDER_TELEMETRY__PORT to a free one; no telemetry is forwarded; the function is not affected");
                return None;
            }
        };
        let forwarder = Arc::new(Forwarder::start(Settings {
            lanes: sinks::build(config),
            routes: config.routes.clone(),
            types: config.types,
            redaction: config.redaction.clone(),
            resource: Resource {
                attributes: config.attributes.clone(),
                ..resource(&environment.registration.function, variables)
            },
            buffer_bytes: config.buffer_bytes,
            spool: config.spool.clone(),
            concurrent: environment.concurrent,
        }));
        let snapshot = is_of_type(variables, "snap-start");
        if snapshot {
            forwarder.expect_snapshot();
        }
        let gate = Arc::new(gate(config, version.is_some()));
        let invocations = Arc::new(Invocations::default());
        let paths = Arc::new(Paths::new(&config.spool.dir));
        let intake = Arc::new(Intake::new(
            Arc::clone(&forwarder),
            Arc::clone(&invocations),
            Arc::clone(&paths),
            config.buffer_bytes,
            Arc::clone(&gate),
        ));
        let policy = Arc::new(Mutex::new(config.flush));
        let parts = Parts {
            forwarder: Arc::clone(&forwarder),
            policy: Arc::clone(&policy),
            variables: variables.clone(),
            account: environment.registration.function.account_id.clone(),
        };
        let remote = Remote::begin(config, version, parts);
        // Lambda may post before it answers the subscription.
        let served = Arc::clone(&intake);
        let serving = tasks::spawn("listener", move || {
            let (listener, intake) = (Arc::clone(&listener), Arc::clone(&served));
            async move { listener.serve(intake).await }
        });
        start.listens();
        let wanted = Wanted {
            types: config.types,
            buffering: config.buffering,
            port: config.port,
            path: paths.fresh(),
        };
        let subscription = subscribe(&environment.api, &environment.registration.identifier, wanted).await;
        if let Ok(subscription) = subscription {
            paths.subscribed(subscription);
        }
        let telemetry = match subscription {
            Ok(Subscription::Active { .. } | Subscription::Again) => true,
            Ok(Subscription::Unsupported) => {
                log::warn!(event = "telemetry_unsupported"; "the Telemetry API is not supported here (202), so no events will come; the extension keeps running");
                false
            }
            Err(error) => {
                log::error!(event = "subscribe_failed", error = error.to_string().as_str(); "Lambda refused the telemetry subscription; no telemetry is forwarded; the function is not affected");
                serving.abort();
                return None;
            }
        };
        start.subscribed();
        let buffering = config.buffering.timeout;
        tokio::spawn(async move { tasks::caught("first_post", paths.wait_for_first(buffering)).await });
        log::info!(event = "ready", id = forwarder.id().as_str(), port = config.port, sinks = config.sinks.len(); "registered and subscribed");
        let function = &environment.registration.function;
        Some(Self {
            intake,
            listener: serving,
            turns: Turns {
                forwarder: Arc::clone(&forwarder),
                invocations: Arc::clone(&invocations),
                policy,
                telemetry,
                buffering: config.buffering.timeout,
                gate,
                waited: AtomicBool::new(false),
                metrics: config.emf.then(|| metrics(&forwarder, function, variables)),
                rhythm: Mutex::new(Rhythm::default()),
                epoch: Moment::now(),
            },
            invocations,
            telemetry_timeout: config.buffering.timeout,
            snapshot,
            restored: AtomicBool::new(false),
            replaced: environment.concurrent,
            warming: Mutex::default(),
            looked: Arc::default(),
            remote,
            ends: AtomicBool::new(false),
            forwarder,
        })
    }
}

/// Part of the buffer that events may take until the first document is there.
const WAITING_PART: usize = 4;

/// Events wait for the first document of a configuration that is kept elsewhere. Not under `always`: what Lambda got an
/// answer for is on disk there.
fn gate(config: &Config, has_copy: bool) -> Gate {
    if config.remote.is_none() || has_copy || config.spool.mode == SpoolMode::Always {
        return Gate::open();
    }
    Gate::closed(config.buffer_bytes / WAITING_PART)
}

/// Metrics that are written each minute from here on.
fn metrics(forwarder: &Arc<Forwarder>, function: &Function, variables: &BTreeMap<String, String>) -> Arc<Metrics> {
    let name = resource(function, variables).faas_name.unwrap_or_default();
    let metrics = Arc::new(Metrics::new(name));
    let (forwarder, writer) = (Arc::clone(forwarder), Arc::clone(&metrics));
    tasks::spawn("metrics", move || {
        let (forwarder, writer) = (Arc::clone(&forwarder), Arc::clone(&writer));
        async move {
            loop {
                tokio::time::sleep(metrics::INTERVAL).await;
                writer.write(&forwarder);
            }
        }
    });
    metrics
}

fn resource(function: &Function, variables: &BTreeMap<String, String>) -> Resource {
    let variable = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
    Resource {
        faas_name: function
            .function_name
            .clone()
            .or_else(|| variable("AWS_LAMBDA_FUNCTION_NAME")),
        faas_version: function
            .function_version
            .clone()
            .or_else(|| variable("AWS_LAMBDA_FUNCTION_VERSION")),
        faas_instance: None,
        cloud_region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
        cloud_account_id: function.account_id.clone(),
        attributes: Vec::new(),
    }
}
