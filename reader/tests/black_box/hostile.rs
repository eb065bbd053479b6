//! Records that are made to cost their readers more than they are: memory, log, and the end of the program.

use std::io::Write as _;
use std::process::Command;

use bytes::Bytes;

use crate::world::{Finished, World, finish, line};

/// The heap that the program may have, KiB.
const MOST_KIB: &str = "262144";

/// CPU time for a record, seconds. Without optimisation it takes many times as long.
const MOST_SECONDS: usize = if cfg!(debug_assertions) { 60 } else { 5 };

/// What a notice for each of many records may come to, bytes.
const MOST_SAID: usize = 20_000;

fn compressed(lines: impl Iterator<Item = String>) -> Bytes {
    let record = zstd::stream::encode_all(lines.collect::<String>().as_bytes(), 3).unwrap();
    assert!(record.len() <= 1024 * 1024, "{}", record.len());
    record.into()
}

/// Some 60 KB that are 600 MB without an end of a line.
fn wide() -> Bytes {
    let mut record = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    for _ in 0..600 {
        record.write_all(&[b'x'; 1_000_000]).unwrap();
    }
    record.finish().unwrap().into()
}

/// Reads the stream with no more memory and CPU time than it may have.
async fn read(world: &World, records: usize, arguments: &[&str]) -> Finished {
    let consumer = world.consumer(&[&["--from", "trim-horizon", "--no-follow"], arguments].concat());
    // Past its CPU time a program is killed.
    let seconds = MOST_SECONDS * records;
    let limits = format!("ulimit -d {MOST_KIB} && ulimit -t {seconds} && exec \"$0\" \"$@\"");
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &limits])
        .arg(consumer.get_program())
        .args(consumer.get_args())
        .envs(consumer.get_envs().filter_map(|(name, value)| Some((name, value?))));
    finish(limited).await
}

async fn world(name: &str, record: Bytes, times: usize) -> World {
    let mut world = World::new(name, 1).await;
    world.put(vec![record; times]).await;
    world.put_lines(&[line("after", 0, "it goes on\n")]).await;
    world
}

#[tokio::test]
async fn bombs_cost_neither_memory_nor_log() {
    let bare = r#","requestId":"7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10","resource":{"faas.name":"checkout"}"#;
    let part = |seq: u64| {
        let seq = seq * 10_000;
        let part = format!(r#""seq":{seq},"part":{{"first":{seq},"index":0,"of":10000}}"#);
        line("p", 7, "x").replace(r#""seq":7"#, &part).replace(bare, "")
    };
    let records: [(&str, Bytes, usize); 7] = [
        ("wide", wide(), 2),
        ("bad", compressed((0..3_000_000).map(|_| "x\n".into())), 2),
        ("long", compressed((0..10_000_000).map(|_| "x\n".into())), 2),
        ("short", compressed((0..500_000).map(|_| "{\"type\":\"\"}\n".into())), 3),
        ("parts", compressed((0..60_000).map(part)), 3),
        (
            "processes",
            compressed((0..45_000).map(|id| line(&id.to_string(), 0, "x").replace(bare, ""))),
            3,
        ),
        (
            "feeds",
            compressed([line("f", 0, &"\n".repeat(4_000_000))].into_iter()),
            3,
        ),
    ];
    for (name, record, times) in records {
        let world = world(name, record, times).await;
        let read = read(&world, times, &["--verify"]).await;
        // Parts that never came are lost, and said to be.
        let code = if name == "parts" { 1 } else { 0 };
        assert_eq!(read.code, Some(code), "{name}: {}", read.stderr);
        assert!(read.stdout.contains("it goes on"), "{name}");
        // Where memory is short, and not the bound, is where it ends, the notice is another.
        assert!(
            name != "wide" || read.stderr.contains("10485760 bytes"),
            "{}",
            read.stderr
        );
        assert!(read.stderr.len() < MOST_SAID, "{name}: {} bytes", read.stderr.len());
    }
}
