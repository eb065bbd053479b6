//! A collector that is not ours: Rotel, from PyPI. It takes apart what it receives and sends it on in requests of its own,
//! to a receiver that counts. `make test-otlp` installs it.

use std::collections::BTreeSet;
use std::time::Instant;

use collectors::{Receiver, Reply, Rotel};
use forwarder_core::record::format::{Compression, Format};

use super::row;
use crate::world::{World, last_report, line, packed};

const LIVES: u64 = 10;

/// Lines of a row.
const EACH: u64 = 100;

/// Lines of all lives together; OTLP_EVENTS says another number.
fn events() -> u64 {
    let given = std::env::var("OTLP_EVENTS").ok();
    given.map_or(20_000, |count| count.parse().expect("OTLP_EVENTS is a number"))
}

/// The lines of one life: every so many-th is a row of an invocation.
fn lines(life: u64, count: u64) -> Vec<String> {
    let id = format!("{life:016x}");
    let lines = (0..count).map(|seq| match seq % EACH {
        0 => row(&id, seq, &format!("{id}-{seq}"), "success"),
        _ => line(&id, seq, &format!("order {seq} accepted\n")),
    });
    lines.chain([last_report(&id, count)]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Rotel: make test-otlp"]
async fn everything_is_in_a_foreign_receiver_once_or_more_though_the_reader_is_killed() {
    let (each, began) = (events() / LIVES, Instant::now());
    let lines_each = each + 1;
    let mut world = World::new("otlp-foreign", 4).await;
    let behind = Receiver::start(|_, _| Reply::Take).await;
    let rotel = Rotel::start(&behind.url, &world.file("rotel")).await;
    let checkpoint = world.file("checkpoint").to_string_lossy().into_owned();
    let arguments = [
        "--from",
        "trim-horizon",
        "--checkpoint",
        &checkpoint,
        "--otlp",
        &rotel.url,
    ];
    let first = world.spawn(&arguments, "out", "err");
    for life in 0..LIVES {
        world
            .put(packed(Format::Ndjson, Compression::Zstd, 16_384, &lines(life, each)))
            .await;
    }
    // Somewhere in the middle, with a checkpoint behind it.
    world.wait_for_bytes("checkpoint", 1).await;
    behind.wait(|got| got.lines() >= LIVES * each / 4).await;
    first.kill();
    let before = behind.counted().len();
    let rest = world
        .read(&["--checkpoint", &checkpoint, "--otlp", &rotel.url, "--verify"])
        .await;
    assert_eq!(rest.code, Some(0), "{}", rest.stderr);
    assert!(
        rest.stderr.contains("10 lives: 10 complete, 0 unproven, 0 with loss\n"),
        "{}",
        rest.stderr
    );

    let rows = LIVES * each / EACH;
    behind
        .wait(|got| got.distinct() >= LIVES * lines_each && got.span_ids().len() as u64 >= rows)
        .await;
    let counted = behind.counted();
    let expected =
        (0..LIVES).flat_map(|life| (0..lines_each).map(move |seq| (format!("{life:016x}"), seq.to_string())));
    assert!(
        counted.keys().cloned().eq(expected.collect::<BTreeSet<_>>()),
        "{} lines",
        counted.len()
    );
    let spans: BTreeSet<_> = behind.spans().into_iter().map(|span| span.span_id).collect();
    assert_eq!(spans.len() as u64, rows);
    behind
        .wait(|got| got.metrics().get("faas.invocations").copied().unwrap_or_default() >= spans.len() as f64)
        .await;
    println!(
        "{} lines put; {before} there when the reader was killed; {} received, {} without repeats; after {:?}\n{}",
        LIVES * lines_each,
        counted.values().sum::<usize>(),
        counted.len(),
        began.elapsed(),
        rest.stderr
    );
}
