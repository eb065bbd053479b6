use super::*;
use crate::decode::Standing;

pub(crate) fn line(id: &str, seq: u64, record: &str) -> String {
    format!(r#"{{"type":"function","record":{record},"forwarder":{{"id":"{id}","sink":"s","seq":{seq}}}}}"#)
}

fn record(data: impl Into<bytes::Bytes>) -> Record {
    Record {
        shard: "shardId-000000000003".into(),
        sequence_number: "4711".into(),
        partition_key: "k".into(),
        data: data.into(),
        arrival: SystemTime::UNIX_EPOCH,
    }
}

fn take(unpacker: &mut Unpacker, data: impl Into<bytes::Bytes>) -> (Vec<Event>, Vec<String>) {
    let (mut events, mut unreadable) = (Vec::new(), Vec::new());
    unpacker.take(&record(data), &mut events, &mut unreadable);
    (events, unreadable.iter().map(ToString::to_string).collect())
}

#[test]
fn each_event_comes_once_however_often_it_is_read() {
    let mut unpacker = Unpacker::default();
    let text = [line("a", 0, "\"x\\n\""), line("a", 1, "\"  at f\\n\"")].join("\n");
    let (events, _) = take(&mut unpacker, text.clone());
    assert_eq!(events.len(), 2);
    assert!(!events[0].continues && events[1].continues && events[1].is_log);
    assert_eq!(take(&mut unpacker, text).0, []);
    assert_eq!(unpacker.lives()[0].repeats, 2);
    assert_eq!((unpacker.counts().records, unpacker.counts().lines), (2, 4));
}

#[test]
fn what_cannot_be_read_is_named_by_shard_and_number_and_costs_only_itself() {
    let mut unpacker = Unpacker::default();
    let (events, skipped) = take(&mut unpacker, &b"\x1f\x8b\x08\x00broken"[..]);
    assert_eq!(events, []);
    assert!(
        skipped[0].starts_with("skipped record 4711 of shardId-000000000003: the record cannot be decompressed"),
        "{skipped:?}"
    );
    let mixed = format!("{}\nno JSON\n{}\n", line("a", 0, "1"), line("a", 1, "2"));
    let (events, skipped) = take(&mut unpacker, mixed);
    assert_eq!(events.len(), 2);
    assert!(skipped[0].starts_with("skipped line 2 of record 4711"), "{skipped:?}");
    assert_eq!(unpacker.counts().unreadable, 2);
}

#[test]
fn a_record_of_ten_million_bad_lines_is_one_notice() {
    let bomb = zstd::stream::encode_all("x\n".repeat(5_000_000).as_bytes(), 1).unwrap();
    let mut unpacker = Unpacker::default();
    let (events, skipped) = take(&mut unpacker, bomb);
    assert_eq!((events.len(), skipped.len()), (0, 1));
    assert!(
        skipped[0].starts_with("skipped 5000000 lines, the first of them line 1, of record 4711"),
        "{skipped:?}"
    );
    assert_eq!(unpacker.counts().unreadable, 5_000_000);
    let larger = zstd::stream::encode_all("x\n".repeat(10_000_000).as_bytes(), 1).unwrap();
    let (_, skipped) = take(&mut unpacker, larger);
    assert!(skipped[0].contains("longer than 10485760 bytes"), "{skipped:?}");
}

#[test]
fn a_record_has_no_more_events_than_a_forwarder_writes() {
    let mut unpacker = Unpacker::default();
    let line = "{\"type\":\"\"}\n";
    let (events, skipped) = take(&mut unpacker, line.repeat(MOST_LINES + 7));
    assert_eq!(events.len(), MOST_LINES);
    assert!(
        skipped[0].starts_with("skipped 7 lines, the first of them line"),
        "{skipped:?}"
    );
}

#[test]
fn parts_become_a_line_that_takes_up_their_numbers() {
    let part = |index: u64, slice: &str| {
        let part = format!(r#""seq":{},"part":{{"first":4,"index":{index},"of":2}}"#, 4 + index);
        line("a", 9, &serde_json::to_string(slice).unwrap()).replace(r#""seq":9"#, &part)
    };
    let (first, second) = (part(0, "\"one "), part(1, "two\""));
    let mut unpacker = Unpacker::default();
    assert_eq!(take(&mut unpacker, second).0, []);
    // Kept and gone on with, it still knows the part.
    let kept = serde_json::to_string(&unpacker).unwrap();
    let parts: Vec<_> = unpacker.parts().map(str::to_owned).collect();
    let mut unpacker: Unpacker = serde_json::from_str(&kept).unwrap();
    unpacker.wait_for_the_rest_of(parts);
    let (events, _) = take(&mut unpacker, first.clone());
    assert_eq!(events[0].line, line("a", 4, "\"one two\""));
    let place = events[0].place.as_ref().unwrap();
    assert_eq!((place.seq, place.span), (4, 2));

    let mut unpacker = Unpacker::default();
    assert_eq!(take(&mut unpacker, first.clone()).0, []);
    assert_eq!(
        unpacker.give_up()[0].line,
        first,
        "what never becomes whole is shown as it is"
    );
    assert_eq!(unpacker.parts().count(), 0);
}

#[test]
fn lines_in_the_wrong_order_within_a_record_are_counted() {
    let mut unpacker = Unpacker::default();
    let text = [
        line("a", 1, "1"),
        line("b", 0, "1"),
        line("a", 0, "1"),
        line("a", 2, "1"),
    ]
    .join("\n");
    take(&mut unpacker, text);
    assert_eq!(unpacker.counts().out_of_order, 1);
    assert!(unpacker.lives().iter().all(|life| life.standing == Standing::Unproven));
}

#[test]
fn lines_without_an_envelope_come_as_they_are() {
    let mut unpacker = Unpacker::default();
    let raw = r#"{"type":"platform.start","record":{}}"#;
    let (events, _) = take(&mut unpacker, format!("{raw}\n{raw}\n"));
    assert_eq!(events.len(), 2, "nothing tells whether they are the same");
    assert_eq!((unpacker.unstamped(), events[0].place.clone()), (2, None));
}
