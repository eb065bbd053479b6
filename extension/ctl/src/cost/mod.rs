//! `forwarderctl cost [FILE]`: what a sample of telemetry costs under each format and compression; `--fleet FILE`: what a
//! fleet of functions does.
//!
//! # Layout
//! - `options`: what the command line says, prices with their date.
//! - `events`: from a file to events: bodies as Lambda posts them, or lines as the forwarder sends them.
//! - `receiver`: a sink that counts as AWS bills.
//! - `estimate`: the forwarder itself before that sink, once for each encoding.
//! - `table`: the answer, for people.
//! - [`fleet`]: the same for functions of which only rates are known.

mod estimate;
mod events;
pub mod fleet;
mod options;
mod receiver;
mod table;

use std::io::{self, Write};

use forwarder_core::telemetry::sample::Sample;

pub use estimate::{Estimate, estimate};
pub use events::{EventsError, events};
pub use options::{Options, OptionsError, Prices};
pub use receiver::Tally;

/// Number of synthetic events where there is no file.
const SAMPLE_EVENTS: usize = 20_000;

/// Runs the command with the arguments behind `cost`. Returns the exit code: 0, or 2 for a mistake.
///
/// # Errors
/// The answer cannot be written.
pub fn run(arguments: &[String], out: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(OptionsError::Help) => {
            write!(out, "{}", options::HELP)?;
            return Ok(0);
        }
        Err(error) => {
            writeln!(errors, "error: {error}")?;
            return Ok(2);
        }
    };
    if let Some(file) = &options.fleet {
        return fleet::run(file, &options, out, errors);
    }
    let bodies = match &options.file {
        Some(file) => std::fs::read(file)
            .map_err(|error| error.to_string())
            .and_then(|text| events(&text).map_err(|error| error.to_string()))
            .map(|events| events::bodies(&events, options.flush))
            .map_err(|error| format!("{file}: {error}")),
        None => Ok(made_up(SAMPLE_EVENTS, options.flush)),
    };
    let bodies = match bodies {
        Ok(bodies) if bodies.is_empty() => Err("there is no event in it".to_owned()),
        other => other,
    };
    let estimates = bodies.and_then(|bodies| estimate(&bodies, &options).map_err(|error| error.to_string()));
    match estimates {
        Ok(estimates) => table::write(out, &options, &estimates).map(|()| 0),
        Err(error) => writeln!(errors, "error: {error}").map(|()| 2),
    }
}

/// Bodies of made-up invocations with `flush` lines each.
fn made_up(events: usize, flush: usize) -> Vec<Vec<u8>> {
    let mut sample = Sample::new(1);
    (0..events.div_ceil(flush)).map(|_| sample.invocation(flush)).collect()
}

#[cfg(test)]
mod tests;
