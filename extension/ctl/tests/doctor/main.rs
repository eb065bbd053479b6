//! `forwarderctl doctor` before accounts in which something is wrong: each is told by its cause.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(all(
    feature = "doctor",
    feature = "kinesis",
    feature = "firehose",
    feature = "assume-role",
    feature = "kpl"
))]

mod account;
mod broken;
mod document;

use std::process::Command;

use account::{Account, Answer};
use serde_json::Value;

const STREAM: (&str, &str) = ("FORWARDER_SINKS__KINESIS__STREAM", "telemetry");

const KEYS: [(&str, &str); 4] = [
    ("AWS_REGION", "eu-west-1"),
    ("AWS_ACCESS_KEY_ID", "AKID"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// Exit code and standard output. A variable without a value is taken away.
fn run(arguments: &[&str], endpoint: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forwarderctl"));
    command
        .arg("doctor")
        .args(arguments)
        .env_clear()
        .envs(KEYS)
        .env("AWS_ENDPOINT_URL", endpoint);
    for (name, value) in variables {
        match *value {
            "" => command.env_remove(name),
            value => command.env(name, value),
        };
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (
        output.status.code().unwrap(),
        text + &String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn where_nothing_is_wrong_all_is_ok_and_nothing_was_written() {
    let account = Account::start(&[]);
    let (code, text) = run(&[], &account.endpoint, &[STREAM]);
    assert_eq!(code, 0, "{text}");
    for expected in [
        "ok    region: eu-west-1, from AWS_REGION",
        "ok    credentials: those of arn:aws:sts::123456789012:assumed-role/checkout/i",
        "ok    kinesis: stream: arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry is ACTIVE",
        "ok    kinesis: mode: on demand, 4 open shards now",
        "ok    kinesis: record size: records of up to 1048576 bytes are sent, of up to 1024 KiB taken",
        "ok    kinesis: distribution: by partition key",
        "ok    kinesis: key: arn:aws:kms:eu-west-1:123456789012:key/k can be used (a dry run of kms:GenerateDataKey)",
        "ok    kinesis: put: kinesis:PutRecords is allowed (a dry run)",
        "\n8 ok, 0 warn, 0 fail\n",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let asked = account.asked.lock().unwrap();
    for action in ["PutRecords", "GenerateDataKey"] {
        let (_, body) = asked.iter().find(|(name, _)| name == action).unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["DryRun"], true, "{action}");
    }
}

#[test]
fn json_says_the_same() {
    let answers: &[Answer] = &[(
        "PutRecords",
        400,
        r#"{"__type":"AccessDeniedException","message":"no"}"#,
    )];
    let account = Account::start(answers);
    let (code, text) = run(&["--format", "json"], &account.endpoint, &[STREAM]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, &json["ok"], &json["warn"], &json["fail"]),
        (1, &7.into(), &0.into(), &1.into())
    );
    let put = json["checks"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&put["status"], &put["sink"], &put["check"]),
        (&"fail".into(), &"kinesis".into(), &"put".into())
    );
    assert_eq!(
        put["fix"],
        r#"add to the function's role: {"Action":"kinesis:PutRecords","Effect":"Allow","Resource":"arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry"}"#
    );
    assert!(
        put["text"]
            .as_str()
            .unwrap()
            .starts_with("kinesis: put: access_denied: AccessDeniedException: no; fix: ")
    );
}

#[test]
fn a_wrong_configuration_asks_nobody() {
    let account = Account::start(&[]);
    let (code, text) = run(&[], &account.endpoint, &[STREAM, ("FORWARDER_FLUSH__BUDGET", "soon")]);
    assert_eq!(code, 2, "{text}");
    assert!(text.starts_with("fail  configuration: "), "{text}");
    assert!(account.asked.lock().unwrap().is_empty());
}

#[test]
fn a_service_that_knows_no_dry_run_takes_a_blank_line() {
    let taken = r#"{"FailedRecordCount":0,"Records":[{"SequenceNumber":"1","ShardId":"shardId-000000000000"}]}"#;
    let account = Account::start(Vec::leak(vec![("PutRecords", 200, taken)]));
    let (code, text) = run(&[], &account.endpoint, &[STREAM]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("warn  kinesis: put: kinesis:PutRecords is allowed: the service knows no dry runs"),
        "{text}"
    );
    let asked = account.asked.lock().unwrap();
    // A line feed.
    assert!(
        asked
            .iter()
            .any(|(name, body)| name == "PutRecords" && body.contains(r#""Data":"Cg==""#))
    );
}

#[test]
fn dry_runs_of_one_stream_are_a_second_apart() {
    let limited = r#"{"__type":"LimitExceededException","message":"one dry run a second"}"#;
    let account = Account::start(Vec::leak(vec![("PutRecords", 400, limited)]));
    let begin = std::time::Instant::now();
    let (_, text) = run(&[], &account.endpoint, &[STREAM]);
    assert!(text.contains("warn  kinesis: put: throttled: "), "{text}");
    let asked = account.asked.lock().unwrap();
    assert_eq!(asked.iter().filter(|(name, _)| name == "PutRecords").count(), 2);
    assert!(begin.elapsed() >= std::time::Duration::from_secs(1));
}

#[test]
fn each_broken_account_is_told_by_its_cause() {
    let mut wrong = Vec::new();
    for case in broken::CASES {
        let account = Account::start(case.answers);
        let (code, text) = run(&[], &account.endpoint, case.variables);
        let is_told = text
            .lines()
            .any(|line| line.starts_with(case.status) && case.says.iter().all(|part| line.contains(part)));
        let expected = i32::from(case.status == "fail");
        if !is_told || code != expected {
            wrong.push(format!("{}: exit code {code}\n{text}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(broken::CASES.len() >= 30);
}

#[test]
fn one_run_tells_the_causes_of_all_sinks() {
    let account = Account::start(&[
        (
            "DescribeStreamSummary@gone",
            400,
            r#"{"__type":"ResourceNotFoundException","message":"Stream gone not found"}"#,
        ),
        (
            "PutRecords@denied",
            400,
            r#"{"__type":"AccessDeniedException","message":"not authorized"}"#,
        ),
        (
            "DescribeDeliveryStream",
            400,
            r#"{"__type":"ResourceNotFoundException","message":"Firehose archive not found"}"#,
        ),
    ]);
    let variables = [
        ("FORWARDER_SINKS__KINESIS__STREAM", "gone"),
        ("FORWARDER_SINKS__AUDIT__TYPE", "kinesis"),
        ("FORWARDER_SINKS__AUDIT__STREAM", "denied"),
        ("FORWARDER_SINKS__AUDIT__MAX_RECORD_BYTES", "2MiB"),
        ("FORWARDER_SINKS__AUDIT__PUT_BYTES", "2MiB"),
        ("FORWARDER_SINKS__FIREHOSE__STREAM", "archive"),
        ("FORWARDER_ROUTES", "* -> kinesis, audit, firehose"),
    ];
    let (code, text) = run(&[], &account.endpoint, &variables);
    assert_eq!(code, 1, "{text}");
    for expected in [
        "fail  kinesis: stream: not_found",
        "fail  audit: record size: records of up to 2097152 bytes are sent, but only 1024 KiB are taken",
        "fail  audit: put: access_denied",
        "fail  firehose: stream: not_found",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn where_nobody_listens_the_network_is_the_cause() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (code, text) = run(&[], &endpoint, &[STREAM]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("warn  credentials: found; STS did not say whose they are"),
        "{text}"
    );
    assert!(text.contains("fail  kinesis: stream: unreachable: "), "{text}");
    assert!(
        text.contains("fix: in a VPC: an endpoint for the service or a NAT gateway"),
        "{text}"
    );
}

#[test]
fn a_certificate_that_is_not_trusted_is_the_cause() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key)
            .unwrap();
    let config = std::sync::Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut session = rustls::ServerConnection::new(std::sync::Arc::clone(&config)).unwrap();
            // The client goes away in the middle.
            let _ = session.complete_io(&mut stream.unwrap());
        }
    });
    let (code, text) = run(&[], &endpoint, &[STREAM]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("fail  kinesis: stream: certificate: the certificate of localhost is not trusted"),
        "{text}"
    );
    assert!(text.contains("fix: AWS_CA_BUNDLE names a PEM file"), "{text}");
}
