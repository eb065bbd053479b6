//! Cost of each flush strategy, and age of telemetry when it arrives: `make flush-bench`.
//!
//! # Layout
//! - `measure`: runs of the real binary on the local Lambda, before a Kinesis whose puts take their time.
//! - `table` and `plot`: what they came to, for `docs/FLUSH.md`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement for people, which has nothing to do where something fails"
)]

mod measure;
mod plot;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use measure::{PITCHES, PUT, Run, SLOW_PUT, STRATEGIES, measure};

/// The guide whose figures are replaced, and the plot beside it.
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/FLUSH.md");
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/flush.svg");

/// Between these lines stands what is measured.
const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

#[tokio::main]
async fn main() {
    if std::env::args().nth(1).as_deref() == Some("slow-sink") {
        println!("{}", slow_sink().await);
        return;
    }
    let mut runs: Vec<Run> = Vec::new();
    for pitch in PITCHES {
        let without = measure(pitch, None, PUT).await;
        if pitch.is_rare() {
            // Machines idle between rare invocations: the runs do not disturb each other.
            let [end, continuous, adaptive] = STRATEGIES.map(|strategy| measure(pitch, Some(strategy), PUT));
            let (end, continuous, adaptive) = tokio::join!(end, continuous, adaptive);
            runs.extend([end, continuous, adaptive].map(|run| run.less(&without)));
        } else {
            for strategy in STRATEGIES {
                runs.push(measure(pitch, Some(strategy), PUT).await.less(&without));
            }
        }
        eprintln!("{}: done", pitch.name);
    }
    let table = format!("{}\n{}", table::table(&runs), slow_sink().await);
    println!("{table}");
    let guide = std::fs::read_to_string(GUIDE).expect("docs/FLUSH.md is there");
    let (before, rest) = guide.split_once(BEGIN).expect("docs/FLUSH.md has a place for figures");
    let (_, after) = rest.split_once(END).expect("that ends");
    let guide = format!("{before}{BEGIN}\n{}\n\n{table}{END}{after}", table::machine());
    std::fs::write(GUIDE, guide).expect("docs/FLUSH.md can be written");
    std::fs::write(PathBuf::from(PLOT), plot::svg(&runs)).expect("docs/flush.svg can be written");
}

/// Alone: `make flush-bench FLUSH_BENCH_ARGS=slow-sink`.
async fn slow_sink() -> String {
    let instant = measure(PITCHES[0], Some("adaptive"), Duration::ZERO).await;
    let slow = measure(PITCHES[0], Some("adaptive"), SLOW_PUT).await;
    table::slow_sink(&instant, &slow)
}
