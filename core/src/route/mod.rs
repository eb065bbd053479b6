//! Which sinks take an event: rules in order, the first that matches wins.

mod level;
mod parse;

pub use level::{LEVEL_NAMES, Level, Levels};
pub use parse::RouteError;

use crate::event::{Event, KNOWN_TYPES, Kind};

/// The name that a rule gives to events that go nowhere.
pub const DROP: &str = "drop";

/// A parsed route table.
#[derive(Debug, Clone)]
pub struct Routes {
    rules: Vec<Rule>,
    /// For each of [`KNOWN_TYPES`] the rules whose selectors take it, so that an event only meets rules for its type.
    by_type: [Vec<usize>; KNOWN_TYPES.len()],
    needs_level: bool,
}

/// One rule: what it takes and where that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The types it takes; at least one.
    pub selectors: Vec<Selector>,
    /// What must hold besides; all of them.
    pub predicates: Vec<Predicate>,
    /// Indices of the sinks, in the order that [`Routes::parse`] was given them; empty: `drop`.
    pub targets: Vec<usize>,
}

/// Takes events by their type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `*`
    Any,
    /// `platform.*`: the types with this prefix, dot included.
    Prefix(String),
    /// One type, by its full name.
    Exact(String),
}

/// Takes events by what is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// `level>=warn`: log lines of this level or a higher one; no platform event.
    LevelAtLeast(Level),
}

/// Where an event goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// To these sinks.
    To(&'a [usize]),
    /// A rule says `drop`.
    Drop,
    /// No rule takes it.
    Unmatched,
}

impl Routes {
    /// Everything to one sink.
    pub fn all_to(sink: usize) -> Self {
        Self::new(vec![Rule {
            selectors: vec![Selector::Any],
            predicates: Vec::new(),
            targets: vec![sink],
        }])
    }

    /// Parses a table of rules, parted by `;` or line breaks. `sinks` are the names that targets may have.
    ///
    /// # Errors
    /// Every mistake of every rule.
    pub fn parse(text: &str, sinks: &[&str]) -> Result<Self, Vec<RouteError>> {
        parse::rules(text, sinks).map(Self::new)
    }

    fn new(rules: Vec<Rule>) -> Self {
        let takes = |name: &str| {
            let of_type = rules.iter().enumerate().filter(|(_, rule)| rule.takes_type(name));
            of_type.map(|(index, _)| index).collect()
        };
        let needs_level = rules.iter().any(|rule| !rule.predicates.is_empty());
        Self {
            by_type: KNOWN_TYPES.map(takes),
            rules,
            needs_level,
        }
    }

    /// Whether some rule asks for the level of log lines; else nobody need find it out.
    pub fn needs_level(&self) -> bool {
        self.needs_level
    }

    /// Whether some rule sends anything to this sink.
    pub fn name_sink(&self, sink: usize) -> bool {
        self.rules.iter().any(|rule| rule.targets.contains(&sink))
    }

    /// Whether some event of this type may go to this sink, whatever is in it.
    pub fn may_send(&self, kind: &Kind<'_>, sink: usize) -> bool {
        let mut rules = self.rules.iter().filter(|rule| rule.takes_type(kind.name()));
        // A rule without predicates takes all that reach it: what follows is never asked.
        let mut shadowed = false;
        rules.any(|rule| {
            let sends = !shadowed && rule.targets.contains(&sink);
            shadowed |= rule.predicates.is_empty();
            sends
        })
    }

    /// Where this event goes. `level` is that of a log line.
    pub fn decide(&self, kind: &Kind<'_>, level: Option<Level>) -> Decision<'_> {
        let taken = match kind {
            Kind::Other(name) => self
                .rules
                .iter()
                .find(|rule| rule.takes_type(name) && rule.takes_content(level)),
            known => type_index(known)
                .and_then(|index| self.by_type.get(index))
                .into_iter()
                .flatten()
                .filter_map(|&rule| self.rules.get(rule))
                .find(|rule| rule.takes_content(level)),
        };
        match taken {
            None => Decision::Unmatched,
            Some(rule) if rule.targets.is_empty() => Decision::Drop,
            Some(rule) => Decision::To(&rule.targets),
        }
    }
}

impl Rule {
    fn takes_type(&self, name: &str) -> bool {
        self.selectors.iter().any(|selector| match selector {
            Selector::Any => true,
            Selector::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Selector::Exact(exact) => name == exact,
        })
    }

    fn takes_content(&self, level: Option<Level>) -> bool {
        self.predicates.iter().all(|predicate| match predicate {
            Predicate::LevelAtLeast(least) => level.is_some_and(|level| level >= *least),
        })
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
        Kind::Other(_) => return None,
    })
}

/// The level of the event, if the table asks for levels at all.
pub(crate) fn level_if_needed(
    routes: &Routes,
    levels: &mut Levels,
    event: &Event<'_>,
    request_id: Option<&str>,
) -> Option<Level> {
    if routes.needs_level {
        levels.observe(event, request_id)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINKS: [&str; 3] = ["kinesis", "firehose", "stdout"];

    fn decide(routes: &str, name: &str, level: Option<Level>) -> String {
        let routes = Routes::parse(routes, &SINKS).unwrap();
        let kind = Kind::from_name(name);
        match routes.decide(&kind, level) {
            Decision::To(sinks) => sinks
                .iter()
                .map(|&sink| *SINKS.get(sink).unwrap())
                .collect::<Vec<_>>()
                .join("+"),
            Decision::Drop => "drop".into(),
            Decision::Unmatched => "unmatched".into(),
        }
    }

    #[test]
    fn the_index_of_each_known_type_is_its_place() {
        for (index, name) in KNOWN_TYPES.iter().enumerate() {
            assert_eq!(type_index(&Kind::from_name(*name)), Some(index), "{name}");
            assert_eq!(Kind::from_name(*name).name(), *name);
        }
    }

    #[test]
    fn the_example_of_the_contract() {
        let routes =
            "function level>=error -> kinesis, stdout; platform.report -> firehose; platform.* -> drop; * -> kinesis";
        let error = Some(Level::Error);
        let info = Some(Level::Info);
        assert_eq!(decide(routes, "function", error), "kinesis+stdout");
        assert_eq!(decide(routes, "function", Some(Level::Fatal)), "kinesis+stdout");
        assert_eq!(decide(routes, "function", info), "kinesis");
        assert_eq!(decide(routes, "extension", error), "kinesis");
        assert_eq!(decide(routes, "platform.report", None), "firehose");
        assert_eq!(decide(routes, "platform.start", None), "drop");
        assert_eq!(decide(routes, "platform.notYetKnown", None), "drop");
        assert_eq!(decide(routes, "somethingElse", None), "kinesis");
    }

    #[test]
    fn what_no_rule_takes_is_unmatched() {
        assert_eq!(decide("function -> kinesis", "platform.start", None), "unmatched");
        assert_eq!(decide("* level>=trace -> kinesis", "platform.start", None), "unmatched");
        assert_eq!(
            decide("* level>=trace -> kinesis", "function", Some(Level::Trace)),
            "kinesis"
        );
    }

    #[test]
    fn what_may_reach_a_sink_is_known_beforehand() {
        let may = |routes: &str| Routes::parse(routes, &SINKS).unwrap().may_send(&Kind::Extension, 2);
        assert!(may("* -> stdout"));
        assert!(may(
            "function -> kinesis; extension level>=error -> stdout; * -> kinesis"
        ));
        assert!(may("extension level>=error -> kinesis; * -> stdout"));
        assert!(!may("extension -> drop; * -> stdout"));
        assert!(!may("platform.*, function -> stdout; * -> kinesis"));
    }

    #[test]
    fn lists_of_selectors() {
        let routes = "platform.start, platform.report,extension -> firehose";
        assert_eq!(decide(routes, "platform.start", None), "firehose");
        assert_eq!(decide(routes, "platform.report", None), "firehose");
        assert_eq!(decide(routes, "extension", Some(Level::Info)), "firehose");
        assert_eq!(decide(routes, "platform.runtimeDone", None), "unmatched");
    }
}
