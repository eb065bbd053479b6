//! Where the extension lives: what it asks of Lambda, whatever becomes of the forwarder.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config;
use crate::extensions_api::{NextEvent, Registration};
use crate::runtime_api::{ApiError, RuntimeApi};

/// After so many failures of `next` in a row, some thirty seconds, there is no environment any more.
const MAX_NEXT_FAILURES: u32 = 32;

/// Where the extension lives.
pub(crate) struct Environment {
    pub(crate) api: RuntimeApi,
    pub(crate) registration: Registration,
    /// Invocations overlap: there is no INVOKE, and never a freeze (Managed Instances).
    pub(crate) concurrent: bool,
}

impl Environment {
    /// Lets the function's init fail.
    pub(crate) async fn fail(&self, error_type: &str, problems: &[config::Problem]) -> u8 {
        let message: Vec<_> = problems.iter().map(ToString::to_string).collect();
        if let Err(error) = self
            .registration
            .init_error(&self.api, error_type, &message.join("; "))
            .await
        {
            log::error!(event = "init_error_failed", error = error.to_string().as_str(); "Lambda did not take the init error");
        }
        1
    }

    /// Answers lifecycle events and does nothing else.
    pub(crate) async fn stand_by(&self, terminate: &mut Terminate) -> u8 {
        loop {
            let event = tokio::select! {
                event = self.next() => event,
                () = terminate.wait() => return 0,
            };
            match event {
                Some(NextEvent::Shutdown(_)) => return 0,
                Some(_) => {}
                None => return 1,
            }
        }
    }

    /// The next event. `None` if there is no environment any more.
    pub(crate) async fn next(&self) -> Option<NextEvent> {
        for failures in 0..MAX_NEXT_FAILURES {
            match self.registration.next(&self.api).await {
                Ok(event) => return Some(event),
                Err(error) => self.pause_after(&error, failures).await,
            }
        }
        log::error!(event = "next_given_up"; "Lambda does not answer any more");
        None
    }

    async fn pause_after(&self, error: &ApiError, failures: u32) {
        if failures == 0 {
            log::warn!(event = "next_failed", error = error.to_string().as_str(); "asking for the next event failed; it is tried again");
        }
        let pause = Duration::from_millis(20 << failures.min(6));
        tokio::time::sleep(pause.min(Duration::from_secs(1))).await;
    }
}

/// SIGTERM, from the moment that this is made.
pub(crate) struct Terminate(Option<Signal>);

impl Terminate {
    /// Without a handler, SIGTERM ends the process as it would have.
    pub(crate) fn new() -> Self {
        Self(signal(SignalKind::terminate()).ok())
    }

    pub(crate) async fn wait(&mut self) {
        match &mut self.0 {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
}
