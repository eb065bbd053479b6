//! No line is lost silently, in any product of what a sink does, what the spool may hold, how much comes, how the process
//! ends, and how the next one fares. Each cell of the table is one environment of the real binary.
//!
//! A line is delivered, announced in the stream, or named on stderr. Lines come in the order of their numbers and are
//! numbered in it by the forwarder, so what is missing between two lines that arrived must be known to be lost between their
//! `seq`: sets are compared, not sums.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use end_to_end::post::{Poster, function_lines};
use end_to_end::process::{Extension, start_again};
use end_to_end::world::*;
use local_kinesis::{CallError, Fault, LocalKinesis};
use local_lambda::LocalLambda;
use tokio::task::JoinSet;

/// Environments that run at once.
const AT_ONCE: usize = 4;

/// Log lines of one environment: a few, and more than a buffer and a spool of one MiB each hold.
const SMALL: usize = 400;
const FULL: usize = 12_000;
const PER_BODY: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sink {
    Gone,
    Flapping,
    Refusing,
    Slow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The environment ends.
    Spindown,
    /// It is reset; the next process finds the sink well.
    TimeoutThenWell,
    /// It is reset; the next process finds the sink as it was, and ends with its environment.
    TimeoutThenSick,
    KillThenWell,
    KillThenSick,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    sink: Sink,
    spool: &'static str,
    lines: usize,
    end: End,
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for sink in [Sink::Gone, Sink::Flapping, Sink::Refusing, Sink::Slow] {
        for spool in ["off", "overflow", "always"] {
            for lines in [SMALL, FULL] {
                let ends = [
                    End::Spindown,
                    End::TimeoutThenWell,
                    End::TimeoutThenSick,
                    End::KillThenWell,
                    End::KillThenSick,
                ];
                let killed = |end: &End| matches!(end, End::KillThenWell | End::KillThenSick);
                let ends = ends.into_iter().filter(|end| spool == "always" || !killed(end));
                cells.extend(ends.map(|end| Cell {
                    sink,
                    spool,
                    lines,
                    end,
                }));
            }
        }
    }
    cells
}

#[tokio::test]
async fn nothing_is_lost_silently_in_any_cell_of_the_table() {
    let cells = cells();
    assert_eq!(cells.len(), 4 * 2 * (3 + 3 + 5));
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
    assert!(failed.is_empty(), "{} cells: {failed:#?}", failed.len());
}

async fn sicken(kinesis: &LocalKinesis, sink: Sink) {
    match sink {
        Sink::Gone => kinesis.stop().await,
        Sink::Flapping => {
            kinesis.set_fault(Fault::reset().for_share(0.4));
            kinesis.add_fault(Fault::reset().after_storing().for_share(0.3));
            kinesis.add_fault(Fault::fail(CallError::internal_failure()).for_share(0.5));
        }
        Sink::Refusing => kinesis.set_fault(Fault::fail(CallError::access_denied())),
        Sink::Slow => kinesis.set_fault(Fault::delay(Duration::from_millis(700))),
    }
}

async fn heal(kinesis: &LocalKinesis, sink: Sink) {
    kinesis.clear_faults();
    if sink == Sink::Gone {
        kinesis.start().await.unwrap();
    }
}

/// What of a cell is lost silently, in words.
async fn run(cell: Cell) -> Result<(), String> {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .freeze(false)
        .extension_env("FORWARDER_SPOOL__MODE", cell.spool)
        .extension_env("FORWARDER_SPOOL__MAX_BYTES", "1MiB")
        .extension_env("FORWARDER_BUFFER__MAX_BYTES", "1MiB")
        .extension_env("FORWARDER_TELEMETRY__TYPES", "function")
        .start()
        .await
        .unwrap();
    lambda.invoke("{}").await.unwrap();
    sicken(&kinesis, cell.sink).await;
    let mut poster = Poster::connect(port).await;
    for first in (0..cell.lines).step_by(PER_BODY) {
        assert_eq!(
            poster.post("/", function_lines(first, PER_BODY, 200)).await,
            200,
            "{cell:?}"
        );
    }
    match cell.end {
        End::Spindown => {}
        End::TimeoutThenWell | End::TimeoutThenSick => {
            lambda.shutdown("timeout", Duration::from_secs(2)).await.unwrap();
        }
        End::KillThenWell | End::KillThenSick => Extension::of(&lambda).unwrap().signal("KILL"),
    }
    if matches!(cell.end, End::TimeoutThenWell | End::KillThenWell) {
        heal(&kinesis, cell.sink).await;
    }
    let is_well = matches!(cell.end, End::TimeoutThenWell | End::KillThenWell);
    if cell.end != End::Spindown {
        start_again(&lambda).await;
    }
    let time = Duration::from_secs(if is_well { 10 } else { 2 });
    let report = lambda.shutdown("spindown", time).await.unwrap();
    if !report.clean() {
        return Err(format!("{cell:?}: {report:?}"));
    }
    if !is_well {
        heal(&kinesis, cell.sink).await;
    }
    let found = Found::in_stream(&kinesis, STREAM).await;
    judge(&found, &said(&lambda), cell.lines).map_err(|silent| format!("{cell:?}: {silent}"))
}

/// Lines that stderr names, by the `id` that numbered them.
fn said(lambda: &LocalLambda) -> BTreeMap<String, BTreeSet<u64>> {
    let mut said: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let log = extension_log(lambda);
    for line in log.iter().filter(|line| line.contains(r#""event":"dropped""#)) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let ranges: Vec<[u64; 2]> = serde_json::from_str(line["ranges"].as_str().unwrap()).unwrap();
        let said = said.entry(line["id"].as_str().unwrap().to_owned()).or_default();
        said.extend(ranges.into_iter().flat_map(|[first, last]| first..=last));
    }
    said
}

fn judge(found: &Found, said: &BTreeMap<String, BTreeSet<u64>>, count: usize) -> Result<(), String> {
    let mut lost = said.clone();
    let mut present: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let mut arrived: BTreeMap<u64, (String, u64)> = BTreeMap::new();
    for line in &found.lines {
        let id = line["forwarder"]["id"].as_str().unwrap().to_owned();
        let seq = line["forwarder"]["seq"].as_u64().unwrap();
        match line["type"].as_str().unwrap() {
            "forwarder.dropped" => {
                let ranges: Vec<[u64; 2]> = serde_json::from_value(line["record"]["ranges"].clone()).unwrap();
                let lost = lost.entry(id.clone()).or_default();
                lost.extend(ranges.into_iter().flat_map(|[first, last]| first..=last));
                // What stands in for a line that it names is not that line.
                if lost.contains(&seq) {
                    continue;
                }
            }
            "function" => {
                let text = line["record"].as_str().unwrap();
                // The test function's own line has no number.
                if let Some(number) = text.get(..10).and_then(|digits| digits.parse().ok()) {
                    arrived.insert(number, (id.clone(), seq));
                }
            }
            _ => {}
        }
        present.entry(id).or_default().insert(seq);
    }
    // All numbered lines were posted to the first process.
    let ids: BTreeSet<&String> = arrived.values().map(|(id, _)| id).chain(lost.keys()).collect();
    let first = arrived.values().map(|(id, _)| id).next();
    let first = first.or(ids.first().copied()).cloned().unwrap_or_default();
    // Where nothing arrived, the process whose losses are most is the first.
    let most = lost.iter().max_by_key(|(_, lost)| lost.len()).map(|(id, _)| id.clone());
    let first = if arrived.is_empty() {
        most.unwrap_or(first)
    } else {
        first
    };
    let lost = lost.remove(&first).unwrap_or_default();
    let present = present.remove(&first).unwrap_or_default();
    // No gap in the numbers of the process that was posted to …
    let end = present.last().max(lost.last()).copied().unwrap_or(0);
    let silent: Vec<u64> = (0..=end)
        .filter(|seq| !present.contains(seq) && !lost.contains(seq))
        .collect();
    if !silent.is_empty() {
        return Err(format!(
            "silent: {} of {end} lines, from {:?}",
            silent.len(),
            silent.first()
        ));
    }
    // … and what was posted and is missing is known to be lost where it is missing.
    let lost: BTreeSet<u64> = lost.difference(&present).copied().collect();
    let (mut missing, mut after) = (0, 0);
    let ends = (0..count as u64).map(|number| arrived.get(&number).map(|(_, seq)| *seq));
    for end in ends.chain([Some(u64::MAX)]) {
        let Some(end) = end else {
            missing += 1;
            continue;
        };
        let known = lost.range(after..end.max(after)).count();
        if missing > known {
            return Err(format!(
                "{missing} lines are missing between {after} and {end}, {known} are known to be lost there"
            ));
        }
        (missing, after) = (0, end);
    }
    Ok(())
}
