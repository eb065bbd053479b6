//! What arrived of each environment, as sets.

use std::collections::HashMap;

use reader::decode::decode;
use serde::Deserialize;

/// A set of small numbers.
#[derive(Default)]
pub struct Numbers(Vec<u64>);

impl Numbers {
    fn add(&mut self, number: u64) {
        let word = (number / 64) as usize;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    /// Those below `end` that are not in it.
    pub fn missing(&self, end: u64) -> Vec<u64> {
        let has = |number: &u64| {
            let word = self.0.get((number / 64) as usize);
            word.is_some_and(|word| word >> (number % 64) & 1 == 1)
        };
        (0..end).filter(|number| !has(number)).collect()
    }
}

/// What arrived of one environment.
#[derive(Default)]
pub struct Arrived {
    /// `seq` of its lines.
    pub seq: Numbers,
    /// Numbers that its function wrote.
    pub numbers: Numbers,
    /// Announcements of a loss.
    pub losses: Vec<String>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    record: &'a serde_json::value::RawValue,
    forwarder: Stamp<'a>,
}

#[derive(Deserialize)]
struct Stamp<'a> {
    id: &'a str,
    seq: u64,
}

impl Arrived {
    /// Notes the lines of a record at their owners.
    pub fn note(all: &mut HashMap<String, Self>, data: &[u8]) {
        for line in decode(data).unwrap().lines() {
            let parsed: Line<'_> = serde_json::from_str(line.0).unwrap();
            let arrived = match all.get_mut(parsed.forwarder.id) {
                Some(arrived) => arrived,
                None => all.entry(parsed.forwarder.id.to_owned()).or_default(),
            };
            arrived.seq.add(parsed.forwarder.seq);
            match parsed.kind {
                "function" => arrived.numbers.add(number_of(parsed.record.get())),
                "forwarder.dropped" => arrived.losses.push(line.0.to_owned()),
                _ => {}
            }
        }
    }
}

/// The record is `"<17>…"`.
fn number_of(record: &str) -> u64 {
    let (number, _) = record.trim_start_matches("\"<").split_once('>').unwrap();
    number.parse().unwrap()
}
