//! One row of fixed schema for each invocation: `forwarder.invocation`.
//!
//! A row begins with `platform.start` and is written with `platform.report`; where that does not come, when the next
//! invocation is over, or at the end. Lines are counted before routes. What Lambda posts twice counts once.

mod row;

use std::time::SystemTime;

use super::verdict::Verdict;
use crate::record::envelope::Resource;
use crate::record::line::Line;
use crate::route::Level;
use crate::telemetry::by_age::ByAge;
use crate::telemetry::event::{Event, Kind};
use crate::telemetry::invocation::{Attribution, Context};
use crate::telemetry::json::{each_member, unescape};
use crate::telemetry::requests::push_member;
use row::{Row, Surroundings};

/// Invocations at once, and such whose row is written and of which more may come. On a Managed Instance 1,600 may run.
const MOST: usize = 2_048;

/// Makes the rows.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// By their beginning.
    open: ByAge<Row>,
    /// Bytes of those.
    cost: usize,
    /// Requests whose row is written.
    written: ByAge<()>,
    environment: Environment,
    /// Times that Lambda has dropped events: from then on an invocation may be known by its report only.
    gaps: u64,
    /// The body that is being taken came before: it tells nothing new.
    pub(super) is_repeated: bool,
    has_lines: bool,
}

/// What is known of the environment's beginning.
#[derive(Debug, Default)]
struct Environment {
    init_type: Option<String>,
    init_ms: Option<String>,
    restore_ms: Option<String>,
    /// An init or a restore was seen.
    is_known: bool,
    /// No invocation has begun since.
    is_fresh: bool,
    /// The init goes on inside an invocation.
    is_inside: bool,
    /// Some invocation has begun.
    is_used: bool,
}

/// A row on its way.
#[derive(Debug)]
pub struct RowEvent {
    text: String,
    record: usize,
    request_id: String,
    lean: String,
    trace: String,
    /// The verdict, without its sinks.
    verdict: Verdict<'static>,
    targets: Vec<usize>,
}

impl RowEvent {
    /// As a lane takes it.
    pub fn line(&self) -> Line<'_> {
        Line {
            event: &self.text,
            record: self.record(),
            has_line_breaks: false,
            context: Context {
                request_id: Some(&self.request_id),
                lean: &self.lean,
                trace: &self.trace,
            },
        }
    }

    /// What becomes of it.
    pub fn verdict(&self) -> Verdict<'_> {
        match self.verdict {
            Verdict::Send(rule, _) => Verdict::Send(rule, &self.targets),
            Verdict::Keep(rule, _) => Verdict::Keep(rule, &self.targets),
            other => other,
        }
    }

    pub(super) fn set_verdict(&mut self, verdict: Verdict<'_>) {
        self.targets = verdict.targets().to_vec();
        self.verdict = match verdict {
            Verdict::Send(rule, _) => Verdict::Send(rule, &[]),
            Verdict::Keep(rule, _) => Verdict::Keep(rule, &[]),
            Verdict::Drop(rule) => Verdict::Drop(rule),
            Verdict::Wait => Verdict::Wait,
            Verdict::NotKept => Verdict::NotKept,
            Verdict::Sampled => Verdict::Sampled,
            Verdict::Unmatched => Verdict::Unmatched,
            Verdict::OwnLine => Verdict::OwnLine,
        };
    }

    /// As rules see it.
    pub(super) fn event(&self) -> Event<'_> {
        Event::of_row(&self.text, self.record(), &self.request_id)
    }

    fn record(&self) -> Option<&str> {
        self.text.get(self.record..self.text.len().saturating_sub(1))
    }
}

impl Rows {
    /// `has_lines`: log lines of functions come at all.
    pub(super) fn new(has_lines: bool) -> Self {
        Self {
            has_lines,
            ..Self::default()
        }
    }

    /// Takes the next event in order, masked; returns the requests whose rows are to be written now, and how.
    pub(super) fn observe(
        &mut self,
        event: &Event<'_>,
        request_id: Option<&str>,
        level: Option<Level>,
    ) -> Vec<Finished> {
        if self.is_repeated {
            return Vec::new();
        }
        let mut finished = Vec::new();
        match (&event.kind, request_id) {
            (Kind::Function, Some(id)) => {
                let record = event.record.unwrap_or_default();
                self.change(id, |row| row.note_line(record, level.unwrap_or(Level::Info)));
            }
            (Kind::Start, Some(id)) => {
                // A retry under the same id is another attempt.
                finished.extend(self.finish(id));
                self.written.remove(id);
                let mut row = Row::new(id);
                row.note_start(event);
                row.cold_start = self.environment.begin_invocation();
                finished.extend(self.begin(row));
            }
            (Kind::RuntimeDone, Some(id)) => {
                // What began before it is over, and its report did not come.
                while self.open.contains(id)
                    && let Some((oldest, _)) = self.open.oldest()
                    && oldest != id
                {
                    finished.extend(self.finish_oldest());
                }
                if let Some(began) = self.begin_unknown(id) {
                    finished.extend(began);
                }
                self.change(id, |row| row.note_end(event));
            }
            (Kind::Report, Some(id)) => {
                // Without a gap it is of an invocation whose row another process has written, before a reset.
                if self.gaps > 0
                    && let Some(began) = self.begin_unknown(id)
                {
                    finished.extend(began);
                }
                self.change(id, |row| row.note_end(event));
                finished.extend(self.finish(id));
            }
            (Kind::LogsDropped, _) => self.gaps += 1,
            _ => self.environment.note(event),
        }
        finished
    }

    /// Ends all rows that are open.
    pub(super) fn finish_all(&mut self) -> Vec<Finished> {
        std::iter::from_fn(|| self.finish_oldest()).collect()
    }

    /// Writes a finished row.
    pub(super) fn write(&self, finished: &Finished, attribution: &Attribution, resource: &Resource) -> RowEvent {
        let row = &finished.0;
        let context = attribution.context_of(&row.request_id);
        let members = format!("{{\"\":0{}{}}}", context.lean, context.trace);
        let (mut trace_id, mut execution_arn) = (None, None);
        each_member(&members, |key, value| match key {
            "traceId" => trace_id = Some(value),
            "executionArn" => execution_arn = Some(value),
            _ => {}
        });
        let around = Surroundings {
            init_type: self.environment.init_type.as_deref(),
            init_ms: self.environment.init_ms.as_deref(),
            restore_ms: self.environment.restore_ms.as_deref(),
            trace_id,
            execution_arn,
            has_lines: self.has_lines,
        };
        let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let (text, record) = row.write(resource, around, &now);
        let mut lean = context.lean.to_owned();
        if lean.is_empty() {
            push_member(&mut lean, "requestId", &row.request_id);
        }
        RowEvent {
            text,
            record,
            request_id: row.request_id.clone(),
            lean,
            trace: context.trace.to_owned(),
            verdict: Verdict::Unmatched,
            targets: Vec::new(),
        }
    }

    /// What rows take of the buffer's bound. Bytes.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Begins the row of a request whose start was not seen, unless its row is open or written.
    fn begin_unknown(&mut self, id: &str) -> Option<Option<Finished>> {
        let is_known = self.open.contains(id) || self.written.contains(id);
        (!is_known).then(|| self.begin(Row::new(id)))
    }

    /// Begins a row; returns the oldest if there are too many.
    fn begin(&mut self, mut row: Row) -> Option<Finished> {
        row.gaps_before = self.gaps;
        self.cost += row.cost();
        let id = row.request_id.clone();
        self.open.insert(&id, row);
        (self.open.len() > MOST).then(|| self.finish_oldest()).flatten()
    }

    /// Changes the row of a request, if it is open.
    fn change(&mut self, id: &str, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.open.get_mut(id) {
            self.cost -= row.cost();
            change(row);
            self.cost += row.cost();
        }
    }

    fn finish(&mut self, id: &str) -> Option<Finished> {
        let row = self.open.remove(id)?;
        Some(self.finished(row))
    }

    fn finish_oldest(&mut self) -> Option<Finished> {
        let (_, row) = self.open.pop_oldest()?;
        Some(self.finished(row))
    }

    fn finished(&mut self, mut row: Row) -> Finished {
        row.has_gaps = row.gaps_before < self.gaps;
        self.cost -= row.cost();
        self.written.insert(&row.request_id, ());
        if self.written.len() > MOST {
            self.written.pop_oldest();
        }
        Finished(row)
    }
}

/// A row that is to be written.
#[derive(Debug)]
pub(super) struct Finished(Row);

impl Environment {
    /// True if the invocation that begins is a cold start.
    fn begin_invocation(&mut self) -> Option<bool> {
        let is_first = !std::mem::replace(&mut self.is_used, true);
        let is_fresh = std::mem::take(&mut self.is_fresh);
        if !self.is_known {
            return (!is_first).then_some(false);
        }
        let kind = self.init_type.as_deref().map(unescape).unwrap_or_default();
        // There init was over before anybody waited for it.
        let is_prepared = matches!(kind.as_ref(), "provisioned-concurrency" | "lambda-managed-instances");
        Some(is_fresh && (!is_prepared || self.is_inside))
    }

    fn note(&mut self, event: &Event<'_>) {
        match event.kind {
            Kind::InitStart | Kind::RestoreStart => {
                if let Some(init_type) = event.members.initialization_type {
                    self.init_type = Some(init_type.to_owned());
                }
                self.is_inside = event.members.phase == Some("\"invoke\"");
                (self.is_known, self.is_fresh) = (true, true);
                (self.init_ms, self.restore_ms) = (None, None);
            }
            Kind::InitReport => self.init_ms = duration(event),
            Kind::RestoreReport => self.restore_ms = duration(event),
            _ => {}
        }
    }
}

/// `metrics.durationMs` of an event.
fn duration(event: &Event<'_>) -> Option<String> {
    let mut found = None;
    each_member(event.record.unwrap_or_default(), |key, value| {
        if key == "metrics" {
            each_member(value, |key, value| {
                if key == "durationMs" {
                    found = row::number(value);
                }
            });
        }
    });
    found
}
