//! A plan, played.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Chaos, Step};
use crate::error::Error;
use crate::fault::Status;
use crate::lambda::LocalLambda;
use crate::lifecycle::{Invocation, ShutdownReport, Trouble};
use crate::role::Role;

/// Result of a step.
#[derive(Debug, Clone)]
pub struct Played {
    /// The step.
    pub step: Step,
    /// Its invocations, if it had any.
    pub invocations: Vec<Invocation>,
    /// Complaints about the extensions: that they crashed, took longer than the function has, or did not end
    /// by themselves. What a function does wrong is its own.
    pub complaints: Vec<String>,
}

impl Chaos {
    /// Plays all steps, with an event from `event` for each invocation, and tells each step when it is over. What is
    /// wrong with telemetry is over with the last.
    ///
    /// # Errors
    /// As [`LocalLambda::invoke`]. [`Error::ShutDown`] is the end of a Managed Instance that was broken, and no error.
    pub async fn play(
        &self,
        lambda: &Arc<LocalLambda>,
        mut event: impl FnMut() -> String,
        mut told: impl FnMut(Played),
    ) -> Result<(), Error> {
        for step in &self.steps {
            match play(*step, lambda, &mut event).await {
                Ok(played) => told(played),
                Err(Error::ShutDown) if self.mode.concurrent() => break,
                Err(error) => return Err(error),
            }
        }
        lambda.clear_telemetry_faults();
        Ok(())
    }
}

async fn play(step: Step, lambda: &Arc<LocalLambda>, event: &mut impl FnMut() -> String) -> Result<Played, Error> {
    let mut played = Played {
        step,
        invocations: Vec::new(),
        complaints: Vec::new(),
    };
    match step {
        Step::Invoke(None) => played.add(lambda.invoke(event()).await?, None),
        Step::Invoke(Some(trouble)) => played.add(lambda.invoke_amid(event(), trouble).await?, Some(trouble)),
        Step::Crowd(count) => {
            let mut crowd = JoinSet::new();
            for _ in 0..count {
                let (lambda, event) = (Arc::clone(lambda), event());
                crowd.spawn(async move { lambda.invoke(event).await });
            }
            for invocation in crowd.join_all().await {
                played.add(invocation?, None);
            }
        }
        Step::Rest(time) => tokio::time::sleep(time).await,
        Step::Telemetry(fault) => lambda.telemetry_fault(fault),
        Step::Reset(reason) => {
            let report = lambda.reset(reason).await?;
            played.complaints.extend(against(&report));
        }
    }
    Ok(played)
}

impl Played {
    fn add(&mut self, invocation: Invocation, trouble: Option<Trouble>) {
        if let Some(fault) = &invocation.error
            && fault.error_type.starts_with("Extension.")
        {
            self.complaints.push(fault.to_string());
        }
        let hangs = matches!(trouble, Some(Trouble::Hang(_)));
        if invocation.status == Status::Timeout && invocation.responded_after.is_some() && !hangs {
            let message = "the function had answered, and the extensions ran into its timeout";
            self.complaints.push(message.to_owned());
        }
        self.complaints.extend(invocation.reset.iter().flat_map(against));
        self.invocations.push(invocation);
    }
}

/// Extensions that did not end by themselves, in time and with code 0.
fn against(report: &ShutdownReport) -> Vec<String> {
    let mut complaints = Vec::new();
    let extensions = report
        .processes
        .iter()
        .filter(|process| process.role == Role::Extension);
    for process in extensions {
        let ended = process.exit.is_some_and(|exit| exit.success());
        // Who has not registered for SHUTDOWN, perhaps not yet, is killed without one.
        if process.killed && process.after_shutdown_event.is_some() {
            let limit = report.budget;
            complaints.push(format!("{} was killed at its deadline after {limit:?}", process.name));
        } else if !process.killed && !ended {
            complaints.push(format!("{} ended with {:?}", process.name, process.exit));
        }
    }
    complaints
}
