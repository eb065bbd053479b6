//! How fast it goes, and how often it speaks.

use std::time::Duration;

use tokio::time::Instant;

/// Notices of one kind that are said in a [`WINDOW`]; more are counted.
const MOST: u32 = 20;

const WINDOW: Duration = Duration::from_secs(10);

/// Lines a second, over the last second or so.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    since: Option<(Instant, u64)>,
    rate: f64,
}

impl Rate {
    /// The rate, after so many lines.
    pub(crate) fn of(&mut self, lines: u64, now: Instant) -> f64 {
        let (since, before) = *self.since.get_or_insert((now, lines));
        let elapsed = now.duration_since(since);
        if elapsed >= Duration::from_secs(1) {
            self.rate = (lines - before) as f64 / elapsed.as_secs_f64();
            self.since = Some((now, lines));
        }
        self.rate
    }
}

impl Rate {
    /// The rate as it was last computed.
    pub(crate) fn last(&self) -> f64 {
        self.rate
    }
}

/// Keeps what is said of a stream in proportion, whoever writes it.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    since: Option<Instant>,
    said: u32,
    unsaid: u64,
}

impl Notices {
    /// True if the next notice is said; otherwise it is counted.
    pub(crate) fn may_speak(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) >= WINDOW) {
            self.since = Some(now);
            self.said = 0;
        }
        self.said += 1;
        let may = self.said <= MOST;
        self.unsaid += u64::from(!may);
        may
    }

    /// How many were not said, once their time is over.
    pub(crate) fn unsaid(&mut self, now: Instant) -> Option<u64> {
        let is_over = self.since.is_some_and(|since| now.duration_since(since) >= WINDOW);
        (is_over && self.unsaid > 0).then(|| std::mem::take(&mut self.unsaid))
    }

    /// How many were not said, at the end.
    pub(crate) fn rest(&mut self) -> Option<u64> {
        let unsaid = std::mem::take(&mut self.unsaid);
        (unsaid > 0).then_some(unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_notices_become_a_number() {
        let (mut notices, now) = (Notices::default(), Instant::now());
        assert_eq!((0..1_000).filter(|_| notices.may_speak(now)).count(), 20);
        assert_eq!(notices.unsaid(now), None);
        assert_eq!(notices.unsaid(now + WINDOW), Some(980));
        assert_eq!((notices.unsaid(now + WINDOW), notices.rest()), (None, None));
        assert!(notices.may_speak(now + WINDOW));
    }
}
