//! Memory and descriptors at 128 MB with the sink gone for good: in every format and spool mode, with bodies of one line and
//! of a thousand, and in the next process over the same disk.

use std::time::Duration;

use end_to_end::post::{Poster, function_lines};
use end_to_end::process::{Extension, start_again};
use end_to_end::world::*;
use tokio::task::JoinSet;

/// Environments that run at once.
const AT_ONCE: usize = 4;

const MIB: u64 = 1024 * 1024;
const MOST_MEMORY: u64 = 32 * MIB;

/// Descriptors more than at rest.
const MOST_DESCRIPTORS: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Cell {
    format: &'static str,
    compression: &'static str,
    spool: &'static str,
    per_body: usize,
}

#[tokio::test]
async fn with_the_sink_gone_for_good_memory_and_descriptors_are_bounded_in_every_cell() {
    let mut cells = Vec::new();
    for (format, compression) in [
        ("ndjson", "none"),
        ("json", "none"),
        ("kpl", "none"),
        ("ndjson", "zstd"),
    ] {
        for spool in ["overflow", "always"] {
            cells.extend([1, 1_000].map(|per_body| Cell {
                format,
                compression,
                spool,
                per_body,
            }));
        }
    }
    let (mut running, mut failed) = (JoinSet::new(), Vec::new());
    let mut collect = |result: Result<Result<(), String>, _>| failed.extend(result.unwrap().err());
    for cell in cells {
        if running.len() >= AT_ONCE {
            collect(running.join_next().await.unwrap());
        }
        running.spawn(run(cell));
    }
    while let Some(result) = running.join_next().await {
        collect(result);
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// What of a cell is over its bound, in words.
async fn run(cell: Cell) -> Result<(), String> {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .memory_mb(128)
        .freeze(false)
        .extension_env("FORWARDER_SINKS__KINESIS__FORMAT", cell.format)
        .extension_env("FORWARDER_SINKS__KINESIS__COMPRESSION", cell.compression)
        .extension_env("FORWARDER_SPOOL__MODE", cell.spool)
        .extension_env("FORWARDER_SPOOL__MAX_BYTES", "8MiB")
        .extension_env("FORWARDER_TELEMETRY__TYPES", "function")
        .start()
        .await
        .unwrap();
    lambda.invoke("{}").await.unwrap();
    let at_rest = descriptors(Extension::of(&lambda).unwrap());
    kinesis.stop().await;
    let mut poster = Poster::connect(port).await;
    // More than buffer and spool hold, in long bodies; of short ones as many as a test has time for.
    let bodies = if cell.per_body == 1 { 3_000 } else { 100 };
    for body in 0..bodies {
        let lines = function_lines(body * cell.per_body, cell.per_body, 200);
        assert_eq!(poster.post("/", lines).await, 200, "{cell:?}");
        if body % 50 == 0 {
            check(cell, "first", Extension::of(&lambda).unwrap(), at_rest)?;
        }
    }
    check(cell, "first", Extension::of(&lambda).unwrap(), at_rest)?;
    lambda.shutdown("timeout", Duration::from_secs(2)).await.unwrap();
    start_again(&lambda).await;
    // What the disk holds is looked at, and taken over.
    for _ in 0..4 {
        lambda.invoke("{}").await.unwrap();
        check(cell, "next", Extension::of(&lambda).unwrap(), at_rest)?;
    }
    let report = lambda.shutdown("spindown", Duration::from_secs(2)).await.unwrap();
    report.clean().then_some(()).ok_or(format!("{cell:?}: {report:?}"))
}

fn check(cell: Cell, process: &str, extension: Extension, at_rest: usize) -> Result<(), String> {
    let (peak, open) = (extension.peak_memory().unwrap(), descriptors(extension));
    if peak >= MOST_MEMORY {
        return Err(format!("{cell:?}, {process} process: {} KiB of memory", peak / 1024));
    }
    if open > at_rest + MOST_DESCRIPTORS {
        return Err(format!(
            "{cell:?}, {process} process: {open} descriptors, {at_rest} at rest"
        ));
    }
    Ok(())
}

fn descriptors(extension: Extension) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", extension.pid))
        .unwrap()
        .count()
}
