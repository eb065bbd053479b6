//! A fleet before one stream with the limits of Kinesis, in simulated time: a storm of refusals, and a deployment that
//! starts all environments at one instant. The forwarder is the real one; the judge is the reader's side only.
//!
//! `STORM_ENVIRONMENTS=1000` is what docs/SCALE.md promises.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

mod arrived;
mod fleet;
mod stream;

use std::time::Duration;

use fleet::{LINES, Plan, play};
use stream::{SHARD_BYTES, Told};

/// A tenth of what so many send is one shard.
const ENVIRONMENTS: u64 = 200;

/// How long the stream takes a tenth. Without optimisation a line costs ten times as much.
const STORM: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 60 });

/// Slack of the time in which the capacity allows to drain.
const SLACK: f64 = 1.2;

/// A record is sent so often in the mean, where a stream takes a tenth for most of the time.
const MOST_TRIES: f64 = 5.0;

fn environments() -> u64 {
    let given = std::env::var("STORM_ENVIRONMENTS").ok();
    given.map_or(ENVIRONMENTS, |text| text.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_fleet_lives_through_a_storm_and_drains_as_fast_as_its_stream_allows() {
    let environments = environments();
    let rate = Plan::rate(environments);
    let plan = Plan {
        environments,
        first: LINES,
        load: STORM * 3 / 2,
        storm: STORM,
        few: Plan::shards(rate / 10.0),
        many: Plan::shards(rate * 2.0),
    };
    let told = play(plan).await;
    assert_drained(&told, plan);
    assert_spread(&told, Duration::from_secs(5)..STORM, Duration::from_millis(100), 2.0);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_starts_at_one_instant_does_not_stay_in_step() {
    let environments = environments();
    let plan = Plan {
        environments,
        first: 5 * LINES,
        load: Duration::from_secs(5),
        storm: Duration::ZERO,
        few: 0,
        many: Plan::shards(Plan::rate(environments) * 1.5),
    };
    let told = play(plan).await;
    assert_drained(&told, plan);
    // The first second, in which all have failed as often, but for the first tries: those are all within the least pause.
    assert_spread(
        &told,
        Duration::from_millis(60)..Duration::from_secs(1),
        Duration::from_millis(20),
        3.0,
    );
}

/// All was taken in the time that the shards allow, and some.
fn assert_drained(told: &Told, plan: Plan) {
    let after = told.taken.iter().filter(|(at, _)| *at >= plan.storm);
    let bytes: usize = after.map(|(_, bytes)| bytes).sum();
    let allowed = bytes as f64 / (plan.many as f64 * SHARD_BYTES);
    let last = told.taken.last().unwrap().0;
    let took = (last - plan.storm).as_secs_f64();
    println!(
        "{} environments: {} puts, {} of {} records refused, drained in {took:.1} s; the shards allow {allowed:.1} s",
        plan.environments,
        told.puts,
        told.refused,
        told.refused as usize + told.taken.len()
    );
    assert!(
        allowed > (plan.load - plan.storm).as_secs_f64(),
        "lines come until the end: {allowed}"
    );
    assert!(took <= allowed * SLACK, "{took} s, {allowed} s are allowed");
    let tries = 1.0 + told.refused as f64 / told.taken.len() as f64;
    println!("each record was sent {tries:.1} times");
    assert!(tries <= MOST_TRIES, "each record was sent {tries} times");
}

/// Puts that try again are spread over time: in no bin are more than so many times the mean.
fn assert_spread(told: &Told, within: std::ops::Range<Duration>, bin: Duration, most_times: f64) {
    let mut bins = vec![0_u32; ((within.end - within.start).as_millis() / bin.as_millis()) as usize];
    for at in told.retries.iter().filter(|at| within.contains(*at)) {
        bins[((*at - within.start).as_millis() / bin.as_millis()) as usize] += 1;
    }
    let mean = f64::from(bins.iter().sum::<u32>()) / bins.len() as f64;
    let most = f64::from(bins.iter().copied().max().unwrap());
    // And what chance makes of so many. In step, all environments would be in one of a few bins.
    let bound = most_times * mean + 6.0 * mean.sqrt();
    println!("retries in {bin:?}: {mean:.1} in the mean, {most} at most; {bound:.1} are allowed");
    assert!(mean >= 1.0, "nothing is tried again: {mean}");
    assert!(
        most <= bound,
        "{most} retries within {bin:?}, {mean:.1} in the mean: {bins:?}"
    );
}
