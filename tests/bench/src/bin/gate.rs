//! `make gate`: instructions of start-up and of 10,000 events against the figures that are committed. `make gate-update`
//! writes them again.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what it is for")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use process_bench::callgrind::Callgrind;
use process_bench::contender::Contender;
use process_bench::sandbox::{PATIENCE, Sandbox};
use process_bench::stream::Stream;
use process_bench::telemetry::Telemetry;
use process_bench::{Error, Result};
use serde::{Deserialize, Serialize};

const USAGE: &str = "\
Usage: gate --forwarder PATH --figures FILE [--update]

  --forwarder PATH  the extension, with its symbols
  --figures FILE    what it was when somebody last looked
  --update          write what it is now";

/// Lines that the second figure is about.
const LINES: usize = 10_000;

/// The least of so many runs counts: a busy machine makes more calls necessary, never fewer.
const RUNS: usize = 3;

/// Largest ratio of a figure to the committed one.
const MOST: f64 = 1.10;

/// Below this share of it, the committed one should be written again: it would let regressions through.
const LEAST: f64 = 0.90;

/// Instructions, SHA-256 left out.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    /// From exec to the first `next`.
    start: u64,
    /// From there to the `next` after an invocation with 10,000 lines, which are delivered by then.
    events: u64,
}

struct Options {
    forwarder: PathBuf,
    figures: PathBuf,
    update: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match parse(lexopt::Parser::from_env()) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("gate: {problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("gate: {problem}");
            ExitCode::from(2)
        }
    }
}

/// True if the gate is open.
async fn run(options: &Options) -> Result<bool> {
    if !options.update && !options.figures.exists() {
        // Each architecture has its own.
        println!(
            "{} is not there: nothing to hold against it; `make gate-update` writes it",
            options.figures.display()
        );
        return Ok(true);
    }
    let mut now = measure(&options.forwarder).await?;
    for _ in 1..RUNS {
        let again = measure(&options.forwarder).await?;
        now.start = now.start.min(again.start);
        now.events = now.events.min(again.events);
    }
    if options.update {
        std::fs::write(&options.figures, serde_json::to_string_pretty(&now)? + "\n")?;
        println!("{}: {now:?}", options.figures.display());
        return Ok(true);
    }
    let committed = std::fs::read_to_string(&options.figures)
        .map_err(Error::from)
        .and_then(|text| Ok(serde_json::from_str::<Figures>(&text)?))
        .map_err(|error| format!("{}: {error}; `make gate-update` writes it", options.figures.display()))?;
    let passed = [
        judge("start-up", now.start, committed.start),
        judge("10,000 events", now.events, committed.events),
    ];
    if passed.contains(&false) {
        println!("If this is what it must cost, `make gate-update` writes the figures again; say why in the commit.");
    }
    Ok(!passed.contains(&false))
}

fn judge(what: &str, now: u64, committed: u64) -> bool {
    let share = now as f64 / committed.max(1) as f64;
    let verdict = match share {
        _ if share > MOST => "MORE than is allowed (110 %)",
        _ if share < LEAST => "good; less than 90 %: `make gate-update` keeps it so",
        _ => "good",
    };
    println!(
        "instructions of {what}: {now}, {:.1} % of {committed}: {verdict}",
        share * 100.0
    );
    share <= MOST
}

async fn measure(forwarder: &Path) -> Result<Figures> {
    let mut callgrind = Callgrind::new()?;
    // Under valgrind all takes fifty times as long: small calls end before they time out, be the machine ever so busy.
    let patient = [
        ("FORWARDER_FLUSH__STRATEGY", "end"),
        ("FORWARDER_FLUSH__BUDGET", "60s"),
        ("FORWARDER_SINKS__KINESIS__PUT_BYTES", "128KiB"),
    ];
    let mut contender = Contender::forwarder("forwarder", forwarder.to_owned(), &patient);
    contender.launcher = callgrind.launcher();
    let stream = Stream::start(Duration::ZERO).await?;
    let mut sandbox = Sandbox::start(&contender, stream.endpoint(), None).await?;
    sandbox.wait_for_next().await?;
    let start = callgrind.count(sandbox.pid())?;
    let subscription = sandbox.subscription().ok_or("it has not subscribed")?;
    let telemetry = Telemetry::render(LINES, &subscription)?;
    // The invocation begins when its telemetry is there: on a busy machine it would take longer than an invocation's start is
    // waited for.
    telemetry.post(&subscription, f64::INFINITY).await?;
    sandbox.invoke();
    sandbox.wait_for_next().await?;
    // A cheap way that loses lines is none.
    wait_until_delivered(&stream).await?;
    let events = callgrind.count(sandbox.pid())?;
    Ok(Figures { start, events })
}

async fn wait_until_delivered(stream: &Stream) -> Result<()> {
    let latest = Instant::now() + PATIENCE;
    let mut arrived = 0;
    while Instant::now() < latest {
        arrived += stream.take()?.lines;
        if arrived >= LINES as u64 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("of {LINES} lines {arrived} arrived within {PATIENCE:?}").into())
}

fn parse(mut arguments: lexopt::Parser) -> Result<Options> {
    use lexopt::prelude::*;
    let (mut forwarder, mut figures, mut update) = (None, None, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("forwarder") => forwarder = Some(PathBuf::from(arguments.value()?)),
            Long("figures") => figures = Some(PathBuf::from(arguments.value()?)),
            Long("update") => update = true,
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(Options {
        forwarder: forwarder.ok_or("--forwarder is missing")?,
        figures: figures.ok_or("--figures is missing")?,
        update,
    })
}
