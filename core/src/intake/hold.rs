//! Lines that wait for their invocation's end: tail sampling, `keep=…`.
//!
//! What waits is whole invocations, the oldest first. Each ends in one of three ways: its end comes, and the rules
//! decide; it waits for too long or there is no more room, and it goes on as if it were kept; the forwarder closes, and
//! so too. What comes later of the same invocation goes the same way, so that an invocation stays whole.

use std::time::Instant;

use crate::record::line::Line;
use crate::route::{Candidates, Outcome};
use crate::telemetry::by_age::ByAge;
use crate::telemetry::invocation::Context;

/// Number of past invocations remembered for what comes of them later, such as their `platform.report`. On Managed
/// Instances 64 run at once for each of some processes.
const REMEMBERED: usize = 256;

/// The lines that wait.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    /// By the age of their first line.
    waiting: ByAge<Invocation>,
    /// Fates of others.
    past: ByAge<Fate>,
    /// Size of `waiting`, in bytes.
    cost: usize,
}

/// The lines of one invocation.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// JSON text.
    request_id: String,
    since: Instant,
    /// The text of each line, and before the first that has them, members of the envelope.
    text: String,
    lines: Vec<Held>,
    /// What the envelope says of the invocation, as places in `text`.
    members: Members,
}

/// Members of the envelope, as places in a text: from `start` to `lean_end` those that [`Context::lean`] has, up to
/// `end` those of [`Context::trace`].
#[derive(Debug, Clone, Copy, Default)]
struct Members {
    start: usize,
    lean_end: usize,
    end: usize,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    /// Where the event's text begins and ends.
    event: (usize, usize),
    /// Place of its record in `text`; empty if it has none.
    record: (usize, usize),
    members: Members,
    has_line_breaks: bool,
    candidates: Candidates,
}

/// Fate of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It ended like this.
    Ended(Outcome),
    /// It was let go before its end was known.
    LetGo,
}

impl Fate {
    /// Its end, if its lines go by that.
    pub(crate) fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Ended(outcome) => Some(outcome),
            Self::LetGo => None,
        }
    }
}

impl Hold {
    /// Fate of this invocation, as far as known.
    pub(crate) fn fate(&self, request_id: &str) -> Option<Fate> {
        self.past.get(request_id).copied()
    }

    /// An invocation begins. What has become of one with the same id was another attempt: it is retried.
    pub(crate) fn begin(&mut self, request_id: &str) {
        self.past.remove(request_id);
    }

    /// Lets a line wait.
    pub(crate) fn add(&mut self, line: Line<'_>, candidates: Candidates, now: Instant) {
        let request_id = line.context.request_id.unwrap_or_default();
        if !self.waiting.contains(request_id) {
            let invocation = Invocation::new(request_id, now);
            self.cost += invocation.cost();
            self.waiting.insert(request_id, invocation);
        }
        let Some(invocation) = self.waiting.get_mut(request_id) else {
            return;
        };
        let before = invocation.text.len();
        invocation.note_members(line.context);
        let start = invocation.text.len();
        invocation.text.push_str(line.event);
        // The record is a part of the event's text.
        let record = line.record.map_or((0, 0), |record| {
            let start = start + (record.as_ptr() as usize).saturating_sub(line.event.as_ptr() as usize);
            (start, start + record.len())
        });
        let end = invocation.text.len();
        invocation.lines.push(Held {
            event: (start, end),
            record,
            members: invocation.members,
            has_line_breaks: line.has_line_breaks,
            candidates,
        });
        self.cost += end - before + size_of::<Held>();
    }

    /// The end of an invocation: takes out what waited for it, and remembers how it ended. Only its first end counts:
    /// what `platform.report` says comes after the lines went by `platform.runtimeDone`.
    pub(crate) fn end(&mut self, request_id: &str, outcome: Outcome) -> Option<Invocation> {
        if !self.past.contains(request_id) {
            self.remember(request_id, Fate::Ended(outcome));
        }
        let invocation = self.waiting.remove(request_id)?;
        self.cost -= invocation.cost();
        Some(invocation)
    }

    /// Takes out the invocation that has waited longest, if it began to by then.
    pub(crate) fn let_go(&mut self, until: Instant) -> Option<Invocation> {
        let (_, oldest) = self.waiting.oldest()?;
        if oldest.since > until {
            return None;
        }
        let (_, invocation) = self.waiting.pop_oldest()?;
        self.cost -= invocation.cost();
        self.remember(&invocation.request_id, Fate::LetGo);
        Some(invocation)
    }

    fn remember(&mut self, request_id: &str, fate: Fate) {
        self.past.insert(request_id, fate);
        if self.past.len() > REMEMBERED {
            self.past.pop_oldest();
        }
    }

    /// Since when the oldest invocation waits.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.waiting.oldest().map(|(_, invocation)| invocation.since)
    }

    /// Bytes of the buffer's bound that it takes.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }
}

impl Invocation {
    fn new(request_id: &str, since: Instant) -> Self {
        Self {
            request_id: request_id.to_owned(),
            since,
            text: String::new(),
            lines: Vec::new(),
            members: Members::default(),
        }
    }

    fn cost(&self) -> usize {
        // The id is the key of a map, too.
        size_of::<Self>() + 2 * self.request_id.len() + self.text.len() + self.lines.len() * size_of::<Held>()
    }

    /// What the envelope says of an invocation is the same in most of its lines, and is kept once.
    fn note_members(&mut self, context: Context<'_>) {
        let Members { start, lean_end, end } = self.members;
        let same =
            self.text.get(start..lean_end) == Some(context.lean) && self.text.get(lean_end..end) == Some(context.trace);
        if !same {
            let start = self.text.len();
            self.text.push_str(context.lean);
            let lean_end = self.text.len();
            self.text.push_str(context.trace);
            let end = self.text.len();
            self.members = Members { start, lean_end, end };
        }
    }

    /// The rules that made each of its lines wait.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = Candidates> {
        self.lines.iter().map(|held| held.candidates)
    }

    /// Its lines, in order, each with the rules that made it wait.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (Line<'_>, Candidates)> {
        let text = |from, to| self.text.get(from..to).unwrap_or_default();
        self.lines.iter().map(move |held| {
            let Members { start, lean_end, end } = held.members;
            let record = text(held.record.0, held.record.1);
            let line = Line {
                event: text(held.event.0, held.event.1),
                record: Some(record).filter(|record| !record.is_empty()),
                has_line_breaks: held.has_line_breaks,
                context: Context {
                    request_id: Some(&self.request_id),
                    lean: text(start, lean_end),
                    trace: text(lean_end, end),
                },
            };
            (line, held.candidates)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ENDED: Outcome = Outcome {
        failed: true,
        duration: None,
    };

    fn add(hold: &mut Hold, request_id: &str, event: &str, trace: Option<&str>, now: Instant) {
        let context = Context {
            request_id: Some(request_id),
            lean: request_id,
            trace: trace.unwrap_or_default(),
        };
        let line = Line {
            event,
            record: Some(&event[event.len() - 1..]),
            has_line_breaks: false,
            context,
        };
        hold.add(line, Candidates::default(), now);
    }

    fn lines(invocation: Option<Invocation>) -> Vec<String> {
        let invocation = invocation.unwrap();
        let lines = invocation.lines().map(|(line, _)| {
            assert!(line.event.ends_with(line.record.unwrap()));
            let context = line.context;
            assert_eq!(context.request_id, Some(context.lean));
            let trace = if context.trace.is_empty() { "-" } else { context.trace };
            format!("{} {} {trace}", context.lean, line.event)
        });
        lines.collect()
    }

    #[test]
    fn the_lines_of_an_invocation_come_out_whole_and_in_order() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        add(&mut hold, "a", "1", None, now);
        add(&mut hold, "b", "2", Some("blue"), now);
        add(&mut hold, "a", "3", Some("red"), now);
        add(&mut hold, "a", "4", None, now);
        assert_eq!(lines(hold.end("a", ENDED)), ["a 1 -", "a 3 red", "a 4 -"]);
        assert_eq!(hold.fate("a"), Some(Fate::Ended(ENDED)));
        assert_eq!((hold.fate("b"), hold.end("c", ENDED).is_none()), (None, true));
        assert_eq!(lines(hold.end("b", ENDED)), ["b 2 blue"]);
        assert_eq!((hold.cost(), hold.oldest()), (0, None));
    }

    #[test]
    fn the_oldest_are_let_go_first_and_their_end_changes_nothing() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        let later = now + Duration::from_secs(1);
        add(&mut hold, "a", "1", None, now);
        add(&mut hold, "b", "2", None, later);
        add(&mut hold, "a", "3", None, later);
        assert!(hold.cost() > 3);
        assert_eq!(lines(hold.let_go(now)), ["a 1 -", "a 3 -"]);
        assert!(hold.let_go(now).is_none());
        assert_eq!((hold.fate("a"), hold.oldest()), (Some(Fate::LetGo), Some(later)));
        assert!(hold.end("a", ENDED).is_none());
        assert_eq!(hold.fate("a"), Some(Fate::LetGo));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut hold = Hold::default();
        for number in 0..=REMEMBERED {
            hold.end(&number.to_string(), ENDED);
        }
        assert_eq!(hold.past.len(), REMEMBERED);
        assert_eq!((hold.fate("0"), hold.fate("1").is_some()), (None, true));
    }
}
