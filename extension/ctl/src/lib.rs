//! `forwarderctl`: for people, at a terminal or in a pipeline. Nothing of it is in the layer's binary.
//!
//! # Layout
//! - `arguments`: what was asked for.
//! - [`check`]: what a configuration means, and what is wrong with it.
//! - [`doctor`]: what a configuration would meet in the account, with feature `doctor`.
//! - [`route`]: which rule takes each of some events.
//! - [`schema`]: the JSON Schema of the configuration file; [`cost`]: what telemetry costs.
//! - `terminal`: nothing of a file or a sample acts on a terminal.

#![forbid(unsafe_code)]

mod arguments;
pub mod check;
pub mod cost;
#[cfg(feature = "doctor")]
pub mod doctor;
pub mod route;
pub mod schema;
mod terminal;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Write};

use arguments::{Command, HELP};
use terminal::Terminal;

use telemetry_forwarder::version;

/// Nothing is wrong.
pub const GOOD: u8 = 0;
/// There are warnings, and `--strict` asks for none; or `doctor` found what fails.
pub const WARNINGS: u8 = 1;
/// There are errors, in the configuration or in how this was called.
pub const ERRORS: u8 = 2;

/// The variable that names the configuration file.
const FILE_VARIABLE: &str = "FORWARDER_CONFIG";

/// Format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Input and output.
pub struct Streams<'a> {
    /// Standard input.
    pub input: &'a mut dyn Read,
    /// Standard output.
    pub output: &'a mut dyn Write,
    /// Standard error.
    pub errors: &'a mut dyn Write,
}

/// Does what the arguments ask for, with these environment variables. Returns the exit code.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    mut variables: BTreeMap<String, String>,
    streams: &mut Streams<'_>,
) -> u8 {
    let mut output = Terminal(&mut *streams.output);
    let mut errors = Terminal(&mut *streams.errors);
    let streams = &mut Streams {
        input: &mut *streams.input,
        output: &mut output,
        errors: &mut errors,
    };
    let done = match Command::parse(arguments) {
        Ok(Command::Help) => writeln!(streams.output, "{HELP}").map(|()| GOOD),
        Ok(Command::Version) => writeln!(streams.output, "{}", version::line("forwarderctl")).map(|()| GOOD),
        Ok(Command::Schema) => writeln!(streams.output, "{:#}", schema::schema()).map(|()| GOOD),
        Ok(Command::Cost(options)) => cost::run(&options, streams.output, streams.errors),
        Ok(Command::Check { file, strict, output }) => {
            variables.extend(file.map(|file| (FILE_VARIABLE.to_owned(), file)));
            check::run(&variables, strict, output, streams.output)
        }
        Ok(Command::Doctor { file, output }) => {
            variables.extend(file.map(|file| (FILE_VARIABLE.to_owned(), file)));
            examine(&variables, output, streams)
        }
        Ok(Command::Route { file, config, output }) => {
            variables.extend(config.map(|config| (FILE_VARIABLE.to_owned(), config)));
            route::run(&variables, file.as_deref(), output, streams)
        }
        Err(error) => writeln!(streams.errors, "forwarderctl: {error}; see forwarderctl --help").map(|()| ERRORS),
    };
    done.unwrap_or_else(|error| broken(&error))
}

#[cfg(feature = "doctor")]
fn examine(variables: &BTreeMap<String, String>, output: Output, streams: &mut Streams<'_>) -> io::Result<u8> {
    doctor::run(variables, output, streams.output)
}

#[cfg(not(feature = "doctor"))]
fn examine(_: &BTreeMap<String, String>, _: Output, streams: &mut Streams<'_>) -> io::Result<u8> {
    let message = "forwarderctl: this build cannot ask an account; it was made without the feature `doctor`";
    writeln!(streams.errors, "{message}").map(|()| ERRORS)
}

/// A reader that has seen enough, such as `head`, is no error.
fn broken(error: &io::Error) -> u8 {
    if error.kind() == io::ErrorKind::BrokenPipe {
        GOOD
    } else {
        ERRORS
    }
}
