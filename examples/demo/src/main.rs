//! The forwarder from end to end on one machine: two functions on a local Lambda, the real extension binary beside each,
//! and a local Kinesis, which is read back through its API while they run. `make demo` builds and runs it.
//!
//! # Layout
//! In the order of the data:
//! - `programs`: where the extension and the test function are
//! - `scenario`: which functions there are and what is asked of them
//! - `function`: one function on its local Lambda, from init to shutdown
//! - `found`: what was read back, decoded and counted; it is read and shown by the consumer's library
//! - `verdict`: whether anything is missing, from two sides
//! - `table`: what it came to
//! - `page`: the stream on a page in a browser
//! - `run`: all of it together; `error`: what can go wrong

#![forbid(unsafe_code)]

mod bill;
mod error;
mod found;
mod function;
mod page;
mod programs;
mod run;
mod scenario;
mod table;
mod verdict;

use std::io::{self, Write};
use std::process::ExitCode;

use reader::screen::Screen;
use run::Stay;
use tokio::task::LocalSet;

const HELP: &str = "\
Runs two functions on a local Lambda with the real extension, reads their telemetry back from a local Kinesis, and shows
each event as it arrives. At the end a table tells what was handed over, read back, lost, and what it would cost.

Usage: make demo               builds everything first
       make demo WEB=1        on a page in your browser, too, which stays at the end
       make demo STAY=--stay  keeps the stream at the end, for a consumer of your own
       demo [--stay | --web | --help]

Variables:
  TELEMETRY_FORWARDER_BIN   the extension   (default: target/e2e/ci/telemetry-forwarder)
  TEST_FUNCTION_BIN         the function    (default: target/e2e/ci/test-function)
  NO_COLOR                  no colours; nor are there any where standard output is no terminal

Exit codes: 0 nothing was lost, 1 something was, 2 the demo could not run.
";

/// The demo could not run.
const FAILED: u8 = 2;

/// Exit code of a program that ended at an interrupt, as shells report it.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let stay = match arguments.as_slice() {
        [] => Stay::No,
        [only] if only == "--stay" => Stay::Stream,
        [only] if only == "--web" => Stay::Page,
        [only] if only == "--help" || only == "-h" => return written(io::stdout().write_all(HELP.as_bytes())),
        _ => return complain("the demo takes --stay, --web or --help, and nothing else"),
    };
    let mut screen = Screen::of_this_terminal("demo");
    // The futures of local Lambdas stay on their thread. An interrupt drops them all, which kills what they started.
    let local = LocalSet::new();
    let outcome = tokio::select! {
        outcome = local.run_until(run::run(&mut screen, stay)) => outcome,
        _ = tokio::signal::ctrl_c() => {
            screen.clear();
            return ExitCode::from(INTERRUPTED);
        }
    };
    screen.clear();
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => complain(&error.to_string()),
    }
}

fn written(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("standard output: {error}")),
    }
}

fn complain(message: &str) -> ExitCode {
    // If nobody hears it, the exit code still tells.
    let _ = writeln!(io::stderr(), "demo: {message}");
    ExitCode::from(FAILED)
}
