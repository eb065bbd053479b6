//! The end: the runtime first, then telemetry, then the extensions.

use std::time::{Duration, Instant};

use tokio::time::{timeout, timeout_at};

use super::environment::Environment;
use super::report::{ProcessExit, ShutdownReport};
use crate::clock::epoch_ms;
use crate::process::Signal;
use crate::role::Role;
use crate::state::{NextEvent, Stage, State};

impl Environment {
    /// Ends all processes so that the environment can be used again.
    pub(crate) async fn reset(&mut self, reason: &str) -> ShutdownReport {
        let budget = self.shared.config.policy.reset_budget;
        self.stop(reason, budget).await
    }

    /// Ends all processes within a budget. Whether the environment can be used again depends on the reason.
    pub(crate) async fn stop(&mut self, reason: &str, budget: Duration) -> ShutdownReport {
        let started = Instant::now();
        let deadline = started + budget;
        let shared = &self.shared;
        shared.state.update(|state| state.stage = Stage::Stopping);
        self.thaw();

        self.stop_runtime(budget).await;
        let share = shared
            .config
            .policy
            .flush_share(deadline.saturating_duration_since(Instant::now()));
        let flushed = timeout(share, shared.hub.flush()).await.is_ok();

        let sent = Instant::now();
        let told = shared.state.update(|state| announce(state, reason, deadline));
        // Past the deadline they are killed, which is what the report says of them.
        let _ = timeout_at(deadline.into(), self.ended(Role::Extension)).await;
        self.kill(Role::Extension).await;
        self.begin_life().await;

        let policy = &shared.config.policy;
        let next = if policy.survives(reason) {
            Stage::Down
        } else {
            Stage::Over
        };
        let processes = shared.state.update(|state| {
            state.stage = next;
            state.agents.clear();
            // All have ended, and are no part of the next life.
            let exits = std::mem::take(&mut state.processes).into_iter().map(|process| {
                let after = |begin: Instant| {
                    let ended = process.ended.unwrap_or(begin);
                    ended.saturating_duration_since(begin)
                };
                ProcessExit {
                    name: process.name.clone(),
                    role: process.role,
                    exit: process.exit,
                    after: after(started),
                    after_shutdown_event: told.contains(&process.name.to_string()).then(|| after(sent)),
                    killed: process.killed,
                }
            });
            exits.collect()
        });
        ShutdownReport {
            reason: reason.to_owned(),
            budget,
            duration: started.elapsed(),
            processes,
            flushed,
            undelivered: shared.hub.undelivered(),
        }
    }

    /// With an external extension the runtime is asked to end and has a share of the time; without, it is killed.
    async fn stop_runtime(&self, budget: Duration) {
        let shared = &self.shared;
        let polite = shared.state.read(|state| {
            let polite = state.agents.iter().any(|agent| agent.external);
            if polite {
                state
                    .process(Role::Function)
                    .for_each(|process| process.signal(Signal::Terminate));
            }
            polite
        });
        if polite {
            let share = shared.config.policy.runtime_share(budget);
            // Past its share it is killed.
            let _ = timeout(share, self.ended(Role::Function)).await;
        }
        self.kill(Role::Function).await;
    }
}

/// Sends SHUTDOWN to the extensions that asked for it, and kills the others. Answers who was told.
fn announce(state: &mut State, reason: &str, deadline: Instant) -> Vec<String> {
    let mut told = Vec::new();
    for agent in state.agents.iter_mut().filter(|agent| agent.external) {
        let mut processes = state.processes.iter_mut();
        let process = processes.find(|process| process.role == Role::Extension && *process.name == agent.name);
        let Some(process) = process.filter(|process| process.alive()) else {
            continue;
        };
        if agent.shutdown {
            agent.pending = Some(NextEvent::Shutdown {
                shutdown_reason: reason.to_owned(),
                deadline_ms: epoch_ms(deadline),
            });
            told.push(agent.name.clone());
        } else {
            process.killed = true;
            process.signal(Signal::Kill);
        }
    }
    told
}
