//! Init: extensions register, the runtime starts, all call `next`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use tokio::time::timeout_at;

use super::environment::Environment;
use super::report::{ExtensionInit, InitReport};
use crate::fault::{Fault, Status, TIMED_OUT};
use crate::role::Role;
use crate::state::{Activity, Agent, Stage};
use crate::telemetry::records::{self, Millis, Phase};
use crate::variables;

/// Runtime version, as the platform reports it.
pub(crate) const RUNTIME_VERSION: &str = "provided:al2023.v100";

/// Times at which the runtime reached its steps.
#[derive(Default)]
struct RuntimeTimes {
    started: OnceLock<Instant>,
    ready: OnceLock<Instant>,
    /// Set once `platform.initRuntimeDone` has been told.
    told: OnceLock<()>,
}

impl Environment {
    /// Runs init until `limit`. If it fails, all processes have ended when this returns.
    pub(crate) async fn init(&mut self, phase: Phase, limit: Instant) -> InitReport {
        let started = Instant::now();
        let times = RuntimeTimes::default();
        let config = &self.shared.config;
        self.shared
            .state
            .update(|state| state.begin_init(config.extension_names()));
        self.shared.hub.resume();
        self.shared.hub.emit(&records::InitStart {
            initialization_type: config.policy.mode.initialization_type(),
            phase,
            runtime_version: RUNTIME_VERSION,
            runtime_version_arn: &self.runtime_version_arn(),
            function_name: &config.function_name,
            function_version: &config.function_version,
            instance_id: &self.instance_id,
            instance_max_memory: config.memory_bytes(),
        });

        let outcome = timeout_at(limit.into(), self.stages(phase, &times)).await;
        let outcome = outcome.unwrap_or_else(|_| {
            let limit = limit.duration_since(started).as_secs_f64();
            Err(Fault::new(
                TIMED_OUT,
                format!("init timed out after {limit:.2} seconds"),
            ))
        });
        let duration = started.elapsed();
        let status = outcome.as_ref().err().map_or(Status::Success, Fault::status);
        let error_type = outcome.as_ref().err().and_then(Fault::told_type);
        self.tell_init_runtime_done(phase, status, error_type, &times);
        self.tell_extensions();
        self.shared.hub.emit(&records::InitReport {
            initialization_type: self.shared.config.policy.mode.initialization_type(),
            phase,
            status,
            error_type,
            metrics: records::InitMetrics {
                duration: Millis(duration),
            },
        });
        let after = |at: &OnceLock<Instant>| Some(at.get()?.saturating_duration_since(started));
        let report = InitReport {
            duration,
            status,
            fault: outcome.err(),
            runtime_started_after: after(&times.started),
            runtime_ready_after: after(&times.ready),
            extensions: self.extension_times(),
        };

        if report.fault.is_none() {
            self.shared.state.update(|state| state.stage = Stage::Running);
            match phase {
                Phase::Init => self.unreported_init = Some(duration),
                // It was told when the version was published.
                Phase::SnapStart | Phase::Invoke => {}
            }
            if phase != Phase::Invoke {
                self.freeze().await;
            }
        } else {
            self.reset("failure").await;
        }
        report
    }

    /// Init stage by stage, until one fails.
    async fn stages(&self, phase: Phase, times: &RuntimeTimes) -> Result<(), Fault> {
        let shared = &self.shared;
        for program in &shared.config.extensions {
            let variables = variables::of_extension(&shared.config, self.api, &shared.credentials);
            let launched = self
                .launch(program.clone(), PathBuf::from("/"), variables, Role::Extension)
                .await;
            launched.map_err(|fault| self.failed_launch(program, fault))?;
        }
        let registered = |agent: &Agent| agent.activity != Activity::Started;
        shared
            .state
            .wait(|state| match state.fault() {
                Some(fault) => Some(Err(fault)),
                None => state.agents.iter().all(registered).then_some(Ok(())),
            })
            .await?;

        if let Some(bootstrap) = &shared.config.function {
            let directory = bootstrap.parent().unwrap_or(Path::new("/")).to_owned();
            let root = directory.to_string_lossy();
            let variables =
                variables::of_function(&shared.config, self.api, &shared.credentials, &self.instance_id, &root);
            let _ = times.started.set(Instant::now());
            self.launch(bootstrap.clone(), directory.clone(), variables, Role::Function)
                .await?;
            let ready = shared.state.wait(|state| match state.fault() {
                Some(fault) => Some(Err(fault)),
                None => state.runtime_ready_since().map(Ok),
            });
            let _ = times.ready.set(ready.await?);
        }
        self.tell_init_runtime_done(phase, Status::Success, None, times);

        shared
            .state
            .wait(|state| match state.fault() {
                Some(fault) => Some(Err(fault)),
                None => state.agents_idle_since(Instant::now()).map(|_| Ok(())),
            })
            .await
    }

    /// Runtime version ARN, as the platform reports it.
    pub(crate) fn runtime_version_arn(&self) -> String {
        format!("arn:aws:lambda:{}::runtime:local", self.shared.config.region)
    }

    fn failed_launch(&self, program: &Path, fault: Fault) -> Fault {
        let name = crate::config::file_name(program);
        self.shared.state.update(|state| {
            if let Some(agent) = state.agents.iter_mut().find(|agent| agent.name == name) {
                agent.fault = Some(fault.clone());
            }
        });
        fault
    }

    /// Output of the function so far comes first.
    fn tell_init_runtime_done(&self, phase: Phase, status: Status, error_type: Option<&str>, times: &RuntimeTimes) {
        if times.told.set(()).is_err() {
            return;
        }
        self.shared.drain(Role::Function);
        self.shared.hub.emit(&records::InitRuntimeDone {
            initialization_type: self.shared.config.policy.mode.initialization_type(),
            phase,
            status,
            error_type,
        });
    }

    fn tell_extensions(&self) {
        self.shared.state.read(|state| {
            for agent in &state.agents {
                let crashed = || {
                    let mut processes = state.process(Role::Extension);
                    let ended = processes.any(|process| *process.name == agent.name && !process.alive());
                    ended.then_some("Extension.Crash")
                };
                let fault = agent
                    .fault
                    .as_ref()
                    .map(|fault| fault.error_type.as_str())
                    .or_else(crashed);
                self.shared.hub.emit(&records::ExtensionState {
                    name: &agent.name,
                    state: agent_state(agent, fault),
                    events: agent.event_names(),
                    error_type: fault,
                });
            }
        });
    }

    fn extension_times(&self) -> Vec<ExtensionInit> {
        self.shared.state.read(|state| {
            let times = |agent: &Agent| {
                let mut processes = state.process(Role::Extension);
                let started = processes
                    .find(|process| *process.name == agent.name)
                    .map(|process| process.started);
                let after = |at: Option<Instant>| Some(at?.saturating_duration_since(started?));
                ExtensionInit {
                    name: agent.name.clone(),
                    registered_after: after(agent.registered_at),
                    ready_after: after(agent.ready_at),
                }
            };
            state.agents.iter().map(times).collect()
        })
    }
}

/// The extension's state in the words of `platform.extension`.
fn agent_state(agent: &Agent, fault: Option<&str>) -> &'static str {
    match (fault, agent.activity) {
        (Some("PermissionDenied" | "Extension.LaunchError"), _) => "LaunchError",
        (Some("Extension.Crash"), _) => "ExitError",
        (Some(_), _) => "InitError",
        (None, Activity::Started) => "Started",
        (None, Activity::Registered) => "Registered",
        (None, Activity::Waiting { .. } | Activity::Busy) => "Ready",
    }
}
