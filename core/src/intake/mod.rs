//! From an event to the queues: mask, attribute, route, let wait.

mod hold;
pub mod redact;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::delivery::lane::{Lane, Queue};
use crate::record::envelope::Resource;
use crate::record::line::Line;
use crate::record::stats::IntakeStats;
use crate::route::{Decision, Outcome, Router, Routes};
use crate::telemetry::Types;
use crate::telemetry::event::{Event, Kind};
use crate::telemetry::halves::{Half, Halves};
use crate::telemetry::invocation::Attribution;
use crate::telemetry::json::unescape;
use crate::telemetry::snapshot::Snapshot;
use hold::{Hold, Invocation};
use redact::{Redaction, Redactor};

/// The queues of all lanes, in the order that the routes know them by.
pub(crate) type Queues<'a> = [MutexGuard<'a, Queue>];

/// What is remembered from one event to the next.
pub(crate) struct Intake {
    /// The envelope's `id`.
    pub(crate) id: String,
    pub(crate) snapshot: Snapshot,
    /// When the last body came while a snapshot was near: for a clock that stands still in the meantime, and one that does
    /// not.
    pub(crate) near_body: Option<(Instant, SystemTime)>,
    types: Types,
    attribution: Attribution,
    router: Router,
    hold: Hold,
    redactor: Redactor,
    /// Records that were cut, until their other parts come.
    pub(crate) halves: Halves,
    pub(crate) resource: Resource,
    pub(crate) stats: IntakeStats,
}

impl Intake {
    pub(crate) fn new(
        id: String,
        types: Types,
        routes: Arc<Routes>,
        resource: Resource,
        redaction: Redaction,
        concurrent: bool,
    ) -> Self {
        Self {
            id,
            snapshot: Snapshot::default(),
            near_body: None,
            types,
            attribution: Attribution::new(concurrent),
            router: Router::new(routes),
            hold: Hold::default(),
            redactor: Redactor::new(redaction),
            halves: Halves::default(),
            resource,
            stats: IntakeStats::default(),
        }
    }

    /// What was counted is another life's.
    pub(crate) fn forget_counts(&mut self) {
        self.stats = IntakeStats::default();
        self.redactor.masked = 0;
    }

    /// Takes the next event.
    pub(crate) fn take(&mut self, event: &Event<'_>, queues: &mut Queues<'_>, now: Instant) {
        self.stats.events += 1;
        if event.is_own_line() {
            self.stats.own_lines += 1;
            return;
        }
        let may_mask = event.kind.is_log() && !self.redactor.is_idle() && self.types.include(&event.kind);
        let masked = if may_mask { self.redactor.event(event) } else { None };
        match masked {
            Some(masked) => {
                self.stats.redacted = self.redactor.masked;
                self.route(&redact::reread(&masked, event), queues, now);
                self.redactor.reuse(masked);
            }
            None => self.route(event, queues, now),
        }
    }

    /// Takes a record that was joined, as an event of the invocation that ran when its beginning came.
    pub(crate) fn take_joined(&mut self, event: &Event<'_>, then: Attribution, queues: &mut Queues<'_>, now: Instant) {
        let current = std::mem::replace(&mut self.attribution, then);
        self.take(event, queues, now);
        self.attribution = current;
    }

    /// Remembers the beginning of a record that was cut. Answers with those that there is no room for.
    pub(crate) fn keep_half(&mut self, raw: &[u8], header: usize, now: Instant, buffer_bytes: usize) -> Vec<Half> {
        self.halves.add(raw, header, &self.attribution, now, buffer_bytes)
    }

    /// What is no event, ready to be sent.
    pub(crate) fn mask<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let masked = self.redactor.bytes(bytes);
        self.stats.redacted = self.redactor.masked;
        masked
    }

    fn route(&mut self, event: &Event<'_>, queues: &mut Queues<'_>, now: Instant) {
        if let Kind::InitStart | Kind::RestoreStart = event.kind
            && let Some(instance) = event.members.instance_id
        {
            self.resource.faas_instance = Some(unescape(instance).into_owned());
            queues.iter_mut().for_each(|queue| queue.set_resource(&self.resource));
        }
        let context = self.attribution.observe(event);
        if event.kind == Kind::Start
            && let Some(request_id) = context.request_id
        {
            self.hold.begin(request_id);
        }
        if self.router.routes().make_wait()
            && let Some(request_id) = context.request_id
            && let Some(outcome) = Outcome::of(event)
            && let Some(invocation) = self.hold.end(request_id, outcome)
        {
            settle(
                self.router.routes(),
                &invocation,
                Some(&outcome),
                &mut self.stats,
                queues,
                now,
            );
        }
        let decision = if self.types.include(&event.kind) {
            self.router.decide(event, context.request_id)
        } else {
            Decision::Unmatched
        };
        let routed_out = &mut self.stats.routed_out;
        let line = Line {
            event: event.raw,
            record: event.record,
            has_line_breaks: event.has_line_breaks,
            context,
        };
        match decision {
            Decision::To(_, targets) => send(targets, line, queues, now),
            Decision::Wait(candidates) => match self.hold.fate(context.request_id.unwrap_or_default()) {
                None => self.hold.add(line, candidates, now),
                Some(fate) => match self.router.routes().kept(candidates, fate.outcome().as_ref()) {
                    Some((_, targets)) => send(targets, line, queues, now),
                    None => routed_out.not_kept += 1,
                },
            },
            Decision::Drop(_) => routed_out.drop += 1,
            Decision::Sampled => routed_out.sampled += 1,
            Decision::Unmatched => routed_out.unmatched += 1,
        }
    }

    /// Forwards all that has waited since `until` or longer for its invocation's end.
    pub(crate) fn let_go(&mut self, until: Instant, queues: &mut Queues<'_>, now: Instant) {
        while let Some(invocation) = self.hold.let_go(until) {
            settle(self.router.routes(), &invocation, None, &mut self.stats, queues, now);
        }
    }

    /// How much of the buffer's bound waits here, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.hold.cost() + self.halves.bytes()
    }
}

/// Sends the lines of an invocation on their way, or drops them.
fn settle(
    routes: &Routes,
    invocation: &Invocation,
    outcome: Option<&Outcome>,
    stats: &mut IntakeStats,
    queues: &mut Queues<'_>,
    now: Instant,
) {
    for (line, candidates) in invocation.lines() {
        match routes.kept(candidates, outcome) {
            Some((_, targets)) => send(targets, line, queues, now),
            None => stats.routed_out.not_kept += 1,
        }
    }
}

fn send(targets: &[usize], line: Line<'_>, queues: &mut Queues<'_>, now: Instant) {
    for &target in targets {
        if let Some(queue) = queues.get_mut(target) {
            queue.add(line, now);
        }
    }
}

/// A panic while this was locked leaves counters and attribution as they were then: good enough to go on with.
pub(crate) fn lock(intake: &Mutex<Intake>) -> MutexGuard<'_, Intake> {
    intake.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forwards what has waited for too long, also when nothing comes in any more.
pub(crate) struct Patience {
    /// Something waits.
    waiting: Arc<Notify>,
    task: AbortHandle,
}

impl Patience {
    /// Starts the task that keeps the time.
    pub(crate) fn start(intake: &Arc<Mutex<Intake>>, lanes: &[Lane], max_age: Duration) -> Self {
        let waiting = Arc::new(Notify::new());
        let task = tokio::spawn(keep_time(
            Arc::downgrade(intake),
            lanes.to_vec(),
            Arc::clone(&waiting),
            max_age,
        ));
        Self {
            waiting,
            task: task.abort_handle(),
        }
    }

    /// Tells the task that something may have begun to wait.
    pub(crate) fn look(&self) {
        self.waiting.notify_one();
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_time(intake: Weak<Mutex<Intake>>, lanes: Vec<Lane>, waiting: Arc<Notify>, max_age: Duration) {
    loop {
        let Some(intake) = intake.upgrade() else { return };
        let oldest = lock(&intake).hold.oldest();
        let Some(oldest) = oldest else {
            drop(intake);
            waiting.notified().await;
            continue;
        };
        let now = Instant::now();
        if now < oldest + max_age {
            drop(intake);
            tokio::time::sleep_until(oldest + max_age).await;
            continue;
        }
        {
            let mut intake = lock(&intake);
            let mut queues: Vec<_> = lanes.iter().map(Lane::queue).collect();
            intake.let_go(now.checked_sub(max_age).unwrap_or(now), &mut queues, now);
            queues.iter_mut().for_each(|queue| queue.persist());
        }
        lanes.iter().for_each(Lane::wake);
    }
}
