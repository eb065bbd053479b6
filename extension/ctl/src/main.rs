//! `forwarderctl`: tells what a configuration means, before Lambda does.

use std::io::{stderr, stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let variables = telemetry_forwarder::config::environment();
    let mut streams = forwarderctl::Streams {
        input: &mut stdin().lock(),
        output: &mut stdout().lock(),
        errors: &mut stderr().lock(),
    };
    let code = forwarderctl::run(std::env::args_os().skip(1), variables, &mut streams);
    // With nobody left to read there is nobody to tell.
    let _ = streams.output.flush();
    ExitCode::from(code)
}
