//! Which requests have started and ended, told by the listener to whoever waits for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use forwarder_core::Accepted;
use tokio::sync::Notify;

/// How many past requests are remembered. One is waited for at a time; the rest covers bodies that come late.
const REMEMBERED: usize = 64;

/// What is known of recent requests.
#[derive(Debug, Default)]
pub struct Invocations {
    seen: Mutex<Seen>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    initialized: bool,
    started: VecDeque<String>,
    done: VecDeque<String>,
    reported: VecDeque<String>,
}

impl Invocations {
    /// Notes what a body told.
    pub fn note(&self, accepted: &Accepted) {
        let mut seen = self.seen();
        seen.initialized |= accepted.initialized;
        remember(&mut seen.started, &accepted.started);
        remember(&mut seen.done, &accepted.done);
        remember(&mut seen.reported, &accepted.reported);
        drop(seen);
        self.changed.notify_waiters();
    }

    /// Waits for `platform.initRuntimeDone`, or for an init that goes on inside an invocation.
    pub async fn initialized(&self) {
        self.wait(|seen| seen.initialized).await;
    }

    /// Waits for the request's `platform.start`, or whatever shows that it was missed.
    pub async fn started(&self, request_id: &str) {
        self.wait(|seen| has(&seen.started, request_id) || has(&seen.done, request_id))
            .await;
    }

    /// Waits for the request's `platform.runtimeDone`, or the `platform.report` after one that was missed.
    pub async fn done(&self, request_id: &str) {
        self.wait(|seen| has(&seen.done, request_id) || has(&seen.reported, request_id))
            .await;
    }

    /// Forgets that the request has ended: a retry of an asynchronous invocation has the same id.
    pub fn forget(&self, request_id: &str) {
        let mut seen = self.seen();
        let Seen {
            started,
            done,
            reported,
            ..
        } = &mut *seen;
        // What was only started still waits for its report.
        for requests in [done, reported] {
            requests.retain(|other| other != request_id);
        }
        started.retain(|other| other != request_id);
        started.push_back(request_id.to_owned());
    }

    /// Whether some request has started and every one that has, has its `platform.report`, the last event of its own.
    pub fn all_reported(&self) -> bool {
        let seen = self.seen();
        !seen.started.is_empty() && seen.started.iter().all(|request_id| has(&seen.reported, request_id))
    }

    async fn wait(&self, holds: impl Fn(&Seen) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on a notification is not missed, though nobody awaits it yet.
            changed.as_mut().enable();
            if holds(&self.seen()) {
                return;
            }
            changed.await;
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has(requests: &VecDeque<String>, request_id: &str) -> bool {
    requests.iter().any(|other| other == request_id)
}

fn remember(requests: &mut VecDeque<String>, more: &[String]) {
    requests.extend(more.iter().cloned());
    let excess = requests.len().saturating_sub(REMEMBERED);
    requests.drain(..excess);
}
