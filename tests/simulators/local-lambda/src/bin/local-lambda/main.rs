//! The command: runs a function and its extensions as Lambda does, and tells how it went.
//!
//! # Layout
//! - `arguments`: the command line
//! - `run`: what was asked for, done
//! - `tell`: what the terminal is told
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program speaks to its terminal"
)]

mod arguments;
mod run;
mod tell;

use std::process::ExitCode;

use arguments::{Command, HELP};

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
        outcome = run::run(&arguments) => outcome,
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
