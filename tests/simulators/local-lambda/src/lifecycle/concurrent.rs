//! An invocation among many: Managed Instances. Nothing is frozen, nobody waits for extensions, and a timeout ends neither
//! the code nor the environment.

use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use super::environment::Shared;
use super::report::Invocation;
use super::running::{Call, Running, Turn};
use crate::fault::Fault;
use crate::state::Answer;

/// Result of an invocation.
enum End {
    Answered(Answer),
    /// The environment is broken.
    Broken(Fault),
}

impl Shared {
    /// Runs one invocation beside the others. Answers whether the environment goes on, too.
    pub(crate) async fn invoke_concurrently(&self, call: Call<'_>) -> (Invocation, bool) {
        let running = Running::new(Instant::now(), self.config.timeout);
        self.tell_start(&running, call.events);
        let turn = self.concurrent_turn(&running, &call).await;
        self.tell_concurrent_report(&running, &turn);
        let since_start = |at: Instant| at.saturating_duration_since(running.started);
        let duration = since_start(turn.ended);
        let invocation = Invocation {
            status: turn.status,
            responded_after: turn.answer.as_ref().map(|answer| since_start(answer.done)),
            response: turn.answer.and_then(|answer| answer.result.ok()),
            error: turn.fault,
            duration,
            added: Duration::ZERO,
            billed: duration,
            init: None,
            restore: None,
            reset: None,
            request_id: running.request_id,
        };
        (invocation, turn.intact)
    }

    async fn concurrent_turn(&self, running: &Running, call: &Call<'_>) -> Turn {
        if self.config.function.is_none() {
            let answer = Answer::null();
            return Turn::ended(Ok(()), Some(answer), Instant::now());
        }
        let request = running.request(self, call.payload.clone());
        self.state.update(|state| state.add_invocation(request));
        let done = self.state.wait(|state| {
            let answer = state.request(&running.request_id).and_then(|it| it.answer.clone());
            let answered = answer.map(End::Answered);
            answered.or_else(|| state.fault().map(End::Broken))
        });
        let end = async {
            tokio::select! {
                end = done => end,
                fault = self.befall(call.trouble) => End::Broken(fault),
                fault = self.exhaust_memory() => End::Broken(fault),
            }
        };
        let end = timeout_at(running.deadline.into(), end).await;
        self.state.update(|state| state.end_invocation(&running.request_id));
        match end {
            Ok(End::Answered(answer)) => {
                let outcome = answer.outcome();
                let done = answer.done;
                Turn::ended(outcome, Some(answer), done)
            }
            Ok(End::Broken(fault)) => Turn::broken(fault),
            Err(_) => Turn::ended(Err(running.timed_out()), None, running.deadline),
        }
    }
}
