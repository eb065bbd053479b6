//! Whatever can happen, by a seed: the local Lambda's `--chaos`, a function that fails as well, and an ill Kinesis. The judge
//! is the reader's side.
//!
//! `KINDS_SEEDS=1000` runs more of them; `KINDS_SEED=7` runs one, the one that a failure names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use end_to_end::binaries;
use end_to_end::document_server::{Answer, DocumentServer};
use end_to_end::world::*;
use local_lambda::{Chaos, LocalLambda, Mode};
use reader::decode::Standing;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::chaos::{any_fault, variable};

const SEEDS: u64 = 50;

/// One flush budget is the most that an invocation may take longer, and some for a busy machine.
const MOST_ADDED: Duration = Duration::from_millis(500 + 1_000);

/// Environments at once. Most of their time they wait.
const AT_ONCE: usize = 4;

#[tokio::test]
async fn no_seed_loses_an_event_that_lambda_got_an_answer_for() {
    all(false).await;
}

#[tokio::test]
async fn nor_does_one_whose_configuration_is_kept_elsewhere() {
    all(true).await;
}

/// Runs all seeds. `by_document`: the configuration is kept elsewhere, at an ill place.
async fn all(by_document: bool) {
    let mut seeds = match variable("KINDS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("KINDS_SEEDS").unwrap_or(SEEDS),
    };
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(seed) = seeds.next()
        {
            running.spawn(run_with(seed, by_document));
        }
        match running.join_next().await {
            None => break,
            Some(Ok(_)) => {}
            Some(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}

/// The function's order.
fn order(random: &mut fastrand::Rng, mode: Mode) -> String {
    let format = ["text", "node", "tracing", "json"][random.usize(..4)];
    let mut order = json!({
        "lines": random.u32(..30),
        "bytes": random.u32(..400),
        "level": "mixed",
        "format": format,
        "stackTrace": random.u8(..4) == 0,
        "stream": random.u8(..4) == 0,
        "sleepMs": random.u32(..40),
    });
    // The end of the process is the end of a Managed Instance; the plan has that at its end.
    let failures = if mode == Mode::ManagedInstances { 2 } else { 3 };
    if random.u8(..6) == 0 {
        order["fail"] = ["error", "panic", "exit"][random.usize(..failures)].into();
    }
    order.to_string()
}

/// What a place of configurations may answer. Each table takes everything.
fn any_answer(random: &mut fastrand::Rng) -> Answer {
    let tables = [
        "* -> kinesis; forwarder.invocation -> kinesis",
        "platform.* -> kinesis; function text~/a/ -> kinesis; * -> kinesis; forwarder.invocation -> kinesis",
        "function keep=slow>0ms -> kinesis; * -> kinesis; forwarder.invocation -> kinesis",
    ];
    let version = random.u64(1..1_000);
    let document = format!("routes = '{}'", tables[random.usize(..3)]);
    match random.u8(..9) {
        0 => Answer::Denied,
        1 => Answer::Garbage,
        2 => Answer::Silence,
        3 => Answer::Document("routes = 'function -> nowhere'".to_owned(), version),
        4 | 5 => Answer::Slow(Duration::from_millis(random.u64(..3_000)), document, version),
        _ => Answer::Document(document, version),
    }
}

/// Plays the plan of a seed, judges what arrived, and returns it. The function has the seed in its name.
pub(crate) async fn run(seed: u64) -> Found {
    run_with(seed, false).await
}

async fn run_with(seed: u64, by_document: bool) -> Found {
    let chaos = Chaos::of(seed);
    eprintln!("KINDS_SEED={seed} {}", chaos.mode);
    let mut random = fastrand::Rng::with_seed(seed);
    let kinesis = kinesis().await;
    let (builder, _) = lambda_to_kinesis(&kinesis);
    let strategy = ["adaptive", "end", "continuous"][random.usize(..3)];
    let builder = builder
        .function(binaries::test_function())
        .function_name(format!("seed-{seed}"))
        .concurrency(6)
        .timeout(Duration::from_secs(10))
        .extension_env("FORWARDER_INVOCATIONS", "on")
        .extension_env("FORWARDER_FLUSH__STRATEGY", strategy);
    let mut place = fastrand::Rng::with_seed(!seed);
    let documents = DocumentServer::start(any_answer(&mut place)).await;
    let source = ["ssm:/telemetry/forwarder", "s3://bucket/key"][place.usize(..2)];
    let builder = match by_document {
        false => builder,
        true => builder
            .extension_env("AWS_ENDPOINT_URL_SSM", &documents.endpoint)
            .extension_env("AWS_ENDPOINT_URL_S3", &documents.endpoint)
            .extension_env("FORWARDER_CONFIG", source),
    };
    let lambda = chaos.configure(builder).start().await.unwrap();
    let lambda = Arc::new(lambda);

    let mut left = chaos.steps.len();
    let mut illness = random.fork();
    let (mut orders, mode) = (random.fork(), chaos.mode);
    let mut complaints = Vec::new();
    chaos
        .play(
            &lambda,
            || order(&mut orders, mode),
            |played| {
                complaints.extend(played.complaints.into_iter().map(|complaint| (played.step, complaint)));
                let longest = played.invocations.iter().map(|invocation| invocation.added).max();
                if let Some(added) = longest.filter(|added| *added > MOST_ADDED) {
                    complaints.push((played.step, format!("an invocation's end was held for {added:?}")));
                }
                left -= 1;
                documents.set(any_answer(&mut place));
                // The last step may be the end of the environment, where what Kinesis does not take is rightly dropped.
                if left <= 1 {
                    kinesis.clear_faults();
                } else if illness.bool() {
                    any_fault(&kinesis, &mut illness);
                }
            },
        )
        .await
        .unwrap();
    let log = extension_log(&lambda);
    assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}; {log:#?}");
    kinesis.clear_faults();
    // Whatever was reset starts again, and takes up what is on its disk.
    for _ in 0..2 {
        let _ = lambda.invoke(r#"{"sleepMs":50}"#).await;
    }
    // A Managed Instance may have ended before.
    if let Ok(report) = lambda.shutdown("spindown", Duration::from_secs(10)).await {
        assert!(report.clean(), "seed {seed}: {report:?}");
    }
    let found = Found::in_stream(&kinesis, STREAM).await;
    judge(seed, &lambda, &found);
    judge_rows(seed, &lambda, &found);
    found
}

/// Log lines that Lambda handed over, by their text: those that were answered for, and all.
fn printed(lambda: &LocalLambda) -> BTreeMap<String, (u64, u64)> {
    let mut lines: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for event in lambda.ground_truth() {
        let json: Value = serde_json::from_str(&event.json).unwrap();
        if json["type"] == "function" {
            let (answered, all) = lines.entry(json.to_string()).or_default();
            *answered += u64::from(event.acknowledged);
            *all += 1;
        }
    }
    lines
}

/// Requests whose start Lambda got an answer for.
fn started(lambda: &LocalLambda) -> BTreeSet<String> {
    let truth = lambda.ground_truth().into_iter().filter(|event| event.acknowledged);
    let events = truth.map(|event| serde_json::from_str::<Value>(&event.json).unwrap());
    let starts = events.filter(|event| event["type"] == "platform.start");
    starts
        .map(|start| start["record"]["requestId"].as_str().unwrap().to_owned())
        .collect()
}

/// Each invocation that Lambda started has one row, and nothing else has. It counts the lines that Lambda handed over, and
/// says what Lambda's report says.
fn judge_rows(seed: u64, lambda: &LocalLambda, found: &Found) {
    let log = extension_log(lambda);
    let mut expected: BTreeMap<String, (BTreeSet<String>, Value)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for line in found.events() {
        let Some(request) = line["forwarder"]["requestId"].as_str() else {
            continue;
        };
        // What Lambda posted twice is the same event.
        let mut event = line.clone();
        event.as_object_mut().unwrap().remove("forwarder");
        let is_new = seen.insert(event.to_string());
        let (lines, report) = expected.entry(request.to_owned()).or_default();
        match line["type"].as_str() {
            Some("function") if is_new => drop(lines.insert(event.to_string())),
            Some("platform.report") => *report = line["record"].clone(),
            _ => {}
        }
    }
    let mut wrong = Vec::new();
    let printed = printed(lambda);
    for request in started(lambda) {
        if !expected.contains_key(&request) {
            wrong.push(format!("{request} was started, and nothing of it arrived"));
        }
    }
    let mut rows: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut places = BTreeSet::new();
    for row in found.of_type("forwarder.invocation") {
        let stamp = &row["forwarder"];
        // Kinesis may have taken a line twice.
        if !places.insert(format!("{} {}", stamp["id"], stamp["seq"])) {
            continue;
        }
        let request = row["record"]["requestId"].as_str().unwrap();
        if rows.insert(request, &row["record"]).is_some() {
            wrong.push(format!("two rows of {request}"));
        }
    }
    for (request, (lines, report)) in &expected {
        let Some(row) = rows.remove(request.as_str()) else {
            wrong.push(format!("no row of {request}"));
            continue;
        };
        let (least, most) = lines
            .iter()
            .filter_map(|line| printed.get(line))
            .fold((0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1));
        let counted = row["lines"].as_u64().unwrap_or_default();
        if counted > most || (row["complete"] == true && counted < least) {
            wrong.push(format!("{least} to {most} lines were printed: {row}"));
        }
        let levels: u64 = ["trace", "debug", "info", "warn", "error", "fatal"]
            .iter()
            .map(|level| row[*level].as_u64().unwrap())
            .sum();
        if Some(levels) != row["lines"].as_u64() {
            wrong.push(format!("levels do not add up: {row}"));
        }
        if report.is_null() {
            continue;
        }
        let verdict = match (report["status"].as_str(), report["errorType"].as_str()) {
            (Some("success"), _) => "success",
            (Some("timeout"), _) => "timeout",
            (_, Some("Runtime.OutOfMemory")) => "oom",
            (_, Some("Runtime.ExitError")) => "crash",
            _ => "error",
        };
        let told = [
            ("durationMs", "durationMs"),
            ("billedMs", "billedDurationMs"),
            ("maxMemoryMb", "maxMemoryUsedMB"),
        ];
        let same = told
            .iter()
            .all(|(own, lambdas)| row[*own] == report["metrics"][*lambdas]);
        if row["verdict"] != verdict || !same {
            wrong.push(format!("{row} for {report}"));
        }
    }
    wrong.extend(rows.keys().map(|request| format!("a row of nobody: {request}")));
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}; {log:#?}");
}

/// Each event that was answered for has arrived, none more often than it was posted, and each life can be proven.
fn judge(seed: u64, lambda: &LocalLambda, found: &Found) {
    let mut seen = BTreeSet::new();
    let mut copies: BTreeMap<String, u32> = BTreeMap::new();
    for event in found.events() {
        let mut event = event.clone();
        let stamp = event
            .as_object_mut()
            .and_then(|event| event.remove("forwarder"))
            .unwrap();
        // Kinesis may have taken a line twice: that shows, and is no copy of Lambda's.
        if seen.insert(format!("{} {} {}", stamp["id"], stamp["sink"], stamp["seq"])) {
            *copies.entry(event.to_string()).or_default() += 1;
        }
    }
    let mut bounds: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for event in lambda.ground_truth() {
        let json: Value = serde_json::from_str(&event.json).unwrap();
        let (least, most) = bounds.entry(json.to_string()).or_default();
        *least += u32::from(event.acknowledged);
        *most += event.posts;
    }
    let mut wrong = Vec::new();
    for (event, (least, most)) in &bounds {
        let count = copies.remove(event).unwrap_or_default();
        if !(least..=most).contains(&&count) {
            wrong.push(format!("{count}, not {least} to {most}: {event}"));
        }
    }
    let log = extension_log(lambda);
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}; {log:#?}");
    assert!(copies.is_empty(), "seed {seed}: nobody sent {copies:#?}");
    for life in &found.lives {
        let proven = life.standing == Standing::Complete && life.announced == 0;
        assert!(proven, "seed {seed}: {life:?}; {log:#?}");
    }
}
