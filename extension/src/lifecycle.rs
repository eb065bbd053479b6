//! The life of the extension: register → set up → subscribe → the loop around `next` → shutdown.
//!
//! The function's own init waits for `register`, so that comes first; what lies between it and the first `next` runs
//! beside the function's init. Whatever is wrong with the forwarder, `next` is answered: an extension that exits takes
//! the function with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use forwarder_core::forwarder::flush::{DEADLINE_MARGIN, Rhythm};
use forwarder_core::record::envelope::Resource;
use forwarder_core::{Forwarder, Settings, Undelivered};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::clock::Moment;
use crate::config::{self, Config, OnError};
use crate::environment::{Environment, Terminate};
use crate::extensions_api::{Function, Invoke, NextEvent, Shutdown, register};
use crate::invocations::Invocations;
use crate::listener::{Intake, Listener};
use crate::metrics::{self, Metrics};
use crate::runtime_api::RuntimeApi;
use crate::sinks;
use crate::start::Start;
use crate::telemetry_api::{Subscription, subscribe};
use crate::turn::{Turns, instant_of};

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

/// Before a snapshot the function's init is waited for no longer than this: `next` must be asked for in the end.
const INIT_PATIENCE: Duration = Duration::from_secs(10);

/// What the delivery of all that init said may take before a snapshot. Nobody waits for it but the publishing of a version.
const SNAPSHOT_TIME: Duration = Duration::from_secs(5);

/// Lives one life. `variables` are those of the environment; `name` is the executable's file name. Returns the exit code.
pub async fn run(variables: &BTreeMap<String, String>, name: &str) -> u8 {
    let Some(address) = variables.get("AWS_LAMBDA_RUNTIME_API") else {
        log::error!(event = "not_in_lambda"; "AWS_LAMBDA_RUNTIME_API is not set: this is a Lambda extension, which Lambda starts from /opt/extensions");
        return 2;
    };
    let mut terminate = Terminate::new();
    let api = RuntimeApi::new(address);
    let concurrent = is_of_type(variables, "lambda-managed-instances");
    let mut start = Start::begin();
    let registration = match register(&api, name, !concurrent).await {
        Ok(registration) => registration,
        Err(error) => {
            log::error!(event = "register_failed", name, error = error.to_string().as_str(); "Lambda refused to register the extension");
            return 1;
        }
    };
    start.registered();
    let environment = Environment {
        api,
        registration,
        concurrent,
    };
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
                return environment.fail("Extension.ConfigurationError", &problems).await;
            }
            log::error!(event = "standing_by", mistakes = problems.len(); "the configuration has mistakes: no telemetry is forwarded; the function is not affected");
            return environment.stand_by(&mut terminate).await;
        }
    };
    start.configured();
    match Extension::set_up(&environment, &config, variables, start).await {
        Some(extension) => extension.live(&environment, &mut terminate).await,
        None => environment.stand_by(&mut terminate).await,
    }
}

/// Whether the environment is of this kind: `on-demand`, `provisioned-concurrency`, `snap-start`, `lambda-managed-instances`.
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
    /// How long Lambda may keep an event before it posts it.
    telemetry_timeout: Duration,
    /// A snapshot will be taken of the process.
    snapshot: bool,
    /// A Managed Instance that fails is replaced: nobody takes up what is on its disk.
    replaced: bool,
    /// What opens the sinks' connections.
    warming: Mutex<Option<AbortHandle>>,
    /// The end has begun; it comes once.
    ends: AtomicBool,
}

impl Extension {
    /// Opens the listener and subscribes. `None` if no telemetry can come; why is in the log then.
    async fn set_up(
        environment: &Environment,
        config: &Config,
        variables: &BTreeMap<String, String>,
        mut start: Start,
    ) -> Option<Self> {
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
        let snapshot = is_of_type(variables, "snap-start");
        if snapshot {
            forwarder.expect_snapshot();
        }
        let invocations = Arc::new(Invocations::default());
        let intake = Arc::new(Intake::new(Arc::clone(&forwarder), Arc::clone(&invocations)));
        // Lambda may post before it answers the subscription.
        let serving = tokio::spawn(listener.serve(Arc::clone(&intake)));
        start.listens();
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
        start.subscribed();
        log::info!(event = "ready", id = forwarder.id().as_str(), port = config.port, sinks = config.sinks.len(); "registered and subscribed");
        let function = &environment.registration.function;
        Some(Self {
            intake,
            listener: serving.abort_handle(),
            turns: Turns {
                forwarder: Arc::clone(&forwarder),
                invocations: Arc::clone(&invocations),
                policy: config.flush,
                telemetry,
                metrics: config.emf.then(|| metrics(&forwarder, function, variables)),
                rhythm: Mutex::new(Rhythm::default()),
                epoch: Moment::now(),
            },
            invocations,
            telemetry_timeout: config.buffering.timeout,
            snapshot,
            replaced: environment.concurrent,
            warming: Mutex::default(),
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
        if self.snapshot {
            self.prepare_snapshot().await;
        }
        self.recover();
        loop {
            let asked = Moment::now();
            let event = environment.next().await;
            // Whatever comes: the last flush needs its connections most.
            if asked.elapsed() > RENEW_AFTER {
                self.renew();
                warm = environment.concurrent;
            }
            match event {
                Some(NextEvent::Invoke(invoke)) => {
                    if self.forwarder.restored() {
                        log::debug!(event = "restored", id = self.forwarder.id().as_str(); "the environment was made from a snapshot");
                    }
                    if !std::mem::replace(&mut warm, true) {
                        self.warm_up();
                    }
                    self.note_account(&invoke);
                    self.turns.take(&invoke).await;
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

    /// Makes the sinks ready while the function runs: credentials, a connection.
    fn warm_up(&self) {
        let forwarder = Arc::clone(&self.forwarder);
        let task = tokio::spawn(async move { forwarder.warm_up().await });
        self.set_warming(Some(task.abort_handle()));
    }

    /// What was opened before a freeze is not likely to have survived it, nor what was being opened.
    fn renew(&self) {
        self.set_warming(None);
        self.forwarder.renew();
    }

    fn set_warming(&self, task: Option<AbortHandle>) {
        let mut warming = self.warming.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *warming, task) {
            before.abort();
        }
    }

    /// The snapshot is taken when all wait for their first event. What init said is delivered before, and its life closed, so
    /// that the environments made from it have nothing of it to send.
    async fn prepare_snapshot(&self) {
        if self.turns.telemetry {
            let _ = timeout(INIT_PATIENCE, self.invocations.initialized()).await;
        }
        if !self.forwarder.prepare_snapshot() {
            return;
        }
        let empty = self.forwarder.flush(Instant::now() + SNAPSHOT_TIME).await;
        self.forwarder.renew();
        if empty {
            log::debug!(event = "snapshot_prepared"; "what init said is delivered");
        } else {
            log::warn!(event = "snapshot_unprepared"; "what init said could not be delivered before the snapshot, and is given up by the environments made from it");
        }
    }

    /// Takes up what an earlier life left on disk, as soon as `next` is outstanding.
    fn recover(&self) {
        let forwarder = Arc::clone(&self.forwarder);
        tokio::spawn(async move { forwarder.recover().await });
    }

    /// The account, where `register` did not tell it.
    fn note_account(&self, invoke: &Invoke) {
        let account_id = invoke.invoked_function_arn.split(':').nth(4);
        if let Some(account_id) = account_id.filter(|id| !id.is_empty()) {
            self.forwarder.set_account_id(account_id);
        }
    }

    /// Takes the last batch, delivers until shortly before the deadline, and says what is left.
    async fn shut_down(&self, reason: &str, deadline: Instant) -> u8 {
        let now = Instant::now();
        let end = deadline.checked_sub(DEADLINE_MARGIN).map_or(now, |end| end.max(now));
        self.ends.store(true, Ordering::Relaxed);
        log::debug!(event = "shutdown", reason; "the environment ends");
        self.forwarder.run(true);
        if self.turns.telemetry {
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
        let reset = ["timeout", "failure"]
            .iter()
            .any(|name| reason.eq_ignore_ascii_case(name));
        let has_successor = reset && !self.replaced;
        let undelivered = self.forwarder.close(end, has_successor).await;
        let spooled: u64 = self.forwarder.stats().1.iter().map(|lane| lane.spooled).sum();
        if spooled > 0 {
            log::warn!(event = "left_on_disk", lines = spooled; "these lines could not be delivered yet; they wait on disk for the next start in this environment");
        }
        undelivered.iter().for_each(report_undelivered);
        let metrics = self.turns.metrics.iter();
        metrics.for_each(|metrics| metrics.write(&self.forwarder));
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
