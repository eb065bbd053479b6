//! Parts of a line that was longer than a record may be, and the line again.

use std::collections::BTreeMap;

use super::lenient::{each_member, string};
use super::{Line, Part};

/// Collects parts, in any order, until a line is whole.
#[derive(Debug, Default)]
pub struct Joiner {
    waiting: BTreeMap<(String, String, u64), Waiting>,
    /// Of the parts that wait, with what it costs to keep them.
    bytes: usize,
}

/// A line of which some parts are there.
#[derive(Debug)]
struct Waiting {
    /// Number of parts.
    of: usize,
    /// Those that came, by their index.
    parts: BTreeMap<usize, String>,
}

/// Result of giving a line to a [`Joiner`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// It is no part: take it as it is.
    Whole,
    /// Parts of its line are still missing.
    Waiting,
    /// With this part the line is there: the event as it would have been sent whole. Its envelope is that of the first
    /// part.
    Line(String),
}

/// More parts than this are not believed: a line of 10 GB.
const MOST_PARTS: usize = 10_000;

/// What is needed for a line that waits, and for each of its parts, besides the text. Bytes.
const KEPT: usize = 128;

impl Joiner {
    /// Takes the next line. A part that came before counts once.
    pub fn take(&mut self, line: &str) -> Joined {
        let Some(stamp) = Line(line).event().ok().and_then(|event| event.stamp) else {
            return Joined::Whole;
        };
        let Some(Part { first, index, of }) = stamp.part else {
            return Joined::Whole;
        };
        if index >= of || of > MOST_PARTS {
            return Joined::Whole;
        }
        let key = (stamp.id.into_owned(), stamp.sink.into_owned(), first);
        let waiting = self.waiting.entry(key.clone()).or_insert_with(|| {
            self.bytes = self.bytes.saturating_add(KEPT);
            let parts = BTreeMap::new();
            Waiting { of, parts }
        });
        if waiting.of != of {
            return Joined::Whole;
        }
        let before = waiting.parts.insert(index, line.to_owned());
        self.bytes = self.bytes.saturating_add(line.len() + KEPT);
        self.bytes = self
            .bytes
            .saturating_sub(before.map_or(0, |before| before.len() + KEPT));
        if waiting.parts.len() < of {
            return Joined::Waiting;
        }
        let Some(Waiting { parts, .. }) = self.waiting.remove(&key) else {
            return Joined::Whole;
        };
        let bytes: usize = parts.values().map(|part| part.len() + KEPT).sum();
        self.bytes = self.bytes.saturating_sub(bytes + KEPT);
        join(&parts).map_or(Joined::Whole, Joined::Line)
    }

    /// Number of lines that are not whole.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many bytes the parts of lines take that are not whole, with what it costs to keep them. A reader gives them
    /// up past a bound of its own.
    pub fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    /// The parts of lines that are not whole, as they came.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        let lines = self.waiting.values();
        lines.flat_map(|line| line.parts.values()).map(String::as_str)
    }

    /// Gives up on the lines that are not whole: what there is of them.
    pub fn give_up(&mut self) -> Vec<String> {
        self.bytes = 0;
        let lines = std::mem::take(&mut self.waiting).into_values();
        lines.flat_map(|line| line.parts.into_values()).collect()
    }
}

/// The event of all its parts, in order.
fn join(parts: &BTreeMap<usize, String>) -> Option<String> {
    let mut record = String::new();
    for part in parts.values() {
        record.push_str(&string(Line(part).event().ok()?.record?.get())?);
    }
    // The members in their order, with the first part's envelope less its part.
    rewritten(parts.get(&0)?, |name, value| match name {
        "record" => Some(record.clone()),
        "forwarder" => rewritten(value, |name, value| (name != "part").then(|| value.to_owned())),
        _ => Some(value.to_owned()),
    })
}

/// An object with other values, or with fewer members.
fn rewritten(object: &str, value: impl Fn(&str, &str) -> Option<String>) -> Option<String> {
    let mut out = String::from("{");
    let is_object = each_member(object, |name, old| {
        if let Some(new) = value(&name, old.get()) {
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(&serde_json::Value::from(name.as_ref()).to_string());
            out.push(':');
            out.push_str(&new);
        }
    });
    out.push('}');
    is_object.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(index: usize, record: &str) -> String {
        let record = serde_json::to_string(record).unwrap();
        format!(
            r#"{{"time":"t","record":{record},"type":"function","forwarder":{{"id":"i","sink":"s","seq":{},"part":{{"first":4,"index":{index},"of":3}},"resource":{{}}}}}}"#,
            4 + index
        )
    }

    #[test]
    fn parts_in_any_order_make_the_line_again() {
        let parts = [part(0, r#"{"a":"\u00"#), part(1, r#"e9","b":"#), part(2, "[1]}")];
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            let mut joiner = Joiner::default();
            assert_eq!(joiner.take(&parts[order[0]]), Joined::Waiting);
            assert_eq!(joiner.take(&parts[order[0]]), Joined::Waiting, "a repeat");
            assert_eq!(joiner.take(&parts[order[1]]), Joined::Waiting);
            assert_eq!(joiner.waiting(), 1);
            assert_eq!(
                joiner.waiting_bytes(),
                parts[order[0]].len() + parts[order[1]].len() + 2 * KEPT + KEPT
            );
            let whole = r#"{"time":"t","record":{"a":"\u00e9","b":[1]},"type":"function","forwarder":{"id":"i","sink":"s","seq":4,"resource":{}}}"#;
            assert_eq!(joiner.take(&parts[order[2]]), Joined::Line(whole.into()));
            assert_eq!((joiner.waiting(), joiner.waiting_bytes()), (0, 0));
        }
    }

    #[test]
    fn what_never_becomes_whole_can_be_had_as_it_came() {
        let parts = [part(2, "[1]}"), part(0, "{")];
        let mut joiner = Joiner::default();
        for part in &parts {
            assert_eq!(joiner.take(part), Joined::Waiting);
        }
        assert_eq!(joiner.parts().collect::<Vec<_>>(), [&parts[1], &parts[0]]);
        assert_eq!(joiner.give_up(), [parts[1].clone(), parts[0].clone()]);
        assert_eq!((joiner.waiting(), joiner.waiting_bytes()), (0, 0));
    }

    #[test]
    fn other_lines_are_taken_as_they_are() {
        let mut joiner = Joiner::default();
        for line in [
            r#"{"type":"x"}"#,
            r#"{"type":"x","forwarder":{"id":"i","sink":"s","seq":1}}"#,
            "nonsense",
        ] {
            assert_eq!(joiner.take(line), Joined::Whole);
        }
        let impossible = part(0, "x").replace("\"of\":3", "\"of\":0");
        assert_eq!(joiner.take(&impossible), Joined::Whole);
    }
    #[test]
    fn a_part_costs_what_it_is_and_not_what_it_promises() {
        let mut joiner = Joiner::default();
        let begun = |first: u64, of: usize| {
            part(0, "x")
                .replace("\"first\":4", &format!("\"first\":{first}"))
                .replace("\"of\":3", &format!("\"of\":{of}"))
        };
        for first in 0..1_000 {
            assert_eq!(joiner.take(&begun(first, MOST_PARTS)), Joined::Waiting);
        }
        assert_eq!(joiner.waiting(), 1_000);
        assert!(
            (300_000..600_000).contains(&joiner.waiting_bytes()),
            "{}",
            joiner.waiting_bytes()
        );
        assert_eq!(
            joiner.take(&begun(1, 2)),
            Joined::Whole,
            "of another number of parts than those before"
        );
    }
}
