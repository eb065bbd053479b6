//! The binary of the layer: `/opt/extensions/telemetry-forwarder`.

mod pow;

use std::path::PathBuf;
use std::process::ExitCode;

use telemetry_forwarder::{allocator, config, lifecycle, logger, version};

fn main() -> ExitCode {
    if let Some(argument) = std::env::args().nth(1) {
        return answer(&argument);
    }
    allocator::tune();
    logger::start();
    std::panic::set_hook(Box::new(|panic| {
        log::error!(event = "panicked"; "a bug in the forwarder: {panic}");
    }));
    let variables = config::environment();
    // Lambda knows an external extension by the name of the file that it started, be it a link to another.
    let started = std::env::args_os().next().map(PathBuf::from);
    let name = [started, std::env::current_exe().ok()]
        .into_iter()
        .flatten()
        .find_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "telemetry-forwarder".to_owned());
    // One thread suffices: the work between two waits is short, and a second one would take the function's CPU.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            log::error!(event = "start_failed", error = error.to_string().as_str(); "the runtime cannot be started");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(lifecycle::run(&variables, &name));
    // A write to a pipe that nobody empties must not keep the process.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// Lambda starts an extension without arguments: somebody at a terminal asks.
#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "asked for by a person at a terminal"
)]
fn answer(argument: &str) -> ExitCode {
    match argument {
        "--version" | "-V" => println!("{}", version::line("telemetry-forwarder")),
        "--help" | "-h" => println!("{HELP}"),
        _ => {
            eprintln!("telemetry-forwarder: unexpected argument `{argument}`; see --help");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

const HELP: &str = "\
telemetry-forwarder: an AWS Lambda extension that forwards telemetry to Kinesis, Firehose or standard output

Lambda starts it from /opt/extensions, without arguments. It is configured by files and the variables FORWARDER_…;
`forwarderctl check` tells what they mean.

  -h, --help     this text
  -V, --version  the version, and the features that were compiled in";
