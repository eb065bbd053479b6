//! Tests of whole batches: events made as Lambda makes them, of records as the forwarder writes them.

use std::cell::Cell;

use aws_lambda_events::kinesis::KinesisEvent;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::counts::Tally;

/// The same lines in each format: the contract's golden files.
const GOLDEN: [&[u8]; 4] = [
    include_bytes!("../../../../docs/contract/records.ndjson"),
    include_bytes!("../../../../docs/contract/records.ndjson.gz"),
    include_bytes!("../../../../docs/contract/records.ndjson.zst"),
    include_bytes!("../../../../docs/contract/records.kpl"),
];

fn batch<D: AsRef<[u8]>>(records: &[D]) -> Vec<KinesisEventRecord> {
    let records: Vec<_> = records
        .iter()
        .enumerate()
        .map(|(index, data)| {
            json!({
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "k",
                    "sequenceNumber": (100 + index).to_string(),
                    "data": base64(data.as_ref()),
                    "approximateArrivalTimestamp": 1_545_084_650.987,
                },
                "eventSource": "aws:kinesis",
                "eventID": format!("shardId-000000000006:{}", 100 + index),
            })
        })
        .collect();
    let event: KinesisEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
    event.records
}

fn base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

fn in_time() -> bool {
    false
}

fn read(batch: &[KinesisEventRecord], earlier: &Seen, late: impl Fn() -> bool) -> Read {
    super::read(batch, earlier, false, late)
}

/// Late after so many records.
fn late_after(records: usize) -> impl Fn() -> bool {
    let asked = Cell::new(0);
    move || {
        asked.set(asked.get() + 1);
        asked.get() >= records
    }
}

fn line(seq: u64, record: &str) -> String {
    format!(
        r#"{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":{record},"forwarder":{{"id":"i","sink":"s","seq":{seq},"requestId":"r","resource":{{"faas.name":"checkout"}}}}}}"#
    ) + "\n"
}

fn part(first: u64, index: u64, of: u64, slice: &str) -> String {
    let record = serde_json::to_string(slice).unwrap();
    let envelope = format!(
        r#""seq":{},"part":{{"first":{first},"index":{index},"of":{of}}}"#,
        first + index
    );
    line(first + index, &record).replace(&format!(r#""seq":{}"#, first + index), &envelope)
}

fn total(counts: &Counts) -> Tally {
    let mut total = Counts::default();
    for tally in counts.places.values() {
        let mut one = Counts::default();
        let place = counts.places.keys().next().unwrap().clone();
        one.places.insert(place, tally.clone());
        total.merge(one);
    }
    total.places.into_values().next().unwrap_or_default()
}

fn lines(read: &Read) -> (u64, u64) {
    let total = total(&read.counts);
    (total.lines, total.error_lines)
}

#[test]
fn every_format_is_read_and_what_came_before_counts_once() {
    let expected = read(&batch(&GOLDEN[..1]), &Seen::default(), in_time);
    assert!(
        expected.counts.repeats == 0 && expected.notices.is_empty(),
        "{expected:?}"
    );
    let sent = GOLDEN[0]
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .count() as u64;
    for golden in GOLDEN {
        let one = read(&batch(&[golden]), &Seen::default(), in_time);
        assert_eq!(one.counts, expected.counts);
    }
    let all = read(&batch(&GOLDEN), &Seen::default(), in_time);
    assert_eq!(
        (all.counts.places, all.counts.repeats),
        (expected.counts.places, 3 * sent)
    );
    assert_eq!(all.go_on_at, None);
    let again = read(&batch(&GOLDEN[..1]), &expected.seen, in_time);
    assert_eq!((again.counts.places.len(), again.counts.repeats), (0, sent));
}

#[test]
fn a_corrupt_record_is_told_and_skipped_and_so_is_a_corrupt_line() {
    let good = line(0, r#""[ERROR] a""#);
    let half = format!("{}nonsense\n{}", line(1, r#""[INFO] b""#), line(2, r#""c""#));
    let records: [&[u8]; 5] = [
        &[0x1f, 0x8b, 8, 0],
        good.as_bytes(),
        &[0xff],
        half.as_bytes(),
        &[0xf3, 0x89, 0x9a, 0xc2, 1],
    ];
    let read = read(&batch(&records), &Seen::default(), in_time);
    assert_eq!(read.go_on_at, None, "or Lambda would hand it over for ever");
    assert_eq!(lines(&read), (3, 1));
    assert_eq!((read.counts.corrupt_records, read.counts.corrupt_lines), (3, 1));
    let told: Vec<_> = read
        .notices
        .iter()
        .map(|notice| match notice {
            Notice::CorruptRecord {
                shard,
                sequence_number,
                head,
                ..
            } => (shard.as_str(), sequence_number.as_str(), head.clone()),
            Notice::CorruptLine {
                shard,
                sequence_number,
                line,
                ..
            } => (shard.as_str(), sequence_number.as_str(), line.to_string()),
            other => panic!("{other:?}"),
        })
        .collect();
    let shard = "shardId-000000000006";
    let expected = [
        (shard, "100", "1f8b0800"),
        (shard, "102", "ff"),
        (shard, "103", "2"),
        (shard, "104", "f3899ac201"),
    ];
    assert_eq!(
        told,
        expected.map(|(shard, number, what)| (shard, number, what.to_owned()))
    );
}

#[test]
fn a_record_that_would_fill_the_memory_is_told_and_skipped() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    (0..16).for_each(|_| std::io::Write::write_all(&mut bomb, &[b'\n'; 1024 * 1024]).unwrap());
    let records = [bomb.finish().unwrap(), line(0, r#""a""#).into_bytes()];
    let read = read(&batch(&records), &Seen::default(), in_time);
    assert_eq!((read.counts.corrupt_records, lines(&read).0), (1, 1));
    assert!(matches!(&read.notices[..], [Notice::CorruptRecord { error, .. }] if error.contains("longer than")));
}

#[test]
fn when_it_is_late_lambda_goes_on_with_the_first_record_not_read_and_nothing_counts_twice() {
    let records: Vec<_> = (0..10).map(|seq| line(seq, r#""[ERROR] x""#)).collect();
    let batch = batch(&records);
    let mut seen = Seen::default();
    let mut begin = 0;
    let mut counted = 0;
    for (take, expected) in [(3, Some("103")), (1, Some("104")), (6, None)] {
        let read = read(&batch[begin..], &seen, late_after(take));
        assert_eq!(read.go_on_at.as_deref(), expected);
        counted += lines(&read).1;
        seen.merge(&read.seen);
        begin += take;
    }
    assert_eq!(counted, 10);
    let none_in_time = read(&batch, &Seen::default(), || true);
    assert_eq!(
        none_in_time.go_on_at.as_deref(),
        Some("101"),
        "one at least, or it would never end"
    );
}

#[test]
fn parts_are_joined_across_the_records_of_a_batch_in_any_order() {
    let records = [
        part(4, 2, 3, "ng\"}"),
        part(4, 0, 3, r#"{"level":"#),
        part(4, 1, 3, r#""ERROR","message":"lo"#),
        part(4, 1, 3, "a repeat"),
    ];
    let read = read(&batch(&records), &Seen::default(), in_time);
    assert_eq!(lines(&read), (1, 1), "one line, whose level is in two parts");
    assert!(read.notices.is_empty() && read.counts.incomplete_lines == 0);
    assert_eq!(read.counts.repeats, 1);
}

#[test]
fn a_line_that_is_not_whole_at_the_end_of_a_batch_is_told() {
    let records = [line(3, r#""a""#), part(4, 0, 3, r#""x"#), part(4, 2, 3, r#"z""#)];
    let read = read(&batch(&records), &Seen::default(), in_time);
    assert_eq!(
        (lines(&read).0, read.counts.incomplete_lines, read.go_on_at.clone()),
        (1, 1, None)
    );
    let expected = Notice::IncompleteLine {
        id: "i".into(),
        sink: "s".into(),
        first: 4,
        parts: 2,
        of: 3,
    };
    assert_eq!(read.notices, [expected]);
}

#[test]
fn a_late_batch_is_not_cut_through_a_line() {
    let records = [
        line(3, r#""a""#),
        part(4, 0, 2, r#""[ERROR] x"#),
        line(6, r#""b""#),
        part(4, 1, 2, r#"z""#),
    ];
    let batch = batch(&records);
    let first = read(&batch, &Seen::default(), late_after(3));
    assert_eq!((first.go_on_at.as_deref(), lines(&first)), (Some("101"), (1, 0)));
    assert!(first.notices.is_empty());
    let second = read(&batch[1..], &first.seen, in_time);
    assert_eq!(
        (second.go_on_at.clone(), lines(&second), second.counts.repeats),
        (None, (2, 1), 0)
    );

    // A line that begins in the first record: to go on with that one would be to stand still.
    let stuck = read(&batch[1..], &first.seen, late_after(1));
    assert_eq!(
        (stuck.go_on_at.as_deref(), stuck.counts.incomplete_lines),
        (Some("102"), 1)
    );
}

#[test]
fn a_line_without_a_level_has_that_of_the_line_before_in_its_life_and_request() {
    let trace = [line(0, r#""[ERROR] failed""#), line(1, r#""  at app.js:1""#)].concat();
    let other = line(0, r#""no level""#).replace(r#""id":"i""#, r#""id":"j""#);
    let on = line(2, r#""  at app.js:2""#);
    let json = line(3, r#"{"level":"error","message":"m"}"#);
    let read = read(&batch(&[trace, other, on, json]), &Seen::default(), in_time);
    assert_eq!(lines(&read), (5, 4));
}

/// What is written for a batch, and how much of it there is, whatever somebody put into a record of 1 MiB.
fn bounded(record: &[u8]) -> Read {
    assert!(record.len() <= 1024 * 1024, "{}", record.len());
    let read = read(&batch(&[record]), &Seen::default(), in_time);
    let mut out = Vec::new();
    read.notices.iter().for_each(|notice| notice.write(&mut out).unwrap());
    crate::emf::write("TelemetryConsumer", &read.counts, &mut out).unwrap();
    assert!(out.len() < 1_000_000, "{} bytes of log", out.len());
    assert_eq!(read.go_on_at, None);
    read
}

fn zstd(lines: impl Iterator<Item = String>) -> Vec<u8> {
    zstd::stream::encode_all(lines.collect::<String>().as_bytes(), 3).unwrap()
}

#[test]
fn ten_million_bad_lines_are_one_notice() {
    let read = bounded(&zstd((0..5_000_000).map(|_| "x\n".to_owned())));
    assert_eq!(read.counts.corrupt_lines, 5_000_000);
    assert!(
        matches!(
            &read.notices[..],
            [Notice::CorruptLine {
                line: 1,
                count: 5_000_000,
                ..
            }]
        ),
        "{:?}",
        read.notices
    );
}

#[test]
fn parts_that_never_become_lines_are_given_up_and_counted() {
    let more = r#","requestId":"r","resource":{"faas.name":"checkout"}"#;
    let begun = |seq: u64| part(seq * 10_000, 0, 10_000, "x").replace(more, "");
    let read = bounded(&zstd((0..60_000).map(begun)));
    assert_eq!(read.counts.incomplete_lines, 60_000);
    assert!(read.notices.len() <= MOST_NOTICES + 1);
}

#[test]
fn functions_and_minutes_that_somebody_invents_are_counted_together() {
    let invented = |seq: u64| {
        let name = format!("{seq:x<200}");
        let long = if seq.is_multiple_of(2) { 50 } else { 200 };
        line(seq, r#""[ERROR] x""#).replace("checkout", name.get(..long).unwrap())
    };
    let read = bounded(&zstd((0..20_000).map(invented)));
    assert_eq!(lines(&read).0, 20_000, "each line counts");
    assert!(read.counts.places.len() <= 501, "{}", read.counts.places.len());
    let report = |seq: u64| {
        let record = format!(r#"{{"metrics":{{"durationMs":0.{seq}12345678912}}}}"#);
        format!("{{\"type\":\"platform.report\",\"record\":{record}}}\n")
    };
    let read = bounded(&zstd((0..100_000).map(report)));
    assert_eq!(total(&read.counts).invocations, 100_000);
}

#[test]
fn a_batch_of_records_that_are_far_more_than_they_look_is_read_a_few_at_a_time() {
    let time = r#""time":"2026-11-20T09:14:02.820Z","#;
    let gaps = |record: u64| {
        let lines = (0..40_000).map(|seq| line(record * 1_000_000 + seq * 2, "1").replace(time, ""));
        zstd(lines)
    };
    let records: Vec<_> = (0..3).map(gaps).collect();
    let first = read(&batch(&records), &Seen::default(), in_time);
    assert_eq!((first.go_on_at.as_deref(), lines(&first).0), (Some("102"), 80_000));
}

#[test]
fn what_strict_readers_refuse_counts_with_its_level() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let records = [
        line(0, r#"{"level":"ERROR","message":"half an emoji \ud83d"}"#),
        line(1, r#""[ERROR] half an emoji \udc00""#),
        line(2, r#"{"level":"ERROR","value":1e999}"#),
        line(3, &format!(r#"{{"level":"ERROR","value":{deep}}}"#)),
        line(4, r#"{"level":"INFO","level":"ERROR"}"#),
        line(5, r#"{"level":"ERROR"}"#).replace(r#""2026-11-20T09:14:02.820Z""#, "5"),
        line(6, r#"{"level":"ERROR"}"#)
            .replace("forwarder", r"forw\u0061rder")
            .replace(r#""r""#, r#""\ud83d""#),
    ];
    let read = read(&batch(&records), &Seen::default(), in_time);
    assert_eq!((lines(&read), read.counts.corrupt_lines), ((7, 7), 0));
    let life = crate::seen::Life {
        id: "i".into(),
        sink: "s".into(),
    };
    assert!((0..7).all(|seq| read.seen.contains(&life, seq)));
}
