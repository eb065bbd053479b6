//! Which sinks take an event: rules in order, the first that matches wins.
//!
//! # Layout
//! - `lex`: where the text of a table is separated; `parse`: rules; `predicate`: what stands between selectors and `->`.
//! - `rule`: a rule, parsed, and how it is written.
//! - `sample`, `field`, `keep`: what predicates ask, besides the level (`telemetry::level`).
//! - `look`: an event as rules see it; `router`: decides for events in their order.
//! - [`pattern`]: regular expressions; [`nearest`](mod@nearest): "did you mean".
//! - `lint`: rules that can never match, types that no rule takes for certain.

mod field;
mod keep;
mod lex;
mod lint;
mod look;
pub mod nearest;
mod parse;
pub mod pattern;
mod predicate;
mod router;
mod rule;
mod sample;

use std::fmt;

pub use field::{Comparison, Field};
pub use keep::{Keep, Outcome};
pub use lex::list;
pub use lint::Dead;
pub use parse::RouteError;
pub use router::Router;
pub use rule::{DROP, Predicate, Rule, Selector};
pub use sample::Share;

use crate::telemetry::event::{INVOCATION, KNOWN_TYPES, Kind};
pub use crate::telemetry::level::{LEVEL_NAMES, Level};
pub use crate::telemetry::levels::Levels;
use look::Look;

/// Number of rules of a table that may have `keep`: a waiting line remembers each that takes it as a bit.
const MAX_WAITING_RULES: usize = 64;

/// A parsed route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    rules: Vec<Rule>,
    /// The names of the sinks, as targets count them.
    sinks: Vec<String>,
    /// For each of [`KNOWN_TYPES`] the rules that may decide about it: none behind one that takes all of the type.
    by_type: [Plan; KNOWN_TYPES.len()],
    /// Likewise for the forwarder's rows of invocations.
    of_rows: Plan,
    /// All rules, for types that nobody knows yet.
    all: Plan,
    /// The rules with `keep`, in order.
    waiting: Vec<usize>,
}

/// Which rules to ask, in order, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    steps: Vec<Step>,
    /// One of them asks for the level of log lines.
    needs_level: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    rule: usize,
    /// It takes whatever comes to it.
    takes_all: bool,
    /// Its bit among the rules with `keep`; 0 for a rule without.
    keep_bit: u64,
}

/// The rules with `keep` that take an event, each a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Candidates(u64);

/// Destination of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// To these sinks, by the rule at this place.
    To(usize, &'a [usize]),
    /// The rule at this place says `drop`.
    Drop(usize),
    /// It waits for its invocation's end: see [`Routes::kept`].
    Wait(Candidates),
    /// A rule would take it if its invocation were in the sample; no other does.
    Sampled,
    /// No rule takes it.
    Unmatched,
}

impl Routes {
    /// Everything to one sink.
    pub fn all_to(sink: usize) -> Self {
        let rule = Rule {
            selectors: vec![Selector::Any],
            predicates: Vec::new(),
            targets: vec![sink],
        };
        Self::new(vec![rule], &[])
    }

    /// The same table, its sinks under these names.
    pub fn with_names(mut self, sinks: &[&str]) -> Self {
        self.sinks = sinks.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Parses a table of rules, separated by `;` or line breaks. `sinks` are the names that targets may have.
    ///
    /// # Errors
    /// Every mistake of every rule.
    pub fn parse(text: &str, sinks: &[&str]) -> Result<Self, Vec<RouteError>> {
        parse::rules(text, sinks).map(|rules| Self::new(rules, sinks))
    }

    /// Parses rules that come in two parts: selectors and predicates, and targets.
    ///
    /// # Errors
    /// Every mistake of every rule.
    pub fn parse_tables(tables: &[(String, Vec<String>)], sinks: &[&str]) -> Result<Self, Vec<RouteError>> {
        parse::tables(tables, sinks).map(|rules| Self::new(rules, sinks))
    }

    fn new(rules: Vec<Rule>, sinks: &[&str]) -> Self {
        let with_keep = rules.iter().enumerate().filter(|(_, rule)| rule.waits());
        let waiting: Vec<_> = with_keep.map(|(index, _)| index).collect();
        Self {
            by_type: KNOWN_TYPES.map(|name| Plan::new(&rules, &waiting, Some(name))),
            of_rows: Plan::new(&rules, &waiting, Some(INVOCATION)),
            all: Plan::new(&rules, &waiting, None),
            rules,
            sinks: sinks.iter().map(|&name| name.to_owned()).collect(),
            waiting,
        }
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The names of the sinks, as the rules' targets count them.
    pub fn sinks(&self) -> &[String] {
        &self.sinks
    }

    /// True if some rule sends anything to this sink.
    pub fn name_sink(&self, sink: usize) -> bool {
        self.rules.iter().any(|rule| rule.targets.contains(&sink))
    }

    /// True if some rule names the rows of invocations, so that they are made.
    pub fn name_rows(&self) -> bool {
        !self.of_rows.steps.is_empty()
    }

    /// The same table, where the rows of invocations go to this sink, too.
    pub fn with_rows_to(mut self, sink: usize) -> Self {
        self.rules.push(Rule {
            selectors: vec![Selector::Exact(INVOCATION.to_owned())],
            predicates: Vec::new(),
            targets: vec![sink],
        });
        let names: Vec<_> = self.sinks.iter().map(String::as_str).collect();
        Self::new(self.rules, &names)
    }

    /// True if some rule makes events wait for their invocation's end.
    pub fn make_wait(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// True if some event of this type may go to this sink, whatever is in it.
    pub fn may_send(&self, kind: &Kind<'_>, sink: usize) -> bool {
        let mut rules = self.rules_for(kind);
        rules.any(|rule| rule.targets.contains(&sink))
    }

    /// The rules that may decide about events of this type.
    fn rules_for(&self, kind: &Kind<'_>) -> impl Iterator<Item = &Rule> {
        let (plan, known) = self.plan(kind);
        let rules = plan.steps.iter().filter_map(|step| self.rules.get(step.rule));
        rules.filter(move |rule| known || rule.takes_type(kind.name()))
    }

    /// The rules to ask about this type; `true` if each of them takes the type.
    #[inline]
    fn plan(&self, kind: &Kind<'_>) -> (&Plan, bool) {
        if matches!(kind, Kind::Invocation) {
            return (&self.of_rows, true);
        }
        match type_index(kind).and_then(|index| self.by_type.get(index)) {
            Some(plan) => (plan, true),
            None => (&self.all, false),
        }
    }

    /// Destination of all events of this type, if the first rule to ask takes them whatever is in them. Most tables end
    /// there for most types.
    #[inline]
    fn decide_type(&self, kind: &Kind<'_>) -> Option<Decision<'_>> {
        let (plan, known) = self.plan(kind);
        let step = plan.steps.first()?;
        let is_decided = known && step.takes_all && step.keep_bit == 0;
        let rule = self.rules.get(step.rule).filter(|_| is_decided)?;
        Some(rule.destination(step.rule))
    }

    /// Destination of this event.
    fn decide(&self, kind: &Kind<'_>, look: &mut Look<'_, '_>) -> Decision<'_> {
        let (plan, known) = self.plan(kind);
        let mut sampled = false;
        let mut candidates = Candidates::default();
        for step in &plan.steps {
            let Some(rule) = self.rules.get(step.rule) else {
                continue;
            };
            if !known && !rule.takes_type(kind.name()) {
                continue;
            }
            // Behind a rule that makes it wait, only others of that kind may still want it.
            if candidates != Candidates::default() && step.keep_bit == 0 {
                if step.takes_all || rule.takes(look) == Taken::Yes {
                    break;
                }
                continue;
            }
            match if step.takes_all { Taken::Yes } else { rule.takes(look) } {
                Taken::No => {}
                Taken::NotInSample => sampled = true,
                Taken::Yes if step.keep_bit != 0 && look.has_request() => candidates.0 |= step.keep_bit,
                Taken::Yes => return rule.destination(step.rule),
            }
        }
        match sampled {
            _ if candidates != Candidates::default() => Decision::Wait(candidates),
            true => Decision::Sampled,
            false => Decision::Unmatched,
        }
    }

    /// Destination of an event that waited, now that its invocation's end is known: the rule that keeps it and its
    /// sinks. Without an outcome the first rule that made it wait takes it.
    pub fn kept(&self, candidates: Candidates, outcome: Option<&Outcome>) -> Option<(usize, &[usize])> {
        let bits = 0..self.waiting.len();
        let asked = bits.filter(|bit| candidates.0 & (1 << bit) != 0);
        let mut rules = asked.filter_map(|bit| {
            let index = *self.waiting.get(bit)?;
            Some((index, self.rules.get(index)?))
        });
        let keeping =
            rules.find(|(_, rule)| outcome.is_none_or(|outcome| rule.keeps().all(|keep| keep.holds(outcome))));
        keeping.map(|(index, rule)| (index, rule.targets.as_slice()))
    }
}

impl Plan {
    fn new(rules: &[Rule], waiting: &[usize], name: Option<&str>) -> Self {
        let mut steps = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            if name.is_some_and(|name| !rule.takes_type(name)) {
                continue;
            }
            let takes_all = rule.predicates.is_empty();
            let keep_bit = waiting.iter().position(|&other| other == index);
            steps.push(Step {
                rule: index,
                takes_all,
                keep_bit: keep_bit.map_or(0, |bit| 1 << bit),
            });
            // Of a type that is not known, only `*` takes all.
            if takes_all && (name.is_some() || rule.selectors.contains(&Selector::Any)) {
                break;
            }
        }
        let asks_level = |step: &Step| {
            let rule = rules.get(step.rule);
            rule.is_some_and(|rule| {
                rule.predicates
                    .iter()
                    .any(|predicate| matches!(predicate, Predicate::LevelAtLeast(_)))
            })
        };
        Self {
            needs_level: steps.iter().any(asks_level),
            steps,
        }
    }
}

/// True if a rule takes an event, `keep` aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Yes,
    No,
    /// All but for its share of invocations.
    NotInSample,
}

impl Rule {
    /// Destination of what it takes. `index`: its place in the table.
    #[inline]
    fn destination(&self, index: usize) -> Decision<'_> {
        if self.targets.is_empty() {
            Decision::Drop(index)
        } else {
            Decision::To(index, &self.targets)
        }
    }

    fn takes(&self, look: &mut Look<'_, '_>) -> Taken {
        let mut in_sample = true;
        for predicate in &self.predicates {
            if let Predicate::Sample(share) = predicate {
                in_sample &= look.request_hash().is_none_or(|hash| share.includes(hash));
            } else if !predicate.holds(look) {
                return Taken::No;
            }
        }
        if in_sample { Taken::Yes } else { Taken::NotInSample }
    }
}

/// The table as it is written, a rule a line.
impl fmt::Display for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rule) in self.rules.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{}", rule.display(&self.sinks))?;
        }
        Ok(())
    }
}

/// The place of a type in [`KNOWN_TYPES`].
fn type_index(kind: &Kind<'_>) -> Option<usize> {
    Some(match kind {
        Kind::InitStart => 0,
        Kind::InitRuntimeDone => 1,
        Kind::InitReport => 2,
        Kind::RestoreStart => 3,
        Kind::RestoreRuntimeDone => 4,
        Kind::RestoreReport => 5,
        Kind::TelemetrySubscription => 6,
        Kind::ExtensionState => 7,
        Kind::Start => 8,
        Kind::Function => 9,
        Kind::Extension => 10,
        Kind::RuntimeDone => 11,
        Kind::Report => 12,
        Kind::LogsDropped => 13,
        Kind::Invocation | Kind::Other(_) => return None,
    })
}

#[cfg(test)]
mod tests;
