//! The command: runs a function and its extensions as Lambda does, and tells how it went.
//!
//! # Layout
//! - `arguments`: the command line
//! - this file: the run and its summary
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program speaks to its terminal"
)]

mod arguments;

use std::process::ExitCode;
use std::time::Duration;

use arguments::{Arguments, Command, HELP};
use local_lambda::{Error, Invocation, LocalLambda, ShutdownReport};

/// What Lambda gives an environment with external extensions for its shutdown.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match Command::parse(std::env::args_os()) {
        Ok(Command::Run(arguments)) => arguments,
        Ok(Command::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("local-lambda: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    // An interrupt drops the run, which kills all that it started.
    let outcome = tokio::select! {
        outcome = run(&arguments) => outcome,
        _ = tokio::signal::ctrl_c() => Ok(false),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("local-lambda: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether all went well.
async fn run(arguments: &Arguments) -> Result<bool, Error> {
    let mut builder = LocalLambda::builder()
        .mode(arguments.mode)
        .memory_mb(arguments.memory_mb)
        .timeout(arguments.timeout)
        .log_format(arguments.log_format);
    if let Some(function) = &arguments.function {
        builder = builder.function(function);
    }
    for extension in &arguments.extensions {
        builder = builder.extension(extension);
    }
    for (name, value) in &arguments.variables {
        builder = builder.env(name, value);
    }
    let lambda = match builder.start().await {
        Err(Error::Init(failure)) => {
            write_events(arguments, &failure.events)?;
            return Err(Error::Init(failure));
        }
        started => started?,
    };
    tell_init(&lambda);

    let mut good = true;
    let events = std::iter::repeat_n(&arguments.events, arguments.count).flatten();
    for (index, event) in events.enumerate() {
        let invocation = lambda.invoke(event.clone()).await?;
        tell_invocation(index + 1, &invocation);
        good &= invocation.succeeded();
    }
    let report = lambda.shutdown(&arguments.shutdown_reason, SHUTDOWN_LIMIT).await?;
    tell_shutdown(&report);
    tell_telemetry(&lambda);
    write_events(arguments, &lambda.events())?;
    Ok(good && report.clean())
}

fn tell_init(lambda: &LocalLambda) {
    let init = lambda.init();
    println!("init        {:>9}", ms(init.duration));
    for extension in &init.extensions {
        let after = |time: Option<Duration>| time.map_or("never".into(), ms);
        println!(
            "            {}: registered after {}, ready after {}",
            extension.name,
            after(extension.registered_after),
            after(extension.ready_after)
        );
    }
}

fn tell_invocation(number: usize, invocation: &Invocation) {
    println!(
        "invoke {number:<4} {:>9}  {}, extensions added {}, billed {} ms",
        ms(invocation.duration),
        invocation.status,
        ms(invocation.added),
        invocation.billed.as_millis()
    );
    if let Some(restore) = &invocation.restore {
        println!("            after a restore of {}", ms(restore.duration));
    }
    if let Some(error) = &invocation.error {
        println!("            {error}");
    }
    if let Some(reset) = &invocation.reset {
        println!(
            "            reset, reason {}, took {}",
            reset.reason,
            ms(reset.duration)
        );
    }
}

fn tell_shutdown(report: &ShutdownReport) {
    println!("shutdown    {:>9}  reason {}", ms(report.duration), report.reason);
    for process in &report.processes {
        let exit = process.exit.map_or("unknown".into(), |exit| exit.to_string());
        let killed = if process.killed { ", killed" } else { "" };
        println!(
            "            {}: {exit} after {}{killed}",
            process.name,
            ms(process.after)
        );
    }
}

fn tell_telemetry(lambda: &LocalLambda) {
    let handed = lambda.ground_truth();
    let acknowledged = handed.iter().filter(|event| event.acknowledged).count();
    println!(
        "telemetry   {} events, {} handed over, {acknowledged} acknowledged, {} failed POSTs",
        lambda.events().len(),
        handed.len(),
        lambda.failed_posts()
    );
}

/// Writes every event to the file that was asked for.
fn write_events(arguments: &Arguments, events: &[String]) -> Result<(), Error> {
    let Some(path) = &arguments.telemetry_out else {
        return Ok(());
    };
    let lines: String = events.iter().flat_map(|event| [event, "\n"]).collect();
    std::fs::write(path, lines).map_err(|source| Error::Io {
        what: "writing the telemetry",
        source,
    })
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
