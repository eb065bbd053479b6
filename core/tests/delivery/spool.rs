//! Lines on disk: what memory cannot hold, and what one life leaves to the next.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use forwarder_core::Forwarder;
use forwarder_core::delivery::sink::Reason;
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use reader::decode::Standing;

use crate::world::*;

/// A folder that is removed in the end.
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "forwarder-spool-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        Self(std::env::temp_dir().join(name))
    }

    /// Every segment below it.
    fn segments(&self) -> Vec<PathBuf> {
        let lives = std::fs::read_dir(&self.0)
            .into_iter()
            .flatten()
            .map(|life| life.unwrap().path());
        let files = lives.flat_map(|life| {
            std::fs::read_dir(life)
                .unwrap()
                .map(|file| file.unwrap().path())
                .collect::<Vec<_>>()
        });
        files
            .filter(|file| file.extension().is_some_and(|suffix| suffix == "seg"))
            .collect()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn life(sink: &Arc<Scripted>, dir: &Path, mode: SpoolMode, buffer_bytes: usize) -> Forwarder {
    forwarder_with(sink, |settings| {
        settings.buffer_bytes = buffer_bytes;
        settings.spool = SpoolSettings {
            dir: dir.to_owned(),
            max_bytes: 64 << 20,
            mode,
        };
    })
}

/// The process is gone, and its locks with it.
pub async fn end(forwarder: Forwarder) {
    drop(forwarder);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn assert_balanced(forwarder: &Forwarder) {
    let stats = forwarder.stats().1[0];
    let came = stats.accepted + stats.recovered + stats.taken_over;
    assert_eq!(
        came,
        stats.delivered + stats.dropped_total() + stats.spooled + stats.handed_over + stats.pending()
    );
}

#[tokio::test(start_paused = true)]
async fn what_memory_cannot_hold_waits_on_disk_and_is_delivered() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let forwarder = life(&sink, &dir.0, SpoolMode::Overflow, 1_000_000);
    for body in 0..60 {
        forwarder.accept(&lines(body * 100, 100, 1_000));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_balanced(&forwarder);
    }
    assert!(forwarder.stats().1[0].spooled > 4_000, "{:?}", forwarder.stats().1[0]);
    assert_eq!(forwarder.stats().1[0].dropped_total(), 0);
    *sink.always.lock().unwrap() = Act::Take;
    assert!(forwarder.close(soon(), false).await.is_empty());
    let verdict = sink.verdict();
    assert_eq!(
        (verdict.standing, verdict.events, verdict.repeats),
        (Standing::Complete, 6_000, 0)
    );
    assert_balanced(&forwarder);
    assert!(dir.segments().is_empty(), "the disk is left clean");
    assert_eq!(std::fs::read_dir(&dir.0).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_life_could_not_deliver_the_next_one_does_under_the_old_name() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::NeverAnswer;
    let first = life(&sink, &dir.0, SpoolMode::Overflow, 64 << 20);
    first.accept(&lines(0, 3_000, 1_000));
    assert!(first.close(soon(), true).await.is_empty(), "nothing is given up");
    let id = first.id();
    end(first).await;
    *sink.always.lock().unwrap() = Act::Take;
    let second = life(&sink, &dir.0, SpoolMode::Overflow, 64 << 20);
    second.recover().await;
    assert!(second.flush(soon()).await);
    assert_eq!(sink.events().len(), 3_000);
    assert!(sink.lines().iter().all(|line| line["forwarder"]["id"] == *id));
    let verdict = sink.verdict();
    assert_eq!(
        (verdict.standing, verdict.repeats),
        (Standing::Complete, 0),
        "its final report was on disk too"
    );
    assert_eq!(second.stats().1[0].recovered, 3_001);
    assert_balanced(&second);
    assert!(second.close(soon(), false).await.is_empty());
    assert_eq!(std::fs::read_dir(&dir.0).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn always_means_on_disk_before_the_answer() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::NeverAnswer;
    let first = life(&sink, &dir.0, SpoolMode::Always, 64 << 20);
    first.accept(&lines(0, 10, 100));
    first.accept(&lines(10, 10, 100));
    // Killed: nothing more runs of it. Its lock goes with it.
    end(first).await;
    *sink.always.lock().unwrap() = Act::Take;
    let second = life(&sink, &dir.0, SpoolMode::Always, 64 << 20);
    second.recover().await;
    second.flush(soon()).await;
    assert_eq!(sink.events().len(), 20);
    second.accept(&lines(20, 10, 100));
    second.flush(soon()).await;
    assert!(dir.segments().is_empty(), "what is delivered is no longer on disk");
}

#[tokio::test(start_paused = true)]
async fn a_life_that_still_lasts_is_left_alone() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::NeverAnswer;
    let first = life(&sink, &dir.0, SpoolMode::Always, 64 << 20);
    first.accept(&lines(0, 10, 100));
    let second = life(&sink, &dir.0, SpoolMode::Always, 64 << 20);
    second.recover().await;
    assert_eq!(second.stats().1[0].recovered, 0);
}

#[tokio::test(start_paused = true)]
async fn a_torn_tail_costs_only_itself() {
    for torn in [1, 30, 200] {
        let (dir, sink) = (Dir::new(), Scripted::new([]));
        *sink.always.lock().unwrap() = Act::NeverAnswer;
        let first = life(&sink, &dir.0, SpoolMode::Always, 64 << 20);
        for body in 0..5 {
            first.accept(&lines(body * 10, 10, 100));
        }
        end(first).await;
        let segment = &dir.segments()[0];
        let file = std::fs::OpenOptions::new().write(true).open(segment).unwrap();
        file.set_len(file.metadata().unwrap().len() - torn).unwrap();
        *sink.always.lock().unwrap() = Act::Take;
        let second = life(&sink, &dir.0, SpoolMode::Always, 64 << 20);
        second.recover().await;
        second.flush(soon()).await;
        assert_eq!(sink.events().len(), 40, "torn by {torn} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn corrupt_lines_are_dropped_and_announced_and_the_others_arrive() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::NeverAnswer;
    let first = life(&sink, &dir.0, SpoolMode::Always, 64 << 20);
    for body in 0..5 {
        first.accept(&lines(body * 10, 10, 100));
    }
    first.close(soon(), true).await;
    end(first).await;
    let segment = &dir.segments()[0];
    let mut bytes = std::fs::read(segment).unwrap();
    let at = bytes.windows(9).position(|window| window == b"00000020 ").unwrap();
    bytes[at] = b'X';
    std::fs::write(segment, bytes).unwrap();
    *sink.always.lock().unwrap() = Act::Take;
    let second = life(&sink, &dir.0, SpoolMode::Always, 64 << 20);
    second.recover().await;
    second.flush(soon()).await;
    assert_eq!(sink.events().len(), 40);
    let dropped = sink.of_type("forwarder.dropped");
    assert_eq!(
        dropped[0]["record"],
        serde_json::json!({"reason": "spool_corrupt", "ranges": [[20, 29]]})
    );
    let verdict = sink.verdict();
    assert_eq!(
        (verdict.standing, verdict.announced),
        (Standing::Complete, 10),
        "the announcement takes the place of the first"
    );
    assert_balanced(&second);
}

#[tokio::test(start_paused = true)]
async fn a_full_spool_drops_and_announces_and_an_unusable_one_is_done_without() {
    for unusable in [false, true] {
        let (dir, sink) = (Dir::new(), Scripted::new([]));
        if unusable {
            std::fs::write(&dir.0, "a file where the folder should be").unwrap();
        }
        *sink.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
        let forwarder = forwarder_with(&sink, |settings| {
            settings.buffer_bytes = 1_000_000;
            settings.spool = SpoolSettings {
                dir: dir.0.clone(),
                max_bytes: 500_000,
                mode: SpoolMode::Overflow,
            };
        });
        for body in 0..40 {
            forwarder.accept(&lines(body * 100, 100, 1_000));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        *sink.always.lock().unwrap() = Act::Take;
        assert!(forwarder.close(soon(), false).await.is_empty());
        let verdict = sink.verdict();
        assert_eq!(verdict.standing, Standing::Complete);
        assert!(verdict.announced > 2_000);
        assert_eq!(verdict.events + verdict.announced, 4_000);
        if unusable {
            std::fs::remove_file(&dir.0).unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_else_may_read_it_or_put_something_in_its_place() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::NeverAnswer;
    let forwarder = life(&sink, &dir.0, SpoolMode::Always, 64 << 20);
    forwarder.accept(&lines(0, 10, 100));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let segment = dir.segments()[0].clone();
    assert_eq!(
        (mode(&dir.0), mode(segment.parent().unwrap()), mode(&segment)),
        (0o700, 0o700, 0o600)
    );
    end(forwarder).await;
    // A segment that is a link leads nowhere.
    let elsewhere = Dir::new();
    std::fs::rename(&segment, &elsewhere.0).unwrap();
    symlink(&elsewhere.0, &segment).unwrap();
    let second = life(&sink, &dir.0, SpoolMode::Always, 64 << 20);
    second.recover().await;
    assert_eq!(second.stats().1[0].recovered, 0);
    let _ = std::fs::remove_file(&elsewhere.0);
    // A folder that is a link is not used.
    let (real, link) = (Dir::new(), Dir::new());
    std::fs::create_dir(&real.0).unwrap();
    symlink(&real.0, &link.0).unwrap();
    let third = life(&sink, &link.0, SpoolMode::Always, 64 << 20);
    third.accept(&lines(0, 10, 100));
    assert_eq!(std::fs::read_dir(&real.0).unwrap().count(), 0);
    let _ = std::fs::remove_file(&link.0);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_without_a_successor_what_is_left_is_named() {
    let (dir, sink) = (Dir::new(), Scripted::new([]));
    *sink.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let forwarder = life(&sink, &dir.0, SpoolMode::Overflow, 1_000_000);
    for body in 0..20 {
        forwarder.accept(&lines(body * 100, 100, 1_000));
    }
    let undelivered = forwarder.close(soon(), false).await;
    assert_eq!(undelivered.len(), 1);
    assert_eq!(undelivered[0].dropped.len(), 1);
    assert_eq!(
        undelivered[0].dropped[0].ranges,
        [[0, 2_001]],
        "what was on disk, in memory, its announcement, and the final report"
    );
    assert_balanced(&forwarder);
}
