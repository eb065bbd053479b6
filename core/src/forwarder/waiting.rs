//! The time limit of lines that wait for their invocation's end: also when nothing comes in any more, they go on.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::state::{State, let_go, lock};
use crate::delivery::awake;
use crate::delivery::lane::Lane;

/// Before the task runs again that panicked, which would be a bug. Awake.
const PAUSE: Duration = Duration::from_millis(100);

/// A task that lets lines go when they have waited for too long.
pub(super) struct WaitLimit {
    /// Something waits.
    waiting: Arc<Notify>,
    task: AbortHandle,
}

impl WaitLimit {
    /// Starts the task.
    pub(super) fn start(state: &Arc<Mutex<State>>, lanes: &[Lane], max_age: Duration) -> Self {
        let waiting = Arc::new(Notify::new());
        let (state, lanes, noted) = (Arc::downgrade(state), lanes.to_vec(), Arc::clone(&waiting));
        let task = tokio::spawn(async move {
            loop {
                let mut run = JoinSet::new();
                run.spawn(keep_time(state.clone(), lanes.clone(), Arc::clone(&noted), max_age));
                match run.join_next().await {
                    Some(Err(error)) if error.is_panic() => awake::sleep(PAUSE).await,
                    _ => return,
                }
            }
        });
        Self {
            waiting,
            task: task.abort_handle(),
        }
    }

    /// Tells the task that something may have begun to wait.
    pub(super) fn wake(&self) {
        self.waiting.notify_one();
    }
}

impl Drop for WaitLimit {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_time(state: Weak<Mutex<State>>, lanes: Vec<Lane>, waiting: Arc<Notify>, max_age: Duration) {
    loop {
        let Some(state) = state.upgrade() else { return };
        let oldest = lock(&state).intake.waiting_since().map(Instant::from_std);
        let Some(oldest) = oldest else {
            drop(state);
            waiting.notified().await;
            continue;
        };
        let now = Instant::now();
        if now < oldest + max_age {
            drop(state);
            tokio::time::sleep_until(oldest + max_age).await;
            continue;
        }
        {
            let mut state = lock(&state);
            #[cfg(test)]
            crate::panics::may_panic("wait_limit");
            let mut queues: Vec<_> = lanes.iter().map(Lane::queue).collect();
            let until = now.checked_sub(max_age).unwrap_or(now);
            let_go(&mut state.intake, until, &mut queues, now);
            queues.iter_mut().for_each(|queue| queue.persist());
        }
        lanes.iter().for_each(Lane::wake);
    }
}
