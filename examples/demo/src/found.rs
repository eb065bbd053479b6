//! Events read back from the stream, decoded and counted.

use std::collections::HashMap;

use reader::decode::{LifeReport, Line};
use reader::event::Event;
use reader::stream::Record;
use reader::unpack::Unpacker;

use crate::bill::billed_kb;
use crate::error::Error;

/// All that was read so far.
#[derive(Default)]
pub(crate) struct Found {
    unpacker: Unpacker,
    /// Lambda's events without the forwarder's member, each with how often it was read; repeats of a sequence number not
    /// counted.
    events: HashMap<String, u64>,
    /// Size that Kinesis bills for the records, in KB.
    pub(crate) billed_kb: u64,
}

impl Found {
    /// What all of it was read with.
    pub(crate) fn unpacker(&self) -> &Unpacker {
        &self.unpacker
    }

    /// Takes note of records and answers the events in them that were not seen before.
    pub(crate) fn take(&mut self, records: &[Record]) -> Result<Vec<Event>, Error> {
        let (mut events, mut unreadable) = (Vec::new(), Vec::new());
        for record in records {
            self.billed_kb += billed_kb(record.data.len() + record.partition_key.len());
            self.unpacker.take(record, &mut events, &mut unreadable);
        }
        if let Some(unreadable) = unreadable.first() {
            return Err(Error::Unreadable(unreadable.to_string()));
        }
        for event in &events {
            let of_lambda = Line(&event.line)
                .event()
                .is_ok_and(|event| !event.kind.starts_with("forwarder."));
            if let Some(text) = as_lambda_sent(&event.line).filter(|_| of_lambda) {
                *self.events.entry(text).or_default() += 1;
            }
        }
        Ok(events)
    }

    /// Records read.
    pub(crate) fn records(&self) -> u64 {
        self.unpacker.counts().records
    }

    /// Lines in them, the forwarder's own and repeats included.
    pub(crate) fn lines(&self) -> u64 {
        self.unpacker.counts().lines
    }

    /// Number of Lambda's events that were read, each counted once.
    pub(crate) fn events(&self) -> u64 {
        self.events.values().sum()
    }

    /// Number of times that this event was read.
    pub(crate) fn count(&self, event: &str) -> u64 {
        self.events.get(event).copied().unwrap_or_default()
    }

    /// Result of the proof by sequence numbers.
    pub(crate) fn lives(&self) -> Vec<LifeReport> {
        self.unpacker.lives()
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
    use std::time::SystemTime;

    /// A line of a life, with its line break.
    pub(crate) fn line(life: &str, seq: u64, event: &str) -> String {
        let open = event.strip_suffix('}').unwrap();
        format!("{open},\"forwarder\":{{\"id\":\"{life}\",\"sink\":\"kinesis\",\"seq\":{seq},\"resource\":{{}}}}}}\n")
    }

    /// A record of such lines.
    pub(crate) fn record(lines: &[String]) -> Record {
        Record {
            shard: "shardId-000000000000".into(),
            sequence_number: "1".into(),
            partition_key: "0123456789abcdef0123456789abcdef".into(),
            data: lines.concat().into(),
            arrival: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn records_and_their_lines_are_counted() {
        let event = |text: &str| format!(r#"{{"type":"function","record":"{text}"}}"#);
        let records = [
            record(&[line("a", 2, &event("three"))]),
            record(&[line("b", 0, &event("four"))]),
            record(&[line("a", 0, &event("one")), line("a", 1, &event("two"))]),
        ];
        let mut found = Found::default();
        assert_eq!(found.take(&records).unwrap().len(), 4);
        assert_eq!((found.records(), found.lines(), found.events()), (3, 4, 4));
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
        assert_eq!((found.count(event), found.lines()), (1, 2));
        assert_eq!(found.lives().iter().map(|life| life.repeats).sum::<u64>(), 1);
    }

    #[test]
    fn what_the_forwarder_does_not_write_ends_the_demo() {
        let error = Found::default().take(&[record(&["nonsense\n".into()])]).unwrap_err();
        assert!(
            error.to_string().contains("line 1 of record 1 of shardId-000000000000"),
            "{error}"
        );
    }
}
