//! Signals, kills, checkpoints, and a Kinesis that goes away.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::{Duration, Instant};

use crate::world::{STREAM, World, finish, life, line};

#[tokio::test]
async fn signals_and_time_end_it_with_the_closing_table() {
    let mut world = World::new("signals", 1).await;
    world.put_lines(&life("a", 5)).await;
    for signal in ["-INT", "-TERM"] {
        let consumer = world.spawn(&["--from", "trim-horizon", "--verify"], "out", "err");
        world.wait_for("out", |text| text.contains("FWD")).await;
        consumer.signal(signal);
        assert_eq!(consumer.ended().await, Some(0));
        assert!(
            world.text("err").contains("1 life: 1 complete"),
            "{}",
            world.text("err")
        );
    }
    let consumer = world.spawn(&["--from", "trim-horizon", "--for", "1500ms"], "out", "err");
    assert_eq!(consumer.ended().await, Some(0));
    assert_eq!(world.text("out").lines().count(), 6, "{}", world.text("err"));
}

#[tokio::test]
async fn without_following_it_ends_though_the_stream_never_rests() {
    const AT_MOST: Duration = Duration::from_secs(60);
    let mut world = World::new("restless", 2).await;
    let lines = life("a", 50);
    world.put_lines(&lines).await;
    let command = world.consumer(&["--from", "trim-horizon", "--no-follow", "--json", "--for", "60s"]);
    let began = Instant::now();
    let mut reading = pin!(finish(command));
    let mut seq = 0;
    let read = loop {
        tokio::select! {
            read = &mut reading => break read,
            // Ten times as often as a shard may be asked.
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        let both_shards: Vec<_> = (seq..seq + 12).map(|seq| line("b", seq, "x")).collect();
        world.put_lines(&both_shards).await;
        seq += 12;
    };
    assert!(began.elapsed() < AT_MOST && read.code == Some(0), "{}", read.stderr);
    assert!(lines.iter().all(|line| read.stdout.contains(line)), "{}", read.stdout);
}

#[tokio::test]
async fn a_kinesis_that_goes_away_is_waited_for() {
    let mut world = World::new("away", 1).await;
    let lines = life("a", 20);
    world.put_lines(&lines[..10]).await;
    let consumer = world.spawn(&["--from", "trim-horizon", "--json"], "out", "err");
    world.wait_for("out", |text| text.lines().count() >= 9).await;
    world.kinesis.stop().await;
    world
        .wait_for("err", |text| {
            text.contains("got no answer") && text.contains("; again in ")
        })
        .await;
    world.kinesis.start().await.unwrap();
    world.put_lines(&lines[10..]).await;
    world.wait_for("out", |text| text.lines().count() == 21).await;
    consumer.signal("-INT");
    assert_eq!(consumer.ended().await, Some(0));
    assert_eq!(world.text("out"), lines.concat());
}

#[tokio::test]
async fn a_checkpoint_goes_on_where_it_stopped_and_still_knows_what_it_saw() {
    let mut world = World::new("checkpoint", 2).await;
    let lines = life("a", 100);
    let checkpoint = world.file("checkpoint").to_string_lossy().into_owned();
    let arguments = ["--json", "--verify", "--checkpoint", &checkpoint];
    // A part, and a line that waits for one before it: both are read, and neither is shown.
    let part = |index: u64, slice: &str| {
        let place = format!(r#""seq":{},"part":{{"first":101,"index":{index},"of":2}}"#, 101 + index);
        line("a", 77, slice).replace(r#""seq":77"#, &place)
    };
    world.put_lines(&lines[..60]).await;
    world.put_lines(&[part(0, "\"one ")]).await;
    let first = world.read(&arguments).await;
    assert_eq!(
        first.code,
        Some(1),
        "so far, lines before the part are missing: {}",
        first.stderr
    );
    assert_eq!(first.stdout, lines[..60].concat());

    let open = world.kinesis.open_shards(STREAM).await.unwrap();
    world.kinesis.split_shard(STREAM, &open[1]).await.unwrap();
    // Repeats of what the first reader saw, and the rest.
    world.put_lines(&lines[50..]).await;
    world.put_lines(&[part(1, "two\"")]).await;
    let second = world.read(&arguments).await;
    assert!(second.stderr.contains("--from does not count"), "{}", second.stderr);
    assert_eq!(
        second.stdout,
        [lines[60..].concat(), line("a", 101, "one two")].concat()
    );
    assert!(second.stderr.contains("· 10 repeats\n"), "{}", second.stderr);
    let third = world.read(&arguments).await;
    assert_eq!((third.stdout.as_str(), third.code), ("", Some(0)), "{}", third.stderr);

    let other = world.kinesis.endpoint().to_owned();
    let mut command = world.consumer_of("orders", &arguments);
    let said = crate::world::finish({
        command.env("AWS_ENDPOINT_URL", other);
        command
    })
    .await;
    assert!(
        said.code == Some(2) && said.stderr.contains("is of the stream telemetry"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn killed_and_started_again_it_leaves_nothing_out() {
    let mut world = World::new("killed", 2).await;
    let lines = life("a", 3_000);
    let checkpoint = world.file("checkpoint").to_string_lossy().into_owned();
    let arguments = ["--from", "trim-horizon", "--json", "--checkpoint", &checkpoint];
    let mut shown = BTreeSet::new();
    for (turn, lines) in lines.chunks(1_001).enumerate() {
        let consumer = world.spawn(&arguments, "out", "err");
        world.put_lines(lines).await;
        // Somewhere in the middle, with a checkpoint behind it or not.
        let enough = 300 * (turn + 1);
        world.wait_for("out", |text| text.lines().count() >= enough).await;
        consumer.kill();
        shown.extend(world.text("out").split_inclusive('\n').map(str::to_owned));
    }
    let rest = world.read(&["--json", "--verify", "--checkpoint", &checkpoint]).await;
    assert_eq!(rest.code, Some(0), "{}", rest.stderr);
    shown.extend(rest.stdout.split_inclusive('\n').map(str::to_owned));
    let missing: Vec<_> = lines.iter().filter(|line| !shown.contains(*line)).collect();
    assert!(missing.is_empty(), "{} missing: {:?}", missing.len(), missing.first());
    assert!(rest.stderr.contains("1 life: 1 complete"), "{}", rest.stderr);
}
