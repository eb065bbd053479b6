//! Parts of a line that was longer than a record may be, and the line again.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Part;

/// Collects parts, in any order, until a line is whole.
#[derive(Debug, Default)]
pub struct Joiner {
    waiting: BTreeMap<(String, String, u64), Vec<Option<String>>>,
    /// Of the parts that wait.
    bytes: usize,
}

/// What a line is to a [`Joiner`].
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

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    forwarder: Option<Stamp<'a>>,
}

#[derive(Deserialize)]
struct Stamp<'a> {
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    sink: std::borrow::Cow<'a, str>,
    part: Option<Part>,
}

impl Joiner {
    /// Takes the next line. A part that came before counts once.
    pub fn take(&mut self, line: &str) -> Joined {
        let Ok(Line { forwarder: Some(stamp) }) = serde_json::from_str(line) else {
            return Joined::Whole;
        };
        let Some(Part { first, index, of }) = stamp.part else {
            return Joined::Whole;
        };
        if index >= of || of > MOST_PARTS {
            return Joined::Whole;
        }
        let key = (stamp.id.into_owned(), stamp.sink.into_owned(), first);
        let parts = self.waiting.entry(key.clone()).or_insert_with(|| vec![None; of]);
        if let Some(slot) = parts.get_mut(index) {
            let before = slot.replace(line.to_owned());
            self.bytes = self
                .bytes
                .saturating_add(line.len())
                .saturating_sub(before.map_or(0, |before| before.len()));
        }
        if parts.iter().any(Option::is_none) {
            return Joined::Waiting;
        }
        let parts: Vec<_> = self
            .waiting
            .remove(&key)
            .unwrap_or_default()
            .into_iter()
            .flatten()
            .collect();
        let bytes: usize = parts.iter().map(String::len).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        join(&parts).map_or(Joined::Whole, Joined::Line)
    }

    /// How many lines are not whole.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many bytes the parts of lines have that are not whole.
    pub fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    /// The parts of lines that are not whole, as they came.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.waiting.values().flatten().flatten().map(String::as_str)
    }

    /// Gives up on the lines that are not whole: what there is of them.
    pub fn give_up(&mut self) -> Vec<String> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
            .into_values()
            .flatten()
            .flatten()
            .collect()
    }
}

/// The event of all its parts, in order.
fn join(parts: &[String]) -> Option<String> {
    let mut record = String::new();
    for part in parts {
        record.push_str(&serde_json::from_str::<Record>(part).ok()?.record);
    }
    // The members in their order, with the first part's envelope less its part.
    let members: Vec<(String, &RawValue)> = members(parts.first()?)?;
    let mut line = String::from("{");
    for (name, value) in members {
        if line.len() > 1 {
            line.push(',');
        }
        line.push_str(&serde_json::to_string(&name).ok()?);
        line.push(':');
        match name.as_str() {
            "record" => line.push_str(&record),
            "forwarder" => line.push_str(&without_part(value.get())?),
            _ => line.push_str(value.get()),
        }
    }
    line.push('}');
    Some(line)
}

#[derive(Deserialize)]
struct Record {
    record: String,
}

fn without_part(stamp: &str) -> Option<String> {
    let mut out = String::from("{");
    for (name, value) in members(stamp)? {
        if name == "part" {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&serde_json::to_string(&name).ok()?);
        out.push(':');
        out.push_str(value.get());
    }
    out.push('}');
    Some(out)
}

/// The members of an object, in their order, each with its own text.
fn members(json: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Members<'a>(Vec<(String, &'a RawValue)>);
    impl<'de> Deserialize<'de> for Members<'de> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Members<'de>;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                    let mut members = Vec::new();
                    while let Some(member) = map.next_entry()? {
                        members.push(member);
                    }
                    Ok(Members(members))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Members<'_>>(json).ok().map(|members| members.0)
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
            assert_eq!(joiner.waiting_bytes(), parts[order[0]].len() + parts[order[1]].len());
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
}
