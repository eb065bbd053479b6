//! Fallbacks: one sink takes what another does not.

use std::sync::Arc;
use std::time::Duration;

use forwarder_core::Forwarder;
use forwarder_core::delivery::sink::{Reason, Sink};
use forwarder_core::record::format::Format;
use forwarder_core::route::Routes;
use reader::decode::{LifeReport, Standing, Verifier, decode};

use crate::world::*;

/// A forwarder whose first lane falls back to its second.
fn with_fallback(first: &Arc<Scripted>, second: &Arc<Scripted>) -> Forwarder {
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![(lane("first"), first.clone()), (lane("second"), second.clone())];
    let mut settings = settings(lanes, Routes::parse("* -> first", &["first", "second"]).unwrap());
    settings.lanes[0].0.fallback = Some(1);
    Forwarder::start(settings)
}

/// Findings of a reader of both places.
fn verdicts(sinks: &[&Arc<Scripted>]) -> Vec<LifeReport> {
    let mut verifier = Verifier::default();
    for sink in sinks {
        for record in sink.taken.lock().unwrap().iter() {
            decode(&record.data).unwrap().lines().for_each(|line| {
                verifier.observe(&line.event().unwrap());
            });
        }
    }
    verifier.report()
}

fn assert_balanced(forwarder: &Forwarder) {
    for stats in forwarder.stats().1 {
        let came = stats.accepted + stats.recovered + stats.taken_over;
        let went = stats.delivered + stats.dropped_total() + stats.spooled + stats.handed_over + stats.pending();
        assert_eq!(came, went, "{stats:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_must_mend_falls_back_at_once_and_comes_home_afterwards() {
    let (first, second) = (Scripted::new([]), Scripted::new([]));
    *first.always.lock().unwrap() = Act::Fail(Reason::AccessDenied);
    let forwarder = with_fallback(&first, &second);
    for body in 0..10 {
        forwarder.accept(&lines(body * 10, 10, 100));
        forwarder.flush(soon()).await;
    }
    assert_eq!(second.events().len(), 100);
    assert_eq!(first.puts(), 1, "the sink is not asked again before its time");
    assert!(
        second.events().iter().all(|line| line["forwarder"]["sink"] == "first"),
        "the sink's name is kept"
    );
    *first.always.lock().unwrap() = Act::Take;
    tokio::time::sleep(Duration::from_secs(31)).await;
    forwarder.accept(&lines(100, 10, 100));
    forwarder.flush(soon()).await;
    assert_eq!((first.events().len(), second.events().len()), (10, 100));
    assert!(forwarder.close(soon(), false).await.is_empty());
    assert_balanced(&forwarder);
    for life in verdicts(&[&first, &second]) {
        assert_eq!((life.standing, life.repeats), (Standing::Complete, 0), "{life:?}");
    }
    let stats = forwarder.stats().1;
    assert_eq!((stats[0].handed_over, stats[1].taken_over), (100, 100));
}

#[tokio::test(start_paused = true)]
async fn what_may_recover_by_itself_falls_back_after_half_a_minute() {
    let (first, second) = (Scripted::new([]), Scripted::new([]));
    *first.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let forwarder = with_fallback(&first, &second);
    forwarder.accept(&lines(0, 10, 100));
    forwarder.run(true);
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(second.events().len(), 0);
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(second.events().len(), 10);
    assert_balanced(&forwarder);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_the_fallback_gets_what_is_left() {
    let (first, second) = (Scripted::new([]), Scripted::new([]));
    *first.always.lock().unwrap() = Act::NeverAnswer;
    let forwarder = with_fallback(&first, &second);
    forwarder.accept(&lines(0, 500, 100));
    let started = tokio::time::Instant::now();
    let undelivered = forwarder.close(started + Duration::from_millis(1_900), false).await;
    assert!(undelivered.is_empty(), "{undelivered:?}");
    assert!(started.elapsed() <= Duration::from_millis(1_900));
    assert_eq!(second.events().len(), 500);
    let lives = verdicts(&[&second]);
    assert!(
        lives.iter().all(|life| life.standing == Standing::Complete),
        "{lives:?}"
    );
    assert_balanced(&forwarder);
}

#[tokio::test(start_paused = true)]
async fn chunks_are_cut_anew_as_the_fallback_cuts() {
    let (first, second) = (Scripted::new([]), Scripted::new([]));
    *first.always.lock().unwrap() = Act::Fail(Reason::NotFound);
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![(lane("first"), first.clone()), (lane("second"), second.clone())];
    let mut settings = settings(lanes, Routes::parse("* -> first", &["first", "second"]).unwrap());
    settings.lanes[0].0.fallback = Some(1);
    settings.lanes[1].0.format = Format::Json;
    let forwarder = Forwarder::start(settings);
    forwarder.accept(&lines(0, 50, 100));
    forwarder.flush(soon()).await;
    forwarder.close(soon(), false).await;
    let taken = second.taken.lock().unwrap().clone();
    assert!(taken.len() >= 50);
    assert!(
        taken
            .iter()
            .all(|record| record.data.iter().filter(|byte| **byte == b'\n').count() == 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_limited_fallback_takes_so_much_a_minute_and_the_rest_waits() {
    let (first, second) = (Scripted::new([]), Scripted::new([]));
    *first.always.lock().unwrap() = Act::Fail(Reason::AccessDenied);
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![(lane("first"), first.clone()), (lane("second"), second.clone())];
    let routes = Routes::parse("platform.* -> second; * -> first", &["first", "second"]).unwrap();
    let mut settings = settings(lanes, routes);
    settings.lanes[0].0.fallback = Some(1);
    settings.lanes[1].0.taken_over_bytes = Some(1_048_576);
    let forwarder = Forwarder::start(settings);
    for body in 0..30 {
        forwarder.accept(&lines(body * 100, 100, 1_000));
        forwarder.run(true);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let bytes = |sink: &Scripted| {
        sink.taken
            .lock()
            .unwrap()
            .iter()
            .map(|record| record.data.len())
            .sum::<usize>()
    };
    assert!((1_000_000..1_100_000).contains(&bytes(&second)), "{}", bytes(&second));
    forwarder.accept(br#"[{"type":"platform.start","record":{}}]"#);
    forwarder.run(true);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        second.of_type("platform.start").len(),
        1,
        "its own lines are not limited"
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!((2_000_000..2_200_000).contains(&bytes(&second)), "{}", bytes(&second));
    assert_balanced(&forwarder);
}
