//! What others put into the spool: no start is killed, or delayed, by it, and nothing of it passes for telemetry.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use end_to_end::process::Extension;
use end_to_end::world::*;

const END: Duration = Duration::from_secs(2);
const MIB: u64 = 1024 * 1024;
const ID: &str = "0123456789abcdef";
const SINK: &str = "kinesis";

/// The folder of a process that is no more, with one segment of these bytes.
fn plant(dir: &str, segment: &[u8]) -> PathBuf {
    let folder = Path::new(dir).join(ID);
    let mut make = fs::DirBuilder::new();
    make.mode(0o700).recursive(true).create(&folder).unwrap();
    let new = |name: &str| {
        let mut open = fs::OpenOptions::new();
        open.write(true)
            .create_new(true)
            .mode(0o600)
            .open(folder.join(name))
            .unwrap()
    };
    new("lock");
    let name = format!("00000000.{SINK}.seg");
    new(&name).write_all(segment).unwrap();
    folder.join(name)
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// The header of an entry, with a checksum that is right.
fn header(kind: u8, first: u64, end: u64, length: u32, payload_crc: u32) -> Vec<u8> {
    let mut header = vec![kind, SINK.len() as u8];
    header.extend_from_slice(ID.as_bytes());
    header.extend_from_slice(&first.to_le_bytes());
    header.extend_from_slice(&end.to_le_bytes());
    header.extend_from_slice(&length.to_le_bytes());
    header.extend_from_slice(&payload_crc.to_le_bytes());
    let sum = crc(&[&header, SINK.as_bytes()].concat());
    header.extend_from_slice(&sum.to_le_bytes());
    header.extend_from_slice(SINK.as_bytes());
    header
}

fn chunk(first: u64, lines: &[String]) -> Vec<u8> {
    let payload: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let end = first + lines.len() as u64;
    let mut chunk = header(1, first, end, payload.len() as u32, crc(payload.as_bytes()));
    chunk.extend_from_slice(payload.as_bytes());
    chunk
}

fn line(text: &str, id: &str, sink: &str, seq: u64) -> String {
    format!(
        r#"{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"{text}","forwarder":{{"id":"{id}","sink":"{sink}","seq":{seq}}}}}"#
    )
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_chunk_of_a_gibibyte_that_takes_no_room_is_not_read() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let dir = spool_dir(port);
    let length = 1_u32 << 30;
    let head = [b"TFSPOOL1".to_vec(), header(1, 0, 1_000, length, 0)].concat();
    let segment = plant(&dir, &head);
    let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
    file.set_len(head.len() as u64 + u64::from(length)).unwrap();
    let builder = builder.memory_mb(128).freeze(false);
    let lambda = builder.start().await.unwrap();
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
    until("it is removed", || !segment.exists()).await;
    let peak = Extension::of(&lambda).unwrap().peak_memory().unwrap();
    assert!(peak < 24 * MIB, "{} MiB", peak / MIB);
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    Found::in_stream(&kinesis, STREAM)
        .await
        .assert_balances(&lambda, &["platform"]);
    assert!(extension_log(&lambda).join("\n").contains("spool_corrupt"));
}

#[tokio::test]
async fn very_many_chunks_that_are_done_take_no_time() {
    for count in [1_000, 32_000, 60_000_u64] {
        let kinesis = kinesis().await;
        let (builder, port) = lambda_to_kinesis(&kinesis);
        let mut segment = b"TFSPOOL1".to_vec();
        let mut offsets = Vec::new();
        for number in 0..count {
            offsets.push(segment.len() as u64);
            segment.extend(header(1, number, number + 1, 2, 0));
            segment.extend_from_slice(b"x\n");
        }
        for offset in offsets {
            segment.extend(header(2, offset, 0, 0, 0));
        }
        let segment = plant(&spool_dir(port), &segment);
        let lambda = builder.memory_mb(128).freeze(false).start().await.unwrap();
        let invocation = lambda.invoke("{}").await.unwrap();
        until("it is removed", || !segment.exists()).await;
        let cpu = Extension::of(&lambda).unwrap().cpu_time().unwrap();
        eprintln!("{count} chunks: {cpu:?} of CPU time, {:?} added", invocation.added);
        assert!(cpu < Duration::from_millis(1_500), "{count}: {cpu:?}");
        let peak = Extension::of(&lambda).unwrap().peak_memory().unwrap();
        assert!(peak < 32 * MIB, "{count}: {} MiB", peak / MIB);
        assert!(
            lambda
                .shutdown("spindown", Duration::from_secs(4))
                .await
                .unwrap()
                .clean()
        );
        let found = Found::in_stream(&kinesis, STREAM).await;
        found.assert_balances(&lambda, &["platform"]);
    }
}

#[tokio::test]
async fn only_lines_with_the_mark_of_their_owner_are_delivered() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let forged = [
        r#"{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"forged"}"#.to_owned(),
        line("forged", "fedcba9876543210", SINK, 20),
        line("forged", ID, "firehose", 30),
        line("forged", ID, SINK, 7_000_000),
        r#"["forged"]"#.to_owned(),
        "forged".to_owned(),
    ];
    let mut segment = b"TFSPOOL1".to_vec();
    segment.extend(chunk(0, &[line("genuine", ID, SINK, 0), line("genuine", ID, SINK, 1)]));
    for (index, forged) in forged.iter().enumerate() {
        segment.extend(chunk(10 * (index as u64 + 1), std::slice::from_ref(forged)));
    }
    let segment = plant(&spool_dir(port), &segment);
    let lambda = builder.freeze(false).start().await.unwrap();
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
    until("it is removed", || !segment.exists()).await;
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    let found = Found::in_stream(&kinesis, STREAM).await;
    let texts: Vec<_> = found
        .of_type("function")
        .iter()
        .map(|line| line["record"].clone())
        .collect();
    assert_eq!(texts, ["genuine", "genuine"]);
    let announced: Vec<_> = found
        .of_type("forwarder.dropped")
        .into_iter()
        .filter(|line| line["record"]["reason"] == "spool_corrupt")
        .flat_map(|line| line["record"]["ranges"].as_array().unwrap().clone())
        .collect();
    for first in (1..=forged.len()).map(|index| 10 * index) {
        assert!(
            announced.contains(&serde_json::json!([first, first])),
            "{first}: {announced:?}"
        );
    }
}

#[tokio::test]
async fn a_folder_that_killed_a_process_is_announced_and_removed() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let mut segment = b"TFSPOOL1".to_vec();
    segment.extend(chunk(0, &[line("never read again", ID, SINK, 0)]));
    let segment = plant(&spool_dir(port), &segment);
    fs::File::create(segment.with_file_name("reading")).unwrap();
    let lambda = builder.freeze(false).start().await.unwrap();
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
    until("it is removed", || !segment.parent().unwrap().exists()).await;
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    let found = Found::in_stream(&kinesis, STREAM).await;
    assert!(found.of_type("function").is_empty());
    let dropped = found.of_type("forwarder.dropped");
    assert_eq!(
        dropped[0]["record"],
        serde_json::json!({"reason": "spool_corrupt", "ranges": [[0, 0]]})
    );
    assert!(extension_log(&lambda).join("\n").contains("spool_removed"));
}
