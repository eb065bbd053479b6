//! Which shards there are, what became of each, and which may be read: none before its parents have been read to their
//! ends. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::position::{Position, Start};

/// A shard as the stream lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) shard: String,
    /// One after a split, two after a merge. Parents that have expired may still be named.
    pub(super) parents: Vec<String>,
    /// It takes no more records.
    pub(super) closed: bool,
}

#[derive(Debug)]
pub(super) struct Lineage {
    shards: BTreeMap<String, Shard>,
    /// No list has been seen yet.
    is_new: bool,
}

#[derive(Debug)]
struct Shard {
    parents: Vec<String>,
    position: Position,
    /// Somebody reads it.
    begun: bool,
}

impl Lineage {
    /// With what an earlier reader left; empty: nothing.
    pub(super) fn new(positions: BTreeMap<String, Position>) -> Self {
        let shards = positions.into_iter().map(|(shard, position)| {
            let known = Shard {
                parents: Vec::new(),
                position,
                begun: false,
            };
            (shard, known)
        });
        Self {
            shards: shards.collect(),
            is_new: true,
        }
    }

    /// Takes note of the stream's shards. Answers those that are no longer there though they were not read to their
    /// ends.
    pub(super) fn learn(&mut self, listed: Vec<Listed>, start: Start) -> Vec<String> {
        let begins = std::mem::take(&mut self.is_new) && self.shards.is_empty();
        let there: BTreeSet<String> = listed.iter().map(|listed| listed.shard.clone()).collect();
        for Listed { shard, parents, closed } in listed {
            let position = match start {
                // What is not known yet came from a split or a merge since: all of it is new.
                _ if !begins => Position::TrimHorizon,
                Start::Latest if closed => Position::Done,
                Start::Latest => Position::Latest,
                Start::TrimHorizon => Position::TrimHorizon,
                Start::At(time) => Position::at(time),
            };
            let new = || Shard {
                parents: Vec::new(),
                position,
                begun: false,
            };
            self.shards.entry(shard).or_insert_with(new).parents = parents;
        }
        let mut expired = Vec::new();
        self.shards.retain(|shard, known| {
            let keep = there.contains(shard) || known.begun && known.position != Position::Done;
            if !keep && known.position != Position::Done {
                expired.push(shard.clone());
            }
            keep
        });
        expired
    }

    /// The shards that may be read from now on, each with where to begin.
    pub(super) fn begin(&mut self) -> Vec<(String, Position)> {
        let open: BTreeSet<String> = self
            .shards
            .iter()
            .filter(|(_, known)| known.position != Position::Done)
            .map(|(shard, _)| shard.clone())
            .collect();
        let mut begun = Vec::new();
        for (shard, known) in &mut self.shards {
            let waits = known.parents.iter().any(|parent| open.contains(parent));
            if !known.begun && known.position != Position::Done && !waits {
                known.begun = true;
                begun.push((shard.clone(), known.position.clone()));
            }
        }
        begun
    }

    /// True if a shard has been read to its end whose children no list has named yet. A list may be older than the
    /// split or merge that ended the shard.
    pub(super) fn lacks_children(&self) -> bool {
        let named: BTreeSet<&str> = self
            .shards
            .values()
            .flat_map(|known| &known.parents)
            .map(String::as_str)
            .collect();
        // What somebody else read to its end has children that were there when this reader began.
        let mut ended = self
            .shards
            .iter()
            .filter(|(_, known)| known.begun && known.position == Position::Done);
        ended.any(|(shard, _)| !named.contains(shard.as_str()))
    }

    /// Notes how far a shard has been read.
    pub(super) fn set(&mut self, shard: &str, position: Position) {
        if let Some(known) = self.shards.get_mut(shard) {
            known.position = position;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.len()
    }

    pub(super) fn positions(&self) -> BTreeMap<String, Position> {
        let positions = self.shards.iter();
        positions
            .map(|(shard, known)| (shard.clone(), known.position.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(shard: &str, parents: &[&str], closed: bool) -> Listed {
        Listed {
            shard: shard.into(),
            parents: parents.iter().map(|&parent| parent.into()).collect(),
            closed,
        }
    }

    /// 0 was split into 2 and 3, then 3 and 1 were merged into 4.
    fn family() -> Vec<Listed> {
        vec![
            listed("0", &["gone"], true),
            listed("1", &[], true),
            listed("2", &["0"], false),
            listed("3", &["0"], true),
            listed("4", &["3", "1"], false),
        ]
    }

    fn begun(lineage: &mut Lineage) -> Vec<String> {
        lineage.begin().into_iter().map(|(shard, _)| shard).collect()
    }

    #[test]
    fn parents_come_before_their_children() {
        let mut lineage = Lineage::new(BTreeMap::new());
        assert!(lineage.learn(family(), Start::TrimHorizon).is_empty());
        assert_eq!(begun(&mut lineage), ["0", "1"]);
        assert!(begun(&mut lineage).is_empty(), "each is begun once");
        lineage.set("0", Position::Done);
        assert_eq!(begun(&mut lineage), ["2", "3"]);
        lineage.set("3", Position::Done);
        assert!(begun(&mut lineage).is_empty(), "4 has another parent");
        lineage.set("1", Position::Done);
        assert_eq!(begun(&mut lineage), ["4"]);
    }

    #[test]
    fn a_shard_at_its_end_lacks_children_until_a_list_names_them() {
        let mut lineage = Lineage::new(BTreeMap::new());
        lineage.learn(
            vec![listed("0", &[], false), listed("1", &[], false)],
            Start::TrimHorizon,
        );
        lineage.begin();
        assert!(!lineage.lacks_children());
        lineage.set("0", Position::Done);
        // A list that is older than the split.
        lineage.learn(
            vec![listed("0", &[], true), listed("1", &[], false)],
            Start::TrimHorizon,
        );
        assert!(lineage.begin().is_empty() && lineage.lacks_children());
        let later = vec![
            listed("0", &[], true),
            listed("1", &[], false),
            listed("2", &["0"], false),
        ];
        lineage.learn(later, Start::TrimHorizon);
        assert!(!lineage.lacks_children());
        assert_eq!(begun(&mut lineage), ["2"]);
    }

    #[test]
    fn what_was_over_before_the_reader_began_lacks_nothing() {
        let mut lineage = Lineage::new(BTreeMap::new());
        lineage.learn(vec![listed("0", &[], true)], Start::Latest);
        assert!(!lineage.lacks_children());
    }

    #[test]
    fn from_latest_what_is_closed_is_over_and_what_comes_is_read_from_its_beginning() {
        let mut lineage = Lineage::new(BTreeMap::new());
        lineage.learn(family(), Start::Latest);
        let both = [("2".into(), Position::Latest), ("4".into(), Position::Latest)];
        assert_eq!(lineage.begin(), both);
        let mut later = family();
        later[2].closed = true;
        later.push(listed("5", &["2"], false));
        lineage.learn(later, Start::Latest);
        assert!(lineage.begin().is_empty(), "its parent has more");
        lineage.set("2", Position::Done);
        assert_eq!(lineage.begin(), [("5".into(), Position::TrimHorizon)]);
    }

    #[test]
    fn from_a_time_every_shard_is_read_from_that_time() {
        let mut lineage = Lineage::new(BTreeMap::new());
        lineage.learn(family(), "10m".parse().unwrap());
        let positions = lineage.positions();
        assert!(
            positions.values().all(|position| matches!(position, Position::At(_))),
            "{positions:?}"
        );
    }

    #[test]
    fn another_reader_goes_on_where_this_one_stopped() {
        let mut lineage = Lineage::new(BTreeMap::new());
        lineage.learn(family(), Start::TrimHorizon);
        lineage.set("0", Position::Done);
        lineage.set("1", Position::After("7".into()));
        let mut next = Lineage::new(lineage.positions());
        let mut later = family();
        later.push(listed("5", &["4"], false));
        assert!(next.learn(later, Start::Latest).is_empty());
        let after = ("1".into(), Position::After("7".into()));
        let beginning = |shard: &str| (shard.to_owned(), Position::TrimHorizon);
        assert_eq!(next.begin(), [after, beginning("2"), beginning("3")]);
    }

    #[test]
    fn shards_that_expired_are_forgotten_and_said_if_they_had_more() {
        let mut lineage = Lineage::new(BTreeMap::from([
            ("0".into(), Position::Done),
            ("1".into(), Position::After("7".into())),
        ]));
        assert_eq!(lineage.learn(vec![listed("2", &["1"], false)], Start::Latest), ["1"]);
        assert_eq!(begun(&mut lineage), ["2"]);
        assert_eq!(lineage.len(), 1);
    }
}
