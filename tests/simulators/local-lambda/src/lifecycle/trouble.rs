//! Faults from outside while a function runs.

use std::future::pending;
use std::time::Duration;

use super::environment::Shared;
use crate::fault::Fault;
use crate::process::{Process, Signal};
use crate::role::Role;

/// Interval at which the memory of the processes is checked where it is limited.
const MEMORY_CHECK: Duration = Duration::from_millis(5);

/// Fault that hits the function during an invocation, if it has not ended by then. Nothing of it is the function's own
/// doing, so it befalls any function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Its process is killed after this time: `Runtime.ExitError`.
    Crash(Duration),
    /// Its process is killed after this time because there is no more memory: `Runtime.OutOfMemory`.
    OutOfMemory(Duration),
    /// Its process is stopped after this time, so that it runs into its timeout.
    Hang(Duration),
}

impl Shared {
    /// Lets trouble befall the function. Ends with a fault where the platform knows it before the process has told.
    pub(super) async fn befall(&self, trouble: Option<Trouble>) -> Fault {
        match trouble {
            None => pending().await,
            Some(Trouble::Crash(after)) => {
                tokio::time::sleep(after).await;
                self.signal_function(Signal::Kill);
                // Its exit tells the rest.
                pending().await
            }
            Some(Trouble::Hang(after)) => {
                tokio::time::sleep(after).await;
                self.signal_function(Signal::Stop);
                pending().await
            }
            Some(Trouble::OutOfMemory(after)) => {
                tokio::time::sleep(after).await;
                self.out_of_memory()
            }
        }
    }

    /// Watches the memory of all processes together, as the environment has it.
    pub(super) async fn exhaust_memory(&self) -> Fault {
        if !self.config.limit_memory {
            return pending().await;
        }
        loop {
            tokio::time::sleep(MEMORY_CHECK).await;
            let used: u64 = self
                .state
                .read(|state| state.processes.iter().filter_map(Process::memory).sum());
            if used > self.config.memory_bytes() {
                return self.out_of_memory();
            }
        }
    }

    /// The kernel would choose the largest process; here it is the function's.
    fn out_of_memory(&self) -> Fault {
        self.signal_function(Signal::Kill);
        let message = format!(
            "the function was killed: its {} MB of memory are used up",
            self.config.memory_mb
        );
        Fault::new("Runtime.OutOfMemory", message)
    }

    fn signal_function(&self, signal: Signal) {
        self.state
            .read(|state| state.process(Role::Function).for_each(|process| process.signal(signal)));
    }
}
