//! The time limit of lines that wait for their invocation's end: also when nothing comes in any more, they go on.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::state::{State, let_go, lock};
use crate::delivery::lane::Lane;

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
        let task = tokio::spawn(keep_time(
            Arc::downgrade(state),
            lanes.to_vec(),
            Arc::clone(&waiting),
            max_age,
        ));
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
            let mut queues: Vec<_> = lanes.iter().map(Lane::queue).collect();
            let until = now.checked_sub(max_age).unwrap_or(now);
            let_go(&mut state.intake, until, &mut queues, now);
            queues.iter_mut().for_each(|queue| queue.persist());
        }
        lanes.iter().for_each(Lane::wake);
    }
}
