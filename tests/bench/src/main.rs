//! What an extension's process costs: start, memory, CPU, added time, what Kinesis gets.
//!
//! # Layout
//! - [`options`], [`contender`]: who is measured, and what
//! - [`sandbox`], [`telemetry`], [`stream`]: the world around an extension: Lambda, what it posts, Kinesis
//! - [`measure`]: the measurements
//! - [`statistics`], [`machine`], [`results`]: what they come to
//! - [`sys`]: what the kernel tells of processes
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what it is for")]

mod contender;
mod machine;
mod measure;
mod options;
mod results;
mod sandbox;
mod statistics;
mod stream;
mod sys;
mod telemetry;

use std::process::ExitCode;

use contender::Contender;
use measure::load::Loads;
use options::{Measure, Options};
use results::Results;
use sandbox::groups::Groups;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let options = match Options::parse(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("process-bench: {problem}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("process-bench: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<()> {
    let mut results = Results::new(&options.contenders);
    let mut loads = Loads::default();
    if options.wants(Measure::Start) {
        eprintln!("{} starts of each", options.starts);
        starts(options, &mut results, None).await?;
    }
    if options.wants(Measure::Load) {
        for round in 0..options.loads {
            eprintln!("load {} of {}", round + 1, options.loads);
            for (contender, costs) in options.contenders.iter().zip(&mut results.costs) {
                let loaded = loads.run(contender, options.load, None).await;
                costs.loads.push(loaded.map_err(named(contender))?);
            }
        }
    }
    if options.wants(Measure::Small) {
        match Groups::new() {
            Ok(groups) => small(options, &mut results, &mut loads, &groups).await?,
            Err(error) => {
                eprintln!("control groups are not to be had here ({error}): no run with 128 MB and 1/14 CPU");
                results.small_skipped = Some(error.to_string());
            }
        }
    }
    print!("{}", results.tables(options));
    Ok(())
}

/// Starts in turns. The first ones load the programs from disk and do not count.
async fn starts(options: &Options, results: &mut Results, groups: Option<&Groups>) -> Result<()> {
    for round in 0..=options.starts {
        for (contender, costs) in options.contenders.iter().zip(&mut results.costs) {
            let start = measure::start::start(contender, groups)
                .await
                .map_err(named(contender))?;
            let starts = match groups {
                Some(_) => &mut costs.small_starts,
                None => &mut costs.starts,
            };
            starts.extend((round > 0).then_some(start));
        }
    }
    Ok(())
}

/// As on Lambda's smallest function.
async fn small(options: &Options, results: &mut Results, loads: &mut Loads, groups: &Groups) -> Result<()> {
    eprintln!("{} starts of each with 128 MB and 1/14 CPU", options.starts);
    starts(options, results, Some(groups)).await?;
    for (contender, costs) in options.contenders.iter().zip(&mut results.costs) {
        if contender.forwards {
            eprintln!("a trickle with 128 MB and 1/14 CPU: {}", contender.name);
            let loaded = loads.run(contender, options.trickle, Some(groups)).await;
            costs.trickle = Some(loaded.map_err(named(contender))?);
        }
    }
    Ok(())
}

fn named(contender: &Contender) -> impl FnOnce(Error) -> Error {
    |error| format!("{}: {error}", contender.name).into()
}
