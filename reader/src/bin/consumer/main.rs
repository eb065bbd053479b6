//! `consumer STREAM`: the telemetry in a Kinesis stream, or in files, on a terminal or into a pipe. See `--help`.
//!
//! # Layout
//! - `arguments`, `help`: the command line
//! - `run`: all of it together, until it ends
//! - `source`: what is read
//! - `consumer`: what becomes of it; `begin`, `end`: its first and last steps
//! - `page`: what `--web` is told; `otlp`: what `--otlp` is sent; `mcp`: what an assistant may ask; `pace`: how fast it goes, and how often it speaks

#![forbid(unsafe_code)]

mod arguments;
mod begin;
mod consumer;
mod end;
mod help;
mod mcp;
mod otlp;
mod pace;
mod page;
mod progress;
mod run;
mod source;

use std::io::{self, Write as _};
use std::process::ExitCode;

use reader::clean::clean;
use reader::screen::Screen;

use arguments::Command;
use help::HELP;
use run::{Ended, Failure, run};

/// It could not begin or go on.
const FAILED: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Command::parse(std::env::args_os()) {
        Ok(Command::Help) => return print(HELP),
        Ok(Command::Version) => return print(concat!("consumer ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Read(arguments)) => *arguments,
        Err(error) => return complain(&error.to_string()),
    };
    let mut screen = Screen::of_this_terminal("consumer");
    let outcome = run(arguments, &mut screen).await;
    screen.clear();
    match outcome {
        Ok(Ended::Good) => ExitCode::SUCCESS,
        Ok(Ended::WithLoss) => ExitCode::FAILURE,
        // `consumer … | head`: who reads from us has enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("standard output: {error}")),
    }
}

fn complain(message: &str) -> ExitCode {
    // If nobody hears it, the exit code still tells.
    let _ = writeln!(io::stderr(), "consumer: {}", clean(message));
    ExitCode::from(FAILED)
}
