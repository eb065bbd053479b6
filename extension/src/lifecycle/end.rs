//! The end of the environment.

use std::sync::atomic::Ordering;
use std::time::Duration;

use forwarder_core::Undelivered;
use forwarder_core::forwarder::flush::DEADLINE_MARGIN;
use tokio::time::{Instant, timeout_at};

use super::Extension;
use crate::tasks::caught;

/// At SHUTDOWN the last batch is in when nothing has come for this long …
const LAST_BATCH_PATIENCE: Duration = Duration::from_millis(300);

/// … or for this long after every invocation's `platform.report`, the last event of its own.
const LAST_BATCH_PATIENCE_WHEN_REPORTED: Duration = Duration::from_millis(100);

/// How the environment ends.
pub(super) struct End {
    /// Lambda's word for it, or ours.
    pub(super) reason: String,
    /// When the process is killed.
    pub(super) deadline: Instant,
    /// The exit code.
    pub(super) code: u8,
}

impl Extension {
    /// Ends, whatever goes wrong in it. Returns the exit code.
    pub(super) async fn end(&self, end: End) -> u8 {
        let _ = caught("end", self.shut_down(&end.reason, end.deadline)).await;
        end.code
    }

    /// Takes the last batch, delivers until shortly before the deadline, and says what is left.
    async fn shut_down(&self, reason: &str, deadline: Instant) {
        let now = Instant::now();
        let end = deadline.checked_sub(DEADLINE_MARGIN).map_or(now, |end| end.max(now));
        self.ends.store(true, Ordering::Relaxed);
        log::debug!(event = "shutdown", reason; "the environment ends");
        // What still waits for a configuration goes by what is in force.
        self.intake.open_gate().await;
        self.forwarder.run(true);
        if self.turns.telemetry {
            self.intake.expect_more();
            let patience = LAST_BATCH_PATIENCE.max(self.telemetry_timeout + LAST_BATCH_PATIENCE_WHEN_REPORTED);
            let quiet = || match self.invocations.all_reported() {
                true => LAST_BATCH_PATIENCE_WHEN_REPORTED,
                false => patience,
            };
            // However much comes, half of the time is for delivering it.
            let half_time = now + (end - now) / 2;
            let _ = timeout_at(half_time, self.intake.quiet(quiet)).await;
        }
        self.listener.abort();
        self.intake.close();
        // The environment is used again after these, with what is on its disk.
        let reset = ["timeout", "failure"]
            .iter()
            .any(|name| reason.eq_ignore_ascii_case(name));
        let has_successor = reset && !self.replaced;
        let undelivered = self.forwarder.close(end, has_successor).await;
        let spooled: u64 = self.forwarder.stats().1.iter().map(|lane| lane.spooled).sum();
        if spooled > 0 {
            log::warn!(event = "left_on_disk", lines = spooled; "these lines could not be delivered yet; they wait on disk for the next start in this environment");
        }
        undelivered.iter().for_each(report_undelivered);
        let metrics = self.turns.metrics.iter();
        metrics.for_each(|metrics| metrics.write(&self.forwarder));
    }
}

fn report_undelivered(undelivered: &Undelivered) {
    for dropped in &undelivered.dropped {
        let lines: u64 = dropped.ranges.iter().map(|[first, last]| last - first + 1).sum();
        let ranges = format!("{:?}", dropped.ranges);
        let detail = dropped.detail.as_deref().unwrap_or_default();
        log::error!(
            event = "dropped", id = undelivered.id.as_str(), sink = undelivered.sink.as_str(), reason = dropped.reason.name(),
            detail, lines, ranges = ranges.as_str();
            "these lines could not be delivered before the environment ended"
        );
    }
}
