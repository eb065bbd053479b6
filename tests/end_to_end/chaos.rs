//! Real processes by a seed: faults, kills, freezes, resets. The judge is the reader's side only.
//!
//! `CHAOS_SEEDS=1000` runs more of them; `CHAOS_SEED=7` runs one, the one that a failure names.

use std::collections::BTreeSet;
use std::time::Duration;

use end_to_end::numbers::Numbers;
use end_to_end::post::{Poster, function_lines};
use end_to_end::process::{Extension, start_again};
use end_to_end::world::*;
use local_kinesis::{CallError, Fault, LocalKinesis, RecordError};
use reader::decode::Standing;

/// Number of runs in CI. The nightly workflow runs fifty times as many.
const SEEDS: u64 = 20;

pub(crate) fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn no_seed_loses_a_line_that_lambda_got_an_answer_for() {
    let seeds = match variable("CHAOS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("CHAOS_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        eprintln!("CHAOS_SEED={seed}");
        run(seed).await;
    }
}

/// One of the ways in which Kinesis can be ill, or none.
pub(crate) fn any_fault(kinesis: &LocalKinesis, random: &mut fastrand::Rng) {
    match random.u8(..8) {
        0 => kinesis.set_fault(Fault::refuse_share(0.3, RecordError::Throttled)),
        1 => kinesis.set_fault(Fault::refuse_share(0.3, RecordError::Internal)),
        2 => kinesis.set_fault(Fault::fail(CallError::internal_failure()).for_share(0.5)),
        3 => kinesis.set_fault(Fault::reset().for_share(0.4)),
        4 => kinesis.set_fault(Fault::reset().after_storing().for_share(0.4)),
        5 => kinesis.set_fault(Fault::delay(Duration::from_millis(random.u64(1..400)))),
        6 => kinesis.set_fault(Fault::silence().for_next(1)),
        _ => kinesis.clear_faults(),
    }
}

async fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder
        .freeze(false)
        .extension_env("FORWARDER_SPOOL__MODE", "always")
        .start()
        .await
        .unwrap();
    lambda.invoke("{}").await.unwrap();
    let mut poster = Poster::connect(port).await;
    let (mut number, mut acknowledged) = (0, BTreeSet::new());
    while number < 2_000 {
        let count = random.usize(1..150);
        if poster.try_post("/", function_lines(number, count, 200)).await.is_ok() {
            acknowledged.extend(number..number + count);
        }
        number += count;
        match random.u8(..12) {
            0..4 => any_fault(&kinesis, &mut random),
            4 => {
                let extension = Extension::of(&lambda).unwrap();
                extension.signal("STOP");
                kinesis.close_idle_connections();
                tokio::time::sleep(Duration::from_millis(random.u64(..300))).await;
                extension.signal("CONT");
            }
            5 | 6 => {
                if random.bool() {
                    Extension::of(&lambda).unwrap().signal("KILL");
                } else {
                    let reason = if random.bool() { "timeout" } else { "failure" };
                    lambda.shutdown(reason, Duration::from_secs(2)).await.unwrap();
                }
                // The environment starts again over the same disk.
                start_again(&lambda).await;
                poster = Poster::connect(port).await;
            }
            _ => {}
        }
    }
    kinesis.clear_faults();
    let report = lambda.shutdown("spindown", Duration::from_secs(10)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let found = Found::in_stream(&kinesis, STREAM).await;
    let missing = Numbers::of(&found, number).missing();
    let lost: Vec<_> = missing.iter().filter(|number| acknowledged.contains(number)).collect();
    assert!(
        lost.is_empty(),
        "seed {seed}: {} of {} are missing: {:?}",
        lost.len(),
        acknowledged.len(),
        extension_log(&lambda)
    );
    assert!(
        found.lives.iter().all(|life| life.standing != Standing::Lost),
        "seed {seed}: {:?}",
        found.lives
    );
}
