//! Lines that are lost are announced, or named at the end, whatever happens to what announces them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use forwarder_core::delivery::sink::{Reason, Sink};
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::Routes;
use forwarder_core::{Forwarder, Undelivered};
use reader::decode::{Joiner, Standing};

use crate::spool::Dir;
use crate::world::*;

/// A forwarder before a small spool.
fn small(sink: &Arc<Scripted>, dir: &Dir) -> Forwarder {
    forwarder_with(sink, |settings| {
        settings.buffer_bytes = 800_000;
        settings.spool = SpoolSettings {
            dir: dir.0.clone(),
            max_bytes: 3 << 20,
            mode: SpoolMode::Overflow,
        };
    })
}

/// Posts until memory and disk are full. Returns how many lines that took.
async fn flood(forwarder: &Forwarder) -> usize {
    for body in 0..60 {
        forwarder.accept(&lines(body * 200, 200, 400));
        tokio::task::yield_now().await;
    }
    assert!(forwarder.stats().1[0].dropped_total() > 0);
    60 * 200
}

/// Every line of this `id` that was delivered, announced, or said at the end.
fn known(sink: &Scripted, id: &str, undelivered: &[Undelivered]) -> BTreeSet<u64> {
    let mut known = BTreeSet::new();
    for line in sink.lines().iter().filter(|line| line["forwarder"]["id"] == id) {
        known.insert(line["forwarder"]["seq"].as_u64().unwrap());
        if line["type"] == "forwarder.dropped" {
            for range in line["record"]["ranges"].as_array().unwrap() {
                known.extend(range[0].as_u64().unwrap()..=range[1].as_u64().unwrap());
            }
        }
    }
    for dropped in undelivered
        .iter()
        .filter(|lost| lost.id == id)
        .flat_map(|lost| &lost.dropped)
    {
        dropped
            .ranges
            .iter()
            .for_each(|[first, last]| known.extend(*first..=*last));
    }
    known
}

fn assert_nothing_is_silent(known: &BTreeSet<u64>, accepted: u64) {
    let silent: Vec<u64> = (0..accepted).filter(|seq| !known.contains(seq)).collect();
    assert!(silent.is_empty(), "{} of {accepted}: {silent:?}", silent.len());
}

#[tokio::test(start_paused = true)]
async fn what_was_announced_to_a_sink_that_fails_is_still_said_at_the_end() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let forwarder = small(&sink, &dir);
    let mut next = flood(&forwarder).await;
    // The sink recovers for some puts, and fails again, while more comes.
    sink.script(std::iter::repeat_n(Act::Take, 16));
    forwarder.run(true);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(forwarder.stats().1[0].delivered > 0);
    for _ in 0..8 {
        forwarder.accept(&lines(next, 200, 400));
        next += 200;
        tokio::task::yield_now().await;
    }
    let undelivered = forwarder.close(soon(), false).await;
    let known = known(&sink, &forwarder.id(), &undelivered);
    assert_nothing_is_silent(&known, forwarder.stats().1[0].accepted);
}

#[tokio::test(start_paused = true)]
async fn what_a_process_could_not_announce_is_said_if_the_next_one_ends_too() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let first = small(&sink, &dir);
    let id = first.id();
    flood(&first).await;
    // The function times out …
    let mut undelivered = first.close(soon(), true).await;
    assert!(
        undelivered.is_empty(),
        "it is left to the next process: {undelivered:?}"
    );
    let accepted = first.stats().1[0].accepted;
    crate::spool::end(first).await;
    // … and the environment ends soon after, the sink as sick as before.
    let second = small(&sink, &dir);
    second.recover().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    undelivered.extend(second.close(soon(), false).await);
    assert!(sink.taken.lock().unwrap().is_empty());
    assert_nothing_is_silent(&known(&sink, &id, &undelivered), accepted);
    crate::spool::end(second).await;
    assert_eq!(std::fs::read_dir(&dir.0).unwrap().count(), 0, "the disk is left clean");
}

#[tokio::test(start_paused = true)]
async fn what_a_process_could_not_announce_the_next_one_announces() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let first = small(&sink, &dir);
    flood(&first).await;
    assert!(first.close(soon(), true).await.is_empty());
    let (id, accepted) = (first.id(), first.stats().1[0].accepted);
    crate::spool::end(first).await;
    *sink.always.lock().unwrap() = Act::Take;
    let second = small(&sink, &dir);
    second.recover().await;
    assert!(second.close(soon(), false).await.is_empty());
    assert_nothing_is_silent(&known(&sink, &id, &[]), accepted);
    let verdicts = sink.verdicts();
    assert!(
        verdicts.iter().all(|life| life.standing == Standing::Complete),
        "{verdicts:?}"
    );
}

/// Under `always`, with memory and disk full, a process is killed: what was given up or was in memory alone is noted on disk.
#[tokio::test(start_paused = true)]
async fn a_kill_loses_nothing_silently_even_where_the_disk_is_full() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let start = || {
        forwarder_with(&sink, |settings| {
            settings.buffer_bytes = 800_000;
            settings.spool = SpoolSettings {
                dir: dir.0.clone(),
                max_bytes: 1 << 20,
                mode: SpoolMode::Always,
            };
        })
    };
    let first = start();
    flood(&first).await;
    let (id, accepted) = (first.id(), first.stats().1[0].accepted);
    crate::spool::end(first).await;
    *sink.always.lock().unwrap() = Act::Take;
    let second = start();
    second.recover().await;
    assert!(second.close(soon(), false).await.is_empty());
    assert_nothing_is_silent(&known(&sink, &id, &[]), accepted);
    assert!(!sink.events().is_empty(), "what the disk held is delivered");
}

#[tokio::test(start_paused = true)]
async fn an_announcement_that_the_sink_rejects_is_said_at_the_end() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 1, 1_100_000));
    forwarder.accept(&lines(1, 10, 100));
    // Each line is announced and put alone; the sink calls every record under a certain length invalid.
    *sink.always.lock().unwrap() = Act::Fail(Reason::Invalid);
    forwarder.run(true);
    tokio::time::sleep(Duration::from_secs(200)).await;
    let undelivered = forwarder.close(soon(), false).await;
    let known = known(&sink, &forwarder.id(), &undelivered);
    assert_nothing_is_silent(&known, forwarder.stats().1[0].accepted);
    assert!(sink.puts() < 60, "{} puts in 200 s", sink.puts());
}

#[tokio::test(start_paused = true)]
async fn what_a_lane_lost_is_announced_by_its_fallback() {
    let (first, second) = (Scripted::new([]), Scripted::new([]));
    *first.always.lock().unwrap() = Act::Fail(Reason::AccessDenied);
    let forwarder = with_fallback(&first, &second);
    forwarder.accept(&lines(0, 1, 1_100_000));
    forwarder.accept(&lines(1, 10, 100));
    forwarder.flush(soon()).await;
    assert!(forwarder.close(soon(), false).await.is_empty());
    let verdicts = second.verdicts();
    let of_first = verdicts.iter().find(|life| life.life.sink == "first").unwrap();
    assert_eq!(
        (of_first.standing, of_first.announced),
        (Standing::Complete, 2),
        "the line, and the announcement that its own sink did not take: {verdicts:?}"
    );
}

fn with_fallback(first: &Arc<Scripted>, second: &Arc<Scripted>) -> Forwarder {
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![(lane("first"), first.clone()), (lane("second"), second.clone())];
    let mut settings = settings(lanes, Routes::parse("* -> first", &["first", "second"]).unwrap());
    settings.lanes[0].0.fallback = Some(1);
    Forwarder::start(settings)
}

#[tokio::test(start_paused = true)]
async fn frozen_time_is_no_time_of_failing() {
    let fails = || Act::Fail(Reason::Unreachable);
    let (first, second) = (Scripted::new([fails(), fails()]), Scripted::new([]));
    let forwarder = with_fallback(&first, &second);
    forwarder.accept(&lines(0, 10, 100));
    forwarder.run(true);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(first.puts(), 1);
    forwarder.pause().await;
    tokio::time::advance(Duration::from_secs(3_600)).await;
    forwarder.run(true);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        (first.events().len(), second.events().len()),
        (10, 0),
        "two failures within milliseconds of time awake are not half a minute"
    );
}

/// The sum of the time that this thread was on a processor. In real time: what spins does so there only.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[tokio::test]
async fn a_lane_that_cannot_put_does_not_spin() {
    let (first, second) = (Scripted::new([]), Scripted::new([]));
    *first.always.lock().unwrap() = Act::Fail(Reason::AccessDenied);
    *second.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![(lane("first"), first.clone()), (lane("second"), second.clone())];
    let routes = Routes::parse("function -> first; * -> second", &["first", "second"]).unwrap();
    let mut settings = settings(lanes, routes);
    settings.lanes[0].0.fallback = Some(1);
    settings.lanes[1].0.taken_over_bytes = Some(100);
    let forwarder = Forwarder::start(settings);
    forwarder.accept(&lines(0, 5, 100));
    forwarder.run(true);
    tokio::time::sleep(Duration::from_millis(500)).await;
    // An own line of the second lane is too long, which is to be announced there; its allowance is spent.
    forwarder.accept(format!(r#"[{{"type":"platform.x","record":"{}"}}]"#, "y".repeat(2_000_000)).as_bytes());
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let before = cpu();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let used = cpu() - before;
    assert!(used < Duration::from_millis(300), "{used:?} of CPU in 2 s");
}

#[tokio::test(start_paused = true)]
async fn a_long_record_with_line_breaks_between_its_tokens_loses_nothing() {
    for oversize in [Oversize::Split, Oversize::Truncate] {
        let sink = Scripted::new([]);
        let forwarder = forwarder_with(&sink, |settings| settings.lanes[0].0.oversize = oversize);
        let record = format!("[\n{}\n]", vec!["\"0123456789\""; 100_000].join(",\n"));
        let event = |record: &str| format!(r#"{{"type":"function","record":{record}}}"#);
        let events = [event("\"before\""), event(&record), event("\"after\"")].join(",");
        forwarder.accept(format!("[{events}]").as_bytes());
        assert!(forwarder.close(soon(), false).await.is_empty());
        let mut joiner = Joiner::default();
        let texts = sink.texts();
        let joined = texts.iter().filter(|line| {
            let joined = joiner.take(line);
            matches!(joined, reader::decode::Joined::Line(line) if line.contains(&record.replace('\n', "")))
        });
        assert_eq!(joined.count(), usize::from(oversize == Oversize::Split));
        assert_eq!(joiner.waiting(), 0);
        assert!(sink.events().len() > 2, "{oversize:?}");
        assert_eq!(sink.verdict().standing, Standing::Complete);
    }
}
