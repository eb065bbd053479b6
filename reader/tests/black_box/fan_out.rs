//! Enhanced fan-out: the same events as by polling, through splits, merges, sessions that end, and a Kinesis that goes
//! away.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forwarder_core::record::format::{Compression, Format};
use local_kinesis::LocalKinesis;

use crate::world::{PATIENCE, STREAM, World, finish, last_report, life, line, packed};

const LIVES: u64 = 10;

/// Puts of each life: between them the stream is resharded.
const TURNS: u64 = 10;

/// Events of all lives together; FAN_OUT_EVENTS says another number.
fn events() -> u64 {
    let given = std::env::var("FAN_OUT_EVENTS").ok();
    given.map_or(100_000, |count| count.parse().expect("FAN_OUT_EVENTS is a number"))
}

fn records(life: u64, turn: u64, events: u64) -> Vec<Bytes> {
    let id = format!("{life:016x}");
    let turn_events = events / LIVES / TURNS;
    let mut lines: Vec<_> = (turn * turn_events..(turn + 1) * turn_events)
        .map(|seq| line(&id, seq, &format!("order {seq} accepted\n")))
        .collect();
    if turn + 1 == TURNS {
        lines.push(last_report(&id, turn_events * TURNS));
    }
    packed(Format::Ndjson, Compression::Zstd, 16_384, &lines)
}

/// Names of the consumers that are registered and stay.
async fn consumers(world: &World) -> Vec<String> {
    let stream = world.client.describe_stream_summary().stream_name(STREAM);
    let summary = stream.send().await.unwrap().stream_description_summary.unwrap();
    let list = world.client.list_stream_consumers().stream_arn(summary.stream_arn);
    let listed = list.send().await.unwrap().consumers.unwrap();
    let kept = listed
        .into_iter()
        .filter(|one| one.consumer_status.as_str() != "DELETING");
    kept.map(|one| one.consumer_name).collect()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fan_out_and_polling_read_the_same_events_through_a_split_and_a_merge() {
    let (began, events) = (Instant::now(), events());
    // Sessions of a second: each shard is subscribed to again and again.
    let kinesis = LocalKinesis::builder()
        .stream(STREAM, 8)
        .subscription_session(Duration::from_secs(1));
    let mut world = World::of("fan-out", kinesis.start().await.unwrap());
    let arguments = ["--from", "trim-horizon", "--json", "--verify"];
    let fanned = [&arguments[..], &["--fan-out", "look"]].concat();
    let reader = world.spawn(&fanned, "fanned", "fanned-err");
    for turn in 0..TURNS {
        for life in 0..LIVES {
            world.put(records(life, turn, events)).await;
        }
        let open = world.kinesis.open_shards(STREAM).await.unwrap();
        match turn {
            2 => world.kinesis.split_shard(STREAM, &open[3]).await.unwrap(),
            5 => world.kinesis.merge_shards(STREAM, &open[0], &open[1]).await.unwrap(),
            _ => {}
        }
    }
    let count = events / LIVES / TURNS * TURNS * LIVES + LIVES;
    let bytes: u64 = finish(world.consumer(&[&arguments[..], &["--no-follow"]].concat()))
        .await
        .stdout
        .len() as u64;
    world.wait_for_bytes("fanned", bytes).await;
    reader.signal("-INT");
    assert_eq!(reader.ended().await, Some(0), "{}", world.text("fanned-err"));
    let polled = world.read(&["--json", "--verify"]).await;
    assert_eq!(polled.code, Some(0), "{}", polled.stderr);
    let fanned = world.text("fanned");
    assert_eq!(fanned.lines().count() as u64, count);
    assert!(
        sorted(&fanned) == sorted(&polled.stdout),
        "fan-out and polling read different events"
    );
    for said in [&world.text("fanned-err"), &polled.stderr] {
        assert!(
            said.contains("10 lives: 10 complete, 0 unproven, 0 with loss\n"),
            "{said}"
        );
        assert!(
            said.contains("0 lines lost ·") && said.contains("· 0 repeats\n"),
            "{said}"
        );
        assert!(said.contains("from 11 shards"), "{said}");
    }
    println!("{}after {:?}", world.text("fanned-err"), began.elapsed());
}

#[tokio::test]
async fn a_temporary_consumer_is_removed_and_one_that_was_there_is_kept() {
    let mut world = World::new("fan-out-temporary", 1).await;
    world.put_lines(&life("a", 5)).await;
    let arguments = ["--from", "trim-horizon", "--fan-out", "look", "--fan-out-temporary"];
    for signal in ["-INT", "-TERM"] {
        let consumer = world.spawn(&arguments, "out", "err");
        world.wait_for("out", |text| text.contains("FWD")).await;
        assert_eq!(consumers(&world).await, ["look"]);
        consumer.signal(signal);
        assert_eq!(consumer.ended().await, Some(0), "{}", world.text("err"));
        assert!(
            world.text("err").contains("the consumer look is removed\n"),
            "{}",
            world.text("err")
        );
        assert!(consumers(&world).await.is_empty());
    }
    let first = world.read(&["--fan-out", "look"]).await;
    assert_eq!(
        (first.code, first.stdout.lines().count()),
        (Some(0), 6),
        "{}",
        first.stderr
    );
    let second = world.read(&["--fan-out", "look", "--fan-out-temporary"]).await;
    assert_eq!(
        (second.code, second.stdout.lines().count()),
        (Some(0), 6),
        "{}",
        second.stderr
    );
    let kept = "the consumer look was there before, and is kept\n";
    assert!(second.stderr.contains(kept), "{}", second.stderr);
    assert_eq!(consumers(&world).await, ["look"]);
}

#[tokio::test]
async fn a_checkpoint_goes_on_by_either_way() {
    let mut world = World::new("fan-out-checkpoint", 2).await;
    let lines = life("a", 899);
    let checkpoint = world.file("checkpoint").to_string_lossy().into_owned();
    let mut shown = String::new();
    let fan_out: [&[&str]; 3] = [&["--fan-out", "look"], &[], &["--fan-out", "look"]];
    for (lines, fan_out) in lines.chunks(300).zip(fan_out) {
        world.put_lines(lines).await;
        let arguments = [&["--json", "--checkpoint", &checkpoint], fan_out].concat();
        let read = world.read(&arguments).await;
        assert_eq!(read.code, Some(0), "{}", read.stderr);
        shown.push_str(&read.stdout);
    }
    assert_eq!(shown, lines.concat(), "nothing is left out, nothing is read again");
}

#[tokio::test]
async fn from_latest_and_through_a_kinesis_that_goes_away_only_what_came_since_is_shown() {
    let kinesis = LocalKinesis::builder()
        .stream(STREAM, 2)
        .subscription_session(Duration::from_millis(700));
    let mut world = World::of("fan-out-latest", kinesis.start().await.unwrap());
    let lines = life("a", 299);
    world.put_lines(&lines[..100]).await;
    let consumer = world.spawn(&["--json", "--fan-out", "look", "--verify"], "out", "err");
    let subscribed = async {
        while world.kinesis.connections_open() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, subscribed)
        .await
        .expect("a connection for each shard");
    // Longer than two sessions, in which nothing comes.
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.put_lines(&lines[100..200]).await;
    world.wait_for("out", |text| text.lines().count() == 100).await;
    world.kinesis.stop().await;
    world.wait_for("err", |text| text.contains("; again in ")).await;
    world.kinesis.start().await.unwrap();
    world.put_lines(&lines[200..]).await;
    world.wait_for("out", |text| text.lines().count() == 200).await;
    consumer.signal("-INT");
    assert_eq!(consumer.ended().await, Some(0), "{}", world.text("err"));
    assert_eq!(world.text("out"), lines[100..].concat());
    assert!(
        world.text("err").contains("SubscribeToShard got no answer"),
        "{}",
        world.text("err")
    );
    let distinct: BTreeSet<_> = lines.iter().collect();
    assert_eq!(distinct.len(), 300);
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_said_at_once() {
    let world = World::new("fan-out-nowhere", 1).await;
    let said = finish(world.consumer_of("orders", &["--fan-out", "look", "--fan-out-temporary"])).await;
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(
        said.stderr
            .contains("DescribeStreamSummary was refused: ResourceNotFoundException"),
        "{}",
        said.stderr
    );
}
