//! The loop around `next`.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use forwarder_core::delivery::awake;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::Extension;
use super::end::End;
use crate::clock::Moment;
use crate::environment::{Environment, Terminate};
use crate::extensions_api::{Invoke, NextEvent, Shutdown};
use crate::tasks::{Panicked, caught};
use crate::turn::instant_of;

/// Connections that were idle for longer, most likely in a frozen environment, are opened again.
const RENEW_AFTER: Duration = Duration::from_secs(5);

/// Time that Lambda leaves an external extension at SHUTDOWN, where unknown.
const SHUTDOWN_TIME: Duration = Duration::from_secs(2);

/// Time between a SIGTERM and the SIGKILL after it: a guess, since Lambda sends an extension neither.
const SIGTERM_TIME: Duration = Duration::from_secs(1);

/// Before a snapshot the function's init is waited for no longer than this: `next` must be asked for in the end.
const INIT_PATIENCE: Duration = Duration::from_secs(10);

/// Time limit for delivering all that init said before a snapshot. Nobody waits for it but the publishing of a version.
const SNAPSHOT_TIME: Duration = Duration::from_secs(5);

/// Before `next` is asked again after a panic. Awake.
const PANIC_PAUSE: Duration = Duration::from_millis(20);

impl Extension {
    /// Answers events until the environment ends. Returns the exit code.
    pub(super) async fn live(&self, environment: &Environment, terminate: &mut Terminate) -> u8 {
        let terminated = async {
            terminate.wait().await;
            // A SIGTERM during SHUTDOWN tells nothing new.
            if self.ends.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            code = self.serve(environment) => code,
            () = terminated => {
                let deadline = Instant::now() + SIGTERM_TIME;
                self.end(End { reason: "SIGTERM".to_owned(), deadline, code: 0 }).await
            }
        }
    }

    /// A panic, which would be a bug, costs its invocation's flush and nothing else: `next` is asked again.
    async fn serve(&self, environment: &Environment) -> u8 {
        let _ = caught("prepare", self.prepare(environment)).await;
        let mut warm = environment.concurrent;
        let end = loop {
            match caught("events", self.serve_events(environment, &mut warm)).await {
                Ok(end) => break end,
                Err(Panicked) => awake::sleep(PANIC_PAUSE).await,
            }
        };
        self.end(end).await
    }

    /// What comes before the first `next`.
    async fn prepare(&self, environment: &Environment) {
        if environment.concurrent {
            self.warm_up();
        }
        if self.snapshot {
            // Nobody waits for it but the publishing of a version.
            self.start_remote();
            self.intake.opened().await;
            self.prepare_snapshot().await;
        } else {
            self.start_remote();
        }
        self.recover();
    }

    /// `warm`: the sinks have been made ready.
    async fn serve_events(&self, environment: &Environment, warm: &mut bool) -> End {
        loop {
            let asked = Moment::now();
            let event = environment.next().await;
            // Whatever comes: the last flush needs its connections most.
            if asked.elapsed() > RENEW_AFTER {
                self.renew();
                *warm = environment.concurrent;
            }
            match event {
                Some(NextEvent::Invoke(invoke)) => {
                    self.invocations.name(&invoke.request_id);
                    if self.forwarder.restored() {
                        log::debug!(event = "restored", id = self.forwarder.id().as_str(); "the environment was made from a snapshot");
                    }
                    if self.snapshot && !self.restored.swap(true, Ordering::Relaxed) {
                        self.remote.iter().for_each(|remote| remote.renew());
                    }
                    if !std::mem::replace(warm, true) {
                        self.warm_up();
                    }
                    self.note_account(&invoke);
                    self.forwarder.note_invoke(&invoke.request_id, &invoke.trace_header);
                    self.turns.take(&invoke).await;
                }
                Some(NextEvent::Shutdown(Shutdown {
                    deadline_ms,
                    shutdown_reason: reason,
                })) => {
                    let deadline = instant_of(deadline_ms).unwrap_or_else(|| Instant::now() + SHUTDOWN_TIME);
                    return End {
                        reason,
                        deadline,
                        code: 0,
                    };
                }
                Some(NextEvent::Other(kind)) => {
                    log::info!(event = "unknown_event", kind = kind.as_str(); "an event that was not asked for");
                }
                None => {
                    return End {
                        reason: "no answer to next".to_owned(),
                        deadline: Instant::now() + SHUTDOWN_TIME,
                        code: 1,
                    };
                }
            }
        }
    }

    /// Makes the sinks ready while the function runs: credentials, a connection. Once their targets are looked at, too.
    fn warm_up(&self) {
        let (forwarder, looked) = (Arc::clone(&self.forwarder), Arc::clone(&self.looked));
        let warm_up = async move {
            forwarder.warm_up().await;
            if !looked.load(Ordering::Relaxed) {
                let answered = forwarder.look_at_targets().await;
                looked.fetch_or(answered, Ordering::Relaxed);
            }
        };
        let task = tokio::spawn(async move { caught("warm_up", warm_up).await });
        self.set_warming(Some(task.abort_handle()));
    }

    /// Connections opened before a freeze have probably not survived it, nor what was being opened.
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

    /// The snapshot is taken when all wait for their first event. What init said is delivered before, and its life
    /// closed, so that the environments made from it have nothing of it to send.
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

    /// The configuration that is kept elsewhere is read as soon as `next` is outstanding.
    fn start_remote(&self) {
        self.remote.iter().for_each(|remote| remote.start(&self.intake));
    }

    /// Takes up what an earlier life left on disk, as soon as `next` is outstanding.
    fn recover(&self) {
        let forwarder = Arc::clone(&self.forwarder);
        tokio::spawn(async move { caught("recover", forwarder.recover()).await });
    }

    /// The account, where `register` did not tell it.
    fn note_account(&self, invoke: &Invoke) {
        let account_id = invoke.invoked_function_arn.split(':').nth(4);
        if let Some(account_id) = account_id.filter(|id| !id.is_empty()) {
            self.forwarder.set_account_id(account_id);
        }
    }
}
