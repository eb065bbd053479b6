//! Bounds of memory and descriptors, measured by an allocator that counts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    unsafe_code,
    clippy::print_stdout
)]

#[path = "delivery/world.rs"]
mod world;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use forwarder_core::Forwarder;
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::record::format::Format;
use forwarder_core::route::Routes;
use world::*;

struct Counting;
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(
            LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size(),
            Ordering::Relaxed,
        );
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(ptr, layout) }
    }
}
#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Takes nothing, and keeps nothing.
struct Dead(Reason);
#[async_trait]
impl Sink for Dead {
    fn limits(&self) -> Limits {
        LIMITS
    }
    async fn put(&self, _: &[Record]) -> Result<Vec<Outcome>, Failure> {
        Err(Failure::new(self.0, "dead"))
    }
    fn renew(&self) {}
}

const BUFFER: usize = 4 << 20;

/// Runs one test after the other, each with a runtime of its own that is gone before the next: they share one allocator,
/// whose counters count all of them.
fn alone(test: impl Future<Output = ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(test);
}

fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

async fn settle() {
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
}

/// one dead sink, `json`, the default spool of 64 MiB.
#[test]
fn what_is_on_disk_costs_no_memory_under_json() {
    alone(what_is_on_disk_costs_no_memory_under_json_alone());
}
async fn what_is_on_disk_costs_no_memory_under_json_alone() {
    on_disk(Format::Json, SpoolMode::Overflow, 1_000).await;
}
#[test]
fn what_is_on_disk_costs_no_memory_under_always_with_small_bodies() {
    alone(what_is_on_disk_costs_no_memory_under_always_with_small_bodies_alone());
}
async fn what_is_on_disk_costs_no_memory_under_always_with_small_bodies_alone() {
    on_disk(Format::Ndjson, SpoolMode::Always, 1).await;
}
async fn on_disk(format: Format, mode: SpoolMode, per_body: usize) {
    let dir = std::env::temp_dir().join(format!("forwarder-memory-{}-{}", std::process::id(), format.name()));
    let _ = std::fs::remove_dir_all(&dir);
    let before = live();
    let mut settings = settings(
        vec![(lane("kinesis"), Arc::new(Dead(Reason::Unreachable)))],
        Routes::all_to(0),
    );
    settings.lanes[0].0.format = format;
    settings.buffer_bytes = BUFFER;
    settings.spool = SpoolSettings {
        dir: dir.clone(),
        max_bytes: 64 << 20,
        mode,
    };
    let forwarder = Forwarder::start(settings);
    let mut next = 0;
    loop {
        forwarder.accept(&lines(next, per_body, 60));
        next += per_body;
        settle().await;
        let stats = forwarder.stats().1[0];
        if stats.dropped_total() > 0 || next > 400_000 {
            break;
        }
    }
    settle().await;
    let stats = forwarder.stats().1[0];
    let held = live() - before;
    let _ = std::fs::remove_dir_all(&dir);
    println!(
        "{format:?} {mode:?}: {next} lines, {} on disk, {} in memory; {held} bytes of heap, the bound is {BUFFER}",
        stats.spooled,
        stats.pending()
    );
    assert!(held < 2 * BUFFER, "{held} bytes of heap with a buffer of {BUFFER}");
}

/// a sink and its fallback, both refused; no spool.
#[test]
fn a_fallback_that_is_dead_too_is_bounded() {
    alone(a_fallback_that_is_dead_too_is_bounded_alone());
}
async fn a_fallback_that_is_dead_too_is_bounded_alone() {
    let before = live();
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![
        (lane("first"), Arc::new(Dead(Reason::AccessDenied))),
        (lane("second"), Arc::new(Dead(Reason::AccessDenied))),
    ];
    let mut settings = settings(lanes, Routes::parse("* -> first", &["first", "second"]).unwrap());
    settings.lanes[0].0.fallback = Some(1);
    settings.buffer_bytes = BUFFER;
    let forwarder = Forwarder::start(settings);
    let mut next = 0;
    for round in 0..10 {
        for _ in 0..2_000 {
            forwarder.accept(&lines(next, 2, 100));
            next += 2;
            settle().await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let stats = forwarder.stats().1;
        println!(
            "{round}: {next} lines in; first pending {} dropped {}, second pending {} dropped {}; {} bytes of heap, the bound is {BUFFER}",
            stats[0].pending(),
            stats[0].dropped_total(),
            stats[1].pending(),
            stats[1].dropped_total(),
            live() - before
        );
    }
    let held = live() - before;
    assert!(held < 2 * BUFFER, "{held} bytes of heap with a buffer of {BUFFER}");
}

/// descriptors of a large spool.
#[test]
fn a_large_spool_does_not_use_up_the_descriptors() {
    alone(a_large_spool_does_not_use_up_the_descriptors_alone());
}
async fn a_large_spool_does_not_use_up_the_descriptors_alone() {
    let dir = std::env::temp_dir().join(format!("forwarder-memory-files-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let mut settings = settings(
        vec![(lane("kinesis"), Arc::new(Dead(Reason::Unreachable)))],
        Routes::all_to(0),
    );
    settings.buffer_bytes = BUFFER;
    settings.spool = SpoolSettings {
        dir: dir.clone(),
        max_bytes: 256 << 20,
        mode: SpoolMode::Overflow,
    };
    let forwarder = Forwarder::start(settings);
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    for round in 0..120 {
        forwarder.accept(&lines(round * 200, 200, 10_000));
        settle().await;
    }
    let after = descriptors();
    let on_disk: u64 = walk(&dir);
    let _ = std::fs::remove_dir_all(&dir);
    println!("{before} descriptors before, {after} with {on_disk} bytes on disk");
    assert!(
        after < before + 16,
        "{} descriptors for {} MiB: 1 GiB takes the 1,024 that an environment has",
        after - before,
        on_disk >> 20
    );
}
fn walk(dir: &std::path::Path) -> u64 {
    std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                walk(&entry.path())
            } else {
                metadata.len()
            }
        })
        .sum()
}

/// the same two, and a third sink that is well.
#[test]
fn a_healthy_sink_does_not_suffer_from_two_dead_ones() {
    alone(a_healthy_sink_does_not_suffer_from_two_dead_ones_alone());
}
async fn a_healthy_sink_does_not_suffer_from_two_dead_ones_alone() {
    let well = Scripted::new([]);
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![
        (lane("first"), Arc::new(Dead(Reason::AccessDenied))),
        (lane("second"), Arc::new(Dead(Reason::AccessDenied))),
        (lane("well"), well.clone()),
    ];
    let mut settings = settings(
        lanes,
        Routes::parse("function -> first; * -> well", &["first", "second", "well"]).unwrap(),
    );
    settings.lanes[0].0.fallback = Some(1);
    settings.buffer_bytes = BUFFER;
    let forwarder = Forwarder::start(settings);
    let mut next = 0;
    for round in 0..6 {
        for _ in 0..1_000 {
            forwarder.run(true);
            forwarder.accept(&lines(next, 2, 100));
            next += 2;
            let report = format!(
                r#"{{"type":"platform.report","record":{{"requestId":"{next}","metrics":{{"durationMs":1.5,"billedDurationMs":2,"memorySizeMB":128,"maxMemoryUsedMB":70}},"status":"success"}}}}"#
            );
            forwarder.accept(format!("[{}]", vec![report; 10].join(",")).as_bytes());
            settle().await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let stats = forwarder.stats().1;
        println!(
            "{round}: {next} lines in; the healthy sink took {} and its lane dropped {}",
            stats[2].delivered,
            stats[2].dropped_total()
        );
    }
    let stats = forwarder.stats().1;
    assert_eq!(
        stats[2].dropped_total(),
        0,
        "a healthy sink lost lines for two that are dead"
    );
}

/// one body of garbage within the listener's bound.
#[test]
fn a_large_body_of_garbage_is_not_in_memory_several_times() {
    alone(a_large_body_of_garbage_is_not_in_memory_several_times_alone());
}
async fn a_large_body_of_garbage_is_not_in_memory_several_times_alone() {
    let sink = Arc::new(Dead(Reason::Unreachable));
    let mut settings = settings(vec![(lane("kinesis"), sink)], Routes::all_to(0));
    settings.lanes[0].0.oversize = forwarder_core::record::oversize::Oversize::Split;
    settings.buffer_bytes = BUFFER;
    let forwarder = Forwarder::start(settings);
    let body = vec![0xff_u8; 15 << 20];
    let before = live();
    PEAK.store(before, Ordering::Relaxed);
    forwarder.accept(&body);
    let (peak, after) = (PEAK.load(Ordering::Relaxed) - before, live() - before);
    println!(
        "15 MiB of garbage: peak {} MiB besides the body, {} MiB kept",
        peak >> 20,
        after >> 20
    );
    assert!(peak < 8 * BUFFER, "{} MiB besides the body", peak >> 20);
}
