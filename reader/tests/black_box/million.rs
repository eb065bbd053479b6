//! A million events over eight shards, with a split and a merge in the middle.

use std::time::Instant;

use bytes::Bytes;
use forwarder_core::record::format::{Compression, Format};

use crate::world::{STREAM, World, event, finish, last_report, line, packed};

const EVENTS: u64 = 1_000_000;
const LIVES: u64 = 10;

/// Events of a life before the next one has its turn.
const TURN: u64 = 5_000;

fn id(life: u64) -> String {
    format!("{life:016x}")
}

/// The records of one turn of one life.
fn records(life: u64, turn: u64) -> Vec<Bytes> {
    let id = id(life);
    let mut lines: Vec<_> = (turn * TURN..(turn + 1) * TURN)
        .map(|seq| {
            line(
                &id,
                seq,
                &format!("order {seq} accepted after {} ms\n", seq * 7_919 % 1_000),
            )
        })
        .collect();
    if (turn + 1) * TURN == EVENTS / LIVES {
        lines.push(last_report(&id, EVENTS / LIVES));
    }
    packed(Format::Ndjson, Compression::Zstd, 65_536, &lines)
}

/// Which lines were shown, by life.
struct Shown(Vec<Vec<u8>>);

impl Shown {
    fn none() -> Self {
        Self(vec![vec![0; (EVENTS / LIVES + 1) as usize]; LIVES as usize])
    }

    fn count(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            // A program that is killed may leave half a line.
            let Some(line) = line.strip_suffix('\n') else { continue };
            let number = |name: &str, radix| {
                let (_, rest) = line.rsplit_once(name).unwrap();
                let digits = rest.split(['"', ',']).next().unwrap();
                usize::from_str_radix(digits, radix).unwrap()
            };
            let times = &mut self.0[number("\"id\":\"", 16)][number("\"seq\":", 10)];
            *times = times.saturating_add(1);
        }
    }

    fn missing(&self) -> usize {
        self.0.iter().flatten().filter(|times| **times == 0).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_events_are_read_through_a_split_a_merge_and_a_kill() {
    let began = Instant::now();
    let mut world = World::new("million", 8).await;
    let checkpoint = world.file("checkpoint").to_string_lossy().into_owned();
    let arguments = ["--from", "trim-horizon", "--json", "--checkpoint", &checkpoint];
    let first = world.spawn(&arguments, "first", "err");
    let turns = EVENTS / LIVES / TURN;
    // The last turn of each comes when the first reader is dead.
    for turn in 0..turns - 1 {
        for life in 0..LIVES {
            world.put(records(life, turn)).await;
        }
        let open = world.kinesis.open_shards(STREAM).await.unwrap();
        if turn == turns / 4 {
            world.kinesis.split_shard(STREAM, &open[3]).await.unwrap();
        }
        if turn == turns / 2 {
            world.kinesis.merge_shards(STREAM, &open[0], &open[1]).await.unwrap();
        }
    }
    println!("put after {:?}", began.elapsed());
    world.wait_for_bytes("first", 60_000_000).await;
    world.wait_for_bytes("checkpoint", 1).await;
    first.kill();
    let mut shown = Shown::none();
    shown.count(&world.text("first"));
    println!("killed after {:?}, {} still to come", began.elapsed(), shown.missing());
    for life in 0..LIVES {
        world.put(records(life, turns - 1)).await;
    }

    let second = [&arguments[..], &["--no-follow", "--verify"]].concat();
    let second = finish(world.consumer(&second)).await;
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    shown.count(&second.stdout);
    assert_eq!(shown.missing(), 0);
    assert!(
        second
            .stderr
            .contains("10 lives: 10 complete, 0 unproven, 0 with loss\n"),
        "{}",
        second.stderr
    );
    assert!(
        second.stderr.contains("0 lines lost · 1,000,000 events · 0 dropped"),
        "{}",
        second.stderr
    );
    println!("all read after {:?}", began.elapsed());

    // What was put twice, what is missing, and what was given up.
    let again = records(3, 1);
    world.put(again).await;
    let lost = [line("lost", 0, "x"), line("lost", 4, "x"), last_report("lost", 5)].concat();
    let dropped = event(
        "dropped",
        1_000,
        "forwarder.dropped",
        r#"{"reason":"buffer_full","ranges":[[0,999]]}"#,
    );
    world
        .put([lost, dropped + &last_report("dropped", 1_001)].map(Bytes::from))
        .await;
    let all = world.read(&["--quiet", "--verify"]).await;
    assert_eq!(all.code, Some(1), "{}", all.stderr);
    for part in [
        "lost              kinesis            2          3          0          0  lost 1–3\n",
        "dropped           kinesis            0          0      1,000          0  complete\n",
        "0000000000000003  kinesis      100,000          0          0      5,000  complete\n",
        "12 lives: 11 complete, 0 unproven, 1 with loss\n",
        "3 lines lost · 1,000,002 events · 1,000 dropped and announced · 5,000 repeats\n",
    ] {
        assert!(all.stderr.contains(part), "{part:?} in\n{}", all.stderr);
    }
    println!("{}all told after {:?}", all.stderr, began.elapsed());
}
