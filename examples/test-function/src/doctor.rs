//! `forwarderctl doctor`, run where the forwarder runs: with the function's role, variables, files and network.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use lambda_runtime::Error;
use serde_json::{Value, json};

/// The program: beside this one in the function's package, or on `PATH`, where a layer puts what is in its `bin/`.
const PROGRAM: &str = "forwarderctl";

/// Runs it. What it found is the answer; that something fails is no error of this function.
pub(crate) async fn examine() -> Result<Value, Error> {
    let program = program();
    let shown = program.display().to_string();
    let run = move || Command::new(program).args(["doctor", "--format", "json"]).output();
    let output = match tokio::task::spawn_blocking(run).await? {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let fix = "add the layer forwarderctl-ARCHITECTURE.zip to the function (`make layer LAYERS=forwarderctl`)";
            return Err(format!("there is no {PROGRAM} beside the function nor on PATH: {fix}").into());
        }
        Err(error) => return Err(format!("{shown}: {error}").into()),
    };
    let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{shown} ended with {}: {errors}", output.status).into());
    };
    Ok(json!({"exitCode": output.status.code(), "doctor": report}))
}

fn program() -> PathBuf {
    let own = std::env::current_exe().ok();
    let beside = own.and_then(|own| Some(own.parent()?.join(PROGRAM)));
    beside
        .filter(|program| program.is_file())
        .unwrap_or_else(|| PathBuf::from(PROGRAM))
}
