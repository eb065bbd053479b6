//! What a reader finds, against what was handed over.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use reader::decode::{Joined, Joiner, Verifier, decode};

/// The number of an event stands in its record, between these.
pub fn event(number: u64, filler: usize) -> String {
    format!(
        r#"{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"<{number}>{}"}}"#,
        "x".repeat(filler)
    )
}

fn number_of(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("\"record\":\"<")?;
    rest.split_once('>')?.0.parse().ok()
}

/// Everything handed over was delivered, or its loss was announced in the data or said at the end (`undelivered`); and no
/// line of a life is missing without that.
pub fn judge(handed_over: u64, taken: &[Bytes], undelivered: &[(String, Vec<[u64; 2]>)]) {
    let mut verifier = Verifier::default();
    let mut joiner = Joiner::default();
    let mut seen = BTreeSet::new();
    for record in taken {
        for line in decode(record).unwrap().lines() {
            verifier.observe(&line.event().unwrap());
            match joiner.take(line.0) {
                Joined::Whole => seen.extend(number_of(line.0)),
                Joined::Line(line) => seen.extend(number_of(&line)),
                Joined::Waiting => {}
            }
        }
    }
    let mut said: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for (id, ranges) in undelivered {
        let lines = ranges.iter().flat_map(|[first, last]| *first..=*last);
        said.entry(id).or_default().extend(lines);
    }
    let mut announced = 0;
    for life in verifier.report() {
        announced += life.announced;
        let said = said.get(life.life.id.as_str());
        let is_said = |line: &u64| said.is_some_and(|said| said.contains(line));
        let lost = life.lost.iter().flat_map(|[first, last]| *first..=*last);
        let silent: Vec<_> = lost.filter(|line| !is_said(line)).collect();
        assert!(
            silent.is_empty(),
            "lost silently: {silent:?} of {life:?}, said: {undelivered:?}"
        );
    }
    let said: u64 = said.values().map(|lines| lines.len() as u64).sum();
    let missing = handed_over - seen.len() as u64;
    assert!(
        missing <= announced + said,
        "{missing} missing, {announced} announced, {said} said"
    );
}
