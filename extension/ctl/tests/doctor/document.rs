//! A configuration that is kept elsewhere: it is read, and the sinks that it names are examined.

use crate::account::{Account, Answer};
use crate::{STREAM, run};

const CONFIG: (&str, &str) = ("FORWARDER_CONFIG", "ssm:/telemetry/forwarder");

/// `GetParameter` with a document in it.
fn parameter(text: &str) -> &'static [Answer] {
    let answer = serde_json::json!({"Parameter": {"Name": "/telemetry/forwarder", "Value": text, "Version": 7}});
    let answer: &'static str = answer.to_string().leak();
    Vec::leak(vec![("GetParameter", 200, answer)])
}

#[test]
fn the_sinks_that_it_names_are_examined_too() {
    let text = "routes = \"* -> kinesis, audit\"\n[sinks.audit]\ntype = \"kinesis\"\nstream = \"audit\"\n\
                [sinks.kinesis]\nstream = \"loses-to-the-variable\"";
    let account = Account::start(parameter(text));
    let (code, out) = run(&[], &account.endpoint, &[STREAM, CONFIG]);
    assert_eq!(code, 0, "{out}");
    for expected in [
        "ok    document: ssm:/telemetry/forwarder, version 7, can be read and is valid",
        "ok    kinesis: put: kinesis:PutRecords is allowed",
        "ok    audit: put: kinesis:PutRecords is allowed",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    let asked = account.asked.lock().unwrap();
    let is_asked = |action: &str, text: &str| asked.iter().any(|(name, body)| name == action && body.contains(text));
    assert!(
        is_asked("GetParameter", r#""Name":"/telemetry/forwarder""#),
        "{asked:?}"
    );
    assert!(is_asked("DescribeStreamSummary", "audit") && is_asked("DescribeStreamSummary", "telemetry"));
    assert!(!is_asked("DescribeStreamSummary", "loses-to-the-variable"));
}

#[test]
fn one_with_mistakes_is_a_wrong_configuration_and_what_is_local_is_examined() {
    let account = Account::start(parameter("routes = \"* -> nowhere\"\n[flush]\nbudget = \"soon\""));
    let (code, out) = run(&[], &account.endpoint, &[STREAM, CONFIG]);
    assert_eq!(code, 2, "{out}");
    for expected in [
        "fail  document: ssm:/telemetry/forwarder:1: ",
        "unknown sink `nowhere`",
        "flush.budget",
        "fix: correct it there: a document with any mistake is refused as a whole",
        "ok    kinesis: put: kinesis:PutRecords is allowed",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
}

#[test]
fn one_that_cannot_be_read_is_told_by_its_cause() {
    let denied = r#"{"__type":"AccessDeniedException","Message":"not authorized to perform: ssm:GetParameter"}"#;
    let cases: [(Answer, &str, [&str; 2]); 4] = [
        (
            ("GetParameter", 400, denied),
            CONFIG.1,
            [
                "the function's role needs ssm:GetParameter",
                "fix: allow it to the function's role on ssm:/telemetry/forwarder",
            ],
        ),
        (
            ("GetParameter", 400, r#"{"__type":"ParameterNotFound"}"#),
            CONFIG.1,
            [
                "answered 400",
                "fix: there is no ssm:/telemetry/forwarder in this account and region",
            ],
        ),
        (
            ("GetParameter", 200, "nonsense"),
            CONFIG.1,
            ["the answer is no parameter", "AWS_ENDPOINT_URL_SSM"],
        ),
        (
            ("", 403, "<Error><Code>AccessDenied</Code></Error>"),
            "s3://bucket/key",
            [
                "the function's role needs s3:GetObject",
                "fix: allow it to the function's role on s3://bucket/key",
            ],
        ),
    ];
    for (answer, source, expected) in cases {
        let account = Account::start(Vec::leak(vec![answer]));
        let variables = [STREAM, ("FORWARDER_CONFIG", source)];
        let (code, out) = run(&[], &account.endpoint, &variables);
        assert_eq!(code, 1, "{out}");
        let line = out.lines().find(|line| line.starts_with("fail  document: ")).unwrap();
        assert!(expected.iter().all(|part| line.contains(part)), "{expected:?}: {line}");
        assert!(out.contains("ok    kinesis: put: "), "what is local counts: {out}");
    }
}
