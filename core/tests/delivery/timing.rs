//! Timing of puts, and of waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use forwarder_core::Forwarder;
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};
use forwarder_core::route::Routes;
use reader::decode::Standing;
use tokio::time::Instant;

use crate::world::*;

const BUDGET: Duration = Duration::from_millis(500);

#[tokio::test(start_paused = true)]
async fn lines_wait_for_a_full_put_but_never_longer_than_the_maximum_age() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    tokio::time::sleep(Duration::from_millis(9_900)).await;
    assert_eq!(sink.puts(), 0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((sink.puts(), sink.events().len()), (1, 10));
    // A megabyte fills a put, which goes at once.
    forwarder.accept(&lines(10, 1_100, 1_000));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(sink.puts(), 2);
    assert!(sink.events().len() < 1_110, "what does not fill a put waits for more");
}

#[tokio::test(start_paused = true)]
async fn a_flush_returns_as_soon_as_all_is_delivered() {
    let sink = Scripted::new([Act::TakeSlowly(Duration::from_millis(30))]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    let started = Instant::now();
    assert!(forwarder.flush(started + BUDGET).await);
    assert!(started.elapsed() < Duration::from_millis(40));
    let started = Instant::now();
    assert!(forwarder.flush(started + BUDGET).await, "nothing is held");
    assert_eq!((started.elapsed(), sink.puts()), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn a_sick_sink_holds_the_function_for_one_budget_in_all() {
    let sink = Scripted::new([]);
    *sink.always.lock().unwrap() = Act::NeverAnswer;
    let forwarder = forwarder(&sink);
    let mut held = Duration::ZERO;
    for invocation in 0..20 {
        forwarder.run(false);
        forwarder.accept(&lines(invocation * 10, 10, 100));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let done = Instant::now();
        forwarder.flush(done + BUDGET).await;
        forwarder.pause().await;
        held += done.elapsed();
    }
    assert!(held >= BUDGET && held < BUDGET + Duration::from_millis(50), "{held:?}");
    *sink.always.lock().unwrap() = Act::Take;
    forwarder.run(false);
    tokio::time::sleep(Duration::from_secs(10)).await;
    forwarder.accept(&lines(200, 10, 100));
    let done = Instant::now();
    assert!(
        forwarder.flush(done + BUDGET).await,
        "a put succeeded, so a flush waits again"
    );
    forwarder.close(soon(), false).await;
    let verdict = sink.verdict();
    assert_eq!((verdict.standing, verdict.events), (Standing::Complete, 210));
}

#[tokio::test(start_paused = true)]
async fn a_sink_with_no_hope_before_the_deadline_is_not_waited_for() {
    let sink = Scripted::new([Act::Fail(Reason::AccessDenied)]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    let started = Instant::now();
    assert!(!forwarder.flush(started + BUDGET).await);
    assert!(started.elapsed() < Duration::from_millis(10), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_pause_cancels_the_put_in_flight_and_keeps_its_lines() {
    let sink = Scripted::new([Act::NeverAnswer]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    forwarder.run(true);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(sink.puts(), 1);
    forwarder.pause().await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(
        sink.puts(),
        1,
        "nothing is put while the environment is about to freeze"
    );
    assert!(forwarder.flush(soon()).await);
    assert_eq!((sink.puts(), sink.events().len()), (2, 10));
}

#[tokio::test(start_paused = true)]
async fn a_put_that_was_frozen_is_not_repeated_when_its_answer_is_there() {
    let sink = Scripted::new([Act::TakeSlowly(Duration::from_secs(600))]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    forwarder.run(true);
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Frozen for an hour: on the thaw the answer and every timer are due at once.
    tokio::time::advance(Duration::from_secs(3_600)).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((sink.puts(), sink.events().len()), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn renewal_reaches_the_sink() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.renew();
    assert_eq!(*sink.renewed.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_comes_at_its_deadline_and_says_what_is_left() {
    let sink = Scripted::new([]);
    *sink.always.lock().unwrap() = Act::NeverAnswer;
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    let started = Instant::now();
    let undelivered = forwarder.close(started + Duration::from_millis(1_900), false).await;
    assert!(
        started.elapsed() < Duration::from_millis(1_910),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(undelivered.len(), 1);
    assert_eq!(
        (
            undelivered[0].sink.as_str(),
            undelivered[0].dropped[0].ranges.as_slice()
        ),
        ("kinesis", [[0, 11]].as_slice())
    );
    assert_eq!(undelivered[0].id, forwarder.id());
    let stats = forwarder.stats().1[0];
    // Ten lines, what was to announce their loss, and the final report.
    assert_eq!((stats.pending(), stats.dropped_total()), (0, 12));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_for_the_end_is_announced_by_a_sink_that_is_only_slow() {
    let sink = Scripted::new([Act::TakeSlowly(Duration::from_millis(1_700)), Act::NeverAnswer]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 3_000, 1_000));
    let started = Instant::now();
    let undelivered = forwarder.close(started + Duration::from_millis(1_900), false).await;
    assert_eq!(undelivered.len(), 1, "it is said on the log as well");
    let verdict = sink.verdict();
    assert_eq!(verdict.standing, Standing::Complete, "{verdict:?}");
    assert!(
        verdict.announced > 1_000 && verdict.events + verdict.announced == 3_000,
        "{verdict:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn lines_past_their_age_are_not_put_when_the_environment_is_about_to_freeze() {
    let sink = Scripted::new([]);
    *sink.always.lock().unwrap() = Act::NeverAnswer;
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    for _ in 0..20 {
        forwarder.run(false);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let done = Instant::now();
        forwarder.flush(done + BUDGET).await;
        forwarder.pause().await;
        assert!(
            done.elapsed() <= BUDGET + Duration::from_millis(1),
            "{:?}",
            done.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_outlives_a_short_invocation() {
    let sink = Scripted::new([Act::TakeSlowly(Duration::from_secs(2))]);
    *sink.always.lock().unwrap() = Act::TakeSlowly(Duration::from_millis(30));
    let forwarder = forwarder(&sink);
    for number in 0..20 {
        forwarder.run(false);
        forwarder.accept(&lines(number, 1, 100));
        tokio::time::sleep(Duration::from_millis(10)).await;
        forwarder.flush(Instant::now() + BUDGET).await;
        forwarder.pause().await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(sink.events().len(), 20);
    assert_eq!(sink.verdict().repeats, 0, "no put was repeated");
}

#[tokio::test(start_paused = true)]
async fn a_sick_lane_does_not_open_the_breaker_of_a_healthy_one() {
    let (sick, well) = (Scripted::new([]), Scripted::new([]));
    *sick.always.lock().unwrap() = Act::NeverAnswer;
    *well.always.lock().unwrap() = Act::TakeSlowly(Duration::from_millis(100));
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![(lane("sick"), sick.clone()), (lane("well"), well.clone())];
    let routes = Routes::parse("* -> sick, well", &["sick", "well"]).unwrap();
    let forwarder = Forwarder::start(settings(lanes, routes));
    for number in 0..3 {
        forwarder.run(false);
        forwarder.accept(&lines(number, 1, 100));
        forwarder.flush(Instant::now() + BUDGET).await;
        forwarder.pause().await;
        assert_eq!(well.events().len(), number + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_without_time_says_nothing_about_a_sink() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 1, 100));
    forwarder.flush(Instant::now()).await;
    forwarder.pause().await;
    forwarder.accept(&lines(1, 1, 100));
    assert!(
        forwarder.flush(Instant::now() + BUDGET).await,
        "the next one waits for it"
    );
}

#[tokio::test(start_paused = true)]
async fn what_fills_a_put_after_a_pause_goes_at_once() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.pause().await;
    forwarder.accept(&lines(0, 1_100, 1_000));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(sink.puts() > 0);
}

/// A sink whose connection opens at once, or never.
struct Opening {
    hangs: bool,
    opened: AtomicBool,
}

#[async_trait]
impl Sink for Opening {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        Ok(vec![Outcome::Delivered; records.len()])
    }

    fn renew(&self) {}

    async fn warm_up(&self) {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.opened.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_cannot_be_connected_to_keeps_no_other_from_being_ready() {
    let sinks = [true, false].map(|hangs| {
        Arc::new(Opening {
            hangs,
            opened: AtomicBool::new(false),
        })
    });
    let lanes = sinks.iter().zip(["far", "near"]);
    let lanes = lanes.map(|(sink, name)| (lane(name), Arc::clone(sink) as Arc<dyn Sink>));
    let forwarder = Forwarder::start(settings(lanes.collect(), Routes::all_to(1)));
    let warm_up = tokio::time::timeout(Duration::from_secs(1), forwarder.warm_up());
    assert!(warm_up.await.is_err(), "one of them never comes to an end");
    assert!(sinks[1].opened.load(Ordering::SeqCst));
}
