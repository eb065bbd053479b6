//! Warnings that somebody from outside can cause, at most one a minute.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long further causes are only counted.
const PAUSE: Duration = Duration::from_secs(60);

/// One kind of warning.
#[derive(Debug, Default)]
pub(crate) struct Rarely {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    since: u64,
}

impl Rarely {
    /// Notes one more cause. The number of causes since the last warning, if another one is due.
    pub(crate) fn due(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.since = state.since.saturating_add(1);
        if state.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return None;
        }
        state.last = Some(Instant::now());
        Some(std::mem::take(&mut state.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_cause_warns_and_then_one_a_minute_with_the_count() {
        let rarely = Rarely::default();
        assert_eq!(rarely.due(), Some(1));
        for _ in 0..1_000 {
            assert_eq!(rarely.due(), None);
        }
        tokio::time::advance(PAUSE).await;
        assert_eq!(rarely.due(), Some(1_001));
        assert_eq!(rarely.due(), None);
    }
}
