//! The real `forwarderctl`, as people run it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(feature = "kinesis")]

use std::io::Write;
use std::process::{Command, Stdio};

struct Answer {
    code: i32,
    output: String,
    errors: String,
}

fn run(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Answer {
    let mut child = Command::new(env!("CARGO_BIN_EXE_forwarderctl"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have answered without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Answer {
        code: output.status.code().unwrap(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

const STREAM: (&str, &str) = ("FORWARDER_SINKS__KINESIS__STREAM", "telemetry");

fn file(name: &str) -> String {
    format!("{}/tests/files/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_configuration_with_nine_mistakes_has_nine_findings() {
    let path = file("nine-mistakes.toml");
    let answer = run(&["check", &path], &[], "");
    assert_eq!(answer.code, 2, "{}", answer.output);
    let findings: Vec<_> = answer
        .output
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(findings.len(), 9, "{findings:#?}");
    for (line, expected) in [
        (2, "log = \"loud\": unknown value (allowed: error, warn"),
        (3, "unknown name `emial`; did you mean `email`?"),
        (6, "sinks.kinesis.stream = \"no spaces allowed\":"),
        (7, "sinks.kinesis.record_bytes = \"25 parsecs\": not a size"),
        (10, "flush.budgte = \"1s\": unknown setting; did you mean flush.budget?"),
        (11, "flush.max_age = \"1h\": out of bounds; allowed are 10ms to 900s"),
        (14, "telemetry.port = \"9001\": this port is the Runtime API's own"),
        (17, "unknown level `wran`; did you mean `warn`?"),
        (21, "unknown sink `kinesys`; did you mean `kinesis`?"),
    ] {
        let place = format!("nine-mistakes.toml:{line}: ");
        let found = findings
            .iter()
            .any(|finding| finding.contains(&place) && finding.contains(expected));
        assert!(found, "line {line}: {expected}: {findings:#?}");
    }
    let json = run(&["check", "--format", "json", &path], &[], "");
    let json: serde_json::Value = serde_json::from_str(&json.output).unwrap();
    assert_eq!(
        (&json["errors"], json["findings"].as_array().unwrap().len()),
        (&9.into(), 9)
    );
}

#[test]
fn what_is_in_force_is_shown_with_where_it_came_from() {
    let variables = [
        STREAM,
        (
            "FORWARDER_ROUTES",
            "function level>=WARNING -> kinesis\n# a comment\n*->drop",
        ),
        ("FORWARDER_FLUSH__BUDGET", "1s"),
        ("FORWARDER_SINKS__KINESIS__ENDPOINT", "https://me:s3cret@host"),
    ];
    let answer = run(&["check", "--strict"], &variables, "");
    assert_eq!(answer.code, 0, "{}{}", answer.output, answer.errors);
    let has = |start: &str, end: &str| {
        answer
            .output
            .lines()
            .any(|line| line.starts_with(start) && line.ends_with(end))
    };
    assert!(
        has(
            "sinks.kinesis.stream = telemetry ",
            "# FORWARDER_SINKS__KINESIS__STREAM"
        ),
        "{}",
        answer.output
    );
    assert!(has("sinks.kinesis.type = kinesis ", "# default"), "{}", answer.output);
    assert!(
        has("flush.budget = 1s ", "# FORWARDER_FLUSH__BUDGET"),
        "{}",
        answer.output
    );
    assert!(has("buffer.max_bytes = 8MiB ", "# default"), "{}", answer.output);
    assert!(
        answer
            .output
            .contains("   1  function level>=warn -> kinesis\n   2  * -> drop\n"),
        "{}",
        answer.output
    );
    assert!(
        answer.output.ends_with("the configuration is good\n"),
        "{}",
        answer.output
    );
    assert!(!answer.output.contains("s3cret"), "{}", answer.output);
    let wrong = run(
        &["check"],
        &[STREAM, ("FORWARDER_SINKS__KINESIS__ASSUMED_ROLE_TOKEN", "s3cret")],
        "",
    );
    assert!(wrong.code == 2 && !wrong.output.contains("s3cret"), "{}", wrong.output);
}

#[test]
fn warnings_count_only_under_strict() {
    for (routes, expected) in [
        (
            "* -> kinesis; function -> drop",
            "rule 2 `function -> drop` can never match: rule 1 `* -> kinesis`",
        ),
        ("function -> kinesis", "there is no catch-all"),
        (
            "platform.* level>=warn -> kinesis; * -> kinesis",
            "platform events have no level",
        ),
        ("extension -> drop; * -> kinesis", "its types are not forwarded"),
        ("* -> drop", "no rule names the sink `kinesis`"),
    ] {
        let variables = [STREAM, ("FORWARDER_ROUTES", routes)];
        let answer = run(&["check"], &variables, "");
        assert_eq!(answer.code, 0, "{}", answer.output);
        let warnings: Vec<_> = answer
            .output
            .lines()
            .filter(|line| line.starts_with("warning: "))
            .collect();
        assert!(
            warnings.len() == 1 && warnings[0].contains(expected),
            "{routes}: {warnings:#?}"
        );
        assert_eq!(run(&["check", "--strict"], &variables, "").code, 1, "{routes}");
    }
}

#[test]
fn a_file_takes_the_place_of_the_variable_and_may_be_missing() {
    let answer = run(
        &["check", "/no/such/file.toml"],
        &[STREAM, ("FORWARDER_CONFIG", "/another.toml")],
        "",
    );
    assert_eq!(answer.code, 2);
    assert!(
        answer
            .output
            .contains("error: /no/such/file.toml:1: the file cannot be read"),
        "{}",
        answer.output
    );
    assert!(!answer.output.contains("another"), "{}", answer.output);
}

const EVENTS: &str = r#"[
  {"time":"t","type":"platform.start","record":{"requestId":"a"}},
  {"time":"t","type":"function","record":"[ERROR] x\n"},
  {"time":"t","type":"function","record":"[INFO] quiet a@b.com\n"},
  {"time":"t","type":"extension","record":"x"},
  {"time":"t","type":"platform.runtimeDone","record":{"requestId":"a","status":"timeout"}},
  {"time":"t","type":"platform.start","record":{"requestId":"b"}},
  {"time":"t","type":"function","record":"quiet\n"},
  {"time":"t","type":"platform.runtimeDone","record":{"requestId":"b","status":"success"}},
  {bad}
]"#;

const ROUTES: &str = "function level>=error -> kinesis; function keep=failed -> kinesis; platform.runtimeDone -> drop";

#[test]
fn events_are_told_their_rule_and_their_sinks() {
    let variables = [STREAM, ("FORWARDER_ROUTES", ROUTES), ("FORWARDER_REDACT", "email")];
    let answer = run(&["route"], &variables, EVENTS);
    assert_eq!(answer.code, 0, "{}{}", answer.output, answer.errors);
    let ends = [
        "no rule takes it",
        "rule 1 -> kinesis",
        "rule 2, kept -> kinesis",
        "no rule takes it",
        "rule 3 -> drop",
        "no rule takes it",
        "not kept",
        "rule 3 -> drop",
    ];
    for (number, (line, end)) in answer.output.lines().zip(ends).enumerate() {
        assert!(line.ends_with(end), "event {}: {line}", number + 1);
    }
    assert!(
        answer
            .output
            .lines()
            .nth(8)
            .unwrap()
            .contains("goes out as it is to every routed sink")
    );
    for expected in [
        "9 events",
        "    2  rule 3 `platform.runtimeDone -> drop`",
        "    2  sink kinesis",
        "    3  unmatched",
        "    1  notKept",
    ] {
        assert!(
            answer.output.lines().any(|line| line == expected),
            "{expected}: {}",
            answer.output
        );
    }
}

#[test]
fn events_come_from_a_file_too_line_by_line_and_answers_as_json() {
    let path = std::env::temp_dir().join(format!("forwarderctl-{}.ndjson", std::process::id()));
    let lines = EVENTS.lines().filter(|line| line.contains("\"type\""));
    let lines: Vec<_> = lines.map(|line| line.trim().trim_end_matches(',')).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let variables = [STREAM, ("FORWARDER_ROUTES", ROUTES)];
    let answer = run(&["route", path.to_str().unwrap(), "--format", "json"], &variables, "");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(answer.code, 0, "{}{}", answer.output, answer.errors);
    let json: serde_json::Value = serde_json::from_str(&answer.output).unwrap();
    assert_eq!(json["summary"]["rules"], serde_json::json!([1, 1, 2]));
    assert_eq!(
        json["summary"]["outcomes"],
        serde_json::json!({"drop": 2, "notKept": 1, "sent": 2, "unmatched": 3})
    );
    let second = serde_json::json!({"type": "function", "requestId": "a", "outcome": "sent", "rule": 1, "sinks": ["kinesis"], "waited": false});
    assert_eq!(json["events"][1], second);
}

/// The events of `a_retry_is_kept_for_what_became_of_itself` in core's tests: a retry has the id of the attempt that failed.
#[test]
fn a_retry_goes_the_way_that_the_extension_sends_it() {
    let event = |kind: &str, record: &str| format!(r#"{{"type":"{kind}","record":{record}}}"#);
    let start = event("platform.start", r#"{"requestId":"a"}"#);
    let ended = |milliseconds: u32| {
        let metrics = format!(r#"{{"durationMs":{milliseconds}}}"#);
        let record = format!(r#"{{"requestId":"a","status":"failure","metrics":{metrics}}}"#);
        event("platform.runtimeDone", &record)
    };
    let events = [
        start.clone(),
        event("function", r#""failed at once""#),
        ended(10),
        event("platform.report", r#"{"requestId":"a","status":"failure"}"#),
        start,
        event("function", r#""slow""#),
        ended(2_000),
        event("function", r#""after""#),
    ];
    let variables = [STREAM, ("FORWARDER_ROUTES", "function keep=slow>1s -> kinesis")];
    let answer = run(&["route", "--format", "json"], &variables, &events.join("\n"));
    assert_eq!(answer.code, 0, "{}", answer.errors);
    let table: serde_json::Value = serde_json::from_str(&answer.output).unwrap();
    let events = table["events"].as_array().unwrap();
    let of_lines = events.iter().filter(|event| event["type"] == "function");
    let outcomes: Vec<_> = of_lines
        .map(|event| (event["outcome"].as_str().unwrap(), event["waited"].as_bool().unwrap()))
        .collect();
    assert_eq!(outcomes, [("notKept", true), ("sent", true), ("sent", false)]);
}

#[test]
fn what_cannot_be_routed_is_an_error() {
    for (variables, input) in [(&[STREAM][..], "no JSON"), (&[STREAM], ""), (&[], EVENTS)] {
        let answer = run(&["route"], variables, input);
        assert!(
            answer.code == 2 && answer.errors.contains("error: "),
            "{input}: {}",
            answer.errors
        );
    }
    assert_eq!(run(&["route", "/no/such/file"], &[STREAM], "").code, 2);
    assert_eq!(run(&["rout"], &[], "").code, 2);
}

#[test]
fn the_schema_and_what_is_read_name_the_same_settings() {
    let answer = run(&["schema"], &[], "");
    let schema: serde_json::Value = serde_json::from_str(&answer.output).unwrap();
    let mut described = std::collections::BTreeSet::new();
    collect(&schema, "", &mut described);
    let variables = [(STREAM.0.to_owned(), STREAM.1.to_owned())].into();
    let known = telemetry_forwarder::config::inspect(&variables).known;
    let known: std::collections::BTreeSet<_> = known
        .iter()
        .map(|path| path.replace("sinks.kinesis.", "sinks.*."))
        .collect();
    assert_eq!(described, known, "left: `schema`, right: `check`");
}

/// The dotted paths of all settings of a schema.
fn collect(schema: &serde_json::Value, path: &str, paths: &mut std::collections::BTreeSet<String>) {
    let join = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    let mut is_leaf = true;
    for (holder, star) in [("properties", false), ("patternProperties", true)] {
        for (key, below) in schema[holder].as_object().into_iter().flatten() {
            is_leaf = false;
            collect(below, &join(if star { "*" } else { key }), paths);
        }
    }
    if is_leaf {
        paths.insert(path.to_owned());
    }
}

#[test]
fn it_says_what_it_is() {
    let answer = run(&["--version"], &[], "");
    assert_eq!(
        answer.output.trim_end(),
        telemetry_forwarder::version::line("forwarderctl")
    );
    assert!(answer.output.contains(" (features: kinesis"), "{}", answer.output);
    assert!(run(&["--help"], &[], "").output.contains("Exit codes:"));
}

#[cfg(feature = "kpl")]
#[test]
fn aggregates_on_a_stream_that_may_be_auto_are_warned_of() {
    let variables = [STREAM, ("FORWARDER_SINKS__KINESIS__FORMAT", "kpl")];
    let answer = run(&["check"], &variables, "");
    assert_eq!(answer.code, 0, "{}", answer.output);
    assert!(
        answer
            .output
            .contains("warning: the sink `kinesis` writes KPL aggregates"),
        "{}",
        answer.output
    );
}

#[test]
fn nothing_of_a_sample_or_a_file_acts_on_a_terminal() {
    let evil = "\u{9b}2J\u{202e}\u{e0041}";
    let sample = format!(
        r#"{{"time":"{evil}","type":"function","record":{{"requestId":"{evil}\u001b[2J","level":"INFO","message":"{evil}"}}}}"#
    );
    let folder = std::env::temp_dir().join(format!("forwarderctl-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("evil.toml");
    std::fs::write(&config, format!("log = \"{evil}\\u001b[2J\"\n\"x{evil}\" = 1\n")).unwrap();
    let answers = [
        run(&["route"], &[STREAM], &sample),
        run(&["route", "--format", "json"], &[STREAM], &sample),
        run(&["route", &format!("/nowhere/{evil}")], &[STREAM], ""),
        run(&["check", config.to_str().unwrap()], &[STREAM], ""),
        run(&["check", "--format", "json", config.to_str().unwrap()], &[STREAM], ""),
        run(&[evil], &[], ""),
    ];
    std::fs::remove_dir_all(folder).unwrap();
    for answer in answers {
        let text = answer.output + &answer.errors;
        assert!(text.contains("202e"), "what was there is seen: {text:?}");
        let acts = |char: char| char != '\n' && reader::clean::acts_on_terminals(char);
        assert!(!text.chars().any(acts), "{text:?}");
    }
}
