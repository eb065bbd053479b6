//! One pipeline for events: mask, attribute, route, wait for the invocation's end. Pure: [`Intake::decide`] returns
//! what becomes of an event; the caller carries it out. It knows no lane, no lock and no task.
//!
//! - this file: [`Intake`]; `decided`, `verdict`: what it returns.
//! - [`redact`]: masks; `hold`: lines that wait; `rows`: one row an invocation; `repeats`: bodies that come again.

mod decided;
mod hold;
pub mod redact;
mod repeats;
mod rows;
mod verdict;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use crate::record::envelope::Resource;
use crate::record::line::Line;
use crate::record::stats::IntakeStats;
use crate::route::{Candidates, Decision, Outcome, Router, Routes};
use crate::telemetry::Types;
use crate::telemetry::change::Change;
use crate::telemetry::event::{Event, Kind};
use crate::telemetry::halves::{Half, Halves};
use crate::telemetry::invocation::Attribution;
use crate::telemetry::json::{unescape, write_string};
use crate::telemetry::requests::Request;
use crate::telemetry::snapshot::Snapshot;
pub use decided::{Decided, Settled};
use hold::{Hold, Invocation};
use redact::{Redaction, Redactor};
use repeats::Repeats;
pub use rows::RowEvent;
use rows::Rows;
pub use verdict::Verdict;

/// State from one event to the next.
pub struct Intake {
    pub(crate) snapshot: Snapshot,
    types: Types,
    attribution: Attribution,
    routes: Arc<Routes>,
    router: Router,
    hold: Hold,
    redactor: Redactor,
    /// Beginnings of records that Lambda cut, until their other parts come.
    pub(crate) halves: Halves,
    repeats: Repeats,
    /// Only where a rule names them.
    rows: Option<Rows>,
    /// The last event, if it was masked. Its memory is reused.
    masked: Option<String>,
    pub(crate) resource: Resource,
    pub(crate) stats: IntakeStats,
}

impl Intake {
    /// Starts with nothing known of any invocation. `concurrent`: invocations overlap (Managed Instances).
    pub fn new(types: Types, routes: Arc<Routes>, resource: Resource, redaction: Redaction, concurrent: bool) -> Self {
        Self {
            snapshot: Snapshot::default(),
            types,
            attribution: Attribution::new(concurrent),
            repeats: Repeats::default(),
            rows: routes.name_rows().then(|| Rows::new(types.function)),
            router: Router::new(Arc::clone(&routes)),
            routes,
            hold: Hold::default(),
            redactor: Redactor::new(redaction),
            halves: Halves::default(),
            masked: None,
            resource,
            stats: IntakeStats::default(),
        }
    }

    /// The rules.
    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Decides by another configuration from the next event on. Nothing waits any more. Returns the rows of invocations
    /// that are over with the rules that made them.
    pub(crate) fn reconfigure(
        &mut self,
        routes: Arc<Routes>,
        types: Types,
        redaction: Redaction,
        now: Instant,
    ) -> Vec<RowEvent> {
        let made = if routes.name_rows() {
            Vec::new()
        } else {
            self.finish_rows(now)
        };
        if !routes.name_rows() {
            self.rows = None;
        } else if self.rows.is_none() {
            self.rows = Some(Rows::new(types.function));
        }
        self.router.replace(Arc::clone(&routes));
        self.routes = routes;
        self.types = types;
        self.redactor.replace(redaction);
        made
    }

    /// Returns the counters of the environment that ends here, and begins the next at zero.
    pub(crate) fn take_counts(&mut self) -> IntakeStats {
        (self.redactor.masked, self.redactor.masked_whole) = (0, 0);
        std::mem::take(&mut self.stats)
    }

    /// Decides what becomes of the next event. Log lines are masked in what is returned.
    #[inline]
    pub fn decide<'a>(&'a mut self, event: &'a Event<'a>, now: Instant) -> Decided<'a> {
        let change = Change::of(event);
        // What is nearly never there costs nothing where it is not.
        let mut settled = None;
        let closed = if self.snapshot.note(&change) {
            let waiting = std::iter::from_fn(|| self.hold.let_go(now)).map(|invocation| (invocation, None));
            settled.get_or_insert_with(Vec::new).extend(waiting);
            self.resource.faas_instance = None;
            Some(Box::new(self.take_counts()))
        } else {
            None
        };
        self.stats.events += 1;
        let resource_changed = self.note_instance(&change);
        let may_mask = event.kind.is_log() && !self.redactor.is_idle() && self.types.include(&event.kind);
        let is_own_line = event.is_own_line();
        if let Some(before) = self.masked.take() {
            self.redactor.reuse(before);
        }
        if may_mask && !is_own_line {
            self.masked = self.redactor.event(event);
            self.count_masked();
        }
        let reread;
        let event = match &self.masked {
            Some(text) => {
                reread = redact::reread(text, event);
                &reread
            }
            None => event,
        };
        let owned = self.attribution.advance(event);
        let attribution = &self.attribution;
        let context = attribution.context(owned);
        let line = Line {
            event: event.raw,
            record: event.record,
            has_line_breaks: event.has_line_breaks,
            context,
        };
        if let (Change::Started(_), Some(request_id)) = (change, context.request_id) {
            self.hold.begin(request_id);
        }
        if self.routes.make_wait()
            && let Some(request_id) = context.request_id
            && let Some(outcome) = Outcome::of(event)
            && let Some(invocation) = self.hold.end(request_id, outcome)
        {
            self.stats.routed_out.not_kept += not_kept(&self.routes, &invocation, &outcome);
            settled.get_or_insert_with(Vec::new).push((invocation, Some(outcome)));
        }
        let is_counted = self.rows.is_some() && matches!(event.kind, Kind::Function);
        let level = if is_own_line {
            None
        } else {
            self.router.level(event, context.request_id, is_counted)
        };
        let mut rows = None;
        if let Some(made) = &mut self.rows {
            let rows = rows.insert(Vec::new());
            for finished in made.observe(event, context.request_id, level) {
                let row = made.write(&finished, attribution, &self.resource);
                let (router, hold) = (&mut self.router, &mut self.hold);
                rows.push(route_row(row, router, hold, &self.routes, &mut self.stats, now));
            }
        }
        let verdict = if is_own_line {
            Verdict::OwnLine
        } else if !self.types.include(&event.kind) {
            Verdict::Unmatched
        } else {
            match self.router.decide_at(event, context.request_id, level) {
                Decision::To(rule, targets) => Verdict::Send(rule, targets),
                Decision::Drop(rule) => Verdict::Drop(rule),
                Decision::Sampled => Verdict::Sampled,
                Decision::Unmatched => Verdict::Unmatched,
                Decision::Wait(candidates) => match self.hold.fate(context.request_id.unwrap_or_default()) {
                    Some(fate) => Verdict::of_waiting(&self.routes, candidates, fate.outcome().as_ref()),
                    None => {
                        self.hold.add(line, candidates, now);
                        Verdict::Wait
                    }
                },
            }
        };
        verdict.count(&mut self.stats);
        Decided {
            settled: settled.map(|settled| all_settled(&self.routes, settled)),
            closed,
            resource: &self.resource,
            resource_changed,
            line,
            verdict,
            rows,
        }
    }

    /// Attributes lines as it was done when a record that was cut began. Returns how they are attributed now.
    pub(crate) fn attribute_as_of(&mut self, then: Attribution) -> Attribution {
        std::mem::replace(&mut self.attribution, then)
    }

    /// Remembers the beginning of a record that was cut. Returns those that there is no room for.
    pub(crate) fn keep_half(&mut self, raw: &[u8], header: usize, now: Instant, buffer_bytes: usize) -> Vec<Half> {
        self.halves.add(raw, header, &self.attribution, now, buffer_bytes)
    }

    /// A body begins. If it came before: the invocation that ran then.
    pub(crate) fn begin_body(&mut self, body: &[u8]) -> Option<Option<Request>> {
        self.repeats.begin(body, self.attribution.running())
    }

    /// What comes next is of a body that came before, or of another one.
    pub(crate) fn go_on(&mut self, is_repeated: bool) {
        self.rows.iter_mut().for_each(|rows| rows.is_repeated = is_repeated);
    }

    /// The invocation that runs, as far as bodies told.
    pub(crate) fn running(&self) -> Option<&Request> {
        self.attribution.running()
    }

    /// Lets another invocation be the one that runs, for a body that goes on. Returns the one that was.
    pub(crate) fn set_running(&mut self, request: Option<Request>) -> Option<Request> {
        self.attribution.set_running(request)
    }

    /// Ends the rows of all invocations: nothing more comes of them.
    pub fn finish_rows(&mut self, now: Instant) -> Vec<RowEvent> {
        let Some(made) = &mut self.rows else { return Vec::new() };
        let finished = made.finish_all();
        let rows = finished
            .iter()
            .map(|row| made.write(row, &self.attribution, &self.resource));
        let (router, hold) = (&mut self.router, &mut self.hold);
        rows.map(|row| route_row(row, router, hold, &self.routes, &mut self.stats, now))
            .collect()
    }

    /// Masks bytes that are no event.
    pub fn mask<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let masked = self.redactor.bytes(bytes);
        self.stats.redacted = self.redactor.masked;
        self.stats.redacted_whole = self.redactor.masked_whole;
        masked
    }

    fn count_masked(&mut self) {
        self.stats.redacted = self.redactor.masked;
        self.stats.redacted_whole = self.redactor.masked_whole;
    }

    /// Notes the trace that INVOKE told of a request.
    pub(crate) fn note_invoke(&mut self, request_id: &str, trace_header: &str) {
        let mut json = Vec::new();
        write_string(&mut json, request_id);
        self.attribution
            .note_invoke(&String::from_utf8_lossy(&json), trace_header);
    }

    /// Takes out the lines that have waited longest for their invocation's end, if they began to wait by `until`. They
    /// go on as if the invocation were kept.
    pub fn let_go(&mut self, until: Instant) -> Option<Settled<'_>> {
        let invocation = self.hold.let_go(until)?;
        Some(Settled::new(&self.routes, invocation, None))
    }

    /// Since when the oldest of the waiting lines waits.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        self.hold.oldest()
    }

    /// Size of what waits or is remembered here, in bytes. It counts towards the buffer's bound.
    pub(crate) fn held(&self) -> usize {
        let rows = self.rows.as_ref().map_or(0, Rows::cost);
        self.hold.cost() + self.halves.bytes() + self.attribution.cost() + self.repeats.cost() + rows
    }

    /// Notes the name of the environment. `true` if there was one.
    #[inline]
    fn note_instance(&mut self, change: &Change<'_>) -> bool {
        let (Change::InitStarted { instance_id, .. } | Change::Restored { instance_id }) = change else {
            return false;
        };
        let name = instance_id.map(unescape).map(Cow::into_owned);
        let is_named = name.is_some();
        if is_named {
            self.resource.faas_instance = name;
        }
        is_named
    }
}

/// Nearly never: apart from the way of an ordinary event.
#[cold]
fn all_settled(routes: &Routes, invocations: Vec<(Invocation, Option<Outcome>)>) -> Vec<Settled<'_>> {
    let settled = invocations.into_iter();
    settled
        .map(|(invocation, outcome)| Settled::new(routes, invocation, outcome))
        .collect()
}

/// Routes a row as any event.
fn route_row(
    row: RowEvent,
    router: &mut Router,
    hold: &mut Hold,
    routes: &Routes,
    stats: &mut IntakeStats,
    now: Instant,
) -> RowEvent {
    let event = row.event();
    let request_id = event.members.request_id;
    let verdict = match router.decide_at(&event, request_id, None) {
        Decision::To(rule, targets) => Verdict::Send(rule, targets),
        Decision::Drop(rule) => Verdict::Drop(rule),
        Decision::Sampled => Verdict::Sampled,
        Decision::Unmatched => Verdict::Unmatched,
        Decision::Wait(candidates) => match hold.fate(request_id.unwrap_or_default()) {
            Some(fate) => Verdict::of_waiting(routes, candidates, fate.outcome().as_ref()),
            None => {
                hold.add(row.line(), candidates, now);
                Verdict::Wait
            }
        },
    };
    verdict.count(stats);
    let mut routed = row;
    routed.set_verdict(verdict);
    routed
}

/// Counts the lines of an invocation that no rule keeps.
fn not_kept(routes: &Routes, invocation: &Invocation, outcome: &Outcome) -> u64 {
    let kept_by_none = |&candidates: &Candidates| routes.kept(candidates, Some(outcome)).is_none();
    invocation.candidates().filter(kept_by_none).count() as u64
}
