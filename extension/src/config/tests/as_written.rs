//! Configurations as people, templates and consoles write them: refused, or warned of, with the cause.

use super::*;

fn warnings(pairs: &[(&str, &str)]) -> Vec<String> {
    let (basics, config) = load(&variables(pairs));
    config.unwrap();
    basics.warnings
}

#[track_caller]
fn refused(pairs: &[(&str, &str)], expected: &str) {
    let problems = problems(pairs);
    assert!(
        problems.len() == 1 && problems[0].contains(expected),
        "{pairs:?}: {problems:#?}"
    );
}

#[test]
fn a_bare_off_of_yaml_is_off_with_a_warning() {
    let yaml = [
        STREAM,
        ("FORWARDER_METRICS", "false"),
        ("FORWARDER_SPOOL__MODE", "false"),
        ("FORWARDER_LOG", "False"),
    ];
    let warnings = warnings(&yaml);
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
    for warning in &warnings {
        assert!(warning.contains("YAML makes `false` of a bare `off`"), "{warning}");
    }
    let (basics, config) = load(&variables(&yaml));
    let config = config.unwrap();
    assert_eq!(
        (basics.log, config.emf, config.spool.mode),
        (LevelFilter::Off, false, SpoolMode::Off)
    );
}

#[test]
fn other_words_of_yaml_are_refused_with_the_cause() {
    for (name, value) in [
        ("FORWARDER_METRICS", "true"),
        ("FORWARDER_SPOOL__MODE", "True"),
        ("FORWARDER_FLUSH__STRATEGY", "false"),
    ] {
        refused(&[STREAM, (name, value)], "YAML makes `true` or `false` of a bare `on`");
    }
    for (name, value) in [
        ("FORWARDER_BUFFER__MAX_BYTES", "1.6777216E7"),
        ("FORWARDER_TELEMETRY__PORT", "5000.0"),
        ("FORWARDER_FLUSH__BUDGET", "1.0"),
    ] {
        refused(
            &[STREAM, (name, value)],
            "YAML and JSON may write a number in this form",
        );
    }
}

#[test]
fn what_was_to_be_replaced_and_was_not_is_named() {
    let arn = "arn:aws:kinesis:${AWS_REGION}:123456789012:stream/telemetry";
    refused(
        &[("FORWARDER_SINKS__KINESIS__STREAM", arn)],
        "`${AWS_REGION}` was to be replaced when this was deployed",
    );
    for (name, value, placeholder) in [
        (
            "FORWARDER_SINKS__KINESIS__REGION",
            "${self:provider.region}",
            "${self:provider.region}",
        ),
        ("FORWARDER_LOG", "{{resolve:ssm:/log}}", "{{resolve:ssm:/log}}"),
        ("FORWARDER_FLUSH__BUDGET", "${Token[TOKEN.12]}", "${Token[TOKEN.12]}"),
        ("FORWARDER_SPOOL__DIR", "/tmp/${Stage}", "${Stage}"),
    ] {
        refused(&[STREAM, (name, value)], placeholder);
    }
    // An expression may have these characters.
    if cfg!(feature = "regex") {
        config(&[STREAM, ("FORWARDER_REDACT", "/[${}]x/")]);
    }
}

#[test]
fn quotes_around_a_value_are_refused_and_white_space_is_not_seen() {
    for quoted in ["\"telemetry\"", "'telemetry'"] {
        refused(
            &[("FORWARDER_SINKS__KINESIS__STREAM", quoted)],
            "are a part of the value",
        );
    }
    refused(&[STREAM, ("FORWARDER_LOG", "\"debug\"")], "are a part of the value");
    refused(
        &[STREAM, ("FORWARDER_ROUTES", "'* -> kinesis'")],
        "are a part of the value",
    );
    let blanks = config(&[
        ("FORWARDER_SINKS__KINESIS__STREAM", " telemetry\n"),
        ("FORWARDER_SINKS__KINESIS__REGION", "eu-west-1 "),
        ("FORWARDER_SINKS__KINESIS__ENDPOINT", " http://localhost:4567 "),
        ("FORWARDER_SINKS__KINESIS__FORMAT", " json\t"),
        ("FORWARDER_TELEMETRY__PORT", " 5000"),
        ("FORWARDER_SPOOL__DIR", " /tmp/x "),
        ("FORWARDER_METRICS", "   "),
    ]);
    let sink = &blanks.sinks[0];
    assert_eq!((stream(sink), sink.region.as_deref()), ("telemetry", Some("eu-west-1")));
    assert_eq!(sink.endpoint.as_deref(), Some("http://localhost:4567"));
    assert_eq!((blanks.port, blanks.spool.dir), (5000, PathBuf::from("/tmp/x")));
}

#[test]
fn a_region_is_one_and_goes_with_the_arn() {
    let region = |value| [STREAM, ("FORWARDER_SINKS__KINESIS__REGION", value)];
    refused(
        &region("eu-west-1a"),
        "`eu-west-1a` is an availability zone; its region is `eu-west-1`",
    );
    refused(&region("Ireland"), "`Ireland` is not a region");
    let arn = |text| ("FORWARDER_SINKS__KINESIS__STREAM", text);
    refused(
        &[arn("arn:aws:kinesis:cn-north-1:123456789012:stream/telemetry")],
        "is in the partition `aws-cn`, not in `aws`",
    );
    refused(
        &[
            arn("arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry"),
            ("FORWARDER_SINKS__KINESIS__REGION", "us-east-1"),
        ],
        "names another region, `eu-west-1`",
    );
}

#[test]
fn an_endpoint_is_a_url() {
    let endpoint = |value| [STREAM, ("FORWARDER_SINKS__KINESIS__ENDPOINT", value)];
    for wrong in [
        "localhost",
        "ftp://localhost",
        "https://",
        "https:///x",
        "http://local host",
        "http://localhost:port",
        "http://localhost:0",
        "http://localhost:70000",
        "https://vpce-1,https://vpce-2",
    ] {
        refused(&endpoint(wrong), "not an endpoint");
    }
    for right in [
        "http://localhost:4566",
        "http://[::1]:4566",
        "https://vpce-1.kinesis.eu-west-1.vpce.amazonaws.com/x",
    ] {
        config(&endpoint(right));
    }
}

#[test]
fn the_right_name_of_a_variable_is_told() {
    let right = "FORWARDER_SINKS__KINESIS__STREAM";
    for wrong in ["forwarder_sinks__kinesis__stream", "Forwarder_Sinks__Kinesis__Stream"] {
        let problems = problems(&[(wrong, "telemetry")]);
        let expected = format!("{wrong}: names of variables are in upper case: {right}");
        assert!(problems.contains(&expected), "{problems:#?}");
    }
    for (wrong, right) in [
        ("FORWARDER_SINKS_KINESIS_STREAM", right),
        ("FORWARDER_FLUSH_MAX_AGE", "FORWARDER_FLUSH__MAX_AGE"),
        ("FORWARDER_ON__ERROR", "FORWARDER_ON_ERROR"),
        (
            "FORWARDER_SINKS_AUDIT_2_MAX_RECORD_BYTES",
            "FORWARDER_SINKS__AUDIT_2__MAX_RECORD_BYTES",
        ),
    ] {
        refused(
            &[STREAM, (wrong, "x")],
            &format!("unknown setting; did you mean {right}?"),
        );
    }
}

#[test]
fn variables_of_another_tool_are_a_warning() {
    let foreign = [
        STREAM,
        ("FORWARDER_URL", "https://example.com"),
        ("FORWARDER_AUTH__KIND", "x"),
        ("forwarder_url", "x"),
    ];
    let warnings = warnings(&foreign);
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    assert!(
        warnings
            .iter()
            .all(|warning| warning.contains("not a setting of the forwarder; ignored")),
        "{warnings:#?}"
    );
    for own in ["FORWARDER_LOG_LEVEL", "FORWARDER_TELEMETRY__URL", "FORWARDER_REDACTS"] {
        refused(&[STREAM, (own, "x")], "unknown setting");
    }
}

#[test]
fn what_is_not_utf8_is_refused_so_that_nothing_is_forwarded_unmasked() {
    use std::os::unix::ffi::OsStringExt;
    let value = OsString::from_vec(b"email,\xff".to_vec())
        .to_string_lossy()
        .into_owned();
    for name in ["FORWARDER_REDACT", "FORWARDER_SINKS__KINESIS__STREAM", "FORWARDER_LOG"] {
        let problems = problems(&[STREAM, (name, &value)]);
        assert!(
            problems.iter().any(|problem| problem.contains("it is not UTF-8")),
            "{name}: {problems:#?}"
        );
    }
}

#[test]
fn a_file_is_a_regular_one_and_not_huge() {
    let huge = File::new("huge", &"#".repeat(1024 * 1024 + 1));
    refused(
        &[STREAM, huge.variable()],
        "the file cannot be read: the file is longer than 1048576 bytes",
    );
    refused(&[STREAM, ("FORWARDER_CONFIG", "/dev/zero")], "no regular file");
    let fifo = std::env::temp_dir().join(format!("forwarder-config-{}-fifo", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    // Nobody writes to it: a reader that waits would wait for ever.
    refused(
        &[STREAM, ("FORWARDER_CONFIG", fifo.to_str().unwrap())],
        "no regular file",
    );
    std::fs::remove_file(&fifo).unwrap();
}

#[cfg(feature = "firehose")]
#[test]
fn a_firehose_stream_of_another_account_is_refused_where_the_account_is_known() {
    let arn = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/logs";
    let pairs = [("FORWARDER_SINKS__FIREHOSE__STREAM", arn)];
    config(&pairs);
    assert!(load_in(&variables(&pairs), Some("123456789012")).1.is_ok());
    let problems = load_in(&variables(&pairs), Some("210987654321")).1.unwrap_err();
    let text = problems[0].to_string();
    assert!(
        text.contains("the stream is in the account 123456789012, the function in 210987654321"),
        "{text}"
    );
}
