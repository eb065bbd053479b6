//! Faults on the way from Lambda to a listener. No I/O.

use std::time::Duration;

/// A fault between Lambda and the listeners, until it is used up or cleared. What it does happens on Lambda too: events
/// come at least once, and when they can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TelemetryFault {
    /// The answers to so many POSTs are lost: each is posted again, so the listener has it twice.
    LostAnswers(u32),
    /// So many POSTs break off in the middle of their body, and are made again.
    BrokenPosts(u32),
    /// Each POST comes so much later.
    Slow(Duration),
}

/// The faults in force.
#[derive(Debug, Default)]
pub(super) struct Faults {
    lost_answers: u32,
    broken_posts: u32,
    delay: Duration,
}

/// Fault of one POST.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Befallen {
    pub(super) delay: Duration,
    pub(super) breaks: bool,
    /// The answer is lost, if the body does not break off.
    pub(super) unheard: bool,
}

impl Faults {
    pub(super) fn set(&mut self, fault: TelemetryFault) {
        match fault {
            TelemetryFault::LostAnswers(count) => self.lost_answers = count,
            TelemetryFault::BrokenPosts(count) => self.broken_posts = count,
            TelemetryFault::Slow(delay) => self.delay = delay,
        }
    }

    /// Fault of the next POST.
    pub(super) fn take(&mut self) -> Befallen {
        let use_up = |count: &mut u32| {
            let left = *count > 0;
            *count = count.saturating_sub(1);
            left
        };
        let breaks = use_up(&mut self.broken_posts);
        Befallen {
            delay: self.delay,
            breaks,
            unheard: !breaks && use_up(&mut self.lost_answers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_used_up_one_post_each() {
        let mut faults = Faults::default();
        faults.set(TelemetryFault::LostAnswers(1));
        faults.set(TelemetryFault::BrokenPosts(1));
        let both = [(); 3].map(|()| faults.take()).map(|post| (post.breaks, post.unheard));
        assert_eq!(both, [(true, false), (false, true), (false, false)]);
    }

    #[test]
    fn slowness_stays() {
        let mut faults = Faults::default();
        let delay = Duration::from_millis(10);
        faults.set(TelemetryFault::Slow(delay));
        assert_eq!([(); 2].map(|()| faults.take().delay), [delay; 2]);
    }
}
