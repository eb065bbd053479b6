//! Valid rules that probably do not do what was meant.

use super::{Level, Predicate, Routes, Rule, Selector};
use crate::telemetry::event::{KNOWN_TYPES, Kind};

/// Stands for the types that Lambda may add.
const UNKNOWN_TYPE: &str = "platform.notYetKnown";

/// Reason why a rule can never match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dead {
    /// Rules before it take all that it could.
    Shadowed {
        /// The place of one of them.
        by: usize,
    },
    /// It asks for a level, and none of its types has one.
    NoLevels,
    /// None of its types is forwarded.
    NotForwarded,
}

impl Routes {
    /// The rules that can never match, and why. `forwards` tells whether events of a type are forwarded at all.
    pub fn dead_rules(&self, forwards: impl Fn(&Kind<'_>) -> bool) -> Vec<(usize, Dead)> {
        let rules = self.rules.iter().enumerate();
        rules
            .filter_map(|(index, rule)| Some((index, self.dead(index, rule, &forwards)?)))
            .collect()
    }

    fn dead(&self, index: usize, rule: &Rule, forwards: &impl Fn(&Kind<'_>) -> bool) -> Option<Dead> {
        let types = || {
            types_of(rule)
                .into_iter()
                .filter(|name| forwards(&Kind::from_name(*name)))
        };
        let before = self.rules.get(..index).unwrap_or_default();
        if types().next().is_none() {
            return Some(Dead::NotForwarded);
        }
        let takes_logs = types().any(|name| Kind::from_name(name).is_log());
        let asks_level = rule
            .predicates
            .iter()
            .any(|predicate| matches!(predicate, Predicate::LevelAtLeast(_)));
        if asks_level && !takes_logs {
            return Some(Dead::NoLevels);
        }
        let mut by = None;
        for name in types().filter(|name| !asks_level || Kind::from_name(*name).is_log()) {
            let covering = before
                .iter()
                .position(|earlier| earlier.takes_type(name) && covers(earlier, rule))?;
            by = Some(by.map_or(covering, |by: usize| by.min(covering)));
        }
        by.map(|by| Dead::Shadowed { by })
    }

    /// The types of which some events may match no rule, and so are not forwarded: each known one, or whatever Lambda
    /// may add.
    pub fn uncovered_types(&self, forwards: impl Fn(&Kind<'_>) -> bool) -> Vec<&'static str> {
        let types = KNOWN_TYPES.into_iter().chain([UNKNOWN_TYPE]);
        let takes_all = |rule: &Rule, name: &str| {
            let only_waits = rule.predicates.iter().all(|predicate| match predicate {
                Predicate::Keep(_) => true,
                Predicate::LevelAtLeast(level) => *level == Level::Trace && Kind::from_name(name).is_log(),
                _ => false,
            });
            only_waits && rule.takes_type(name)
        };
        types
            .filter(|name| forwards(&Kind::from_name(*name)))
            .filter(|name| !self.rules.iter().any(|rule| takes_all(rule, name)))
            .collect()
    }
}

/// The types that a rule selects, a made-up one for those that nobody knows.
fn types_of(rule: &Rule) -> Vec<&str> {
    let mut types: Vec<&str> = KNOWN_TYPES
        .into_iter()
        .chain([UNKNOWN_TYPE])
        .filter(|name| rule.takes_type(name))
        .collect();
    types.extend(rule.selectors.iter().filter_map(|selector| match selector {
        Selector::Exact(name) if !KNOWN_TYPES.contains(&name.as_str()) => Some(name.as_str()),
        _ => None,
    }));
    types
}

/// True if the earlier rule takes every event of a type that the later one could take.
fn covers(earlier: &Rule, later: &Rule) -> bool {
    earlier.predicates.iter().all(|asked| match asked {
        // What one `keep` lets go, only another may still want.
        Predicate::Keep(_) => !later.waits() || later.predicates.contains(asked),
        Predicate::LevelAtLeast(least) => later
            .predicates
            .iter()
            .any(|predicate| matches!(predicate, Predicate::LevelAtLeast(level) if level >= least)),
        Predicate::Sample(share) => later
            .predicates
            .iter()
            .any(|predicate| matches!(predicate, Predicate::Sample(smaller) if smaller <= share)),
        other => later.predicates.contains(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(routes: &str) -> Vec<(usize, Dead)> {
        let routes = Routes::parse(routes, &["a", "b"]).unwrap();
        routes.dead_rules(|kind| *kind != Kind::Extension)
    }

    #[test]
    fn rules_behind_others_that_take_all_of_theirs_are_dead() {
        for (routes, by) in [
            ("* -> a; function -> b", 0),
            ("function -> b; platform.* -> a; function, platform.start -> a", 0),
            ("function level>=warn -> a; function level>=error -> b", 0),
            ("function sample=10% -> a; function sample=5% -> b", 0),
            ("function record.a=1 -> a; function level>=warn record.a=1 -> b", 0),
            ("function keep=failed -> a; function -> b", 0),
            ("function keep=failed -> a; function level>=warn keep=failed -> b", 0),
        ] {
            let last = Routes::parse(routes, &["a", "b"]).unwrap().rules().len() - 1;
            assert_eq!(dead(routes), [(last, Dead::Shadowed { by })], "{routes}");
        }
        for routes in [
            "function -> a; * -> b",
            "platform.start -> a; platform.* -> b",
            "function level>=error -> a; function level>=warn -> b",
            "function sample=5% -> a; function sample=10% -> b",
            "function keep=failed -> a; function keep=slow>1s -> b",
            "function level>=warn -> a; function -> b",
            "platform.somethingNew -> a; platform.* -> b",
        ] {
            assert_eq!(dead(routes), [], "{routes}");
        }
    }

    #[test]
    fn rules_for_what_there_is_not_are_dead() {
        assert_eq!(dead("platform.* level>=warn -> a"), [(0, Dead::NoLevels)]);
        assert_eq!(dead("extension -> a"), [(0, Dead::NotForwarded)]);
        assert_eq!(dead("* level>=warn -> a; platform.* -> b"), []);
    }

    #[test]
    fn types_without_a_rule_that_takes_all_of_them_are_told() {
        let uncovered = |routes: &str| Routes::parse(routes, &["a"]).unwrap().uncovered_types(|_| true);
        assert_eq!(uncovered("* -> a"), Vec::<&str>::new());
        assert_eq!(uncovered("function level>=warn -> a; * -> drop"), Vec::<&str>::new());
        assert_eq!(
            uncovered("platform.* -> a; function level>=warn -> a"),
            ["function", "extension"]
        );
        assert_eq!(uncovered("* keep=failed -> a"), Vec::<&str>::new());
        assert_eq!(uncovered("* sample=10% -> a").len(), 15);
    }
}
