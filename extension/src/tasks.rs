//! Tasks that a panic, which would be a bug, does not end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use forwarder_core::delivery::awake;
use tokio::task::AbortHandle;

/// Before a task that panicked runs again. Awake.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs a future; `Err` if it panicked, which the panic hook has logged.
pub(crate) async fn caught<T>(name: &'static str, future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = Box::pin(future);
    std::future::poll_fn(move |cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            tests::may_panic(name);
            Pin::new(&mut future).poll(cx)
        }));
        match polled {
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => {
                log::error!(event = "task_panicked", task = name; "a part of the forwarder failed; it is started again, or goes without");
                Poll::Ready(Err(Panicked))
            }
        }
    })
    .await
}

/// A task has panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Spawns a task that runs again when it panics, until it ends or is aborted.
pub(crate) fn spawn<F: Future<Output = ()> + Send>(
    name: &'static str,
    run: impl Fn() -> F + Send + 'static,
) -> AbortHandle {
    let task = tokio::spawn(async move {
        while caught(name, run()).await.is_err() {
            awake::sleep(PAUSE).await;
        }
    });
    task.abort_handle()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Tasks that are to panic when they run next.
    static TO_PANIC: Mutex<Vec<&str>> = Mutex::new(Vec::new());

    /// Lets a task panic once. Tasks of all tests of the process are meant.
    pub(crate) fn kill(name: &'static str) {
        TO_PANIC.lock().unwrap().push(name);
    }

    /// True if a task that was to panic has done so.
    pub(crate) fn is_killed(name: &str) -> bool {
        !TO_PANIC.lock().unwrap().contains(&name)
    }

    pub(super) fn may_panic(name: &str) {
        let mut to_panic = TO_PANIC.lock().unwrap();
        if let Some(place) = to_panic.iter().position(|other| *other == name) {
            to_panic.remove(place);
            drop(to_panic);
            panic!("{name} was told to");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_runs_again() {
        let (runs, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, ended) = (Arc::clone(&runs), Arc::clone(&ends));
        spawn("panics", move || {
            let (counted, ended) = (Arc::clone(&counted), Arc::clone(&ended));
            async move {
                assert!(counted.fetch_add(1, Ordering::Relaxed) >= 3);
                ended.fetch_add(1, Ordering::Relaxed);
            }
        });
        tokio::time::sleep(PAUSE * 10).await;
        assert_eq!((runs.load(Ordering::Relaxed), ends.load(Ordering::Relaxed)), (4, 1));
    }

    #[tokio::test]
    async fn what_a_future_gives_is_given_and_a_panic_is_told() {
        assert_eq!(caught("gives", async { 5 }).await, Ok(5));
        assert_eq!(caught("told", async { panic!() }).await, Err::<(), _>(Panicked));
    }
}
