//! The stack of `infra/template.yaml`, made by moto's CloudFormation: the real extension, with the variables of the deployed
//! function, writes to the stream that was created.
//!
//! `make infra-test` sets moto up and runs this.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use end_to_end::binaries;
use end_to_end::moto::Moto;
use end_to_end::world::*;
use local_lambda::{LocalLambda, LogFormat};
use serde_json::{Value, json};

/// Runs `infra/test/moto.py` and returns what it printed.
fn run(python: &Path, arguments: &[&str]) -> String {
    let infra = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra");
    let output = Command::new(python)
        .arg("test/moto.py")
        .args(arguments)
        .current_dir(infra)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "moto.py {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
#[ignore = "needs moto, which `make infra-test` installs"]
async fn the_extension_writes_to_the_stream_of_the_deployed_template() {
    let python = std::env::var_os("INFRA_PYTHON").expect("INFRA_PYTHON: run `make infra-test`");
    let python = PathBuf::from(python);
    let moto = Moto::start(&python).await;
    let created = run(&python, &["create", moto.endpoint(), "template.yaml", "fixtures/dist"]);
    let stack: Value = serde_json::from_str(&created).unwrap();
    assert_eq!(stack["status"], "CREATE_COMPLETE");
    assert_eq!(
        stack["tags"],
        json!({"CostCenter": "4711", "Environment": "test", "Application": "telemetry-forwarder", "Owner": "somebody"})
    );
    assert_eq!(
        (&stack["retentionHours"], &stack["logRetention"], &stack["runtime"]),
        (&json!(24), &json!([7]), &json!("provided.al2023"))
    );
    let stream = stack["stream"].as_str().unwrap();
    assert_eq!(stack["parameters"]["/telemetry/stream-name"], stream);
    assert_eq!(stack["variables"]["FORWARDER_SINKS__KINESIS__STREAM"], stream);

    doctor_finds_it(moto.endpoint(), &stack["variables"]);

    let port = free_port();
    let mut builder = LocalLambda::builder()
        .function(binaries::test_function())
        .extension(binaries::extension())
        .log_format(LogFormat::Json)
        .extension_env("AWS_ENDPOINT_URL", moto.endpoint())
        .extension_env("FORWARDER_TELEMETRY__PORT", port.to_string())
        .extension_env("FORWARDER_SPOOL__DIR", spool_dir(port));
    for (name, value) in stack["variables"].as_object().unwrap() {
        builder = builder.env(name, value.as_str().unwrap());
    }
    let lambda = builder.start().await.unwrap();
    for _ in 0..3 {
        let order = r#"{"lines":10,"level":"mixed","format":"json"}"#;
        assert!(lambda.invoke(order).await.unwrap().succeeded());
    }
    let report = lambda.shutdown("spindown", Duration::from_secs(4)).await.unwrap();
    assert!(report.clean());
    // moto takes no CBOR, and fails over it; nothing else is said.
    let said = extension_log(&lambda);
    assert!(said.len() == 1 && said[0].contains("protocol_json"), "{said:#?}");

    let records: Vec<_> = run(&python, &["read", moto.endpoint(), stream])
        .lines()
        .map(|line| STANDARD.decode(line).unwrap())
        .collect();
    let found = Found::in_records(records.iter().map(Vec::as_slice));
    found.assert_conserves(&lambda, &["platform", "function"]);
    assert_eq!(found.of_type("function").len(), 30);
}

/// `forwarderctl doctor`, with the variables of the deployed function.
fn doctor_finds_it(endpoint: &str, variables: &Value) {
    let program = std::env::var_os("FORWARDERCTL_BIN").expect("FORWARDERCTL_BIN: run `make infra-test`");
    let mut doctor = Command::new(program);
    doctor.arg("doctor").env_clear().env("AWS_ENDPOINT_URL", endpoint);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        doctor.env(name, "test");
    }
    doctor
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    for (name, value) in variables.as_object().unwrap() {
        doctor.env(name, value.as_str().unwrap());
    }
    let output = doctor.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for check in [
        "region",
        "credentials",
        "kinesis: stream",
        "kinesis: mode",
        "kinesis: record size",
        "kinesis: key",
    ] {
        assert!(text.contains(&format!("ok    {check}: ")), "{check}: {text}");
    }
    // moto knows no dry runs.
    assert!(
        text.contains("warn  kinesis: put: kinesis:PutRecords is allowed"),
        "{text}"
    );
}
