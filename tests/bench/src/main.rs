//! `make bench`: runs the measurements in turns, so that what else the machine does meets all alike.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what it is for")]

use std::process::ExitCode;

use process_bench::contender::Contender;
use process_bench::measure::load::Loads;
use process_bench::options::{Measure, Options};
use process_bench::results::{Results, between_markers};
use process_bench::sandbox::groups::Groups;
use process_bench::{Error, Result, measure, options};

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
    // Before the loads: of what this process holds then, each start in a group would have to take down its copy.
    if options.wants(Measure::Small) {
        match Groups::new() {
            Ok(groups) => small(options, &mut results, &mut loads, &groups).await?,
            Err(error) => {
                eprintln!("control groups are not to be had here ({error}): no run with 128 MB and 1/14 CPU");
                results.small_skipped = Some(error.to_string());
            }
        }
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
    if let Some(function) = options.function.as_ref().filter(|_| options.wants(Measure::Added)) {
        eprintln!("invocations");
        for _ in 0..options.loads {
            for (contender, costs) in options.contenders.iter().zip(&mut results.costs) {
                let added = measure::added::added(contender, function).await;
                costs.added.extend(added.map_err(named(contender))?);
            }
        }
    }
    let tables = results.tables(options);
    print!("{tables}");
    if let Some(file) = &options.write {
        let named = |error: Error| format!("{}: {error}", file.display());
        let document = std::fs::read_to_string(file).map_err(|error| named(error.into()))?;
        std::fs::write(file, between_markers(&document, &tables).map_err(named)?)?;
    }
    if let Some(file) = &options.plot {
        std::fs::write(file, results.plot())?;
    }
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
