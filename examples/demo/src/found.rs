//! What was read back from the stream, decoded and counted.

use std::collections::HashMap;

use forwarder_core::format::{DecodeError, LifeReport, Line, Verifier, decode};

use crate::reader::Record;
use crate::table::billed_kb;

/// All that was read so far.
#[derive(Default)]
pub(crate) struct Found {
    verifier: Verifier,
    /// Lambda's events without the forwarder's member, each with how often it was read; repeats of a sequence number not
    /// counted.
    events: HashMap<String, u64>,
    /// Lives in the order in which they were first seen.
    lives: Vec<String>,
    /// Records.
    pub(crate) records: u64,
    /// Lines in them, the forwarder's own and repeats included.
    pub(crate) lines: u64,
    /// What Kinesis bills for the records, in KB.
    pub(crate) billed_kb: u64,
}

impl Found {
    /// Takes note of records and answers their lines in the order in which each forwarder sent them: a stream has an
    /// order within a shard only.
    pub(crate) fn take(&mut self, records: &[Record]) -> Result<Vec<String>, DecodeError> {
        let mut lines = Vec::new();
        for record in records {
            self.records += 1;
            self.billed_kb += billed_kb(record.data.len() + record.partition_key.len());
            for line in decode(&record.data)?.lines() {
                let place = self.note(line)?;
                lines.push((place, line.0.to_owned()));
            }
        }
        lines.sort_by_key(|(place, _)| *place);
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }

    /// Answers the line's place: its life's, and its own in that life.
    fn note(&mut self, line: Line<'_>) -> Result<(usize, u64), DecodeError> {
        let event = line.event()?;
        self.lines += 1;
        let new = self.verifier.observe(&event);
        if new
            && !event.kind.starts_with("forwarder.")
            && let Some(text) = as_lambda_sent(line.0)
        {
            *self.events.entry(text).or_default() += 1;
        }
        let Some(stamp) = event.stamp else {
            return Ok((usize::MAX, 0));
        };
        let known = self.lives.iter().position(|life| *life == stamp.id);
        let life = known.unwrap_or_else(|| {
            self.lives.push(stamp.id.into_owned());
            self.lives.len() - 1
        });
        Ok((life, stamp.seq))
    }

    /// How many of Lambda's events were read, each counted once.
    pub(crate) fn events(&self) -> u64 {
        self.events.values().sum()
    }

    /// How often this event was read.
    pub(crate) fn count(&self, event: &str) -> u64 {
        self.events.get(event).copied().unwrap_or_default()
    }

    /// What the sequence numbers say.
    pub(crate) fn lives(&self) -> Vec<LifeReport> {
        self.verifier.report()
    }
}

/// The event without the member that the forwarder spliced in before its closing brace. Inside JSON strings quotes are
/// escaped, so that no log line can look like it.
fn as_lambda_sent(line: &str) -> Option<String> {
    let (event, _) = line.rsplit_once(r#","forwarder":{"#)?;
    Some(format!("{event}}}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A line of a life, with its line break.
    pub(crate) fn line(life: &str, seq: u64, event: &str) -> String {
        let open = event.strip_suffix('}').unwrap();
        format!("{open},\"forwarder\":{{\"id\":\"{life}\",\"sink\":\"kinesis\",\"seq\":{seq},\"resource\":{{}}}}}}\n")
    }

    /// A record of such lines.
    pub(crate) fn record(lines: &[String]) -> Record {
        Record::new("0123456789abcdef0123456789abcdef", lines.concat())
    }

    #[test]
    fn lines_come_in_the_order_in_which_they_were_sent() {
        let event = |text: &str| format!(r#"{{"type":"function","record":"{text}"}}"#);
        let records = [
            record(&[line("a", 2, &event("three"))]),
            record(&[line("b", 0, &event("four"))]),
            record(&[line("a", 0, &event("one")), line("a", 1, &event("two"))]),
        ];
        let mut found = Found::default();
        let lines = found.take(&records).unwrap();
        let order = ["one", "two", "three", "four"];
        assert!(
            lines.iter().zip(order).all(|(line, text)| line.contains(text)),
            "{lines:?}"
        );
        assert_eq!((found.records, found.lines, found.events()), (3, 4, 4));
        assert_eq!(found.billed_kb, 3, "each record is rounded up");
    }

    #[test]
    fn events_are_compared_byte_for_byte() {
        let event = r#"{"time":"t","type":"function","record":{"b":1.0,"forwarder":{"x":1},"a":"\u00e9"}}"#;
        let mut found = Found::default();
        found.take(&[record(&[line("a", 0, event)])]).unwrap();
        assert_eq!(found.count(event), 1);
        assert_eq!(found.count(&event.replace("1.0", "1")), 0);
    }

    #[test]
    fn a_repeat_does_not_stand_in_for_another_event() {
        let event = r#"{"type":"function","record":"x"}"#;
        let mut found = Found::default();
        let same = record(&[line("a", 0, event)]);
        found.take(&[same.clone(), same]).unwrap();
        assert_eq!((found.count(event), found.lines), (1, 2));
        assert_eq!(found.lives().iter().map(|life| life.repeats).sum::<u64>(), 1);
    }
}
