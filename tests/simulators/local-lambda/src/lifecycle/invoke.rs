//! An invocation where there is one at a time: the function's turn, the extensions' turn, the report.

use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use super::environment::Environment;
use super::report::{InitReport, Invocation, RestoreReport, ShutdownReport};
use super::running::{Before, Call, Running, Turn};
use super::trouble::Trouble;
use crate::fault::{Fault, Status};
use crate::mode::Mode;
use crate::role::Role;
use crate::state::{Answer, Stage, State};
use crate::telemetry::records::Phase;

/// Remaining time of a function that hangs: nobody wants to wait longer for what is certain.
const HANG: Duration = Duration::from_millis(300);

/// Result of a turn.
enum End {
    /// With the `next` of the last one, at that moment.
    Done(Instant),
    /// Something broke.
    Broken(Fault),
    /// The function's timeout was reached.
    Late,
}

/// Phase that ran in front of an invocation.
struct Ahead {
    /// Start of the billed time.
    billed_from: Instant,
    init: Option<InitReport>,
    restore: Option<RestoreReport>,
}

impl Ahead {
    fn fault(&self) -> Option<Fault> {
        let init = self.init.as_ref().and_then(|init| init.fault.clone());
        init.or_else(|| self.restore.as_ref()?.fault.clone())
    }
}

impl Environment {
    /// Runs one invocation to its very end.
    pub(crate) async fn invoke(&mut self, call: Call<'_>) -> Invocation {
        let ahead = self.prepare().await;
        let timeout = match call.trouble {
            Some(Trouble::Hang(after)) => self.shared.config.timeout.min(after + HANG),
            _ => self.shared.config.timeout,
        };
        let running = Running::new(ahead.billed_from, timeout);
        self.thaw();
        self.shared.tell_start(&running, call.events);
        let turn = match ahead.fault() {
            // What is broken before it begins cannot run.
            Some(fault) => Turn::broken(fault),
            None => self.function_turn(&running, call).await,
        };
        self.shared.tell_runtime_done(&running, &turn);
        self.extensions_turn(running, ahead, turn).await
    }

    /// Starts everything again, or restores the snapshot, where that is due.
    async fn prepare(&mut self) -> Ahead {
        let mut billed_from = Instant::now();
        let down = |state: &State| state.stage == Stage::Down;
        let init = if self.shared.state.read(down) {
            let limit = billed_from + self.shared.config.timeout;
            Some(self.init(Phase::Invoke, limit).await)
        } else {
            None
        };
        let snapshot = |state: &State| state.stage == Stage::Running && !state.runtime.restored;
        let restore = if self.shared.config.policy.mode == Mode::SnapStart && self.shared.state.read(snapshot) {
            let report = self.restore().await;
            // A restore has a time of its own.
            billed_from = Instant::now();
            Some(report)
        } else {
            None
        };
        Ahead {
            billed_from,
            init,
            restore,
        }
    }

    /// From the start until the runtime's next `next`. A function that is late has been killed when this returns.
    async fn function_turn(&self, running: &Running, call: Call<'_>) -> Turn {
        let shared = &self.shared;
        let request = running.request(shared, call.payload);
        shared.state.update(|state| state.begin_invocation(request));
        if shared.config.function.is_none() {
            return Turn::ended(Ok(()), Some(Answer::null()), Instant::now());
        }
        let done = shared.state.wait(|state| {
            let done = state.runtime_idle_since().map(End::Done);
            done.or_else(|| state.fault().map(End::Broken))
        });
        let end = async {
            tokio::select! {
                end = done => end,
                fault = shared.befall(call.trouble) => End::Broken(fault),
                fault = shared.exhaust_memory() => End::Broken(fault),
            }
        };
        let end = timeout_at(running.deadline.into(), end).await.unwrap_or(End::Late);
        let peak_memory_mb = shared.state.read(State::peak_memory_mb);
        if matches!(end, End::Late) {
            self.kill(Role::Function).await;
        }
        let answer = shared
            .state
            .read(|state| state.request(&running.request_id)?.answer.clone());
        let turn = match end {
            End::Done(ended) => {
                let told = answer.as_ref().map_or(Ok(()), |answer| answer.outcome());
                Turn::ended(told, answer, ended)
            }
            End::Broken(fault) => Turn {
                answer,
                ..Turn::broken(fault)
            },
            End::Late => Turn {
                answer,
                ended: running.deadline,
                ..Turn::broken(running.timed_out())
            },
        };
        Turn { peak_memory_mb, ..turn }
    }

    /// From the end of the function's turn until the last extension's `next`, and a reset where one is due.
    async fn extensions_turn(&mut self, running: Running, ahead: Ahead, mut turn: Turn) -> Invocation {
        let shared = &self.shared;
        let runtime_done = turn.ended;
        let mut ended = runtime_done;
        if turn.intact {
            let done = shared.state.wait(|state| {
                let done = state.agents_idle_since(runtime_done).map(End::Done);
                done.or_else(|| state.fault().map(End::Broken))
            });
            let fault = match timeout_at(running.deadline.into(), done).await.unwrap_or(End::Late) {
                End::Done(at) => {
                    ended = at;
                    None
                }
                End::Broken(fault) => {
                    ended = Instant::now();
                    Some(fault)
                }
                End::Late => {
                    ended = running.deadline;
                    Some(running.timed_out())
                }
            };
            if let Some(fault) = fault {
                turn.intact = false;
                turn.status = fault.status();
                turn.fault = Some(fault);
            }
        }
        if turn.intact && shared.config.policy.freezes() {
            // The report is told of an environment that is about to freeze: it is delivered after the thaw.
            shared.hub.pause();
        }
        let before = Before {
            init: self.unreported_init.take(),
            restore: self.unreported_restore.take(),
        };
        let billed = shared.tell_report(&running, &turn, ended, &before);
        let reset = self.freeze_or_reset(&turn).await;
        let since_start = |at: Instant| at.saturating_duration_since(running.started);
        Invocation {
            status: turn.status,
            responded_after: turn.answer.as_ref().map(|answer| since_start(answer.done)),
            response: turn.answer.and_then(|answer| answer.result.ok()),
            error: turn.fault,
            duration: since_start(runtime_done),
            added: ended.saturating_duration_since(runtime_done),
            billed,
            init: ahead.init,
            restore: ahead.restore,
            reset,
            request_id: running.request_id,
        }
    }

    async fn freeze_or_reset(&mut self, turn: &Turn) -> Option<ShutdownReport> {
        if turn.intact {
            self.freeze().await;
            None
        } else if self.shared.state.read(|state| state.stage) == Stage::Down {
            // A failed init has reset already.
            None
        } else if turn.status == Status::Timeout {
            Some(self.reset("timeout").await)
        } else {
            Some(self.reset("failure").await)
        }
    }
}
