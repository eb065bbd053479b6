//! Thousands of environments in simulated time: faults of sinks, full disks, freezes, kills and restarts by a seed. The judge
//! is the reader's side only.
//!
//! `SIMULATION_SEEDS=50000` runs more of them; `SIMULATION_SEED=7` runs one, the one that a failure names.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub
)]

mod judge;
mod schedule;
mod sink;

use schedule::Schedule;

/// What `cargo test` runs without optimisation. CI runs 10,000, and the nightly workflow 500,000: `make test-simulation`.
const SEEDS: u64 = 200;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_schedule_of_faults_loses_a_line_silently() {
    let seeds: Vec<u64> = match variable("SIMULATION_SEED") {
        Some(seed) => vec![seed],
        None => (0..variable("SIMULATION_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    let next = std::sync::atomic::AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(&seed) = seeds.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    run(seed);
                }
            });
        }
    });
}

fn run(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    // Scripted panics are no news.
    std::panic::set_hook(Box::new(|panic| {
        if panic.payload_as_str() != Some("as the seed says") {
            eprintln!("{panic}");
        }
    }));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(Schedule::new(seed).run())
    }));
    if let Err(panic) = result {
        eprintln!("seed {seed} failed: run it alone with SIMULATION_SEED={seed}");
        std::panic::resume_unwind(panic);
    }
}
