//! The handle to a running local Lambda.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::api::Server;
use crate::config::Config;
use crate::error::{Error, InitFailure};
use crate::lifecycle::{Call, Environment, InitReport, Invocation, Shared, ShutdownReport, Trouble, new_instance_id};
use crate::mode::Mode;
use crate::process::{OutputLine, Spawner};
use crate::role::Role;
use crate::state::Stage;
use crate::telemetry::records::Phase;
use crate::telemetry::{HandedOver, Subscription, TelemetryFault};

/// An execution environment that runs on this machine. Dropping it kills all its processes.
#[derive(Debug)]
pub struct LocalLambda {
    shared: Arc<Shared>,
    /// One phase at a time: invocations queue here.
    environment: Mutex<Environment>,
    api: SocketAddr,
    init: InitReport,
}

/// A process of the environment that is alive, frozen or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningProcess {
    /// Its file name.
    pub name: Arc<str>,
    /// Kind.
    pub role: Role,
    /// Its process id, which is also that of its group.
    pub pid: u32,
}

/// Kills what was started, should init be given up midway.
struct AbortOnDrop(Option<Arc<Shared>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.abort();
        }
    }
}

impl LocalLambda {
    pub(crate) async fn start(config: Config) -> Result<Self, Error> {
        let io = |what| move |source| Error::Io { what, source };
        let server = Server::bind(config.api_host)
            .await
            .map_err(io("binding a port for Lambda's APIs"))?;
        let spawner = Spawner::new().map_err(io("starting the thread that starts processes"))?;
        let api = server.address;
        let shared = Arc::new(Shared::new(config));
        let mut guard = AbortOnDrop(Some(Arc::clone(&shared)));
        shared.run(server.run(Arc::clone(&shared)));

        let mut environment = Environment {
            instance_id: new_instance_id(&shared.config.function_version),
            shared: Arc::clone(&shared),
            spawner,
            api,
            unreported_init: None,
            unreported_restore: None,
        };
        let config = &shared.config;
        let limit = Instant::now() + config.policy.init_limit(config.timeout);
        let phase = match config.policy.mode {
            Mode::SnapStart => Phase::SnapStart,
            _ => Phase::Init,
        };
        let init = environment.init(phase, limit).await;
        if init.fault.is_some() && !shared.config.tolerate_init_failure {
            return Err(Error::Init(Box::new(InitFailure {
                report: init,
                output: shared.output.read(Clone::clone),
                events: shared.hub.events(),
            })));
        }
        guard.0 = None;
        Ok(Self {
            shared,
            environment: Mutex::new(environment),
            api,
            init,
        })
    }

    /// Invokes the function and waits for the very end: until function and extensions wait for the next event and
    /// are frozen, or until the reset is over. Invocations queue. After a failed init or a reset, everything is
    /// started again first, on the same directories. On Managed Instances invocations run beside each other, and what
    /// breaks the environment ends it for good.
    ///
    /// Await it to its end. Where it was dropped midway, only [`shutdown`](Self::shutdown) is of use.
    ///
    /// # Errors
    /// [`Error::ShutDown`] after a shutdown. An invocation that fails is not an error.
    pub async fn invoke(&self, payload: impl Into<Bytes>) -> Result<Invocation, Error> {
        self.invoke_with_events(payload, &[]).await
    }

    /// Like [`invoke`](Self::invoke); right after `platform.start` these events are told, as if the function had
    /// caused them. In extension-only mode they are all that happens between `platform.start` and
    /// `platform.runtimeDone`.
    ///
    /// # Errors
    /// [`Error::Event`] where one is not a JSON object with a `type`; otherwise as `invoke`.
    pub async fn invoke_with_events(&self, payload: impl Into<Bytes>, events: &[String]) -> Result<Invocation, Error> {
        for event in events {
            crate::telemetry::check_event(event)?;
        }
        let payload = payload.into();
        let call = Call {
            payload,
            events,
            trouble: None,
        };
        self.run(call).await
    }

    /// Like [`invoke`](Self::invoke), and the function is struck by trouble unless it has ended by then.
    ///
    /// # Errors
    /// As `invoke`.
    pub async fn invoke_amid(&self, payload: impl Into<Bytes>, trouble: Trouble) -> Result<Invocation, Error> {
        let call = Call {
            payload: payload.into(),
            events: &[],
            trouble: Some(trouble),
        };
        self.run(call).await
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    async fn run(&self, call: Call<'_>) -> Result<Invocation, Error> {
        let mut environment = self.environment.lock().await;
        if self.shared.state.read(|state| state.stage) == Stage::Over {
            return Err(Error::ShutDown);
        }
        if !self.shared.config.policy.mode.concurrent() {
            return Ok(environment.invoke(call).await);
        }
        drop(environment);
        let (mut invocation, intact) = self.shared.invoke_concurrently(call).await;
        if !intact {
            // The first that finds the environment broken ends it; Lambda would start another.
            let mut environment = self.environment.lock().await;
            if self.shared.state.read(|state| state.stage) == Stage::Running {
                invocation.reset = Some(environment.reset("failure").await);
            }
        }
        Ok(invocation)
    }

    /// Shuts the environment down as Lambda does: SIGTERM for the runtime, then what is left of the telemetry, then
    /// SHUTDOWN for the extensions, whose exits are awaited until the deadline, when they are killed. Lambda itself
    /// gives 2 s and the reasons `spindown`, `timeout`, `failure`; the reason is told as it is given here. After
    /// `timeout` and `failure` the environment can be invoked again, after any other reason it is over.
    ///
    /// # Errors
    /// [`Error::ShutDown`] if it is over already.
    pub async fn shutdown(&self, reason: &str, deadline: Duration) -> Result<ShutdownReport, Error> {
        let mut environment = self.environment.lock().await;
        if self.shared.state.read(|state| state.stage) == Stage::Over {
            return Err(Error::ShutDown);
        }
        Ok(environment.stop(reason, deadline).await)
    }

    /// Resets the environment as Lambda does after a timeout or a failure, with the time that Lambda gives for it.
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown).
    pub async fn reset(&self, reason: &str) -> Result<ShutdownReport, Error> {
        self.shutdown(reason, self.shared.config.policy.reset_budget).await
    }

    /// Result of the first init.
    pub fn init(&self) -> &InitReport {
        &self.init
    }

    /// Address of the three APIs: the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn api(&self) -> SocketAddr {
        self.api
    }

    /// The processes that are alive.
    pub fn processes(&self) -> Vec<RunningProcess> {
        self.shared.state.read(|state| {
            let alive = state.processes.iter().filter(|process| process.alive());
            let public = alive.map(|process| RunningProcess {
                name: Arc::clone(&process.name),
                role: process.role,
                pid: process.pid,
            });
            public.collect()
        })
    }
}

/// Telemetry: what happened and what was handed over.
impl LocalLambda {
    /// Tells an event (JSON text) to all that subscribed to its type, as if it had happened. Its text stays as it is.
    ///
    /// # Errors
    /// [`Error::Event`] where it is not a JSON object with a `type`.
    pub fn emit(&self, event: &str) -> Result<(), Error> {
        Ok(self.shared.hub.emit_foreign(event)?)
    }

    /// Every event there was, handed over or not, in order, as JSON text.
    pub fn events(&self) -> Vec<String> {
        self.shared.hub.events()
    }

    /// Waits for an event that is `wanted`; one that has happened before counts.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    pub async fn wait_for_event(&self, limit: Duration, wanted: impl FnMut(&str) -> bool) -> Result<String, Error> {
        let event = timeout(limit, self.shared.hub.event(wanted)).await;
        event.map_err(|_| Error::TimedOut(limit))
    }

    /// Every event that was posted, to each subscriber, in the order of first posts.
    pub fn ground_truth(&self) -> Vec<HandedOver> {
        self.shared.hub.handed_over()
    }

    /// POSTs that were not answered with success. Each was tried again, six times at most.
    pub fn failed_posts(&self) -> u64 {
        self.shared.hub.failed_posts()
    }

    /// Puts a fault between Lambda and the listeners, beside those of other kinds.
    pub fn telemetry_fault(&self, fault: TelemetryFault) {
        self.shared.hub.set_fault(fault);
    }

    /// Ends all faults between Lambda and the listeners.
    pub fn clear_telemetry_faults(&self) {
        self.shared.hub.clear_faults();
    }

    /// Events that wait to be posted or acknowledged.
    pub fn undelivered(&self) -> usize {
        self.shared.hub.undelivered()
    }

    /// Waits until subscribers have acknowledged all there is. Useful without freezes: a frozen process gets nothing.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    pub async fn wait_until_delivered(&self, limit: Duration) -> Result<(), Error> {
        let delivered = timeout(limit, self.shared.hub.delivered()).await;
        delivered.map_err(|_| Error::TimedOut(limit))
    }

    /// Subscriptions of extensions, with their destinations: a test can post there itself. A listener that is
    /// frozen does not answer: see [`Builder::freeze`](crate::Builder::freeze).
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.shared.hub.subscriptions()
    }
}

/// Output: what the processes printed.
impl LocalLambda {
    /// All lines so far, in the order they were read.
    pub fn output(&self) -> Vec<OutputLine> {
        self.shared.output.read(Clone::clone)
    }

    /// Waits for a line that is `wanted`; one that was printed before counts.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    pub async fn wait_for_output(
        &self,
        limit: Duration,
        mut wanted: impl FnMut(&OutputLine) -> bool,
    ) -> Result<OutputLine, Error> {
        let mut seen = 0;
        let line = self.shared.output.wait(|lines| {
            let fresh = lines.get(seen..).unwrap_or_default();
            seen = lines.len();
            fresh.iter().find(|line| wanted(line)).cloned()
        });
        timeout(limit, line).await.map_err(|_| Error::TimedOut(limit))
    }
}

impl Drop for LocalLambda {
    fn drop(&mut self) {
        self.shared.abort();
    }
}
