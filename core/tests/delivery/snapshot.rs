//! One process before the snapshot, many environments after it.

use std::collections::BTreeSet;
use std::time::Duration;

use forwarder_core::Forwarder;
use forwarder_core::delivery::sink::Reason;
use forwarder_core::delivery::spool::SpoolMode;
use reader::decode::Standing;
use tokio::time::Instant;

use crate::spool::{Dir, life};
use crate::world::*;

const INIT: &str = r#"[{"time":"2026-11-20T09:14:02.820Z","type":"platform.initStart","record":{"initializationType":"snap-start","phase":"init","instanceId":"snapshot"}},{"time":"2026-11-20T09:14:02.821Z","type":"function","record":"init\n"}]"#;
const INIT_REPORT: &str = r#"[{"time":"2026-11-20T09:14:03.820Z","type":"platform.initReport","record":{"initializationType":"snap-start","phase":"init","metrics":{"durationMs":1000.0}}}]"#;
const RESTORE: &str =
    r#"[{"time":"2026-11-20T10:00:00.000Z","type":"platform.restoreStart","record":{"instanceId":"restored"}}]"#;

/// Lives as the lines tell them, each with its types in order of `seq`.
fn lives(sink: &Scripted) -> Vec<(String, Vec<String>)> {
    let mut lives: Vec<(String, Vec<String>)> = Vec::new();
    for line in sink.lines() {
        let id = line["forwarder"]["id"].as_str().unwrap().to_owned();
        let kind = line["type"].as_str().unwrap().to_owned();
        match lives.iter_mut().find(|(other, _)| *other == id) {
            Some((_, types)) => {
                assert_eq!(line["forwarder"]["seq"], types.len());
                types.push(kind);
            }
            None => lives.push((id, vec![kind])),
        }
    }
    lives
}

async fn prepared(sink: &std::sync::Arc<Scripted>) -> Forwarder {
    let forwarder = forwarder(sink);
    forwarder.expect_snapshot();
    forwarder.accept(INIT.as_bytes());
    forwarder.prepare_snapshot();
    assert!(forwarder.flush(soon()).await);
    forwarder
}

#[tokio::test(start_paused = true)]
async fn what_init_said_is_delivered_and_its_life_closed_before_the_snapshot() {
    let sink = Scripted::new([]);
    let forwarder = prepared(&sink).await;
    let [(id, types)] = lives(&sink).try_into().unwrap();
    assert_eq!(types, ["platform.initStart", "function", "forwarder.report"]);
    assert_ne!(id, forwarder.id());
    assert_eq!(sink.verdict().standing, Standing::Complete);
    // An environment made from it finds nothing to send.
    forwarder.restored();
    forwarder.run(true);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(lives(&sink).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_next_is_a_life_of_its_own() {
    let sink = Scripted::new([]);
    let forwarder = prepared(&sink).await;
    forwarder.accept(INIT_REPORT.as_bytes());
    // The snapshot may be taken as soon as the put is answered.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let lives = lives(&sink);
    assert_eq!(lives[1].1, ["platform.initReport", "forwarder.report"]);
    assert!(forwarder.stats().1[0].pending() == 0);
}

#[tokio::test(start_paused = true)]
async fn every_environment_has_its_own_id_from_the_first_line_on() {
    let mut ids = BTreeSet::new();
    for invoke_first in [true, false] {
        let sink = Scripted::new([]);
        let forwarder = prepared(&sink).await;
        if invoke_first {
            assert!(forwarder.restored());
            assert!(!forwarder.accept(RESTORE.as_bytes()).restored, "it was known");
        } else {
            assert!(forwarder.accept(RESTORE.as_bytes()).restored);
            assert!(!forwarder.restored(), "it was known");
        }
        forwarder.accept(&lines(0, 3, 100));
        forwarder.close(soon(), false).await;
        let lives = lives(&sink);
        let [_, (id, types)] = lives.as_slice() else {
            panic!("{lives:?}")
        };
        assert_eq!(
            *types,
            [
                "platform.restoreStart",
                "function",
                "function",
                "function",
                "forwarder.report"
            ]
        );
        let restored = &sink.of_type("function")[1];
        assert_eq!(restored["forwarder"]["resource"]["faas.instance"], "restored");
        ids.insert(id.clone());
        // Credentials and connections were another environment's.
        assert_eq!(*sink.renewed.lock().unwrap(), 1);
    }
    assert_eq!(ids.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_sink_did_not_take_before_the_snapshot_is_sent_by_no_environment_and_announced_by_each() {
    for (invoke_first, spooled) in [(true, false), (false, false), (true, true)] {
        // The put that is in flight at the snapshot is never answered.
        let sink = Scripted::new([Act::NeverAnswer]);
        let dir = Dir::new();
        let forwarder = match spooled {
            false => forwarder(&sink),
            true => life(&sink, &dir.0, SpoolMode::Always, 4 << 20),
        };
        forwarder.expect_snapshot();
        forwarder.accept(INIT.as_bytes());
        forwarder.prepare_snapshot();
        let before = forwarder.id();
        assert!(!forwarder.flush(Instant::now() + Duration::from_secs(1)).await);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        if invoke_first {
            forwarder.restored();
        }
        forwarder.accept(RESTORE.as_bytes());
        forwarder.close(soon(), false).await;
        let [verdict] = sink.verdicts().try_into().unwrap();
        assert_ne!(verdict.life.id, before);
        assert_eq!(
            (verdict.standing, verdict.announced, verdict.events),
            (Standing::Complete, 3, 1)
        );
        let dropped = &sink.of_type("forwarder.dropped")[0]["record"];
        assert_eq!(dropped.to_string(), r#"{"ranges":[[0,2]],"reason":"shutdown"}"#);
        let stats = forwarder.stats().1[0];
        assert_eq!((stats.pending(), stats.spooled, stats.dropped_total()), (0, 0, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_right_before_the_first_invocation_came_here() {
    // Lambda tells of init's end after the restore, and of the restore itself only later.
    let sink = Scripted::new([Act::Take, Act::NeverAnswer]);
    let forwarder = prepared(&sink).await;
    forwarder.accept(INIT_REPORT.as_bytes());
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(forwarder.restored());
    forwarder.accept(RESTORE.as_bytes());
    forwarder.close(soon(), false).await;
    let lives: Vec<_> = lives(&sink).into_iter().map(|(_, types)| types).collect();
    assert_eq!(lives[1], ["platform.initReport", "forwarder.report"]);
    assert_eq!(lives[2], ["platform.restoreStart", "forwarder.report"]);
}

#[tokio::test(start_paused = true)]
async fn what_init_told_late_belongs_to_the_environment_that_is_told_of_the_restore_with_it() {
    let sink = Scripted::new([]);
    let forwarder = prepared(&sink).await;
    let (report, restore) = (&INIT_REPORT[..INIT_REPORT.len() - 1], &RESTORE[1..]);
    assert!(forwarder.accept(format!("{report},{restore}").as_bytes()).restored);
    forwarder.close(soon(), false).await;
    assert_eq!(
        lives(&sink)[1].1,
        ["platform.initReport", "platform.restoreStart", "forwarder.report"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_restore_that_nobody_expected_is_one_too() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.accept(&lines(0, 2, 100));
    let before = forwarder.id();
    forwarder.accept(RESTORE.as_bytes());
    assert_ne!(forwarder.id(), before);
    forwarder.close(soon(), false).await;
    let lives = lives(&sink);
    assert_eq!(
        lives[0],
        (
            before,
            vec!["function".into(), "function".into(), "forwarder.report".into()]
        )
    );
    assert_eq!(lives[1].1, ["platform.restoreStart", "forwarder.report"]);
}

/// After a reset the function's init runs inside of an invocation, and what the life before left on disk is this one's.
#[tokio::test(start_paused = true)]
async fn after_a_reset_no_snapshot_is_taken_and_nothing_is_given_up() {
    let dir = Dir::new();
    let before = {
        let sink = Scripted::new([]);
        *sink.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
        let forwarder = life(&sink, &dir.0, SpoolMode::Overflow, 4 << 20);
        forwarder.accept(&lines(0, 3, 100));
        assert!(forwarder.close(soon(), true).await.is_empty());
        forwarder.id()
    };
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let sink = Scripted::new([]);
    let forwarder = life(&sink, &dir.0, SpoolMode::Overflow, 4 << 20);
    forwarder.expect_snapshot();
    let init = INIT.replace(r#""phase":"init""#, r#""phase":"invoke""#);
    assert!(forwarder.accept(init.as_bytes()).initialized);
    assert!(!forwarder.prepare_snapshot());
    forwarder.recover().await;
    // What was read from disk has not been put yet when the invocation begins.
    assert!(!forwarder.restored());
    forwarder.close(soon(), false).await;
    let lives = lives(&sink);
    let types = |id: &str| {
        lives
            .iter()
            .find(|(other, _)| other == id)
            .map(|(_, types)| types.len())
    };
    assert_eq!(types(&before), Some(4), "{lives:?}");
    assert_eq!(types(&forwarder.id()), Some(3), "{lives:?}");
    for verdict in sink.verdicts() {
        assert_eq!(verdict.standing, Standing::Complete);
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_body_tells_is_under_no_id_of_the_snapshot_either() {
    let sink = Scripted::new([]);
    let forwarder = prepared(&sink).await;
    let snapshot = forwarder.id();
    forwarder.refuse_body("too large");
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(lives(&sink)[1].1, ["forwarder.unparsed", "forwarder.report"]);
    // An environment that ends before its first invocation was told of no restore.
    let later = forwarder.id();
    forwarder.close(soon(), false).await;
    let lives = lives(&sink);
    assert_eq!(lives[2].1, ["forwarder.report"]);
    assert!(lives.iter().all(|(id, _)| *id != snapshot && *id != later), "{lives:?}");
}

#[tokio::test(start_paused = true)]
async fn another_environment_does_not_go_by_the_snapshots_instance() {
    let sink = Scripted::new([]);
    let forwarder = prepared(&sink).await;
    forwarder.restored();
    forwarder.accept(&lines(0, 1, 100));
    forwarder.close(soon(), false).await;
    let [init, restored] = sink.of_type("function").try_into().unwrap();
    assert_eq!(init["forwarder"]["resource"]["faas.instance"], "snapshot");
    assert_eq!(
        restored["forwarder"]["resource"].get("faas.instance"),
        None,
        "{restored}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_init_inside_an_invocation_expects_no_snapshot() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.expect_snapshot();
    let init = INIT.replace(r#""phase":"init""#, r#""phase":"invoke""#);
    assert!(
        forwarder.accept(init.as_bytes()).initialized,
        "nobody waits for its end"
    );
    assert!(!forwarder.prepare_snapshot());
    assert!(!forwarder.restored());
    forwarder.close(soon(), false).await;
    let [(_, types)] = lives(&sink).try_into().unwrap();
    assert_eq!(types, ["platform.initStart", "function", "forwarder.report"]);
}
