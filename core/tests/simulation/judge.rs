//! What readers find, against what was handed over. Sets of numbers are compared, not sums.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use reader::decode::{Joined, Joiner, decode};

/// Who numbered lines: the envelope's `id` and `sink`.
pub type Owner = (String, String);

/// The address that is in some lines, and that the forwarder masks.
pub const SECRET: &str = "bob@example.com";

/// An event of a log line. Its number stands in its record, between these.
pub fn event(number: u64, filler: usize, with_secret: bool) -> String {
    let secret = if with_secret { SECRET } else { "" };
    format!(
        r#"{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"<{number}>{secret}{}"}}"#,
        "x".repeat(filler)
    )
}

fn number_of(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("\"record\":\"<")?;
    rest.split_once('>')?.0.parse().ok()
}

/// What came in, as the schedule knows it.
#[derive(Default)]
pub struct HandedOver {
    /// The numbers of the log lines that each owner's lane was to get, in order.
    pub numbers: BTreeMap<Owner, Vec<u64>>,
    /// Those that rules may have held back, or a kill caught before they had a number of their lane.
    pub optional: BTreeSet<u64>,
    /// How many lines each owner numbered.
    pub accepted: BTreeMap<Owner, u64>,
    /// What was said at the end.
    pub said: BTreeMap<Owner, BTreeSet<u64>>,
    /// Lines come in the order of their numbers.
    pub in_order: bool,
}

/// What arrived of one owner.
#[derive(Default)]
struct Arrived {
    /// `seq` of lines that are there.
    lines: BTreeSet<u64>,
    /// `seq` that are announced as lost.
    announced: BTreeSet<u64>,
    /// Where each log line is: its number, and the `seq` of one of its lines.
    numbers: BTreeMap<u64, u64>,
}

/// Every line that an owner numbered arrived, or its loss was announced in the data or said at the end; and where log lines
/// are missing, it is there that lines are announced or said.
pub fn judge(handed_over: &HandedOver, taken: &[Bytes]) {
    let arrived = read(taken);
    let nothing = Arrived::default();
    for (owner, accepted) in &handed_over.accepted {
        let arrived = arrived.get(owner).unwrap_or(&nothing);
        let said = handed_over.said.get(owner).cloned().unwrap_or_default();
        let is_known = |seq: &u64| arrived.lines.contains(seq) || arrived.announced.contains(seq) || said.contains(seq);
        let silent: Vec<u64> = (0..*accepted).filter(|seq| !is_known(seq)).collect();
        assert!(
            silent.is_empty(),
            "lost silently of {owner:?}: {silent:?} of {accepted}"
        );
        let beyond = arrived
            .lines
            .iter()
            .chain(&arrived.announced)
            .chain(&said)
            .find(|seq| *seq >= accepted);
        assert_eq!(beyond, None, "{owner:?} numbered {accepted} lines");
        let lost: BTreeSet<u64> = arrived
            .announced
            .union(&said)
            .filter(|seq| !arrived.lines.contains(seq))
            .copied()
            .collect();
        let numbers = handed_over.numbers.get(owner).map_or(&[][..], Vec::as_slice);
        let numbers: Vec<u64> = numbers
            .iter()
            .filter(|number| !handed_over.optional.contains(number))
            .copied()
            .collect();
        if handed_over.in_order {
            judge_runs(owner, &numbers, arrived, &lost, *accepted);
        } else {
            let missing = numbers
                .iter()
                .filter(|number| !arrived.numbers.contains_key(number))
                .count();
            assert!(
                missing <= lost.len(),
                "{owner:?}: {missing} log lines are missing, {} lines are known to be lost",
                lost.len()
            );
        }
    }
    let strangers: Vec<_> = arrived
        .keys()
        .filter(|owner| !handed_over.accepted.contains_key(*owner))
        .collect();
    assert!(strangers.is_empty(), "nobody has these names: {strangers:?}");
}

/// Between two log lines that arrived, at least as many lines are known to be lost as log lines are missing there.
fn judge_runs(owner: &Owner, numbers: &[u64], arrived: &Arrived, lost: &BTreeSet<u64>, accepted: u64) {
    let (mut missing, mut after) = (0, 0);
    let ends = numbers
        .iter()
        .map(|number| arrived.numbers.get(number))
        .chain([Some(&accepted)]);
    for end in ends {
        match end {
            None => missing += 1,
            Some(&end) => {
                let known = lost.range(after..end.max(after)).count();
                assert!(
                    missing <= known,
                    "{owner:?}: {missing} log lines are missing between {after} and {end}, {known} lines are known to be lost there"
                );
                (missing, after) = (0, end);
            }
        }
    }
}

fn read(taken: &[Bytes]) -> BTreeMap<Owner, Arrived> {
    let mut all: BTreeMap<Owner, Arrived> = BTreeMap::new();
    let mut joiner = Joiner::default();
    for record in taken {
        for line in decode(record).unwrap().lines() {
            assert!(!line.0.contains(SECRET), "an address left: {}", line.0);
            let json: serde_json::Value = serde_json::from_str(line.0).unwrap();
            let stamp = &json["forwarder"];
            let owner = (
                stamp["id"].as_str().unwrap().to_owned(),
                stamp["sink"].as_str().unwrap().to_owned(),
            );
            let seq = stamp["seq"].as_u64().unwrap();
            let arrived = all.entry(owner).or_default();
            if json["type"] == "forwarder.dropped" {
                for range in json["record"]["ranges"].as_array().unwrap() {
                    arrived
                        .announced
                        .extend(range[0].as_u64().unwrap()..=range[1].as_u64().unwrap());
                }
                // What stands in for a line that it names is not that line.
                if arrived.announced.contains(&seq) {
                    continue;
                }
            }
            arrived.lines.insert(seq);
            let number = match joiner.take(line.0) {
                Joined::Whole => number_of(line.0),
                Joined::Line(line) => number_of(&line),
                Joined::Waiting => None,
            };
            arrived.numbers.extend(number.map(|number| (number, seq)));
        }
    }
    all
}
