//! The environment of the extension: what it asks of Lambda, whatever becomes of the forwarder.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config;
use crate::extensions_api::{NextEvent, Registration, register};
use crate::runtime_api::RuntimeApi;

/// After so many failures of `next` in a row with nobody there, some thirty seconds, there is no environment any more.
const MAX_NEXT_FAILURES: u32 = 32;

/// How long `register` is tried: Lambda gives init ten seconds, and the function's own part comes after. Awake.
const REGISTER_TIME: Duration = Duration::from_secs(5);

/// The pause after a failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The environment of the extension.
pub(crate) struct Environment {
    pub(crate) api: RuntimeApi,
    pub(crate) registration: Registration,
    /// Invocations overlap: there is no INVOKE, and never a freeze (Managed Instances).
    pub(crate) concurrent: bool,
}

impl Environment {
    /// Registers under `name`. What is not refused is tried again: without it the function's init fails. `None` where
    /// it fails.
    pub(crate) async fn register(api: RuntimeApi, name: &str, concurrent: bool) -> Option<Self> {
        let mut failures = 0;
        let mut waited = Duration::ZERO;
        loop {
            let error = match register(&api, name, !concurrent).await {
                Ok(registration) => {
                    return Some(Self {
                        api,
                        registration,
                        concurrent,
                    });
                }
                Err(error) => error,
            };
            let refused = error
                .status
                .is_some_and(|status| (400..500).contains(&status) && status != 429);
            if refused || waited >= REGISTER_TIME {
                log::error!(event = "register_failed", name, error = error.to_string().as_str(); "Lambda refused to register the extension");
                return None;
            }
            if failures == 0 {
                log::warn!(event = "register_again", error = error.to_string().as_str(); "registering failed; it is tried again");
            }
            waited += pause(failures);
            tokio::time::sleep(pause(failures)).await;
            failures += 1;
        }
    }

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

    /// The next event. Asked again for as long as there is an environment: whatever fails here, leaving would take the
    /// function along. `None` if nobody has answered at Lambda's address for long.
    pub(crate) async fn next(&self) -> Option<NextEvent> {
        let (mut failures, mut gone) = (0, 0);
        while gone < MAX_NEXT_FAILURES {
            let error = match self.registration.next(&self.api).await {
                Ok(event) => return Some(event),
                Err(error) => error,
            };
            if failures == 0 {
                log::warn!(event = "next_failed", error = error.to_string().as_str(); "asking for the next event failed; it is tried again");
            }
            gone = if error.gone { gone + 1 } else { 0 };
            tokio::time::sleep(pause(failures)).await;
            failures += 1;
        }
        log::error!(event = "next_given_up"; "Lambda does not answer any more");
        None
    }
}

/// The pause after so many failures before.
fn pause(failures: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.pow(failures.min(6))).min(LONGEST_PAUSE)
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
