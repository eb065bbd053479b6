//! The life of the extension: register → set up → subscribe → the loop around `next` → shutdown.
//!
//! The function's own init waits for `register`, so that comes first; what lies between it and the first `next` runs
//! beside the function's init. Whatever is wrong with the forwarder, `next` is answered: an extension that exits takes
//! the function with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forwarder_core::envelope::Resource;
use forwarder_core::flush::{DEADLINE_MARGIN, FlushPolicy, Hold, START_PATIENCE};
use forwarder_core::{Forwarder, Settings, Undelivered};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::config::{self, Config, OnError};
use crate::environment::{Environment, Terminate};
use crate::extensions_api::{Function, Invoke, NextEvent, Shutdown, register};
use crate::invocations::Invocations;
use crate::listener::{Intake, Listener};
use crate::metrics::{self, Metrics};
use crate::runtime_api::RuntimeApi;
use crate::sinks;
use crate::telemetry_api::{Subscription, subscribe};

/// Connections that were idle for longer, most likely in a frozen environment, are made anew.
const RENEW_AFTER: Duration = Duration::from_secs(5);

/// What Lambda leaves an external extension at SHUTDOWN, where it does not tell.
const SHUTDOWN_TIME: Duration = Duration::from_secs(2);

/// What is left between a SIGTERM and the SIGKILL after it: a guess, since Lambda sends an extension neither.
const SIGTERM_TIME: Duration = Duration::from_secs(1);

/// At SHUTDOWN the last batch is in when nothing has come for this long …
const LAST_BATCH_PATIENCE: Duration = Duration::from_millis(300);

/// … or for this long after every invocation's `platform.report`, the last event of its own.
const LAST_BATCH_PATIENCE_WHEN_REPORTED: Duration = Duration::from_millis(100);

/// The longest that an invocation may take, for emulators that tell no deadline. Lambda's quotas.
const LONGEST_INVOCATION: Duration = Duration::from_secs(900);

/// Lives one life. `variables` are those of the environment; `name` is the executable's file name. Returns the exit code.
pub async fn run(variables: &BTreeMap<String, String>, name: &str) -> u8 {
    let Some(address) = variables.get("AWS_LAMBDA_RUNTIME_API") else {
        log::error!(event = "not_in_lambda"; "AWS_LAMBDA_RUNTIME_API is not set: this is a Lambda extension, which Lambda starts from /opt/extensions");
        return 2;
    };
    let mut terminate = Terminate::new();
    let api = RuntimeApi::new(address);
    let concurrent = is_managed_instances(variables);
    let registration = match register(&api, name, !concurrent).await {
        Ok(registration) => registration,
        Err(error) => {
            log::error!(event = "register_failed", name, error = error.to_string().as_str(); "Lambda refused to register the extension");
            return 1;
        }
    };
    let environment = Environment {
        api,
        registration,
        concurrent,
    };
    let (basics, config) = config::load(variables);
    crate::logger::set_level(basics.log);
    let config = match config {
        Ok(config) => config,
        Err(problems) => {
            for problem in &problems {
                log::error!(event = "configuration_error"; "{problem}");
            }
            if basics.on_error == OnError::Fail {
                return environment.fail("Extension.ConfigurationError", &problems).await;
            }
            log::error!(event = "standing_by", mistakes = problems.len(); "the configuration has mistakes: no telemetry is forwarded; the function is not affected");
            return environment.stand_by(&mut terminate).await;
        }
    };
    match Extension::set_up(&environment, &config, variables).await {
        Some(extension) => extension.live(&environment, &mut terminate).await,
        None => environment.stand_by(&mut terminate).await,
    }
}

fn is_managed_instances(variables: &BTreeMap<String, String>) -> bool {
    variables
        .get("AWS_LAMBDA_INITIALIZATION_TYPE")
        .is_some_and(|kind| kind == "lambda-managed-instances")
}

/// The forwarder at work.
struct Extension {
    forwarder: Arc<Forwarder>,
    intake: Arc<Intake>,
    invocations: Arc<Invocations>,
    listener: AbortHandle,
    policy: FlushPolicy,
    /// Whether Lambda sends events.
    telemetry: bool,
    /// How long Lambda may keep an event before it posts it.
    telemetry_timeout: Duration,
    metrics: Option<Arc<Metrics>>,
    /// The end has begun; it comes once.
    ends: AtomicBool,
}

impl Extension {
    /// Opens the listener and subscribes. `None` if no telemetry can come; why is in the log then.
    async fn set_up(environment: &Environment, config: &Config, variables: &BTreeMap<String, String>) -> Option<Self> {
        let listener = match Listener::bind(config.port).await {
            Ok(listener) => listener,
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
            resource: resource(&environment.registration.function, variables),
            buffer_bytes: config.buffer_bytes,
            spool: config.spool.clone(),
            concurrent: environment.concurrent,
        }));
        let invocations = Arc::new(Invocations::default());
        let intake = Arc::new(Intake::new(Arc::clone(&forwarder), Arc::clone(&invocations)));
        // Lambda may post before it answers the subscription.
        let serving = tokio::spawn(listener.serve(Arc::clone(&intake)));
        let identifier = &environment.registration.identifier;
        let subscription = subscribe(
            &environment.api,
            identifier,
            config.types,
            config.buffering,
            config.port,
        )
        .await;
        let telemetry = match subscription {
            Ok(Subscription::Active) => true,
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
        log::info!(event = "ready", id = forwarder.id().as_str(), port = config.port, sinks = config.sinks.len(); "registered and subscribed");
        Some(Self {
            intake,
            invocations,
            listener: serving.abort_handle(),
            policy: config.flush,
            telemetry,
            telemetry_timeout: config.buffering.timeout,
            metrics: config
                .emf
                .then(|| metrics(&forwarder, &environment.registration.function, variables)),
            ends: AtomicBool::new(false),
            forwarder,
        })
    }

    async fn live(&self, environment: &Environment, terminate: &mut Terminate) -> u8 {
        let terminated = async {
            terminate.wait().await;
            // A SIGTERM during SHUTDOWN tells nothing new.
            if self.ends.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            code = self.serve_events(environment) => code,
            () = terminated => self.shut_down("SIGTERM", Instant::now() + SIGTERM_TIME).await,
        }
    }

    async fn serve_events(&self, environment: &Environment) -> u8 {
        let mut warm = environment.concurrent;
        if environment.concurrent {
            self.warm_up();
        }
        self.recover();
        loop {
            let asked = Instant::now();
            let event = environment.next().await;
            // Whatever comes: the last flush needs its connections most.
            if asked.elapsed() > RENEW_AFTER {
                self.forwarder.renew();
            }
            match event {
                Some(NextEvent::Invoke(invoke)) => {
                    if !std::mem::replace(&mut warm, true) {
                        self.warm_up();
                    }
                    self.invoke(&invoke).await;
                    self.invocations.forget(&invoke.request_id);
                }
                Some(NextEvent::Shutdown(Shutdown {
                    deadline_ms,
                    shutdown_reason,
                })) => {
                    let deadline = instant_of(deadline_ms).unwrap_or_else(|| Instant::now() + SHUTDOWN_TIME);
                    return self.shut_down(&shutdown_reason, deadline).await;
                }
                Some(NextEvent::Other(kind)) => {
                    log::info!(event = "unknown_event", kind = kind.as_str(); "an event that was not asked for");
                }
                None => {
                    self.shut_down("no answer to next", Instant::now() + SHUTDOWN_TIME)
                        .await;
                    return 1;
                }
            }
        }
    }

    /// Makes the sinks ready while the function runs.
    fn warm_up(&self) {
        let forwarder = Arc::clone(&self.forwarder);
        tokio::spawn(async move { forwarder.warm_up().await });
    }

    /// Takes up what an earlier life left on disk, as soon as `next` is outstanding.
    fn recover(&self) {
        let forwarder = Arc::clone(&self.forwarder);
        tokio::spawn(async move { forwarder.recover().await });
    }

    async fn invoke(&self, invoke: &Invoke) {
        if let Some(account_id) = invoke
            .invoked_function_arn
            .split(':')
            .nth(4)
            .filter(|id| !id.is_empty())
        {
            self.forwarder.set_account_id(account_id);
        }
        log::debug!(event = "invoke", requestId = invoke.request_id.as_str(); "an invocation begins");
        match self.policy.on_invoke(self.telemetry) {
            Hold::None => self.forwarder.run(true),
            Hold::UntilDone => {
                let deadline = instant_of(invoke.deadline_ms);
                self.forwarder.run(false);
                if self.wait_until_done(&invoke.request_id, deadline).await {
                    let done = Instant::now();
                    let remaining = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(done));
                    let empty = self.forwarder.flush(done + self.policy.budget(remaining)).await;
                    self.forwarder.pause().await;
                    let held = done.elapsed();
                    self.metrics.iter().for_each(|metrics| metrics.add_held(held));
                    let held_ms = held.as_millis() as u64;
                    log::debug!(event = "flushed", requestId = invoke.request_id.as_str(), held_ms, empty; "the invocation's telemetry was flushed");
                } else {
                    // Its end is not seen in time: what is held goes out while the function still runs.
                    log::debug!(event = "end_not_seen", requestId = invoke.request_id.as_str(); "the invocation's end was not seen in time");
                    self.forwarder.run(true);
                }
            }
        }
    }

    /// Waits for the invocation's end as long as there is hope, and time before its deadline.
    async fn wait_until_done(&self, request_id: &str, deadline: Option<Instant>) -> bool {
        let now = Instant::now();
        let latest = deadline.map(|deadline| deadline.checked_sub(DEADLINE_MARGIN).unwrap_or(now));
        let patience = now + START_PATIENCE;
        let started = self.invocations.started(request_id);
        if timeout_at(latest.map_or(patience, |latest| latest.min(patience)), started)
            .await
            .is_err()
        {
            return false;
        }
        let done = self.invocations.done(request_id);
        timeout_at(latest.unwrap_or(now + LONGEST_INVOCATION), done)
            .await
            .is_ok()
    }

    /// Takes the last batch, delivers until shortly before the deadline, and says what is left.
    async fn shut_down(&self, reason: &str, deadline: Instant) -> u8 {
        let now = Instant::now();
        let end = deadline.checked_sub(DEADLINE_MARGIN).map_or(now, |end| end.max(now));
        self.ends.store(true, Ordering::Relaxed);
        log::debug!(event = "shutdown", reason; "the environment ends");
        self.forwarder.run(true);
        if self.telemetry {
            self.intake.expect_more();
            let patience = LAST_BATCH_PATIENCE.max(self.telemetry_timeout + LAST_BATCH_PATIENCE_WHEN_REPORTED);
            let quiet = || match self.invocations.all_reported() {
                true => LAST_BATCH_PATIENCE_WHEN_REPORTED,
                false => patience,
            };
            // However much comes, half of the time is for delivering it.
            let half_time = now + (end - now) / 2;
            let _ = timeout_at(half_time, self.intake.quiet(quiet)).await;
        }
        self.listener.abort();
        self.intake.close();
        // The environment is used again after these, with what is on its disk.
        let has_successor = ["timeout", "failure"]
            .iter()
            .any(|name| reason.eq_ignore_ascii_case(name));
        let undelivered = self.forwarder.close(end, has_successor).await;
        let spooled: u64 = self.forwarder.stats().1.iter().map(|lane| lane.spooled).sum();
        if spooled > 0 {
            log::warn!(event = "left_on_disk", lines = spooled; "these lines could not be delivered yet; they wait on disk for the next start in this environment");
        }
        undelivered.iter().for_each(report_undelivered);
        self.metrics.iter().for_each(|metrics| metrics.write(&self.forwarder));
        0
    }
}

fn report_undelivered(undelivered: &Undelivered) {
    for dropped in &undelivered.dropped {
        let lines: u64 = dropped.ranges.iter().map(|[first, last]| last - first + 1).sum();
        let ranges = format!("{:?}", dropped.ranges);
        log::error!(
            event = "dropped", id = undelivered.id.as_str(), sink = undelivered.sink.as_str(), reason = dropped.reason.name(),
            lines, ranges = ranges.as_str();
            "these lines could not be delivered before the environment ended"
        );
    }
}

/// Metrics that are written each minute from here on.
fn metrics(forwarder: &Arc<Forwarder>, function: &Function, variables: &BTreeMap<String, String>) -> Arc<Metrics> {
    let name = resource(function, variables).faas_name.unwrap_or_default();
    let metrics = Arc::new(Metrics::new(name));
    let (forwarder, writer) = (Arc::clone(forwarder), Arc::clone(&metrics));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(metrics::INTERVAL).await;
            writer.write(&forwarder);
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
    }
}

/// When a moment of the wall clock is; now if it has passed. `None` where none is told, as with emulators that send 0.
fn instant_of(epoch_ms: u64) -> Option<Instant> {
    if epoch_ms == 0 {
        return None;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ahead = Duration::from_millis(epoch_ms).saturating_sub(now);
    Instant::now().checked_add(ahead)
}
