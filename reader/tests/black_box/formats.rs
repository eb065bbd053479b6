//! Every format reads back equal, and what is none costs only itself.

use bytes::Bytes;
use forwarder_core::record::format::{Compression, Format};

use crate::world::{World, last_report, life, line, packed};

#[tokio::test]
async fn every_format_and_compression_reads_back_equal() {
    use Compression::{Gzip, None, Zstd};
    use Format::{Json, Kpl, Ndjson};
    let mut world = World::new("formats", 3).await;
    let mut lines = Vec::new();
    let formats = [
        (Ndjson, None),
        (Json, None),
        (Kpl, None),
        (Ndjson, Gzip),
        (Ndjson, Zstd),
        (Json, Gzip),
        (Json, Zstd),
    ];
    for (index, (format, compression)) in formats.into_iter().enumerate() {
        let life = life(&format!("{index:016x}"), 300);
        world.put(packed(format, compression, 5_000, &life)).await;
        lines.extend(life);
    }
    let read = world.read(&["--json", "--verify"]).await;
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    let mut found: Vec<_> = read.stdout.split_inclusive('\n').collect();
    found.sort_unstable();
    lines.sort_unstable();
    assert!(found == lines, "byte for byte");
    assert!(
        read.stderr.contains("7 lives: 7 complete, 0 unproven, 0 with loss\n"),
        "{}",
        read.stderr
    );
}

#[tokio::test]
async fn a_corrupt_record_is_reported_with_its_place_and_skipped() {
    let mut world = World::new("corrupt", 1).await;
    let good = packed(Format::Ndjson, Compression::Zstd, 5_000, &life("a", 100));
    let mut torn = good[0].to_vec();
    torn.truncate(torn.len() / 2);
    let broken = [
        Bytes::from(torn),
        Bytes::from_static(b"\x1f\x8b\x08 no gzip"),
        Bytes::from_static(b"\xf3\x89\x9a\xc2 no aggregate"),
        Bytes::from_static(b"\xff\xfe\xfd"),
        Bytes::from_static(b"no JSON\n[1,2]\n"),
    ];
    world.put(broken).await;
    world.put(good).await;
    let read = world.read(&["--json", "--verify"]).await;
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    assert_eq!(read.stdout, life("a", 100).concat());
    let records = world.kinesis.read_all("telemetry").await.unwrap();
    for record in &records[..4] {
        let place = format!(
            "consumer: skipped record {} of {}: ",
            record.sequence_number, record.shard
        );
        assert!(read.stderr.contains(&place), "{place}\n{}", read.stderr);
    }
    let place = format!(
        "skipped 2 lines, the first of them line 1, of record {} of {}: the line is not an event",
        records[4].sequence_number, records[4].shard
    );
    assert!(read.stderr.contains(&place), "{place}\n{}", read.stderr);
    assert!(read.stderr.contains("6 that cannot be read"), "{}", read.stderr);
}

#[tokio::test]
async fn parts_are_one_line_again() {
    let mut world = World::new("parts", 2).await;
    let part = |index: u64, slice: &str| {
        let place = format!(r#""seq":{},"part":{{"first":1,"index":{index},"of":3}}"#, 1 + index);
        line("a", 77, slice).replace(r#""seq":77"#, &place)
    };
    let lines = [
        line("a", 0, "before\n"),
        part(2, "ee\\n\""),
        part(0, "\"one t"),
        part(1, "wo thr"),
        line("a", 4, "after\n"),
        last_report("a", 5),
    ];
    world.put(lines.map(Bytes::from)).await;
    let read = world.read(&["--json", "--verify"]).await;
    let expected = [
        line("a", 0, "before\n"),
        line("a", 1, "one two three\n"),
        line("a", 4, "after\n"),
        last_report("a", 5),
    ];
    assert_eq!(read.stdout, expected.concat());
    assert_eq!(read.code, Some(0), "{}", read.stderr);
}
