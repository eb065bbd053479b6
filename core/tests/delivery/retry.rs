//! Retries: lines that a sink does not take.

use std::collections::HashSet;
use std::time::Duration;

use forwarder_core::delivery::sink::{Limits, Reason};
use reader::decode::Standing;

use crate::world::*;

/// Three records in one put; the final report makes another.
const BODY_LINES: usize = 60;

#[tokio::test(start_paused = true)]
async fn refused_records_are_retried_alone() {
    let sink = Scripted::new([Act::Refuse(vec![0, 2], Reason::Throttled)]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, BODY_LINES, 1_000));
    assert!(forwarder.close(soon(), false).await.is_empty());
    let puts = sink.puts.lock().unwrap().clone();
    assert_eq!(puts.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(
        (&puts[1][0].data, &puts[1][1].data),
        (&puts[0][0].data, &puts[0][2].data)
    );
    let verdict = sink.verdict();
    assert_eq!((verdict.standing, verdict.repeats), (Standing::Complete, 0));
    let stats = forwarder.stats().1[0];
    assert_eq!((stats.puts, stats.failed_puts, stats.pending()), (3, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_retry_has_a_new_random_key() {
    let sink = Scripted::new([Act::Fail(Reason::Throttled)]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, BODY_LINES, 1_000));
    forwarder.close(soon(), false).await;
    let puts = sink.puts.lock().unwrap().clone();
    let keys: HashSet<_> = puts.iter().flatten().map(|record| record.key.clone()).collect();
    assert_eq!(keys.len(), 7, "every record of every attempt has a key of its own");
    assert!(
        keys.iter()
            .all(|key| key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()))
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_outcome_counts_as_a_retry() {
    let sink = Scripted::new([Act::AnswerShort(1)]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, BODY_LINES, 1_000));
    forwarder.close(soon(), false).await;
    assert_eq!(
        sink.puts.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(),
        [3, 2, 1]
    );
    assert_eq!(sink.verdict().standing, Standing::Complete);
}

#[tokio::test(start_paused = true)]
async fn failed_calls_are_made_again_until_they_succeed() {
    let failures = [
        Reason::Unreachable,
        Reason::Service,
        Reason::Throttled,
        Reason::TimedOut,
        Reason::Unknown,
    ];
    let sink = Scripted::new(failures.map(Act::Fail));
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(forwarder.lanes()[0].failing(), None);
    forwarder.close(soon(), false).await;
    let verdict = sink.verdict();
    assert_eq!(
        (verdict.standing, verdict.repeats, verdict.events),
        (Standing::Complete, 0, 10)
    );
    assert_eq!(forwarder.stats().1[0].failed_puts, 5);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_must_mend_is_looked_at_every_thirty_seconds() {
    let sink = Scripted::new([]);
    *sink.always.lock().unwrap() = Act::Fail(Reason::AccessDenied);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    tokio::time::sleep(Duration::from_secs(10 + 5 * 60)).await;
    let puts = sink.puts();
    assert!((10..=12).contains(&puts), "{puts} puts in five minutes");
    *sink.always.lock().unwrap() = Act::Take;
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(sink.events().len(), 10, "permissions came back and nothing is lost");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_panics_is_started_again_and_loses_nothing() {
    let sink = Scripted::new([Act::Panic, Act::Take, Act::Panic]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    assert!(forwarder.flush(soon()).await);
    forwarder.accept(&lines(10, 10, 100));
    assert!(forwarder.close(soon(), false).await.is_empty());
    let verdict = sink.verdict();
    assert_eq!((verdict.standing, verdict.events), (Standing::Complete, 20));
    assert_eq!(forwarder.stats().1[0].panics, 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_not_waited_for() {
    let sink = Scripted::new([Act::NeverAnswer]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    assert!(forwarder.flush(soon() + Duration::from_secs(5)).await);
    assert_eq!((sink.puts(), forwarder.stats().1[0].failed_puts), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_waited_for_and_not_repeated() {
    let sink = Scripted::new([Act::TakeSlowly(Duration::from_secs(3))]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    assert!(forwarder.flush(soon()).await);
    assert_eq!(sink.puts(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_record_that_is_invalid_costs_only_itself() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    forwarder.flush(soon()).await;
    *sink.longest.lock().unwrap() = 40_000;
    forwarder.accept(&lines(10, 100, 1_000));
    forwarder.accept(&lines(110, 1, 50_000));
    forwarder.accept(&lines(111, 100, 1_000));
    assert!(forwarder.close(soon(), false).await.is_empty());
    assert_eq!(sink.events().len(), 210);
    let dropped = &sink.of_type("forwarder.dropped")[0]["record"];
    assert_eq!(
        dropped,
        &serde_json::json!({"reason": "rejected", "detail": "a record is too long", "ranges": [[110, 110]]})
    );
    let verdict = sink.verdict();
    assert_eq!((verdict.standing, verdict.announced), (Standing::Complete, 1));
}

#[tokio::test(start_paused = true)]
async fn puts_keep_to_the_limits() {
    let limits = Limits {
        put_records: 7,
        put_bytes: 100_000,
        record_bytes: 30_000,
        keyed: true,
    };
    let sink = Scripted::with_limits(limits, []);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 500, 1_000));
    forwarder.accept(&lines(500, 20, 20_000));
    forwarder.close(soon(), false).await;
    for put in sink.puts.lock().unwrap().iter() {
        assert!(put.len() <= 7);
        assert!(put.iter().map(|record| record.size()).sum::<usize>() <= 100_000);
        assert!(put.iter().all(|record| record.size() <= 30_000));
    }
    assert_eq!(sink.verdict().events, 520);
    let full = sink
        .taken
        .lock()
        .unwrap()
        .iter()
        .filter(|record| record.size() > 23_000)
        .count();
    assert!(full >= 20, "records are filled up to their target: {full}");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_invalid_from_the_beginning_does_not_block_the_others() {
    let sink = Scripted::new([]);
    *sink.longest.lock().unwrap() = 40_000;
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 1, 50_000));
    forwarder.accept(&lines(1, 100, 1_000));
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(sink.events().len(), 100);
    forwarder.accept(&lines(101, 100, 1_000));
    tokio::time::sleep(Duration::from_secs(120)).await;
    forwarder.close(soon(), false).await;
    let verdict = sink.verdict();
    assert_eq!(
        (verdict.standing, verdict.events, verdict.announced),
        (Standing::Complete, 200, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_calls_everything_invalid_costs_nothing() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 10, 100));
    forwarder.flush(soon()).await;
    *sink.always.lock().unwrap() = Act::Fail(Reason::Invalid);
    forwarder.accept(&lines(10, 200, 1_000));
    forwarder.run(true);
    tokio::time::sleep(Duration::from_secs(300)).await;
    let puts = sink.puts();
    assert!(puts < 40, "{puts} puts in five minutes");
    *sink.always.lock().unwrap() = Act::Take;
    tokio::time::sleep(Duration::from_secs(31)).await;
    forwarder.close(soon(), false).await;
    let verdict = sink.verdict();
    assert_eq!(
        (verdict.standing, verdict.events, verdict.announced),
        (Standing::Complete, 210, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn progress_keeps_the_pauses_short() {
    let sink = Scripted::new([]);
    *sink.always.lock().unwrap() = Act::Refuse(vec![0], Reason::Throttled);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 20_000, 1_000));
    forwarder.run(true);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(sink.events().len() > 19_000, "{}", sink.events().len());
}
