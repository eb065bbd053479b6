//! Every line is delivered, or counted and announced.

use std::sync::Arc;
use std::time::Duration;

use forwarder_core::delivery::sink::{Reason, Sink};
use forwarder_core::route::Routes;
use forwarder_core::{DropReason, Forwarder};
use reader::decode::Standing;

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn past_the_bound_the_oldest_lines_give_way_and_are_announced() {
    let sink = Scripted::new([]);
    *sink.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let forwarder = forwarder_with(&sink, |settings| settings.buffer_bytes = 1_000_000);
    for body in 0..30 {
        forwarder.accept(&lines(body * 100, 100, 1_000));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let stats = forwarder.stats().1[0];
        assert_eq!(
            stats.accepted,
            stats.delivered + stats.dropped_total() + stats.pending()
        );
    }
    *sink.always.lock().unwrap() = Act::Take;
    assert!(forwarder.close(soon(), false).await.is_empty());
    let verdict = sink.verdict();
    assert_eq!(verdict.standing, Standing::Complete, "{verdict:?}");
    assert!(verdict.announced > 2_000, "{verdict:?}");
    assert_eq!(verdict.events + verdict.announced, 3_000);
    let newest = sink.events().last().unwrap()["record"].as_str().unwrap().to_owned();
    assert!(newest.starts_with("00002999"), "the newest lines are kept: {newest}");
    let dropped = &sink.of_type("forwarder.dropped")[0]["record"];
    assert_eq!(dropped["reason"], DropReason::BufferFull.name());
    assert_eq!(
        dropped["ranges"].as_array().unwrap().len(),
        1,
        "one range for what was dropped in a row: {dropped}"
    );
    let report = sink.of_type("forwarder.report").pop().unwrap();
    assert_eq!(
        report["record"]["counters"]["dropped"]["buffer_full"],
        verdict.announced
    );
}

#[tokio::test(start_paused = true)]
async fn the_lane_that_holds_most_gives_way() {
    let (sick, well) = (Scripted::new([]), Scripted::new([]));
    *sick.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![(lane("sick"), sick.clone()), (lane("well"), well.clone())];
    let routes = Routes::parse("* -> sick, well", &["sick", "well"]).unwrap();
    let mut settings = settings(lanes, routes);
    settings.buffer_bytes = 1_000_000;
    let forwarder = Forwarder::start(settings);
    for body in 0..20 {
        forwarder.accept(&lines(body * 100, 100, 1_000));
        forwarder.run(true);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let stats = forwarder.stats().1;
    assert!(stats[0].dropped_total() > 1_000);
    assert_eq!((stats[1].dropped_total(), stats[1].delivered), (0, 2_000));
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_asks_for_patience_and_a_healthy_sink_makes_room() {
    let sink = Scripted::new([]);
    *sink.always.lock().unwrap() = Act::TakeSlowly(Duration::from_millis(20));
    let forwarder = forwarder_with(&sink, |settings| settings.buffer_bytes = 8_000_000);
    let mut asked = 0;
    for body in 0..100 {
        if forwarder.accept(&lines(body * 500, 500, 1_000)).full {
            asked += 1;
            forwarder.room(0, Duration::from_millis(250)).await;
        }
    }
    assert!(asked > 10, "{asked}");
    assert!(forwarder.close(soon(), false).await.is_empty());
    let verdict = sink.verdict();
    assert_eq!(
        (verdict.standing, verdict.events, verdict.announced),
        (Standing::Complete, 50_000, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_room_that_a_sick_sink_will_not_make() {
    let sink = Scripted::new([]);
    *sink.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let forwarder = forwarder_with(&sink, |settings| settings.buffer_bytes = 2_000_000);
    forwarder.accept(&lines(0, 1_500, 1_000));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(forwarder.accept(&lines(1_500, 10, 1_000)).full);
    let started = tokio::time::Instant::now();
    forwarder.room(0, Duration::from_millis(250)).await;
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_line_longer_than_a_record_may_be_is_dropped_and_announced() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 1, 100));
    forwarder.accept(&lines(1, 1, 1_100_000));
    forwarder.accept(&lines(2, 1, 100));
    forwarder.close(soon(), false).await;
    assert_eq!(sink.events().len(), 2);
    let dropped = &sink.of_type("forwarder.dropped")[0]["record"];
    assert_eq!(dropped, &serde_json::json!({"reason": "oversize", "ranges": [[1, 1]]}));
    assert_eq!(sink.verdict().standing, Standing::Complete);
}

#[tokio::test(start_paused = true)]
async fn a_lane_reports_each_minute_in_which_there_is_news_and_at_its_end() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    for second in 0..150 {
        forwarder.accept(&lines(second, 1, 100));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    forwarder.close(soon(), false).await;
    let reports = sink.of_type("forwarder.report");
    let finals: Vec<_> = reports
        .iter()
        .map(|report| report["record"]["final"].as_bool().unwrap())
        .collect();
    assert_eq!(finals, [false, false, true]);
    for report in &reports {
        let seq = report["forwarder"]["seq"].as_u64().unwrap();
        assert_eq!(report["record"]["nextSeq"], seq + 1);
        let counters = &report["record"]["counters"];
        let count = |name: &str| counters[name].as_u64().unwrap();
        assert_eq!(count("accepted"), seq);
        assert_eq!(count("accepted"), count("delivered") + count("pending"));
    }
    let last = sink.lines().pop().unwrap();
    assert_eq!(last["record"]["final"], true, "the final report is the last line");
}
