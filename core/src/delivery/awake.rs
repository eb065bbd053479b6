//! Waiting that does not count the time in which the environment was frozen.
//!
//! Lambda freezes the process between invocations. On the thaw every timer is overdue at once, while the answer that a
//! put waits for may stand in the socket, unread. A time-out that fires then repeats a put that succeeded. So a wait is
//! made of short slices, of which a freeze can use up one; and a slice that took far too long buys some time more.

use std::time::Duration;

use tokio::time::Instant;

pub(crate) const SLICE: Duration = Duration::from_millis(250);

/// A slice that took this much longer than it should was interrupted by a freeze.
const SUSPICIOUS_DELAY: Duration = Duration::from_millis(500);

/// Time granted after a freeze, so that what happened meanwhile is seen.
const GRACE: Duration = Duration::from_secs(1);

/// Sleeps until the process has been awake for this long.
pub async fn sleep(duration: Duration) {
    sleep_and_note(duration, |_| {}).await;
}

/// As [`sleep`], and notes each time that the process was awake, as it passes.
pub async fn sleep_and_note(duration: Duration, mut awake: impl FnMut(Duration)) {
    let (mut left, mut grace) = (duration, GRACE);
    while !left.is_zero() {
        let slice = left.min(SLICE);
        let started = Instant::now();
        tokio::time::sleep(slice).await;
        left -= slice;
        awake(slice);
        if started.elapsed() > slice + SUSPICIOUS_DELAY {
            // In all no more than once: short invocations interrupt every slice.
            let granted = GRACE.saturating_sub(left).min(grace);
            (left, grace) = (left + granted, grace - granted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_sleeps_as_long_as_it_is_told_while_awake() {
        let started = Instant::now();
        sleep(Duration::from_millis(1_100)).await;
        let slept = started.elapsed();
        assert!(
            slept >= Duration::from_millis(1_100) && slept < Duration::from_millis(1_200),
            "{slept:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn freezes_in_every_slice_do_not_make_it_endless() {
        let wait = tokio::spawn(sleep(Duration::from_secs(5)));
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert!(wait.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_freeze_counts_as_one_slice_at_most_and_grants_time_to_read_the_answer() {
        for frozen_at in [100, 4_900] {
            let started = Instant::now();
            let wait = tokio::spawn(sleep(Duration::from_secs(5)));
            tokio::time::sleep(Duration::from_millis(frozen_at)).await;
            tokio::time::advance(Duration::from_secs(3_600)).await;
            let thawed = Instant::now();
            let _ = wait.await;
            assert!(
                thawed.elapsed() >= GRACE,
                "frozen at {frozen_at}: {:?}",
                started.elapsed()
            );
            assert!(thawed.elapsed() <= Duration::from_secs(5), "frozen at {frozen_at}");
        }
    }
}
