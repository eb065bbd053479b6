//! One rule, parsed; and how it is written.

use std::fmt;

use super::keep::Keep;
pub use super::predicate::Predicate;
use crate::telemetry::event::INVOCATION;

/// The name that a rule gives to events that go nowhere.
pub const DROP: &str = "drop";

/// One rule: what it takes and where that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The types it takes; at least one.
    pub selectors: Vec<Selector>,
    /// Conditions besides; all must hold.
    pub predicates: Vec<Predicate>,
    /// Indices of the sinks, in the order that [`Routes::parse`](super::Routes::parse) was given them; empty: `drop`.
    pub targets: Vec<usize>,
}

/// Takes events by their type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `*`: every event of Lambda's
    Any,
    /// `platform.*`: the types with this prefix, dot included.
    Prefix(String),
    /// One type, by its full name.
    Exact(String),
}

impl Rule {
    pub(super) fn takes_type(&self, name: &str) -> bool {
        self.selectors.iter().any(|selector| match selector {
            // Rows of the forwarder's own go only where a rule names them.
            Selector::Any => name != INVOCATION,
            Selector::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Selector::Exact(exact) => name == exact,
        })
    }

    /// Its conditions on the invocation's end.
    pub(super) fn keeps(&self) -> impl Iterator<Item = Keep> {
        self.predicates.iter().filter_map(|predicate| match predicate {
            Predicate::Keep(keep) => Some(*keep),
            _ => None,
        })
    }

    /// True if it waits for the invocation's end.
    pub fn waits(&self) -> bool {
        self.keeps().next().is_some()
    }

    /// The rule as it is written; `sinks` are the names of its targets.
    pub fn display<'a>(&'a self, sinks: &'a [String]) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            list(f, &self.selectors)?;
            for predicate in &self.predicates {
                write!(f, " {predicate}")?;
            }
            f.write_str(" -> ")?;
            if self.targets.is_empty() {
                return f.write_str(DROP);
            }
            let names = self
                .targets
                .iter()
                .map(|&target| sinks.get(target).map_or("?", String::as_str));
            list(f, names)
        })
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: impl IntoIterator<Item = T>) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Exact(name) => f.write_str(name),
        }
    }
}
