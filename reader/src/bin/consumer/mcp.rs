//! The assistant that asks: what the reader tells it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use reader::mcp::{Memory, Progress, Session};
use reader::proof::Proof;
use reader::show::Show;
use tokio::time::Instant;

/// How often it is told how reading goes. The proof of many processes takes milliseconds.
const TELL: Duration = Duration::from_secs(1);

/// What is read before now, where the command line does not say: an assistant asks about what happened.
pub(crate) const BEFORE: Duration = Duration::from_secs(3_600);

pub(crate) struct Assistant {
    memory: Arc<Memory>,
    session: Session,
    told: Option<Instant>,
}

impl Assistant {
    pub(crate) fn begin(show: &mut Show) -> Self {
        let memory = Arc::<Memory>::default();
        show.watch(Box::new({
            let memory = memory.clone();
            move |events| memory.keep(events)
        }));
        Self {
            session: Session::begin(memory.clone()),
            memory,
            told: None,
        }
    }

    /// Waits until the client is gone; for ever, where there is none.
    pub(crate) async fn over(assistant: &mut Option<Self>) {
        match assistant {
            Some(assistant) => assistant.session.over().await,
            None => pending().await,
        }
    }

    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.told.is_none_or(|told| now.duration_since(told) >= TELL);
        if is_due {
            self.told = Some(now);
        }
        is_due
    }

    pub(crate) fn tell(&self, progress: Progress, proof: &Proof) {
        self.memory.tell(progress, proof);
    }
}
