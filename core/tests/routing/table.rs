//! Rule × event. Each sentence of the grammar stands here with what it takes and what it does not.

use crate::world::*;

/// The table of the contract.
const EXAMPLE: &str =
    "function level>=error -> kinesis, stdout; platform.report -> firehose; platform.* -> drop; * -> kinesis";

#[track_caller]
fn check(cases: &[(&str, String, &str)]) {
    for (rules, events, expected) in cases {
        assert_eq!(route(rules, events), *expected, "\nrules:  {rules}\nevents: {events}");
    }
}

/// As [`check`], for one rule to kinesis and one log line of the function: whether it is taken.
#[track_caller]
fn takes(cases: &[(&str, &str, bool)]) {
    for (predicates, record, taken) in cases {
        let rules = format!("function {predicates} -> kinesis");
        let expected = if *taken { "kinesis" } else { "unmatched" };
        assert_eq!(
            route(&rules, &line(record)),
            expected,
            "\npredicates: {predicates}\nrecord: {record}"
        );
    }
}

#[test]
fn the_first_rule_that_matches_wins() {
    check(&[
        (EXAMPLE, line(r#""[ERROR] x\n""#), "kinesis+stdout"),
        (EXAMPLE, line(r#"{"level":"fatal"}"#), "kinesis+stdout"),
        (EXAMPLE, line(r#""fine\n""#), "kinesis"),
        (EXAMPLE, event("extension", r#""[ERROR] x\n""#), "kinesis"),
        (EXAMPLE, event("platform.report", "{}"), "firehose"),
        (EXAMPLE, event("platform.start", "{}"), "drop"),
        (EXAMPLE, event("platform.notYetKnown", "{}"), "drop"),
        (EXAMPLE, event("somethingElse", "{}"), "kinesis"),
        ("function -> stdout; function -> kinesis", line("\"x\""), "stdout"),
        ("function -> kinesis", event("platform.start", "{}"), "unmatched"),
    ]);
}

#[test]
fn selectors_take_by_type() {
    check(&[
        ("* -> kinesis", event("platform.fromTheFuture", "1"), "kinesis"),
        ("platform.* -> kinesis", event("platform.logsDropped", "{}"), "kinesis"),
        ("platform.* -> kinesis", line("\"platform.x\""), "unmatched"),
        ("platform.* -> kinesis", event("extension", "\"x\""), "unmatched"),
        ("function -> kinesis", event("extension", "\"x\""), "unmatched"),
        ("extension -> kinesis", event("extension", "\"x\""), "kinesis"),
        (
            "platform.start,platform.report , extension -> kinesis",
            event("platform.report", "{}"),
            "kinesis",
        ),
        (
            "platform.start,platform.report , extension -> kinesis",
            event("extension", "{}"),
            "kinesis",
        ),
        (
            "platform.start,platform.report , extension -> kinesis",
            event("platform.runtimeDone", "{}"),
            "unmatched",
        ),
        (
            "platform.somethingNew -> kinesis; * -> drop",
            event("platform.somethingNew", "{}"),
            "kinesis",
        ),
        (
            "platform.somethingNew -> kinesis; * -> drop",
            event("platform.somethingNewer", "{}"),
            "drop",
        ),
    ]);
}

#[test]
fn levels_are_those_of_log_lines() {
    takes(&[
        ("level>=warn", r#"{"level":"WARN"}"#, true),
        ("level>=warn", r#"{"level":"info"}"#, false),
        ("level>=warning", r#"{"level":40}"#, true),
        ("level>=error", r#"{"level":40}"#, false),
        ("level>=critical", r#"{"level":"critical"}"#, true),
        ("level>=fatal", r#"{"level":"error"}"#, false),
        ("level>=INFO", r#""no level\n""#, true),
        ("level>=warn", r#""no level\n""#, false),
        ("level>=trace", "{}", true),
        ("level >= warn", r#""[WARNING]\tx\n""#, true),
        (
            "level>=\"warn\"",
            r#""2026-11-20T09:14:02.820Z\tundefined\tERROR\tx\n""#,
            true,
        ),
    ]);
    let stack = |request: &str| format!("{},{}", start(request), line(r#""[ERROR] ValueError: no\n""#));
    check(&[
        (
            "* level>=trace -> kinesis",
            event("platform.start", r#"{"level":"fatal"}"#),
            "unmatched",
        ),
        (
            "* level>=error -> kinesis",
            event("extension", r#"{"level":"error"}"#),
            "kinesis",
        ),
        (
            "* level>=error -> kinesis",
            format!("{},{}", stack("a"), line(r#""  File x.py\n""#)),
            "kinesis",
        ),
        (
            "* level>=error -> kinesis",
            format!("{},{},{}", stack("a"), start("b"), line(r#""  File x.py\n""#)),
            "unmatched",
        ),
        // A rule before it takes the line itself; what follows still belongs to it.
        (
            "function text~/ValueError/ -> drop; function level>=error -> kinesis",
            format!("{},{}", stack("a"), line(r#""  File x.py\n""#)),
            "kinesis",
        ),
    ]);
}

#[test]
fn samples_are_by_invocation() {
    // 10 % of all ids have a hash below a tenth of its range: of these two, one.
    let (inside, outside) = (sampled_request(true), sampled_request(false));
    let of = |request: &str, rest: &str| format!("{},{rest}", start(request));
    let text = line("\"x\"");
    check(&[
        ("function sample=10% -> kinesis", of(&inside, &text), "kinesis"),
        ("function sample=10% -> kinesis", of(&outside, &text), "sampled"),
        ("function sample=100% -> kinesis", of(&outside, &text), "kinesis"),
        ("* sample=10% -> kinesis", done(&inside, "success", 1.0), "kinesis"),
        ("* sample=10% -> kinesis", done(&outside, "success", 1.0), "sampled"),
        (
            "function sample=10% -> kinesis",
            line(&format!(r#"{{"requestId":"{inside}"}}"#)),
            "kinesis",
        ),
        (
            "function sample=10% -> kinesis",
            line(&format!(r#"{{"AWSRequestId":"{outside}"}}"#)),
            "sampled",
        ),
        ("function sample = 0.0001% -> kinesis", text.clone(), "kinesis"),
        (
            "function sample=10% -> kinesis; function -> stdout",
            of(&outside, &text),
            "stdout",
        ),
        ("function sample=10% -> kinesis; * -> drop", of(&outside, &text), "drop"),
        (
            "function sample=10% level>=error -> kinesis",
            of(&outside, &text),
            "unmatched",
        ),
        (
            "function sample=10% level>=error -> kinesis",
            of(&outside, &line(r#"{"level":"error"}"#)),
            "sampled",
        ),
        (
            "function sample=10% text~/x/ -> kinesis",
            of(&outside, &line("\"x\"")),
            "sampled",
        ),
        ("platform.* sample=10% -> kinesis", of(&outside, &text), "unmatched"),
    ]);
}

/// A request id that is in a sample of 10 %, or not.
fn sampled_request(inside: bool) -> String {
    let mut ids = (0..1_000).map(|number| format!("{number:08}-5b7a-4c53-9a41-3f9d2b6c8e10"));
    let expected = if inside { "kinesis" } else { "sampled" };
    ids.find(|id| route("* sample=10% -> kinesis", &start(id)) == expected)
        .unwrap()
}

#[cfg(feature = "regex")]
#[test]
fn texts_are_the_line_or_its_json() {
    takes(&[
        ("text~/timed? out/", r#""connection timed out\n""#, true),
        ("text~/timed? out/", r#""in time\n""#, false),
        ("text~/^a\\s\"b\"$/", r#""a\t\"b\"""#, true),
        ("text~/caf\u{e9}/", r#""caf\u00e9""#, true),
        (r"text~/GET \/v1\/orders/", r#""GET /v1/orders""#, true),
        (r"text~/\\\//", r#""\\/""#, true),
        ("text~/\"code\":5/", r#"{"a":1,"code":503}"#, true),
        ("text~/^\\{/", r#"{"a":1}"#, true),
        ("text~/Error/", r#"{"a":"error"}"#, false),
        ("text~/(?i)Error/", r#"{"a":"error"}"#, true),
        ("text~/a;b -> c, d/", r#""a;b -> c, d""#, true),
        ("text ~ /x y/", r#""x y""#, true),
        ("text~/a/ text~/b/", r#""ba""#, true),
        ("text~/a/ text~/b/", r#""aa""#, false),
    ]);
    check(&[
        ("* text~/r-1/ -> kinesis", start("r-1"), "kinesis"),
        ("* text~/2026/ -> kinesis", start("r-1"), "unmatched"),
        ("* text~/^$/ -> kinesis", r#"{"type":"platform.x"}"#.into(), "kinesis"),
    ]);
}

#[test]
fn members_compare_with_values() {
    takes(&[
        ("record.status=200", r#"{"status":200}"#, true),
        ("record.status=200", r#"{"status":200.0}"#, true),
        ("record.status=200", r#"{"status":201}"#, false),
        ("record.status!=200", r#"{"status":201}"#, true),
        ("record.status!=200", r#"{"status":200}"#, false),
        ("record.status!=200", r#"{"other":1}"#, false),
        ("record.status=200", r#"{"other":200}"#, false),
        ("record.status<500", r#"{"status":60}"#, true),
        ("record.status<500", r#"{"status":500}"#, false),
        ("record.status>500", r#"{"status":1e3}"#, true),
        ("record.status>500", r#"{"status":500}"#, false),
        ("record.status<=500", r#"{"status":500}"#, true),
        ("record.status<=500", r#"{"status":500.5}"#, false),
        ("record.status>=500", r#"{"status":500}"#, true),
        ("record.status>=500", r#"{"status":"503"}"#, true),
        ("record.status >= 500", r#"{"status":499}"#, false),
        ("record.a.b.c=x", r#"{"a":{"b":{"c":"x"}}}"#, true),
        ("record.a.b.c=x", r#"{"a":{"b":"x"}}"#, false),
        ("record.items.1.id=7", r#"{"items":[{"id":1},{"id":7}]}"#, true),
        ("record.items.2.id=7", r#"{"items":[{"id":1},{"id":7}]}"#, false),
        (
            "record.name=\"two words; and -> more\"",
            r#"{"name":"two words; and -> more"}"#,
            true,
        ),
        (r#"record.name="a \"b\" \\""#, r#"{"name":"a \"b\" \\"}"#, true),
        ("record.name=x", r#"{"name":"X"}"#, false),
        ("record.name=x", r#"{"name":"\u0078"}"#, true),
        ("record.\"first name\"=x", r#"{"first name":"x"}"#, true),
        ("record.\"a.b\".c=x", r#"{"a.b":{"c":"x"}}"#, true),
        ("record.id=\"012\"", r#"{"id":"012"}"#, true),
        ("record.id=\"012\"", r#"{"id":"12"}"#, false),
        ("record.id=012", r#"{"id":"12"}"#, true),
        ("record.ok=true", r#"{"ok":true}"#, true),
        ("record.ok!=true", r#"{"ok":null}"#, true),
        ("record.ok=\"\"", r#"{"ok":""}"#, true),
        ("record.path=/v1/orders", r#"{"path":"/v1/orders"}"#, true),
        ("record.since>=2026-11-20", r#"{"since":"2026-11-20T09:14:02Z"}"#, true),
        ("record.a=1 record.b=2", r#"{"a":1,"b":2}"#, true),
        ("record.a=1 record.b=2", r#"{"a":1,"b":3}"#, false),
        ("record.a=1", r#""text a=1\n""#, false),
        ("record.a=1", r#""{\"a\":1}\n""#, true),
        ("record.a=1", r#""{\"a\":1} and more\n""#, false),
        ("record.a=1", "[1]", false),
        ("record.a=last", r#"{"a":"first","a":"last"}"#, true),
    ]);
    check(&[
        (
            "platform.report record.metrics.maxMemoryUsedMB>100 -> firehose; * -> drop",
            event("platform.report", r#"{"metrics":{"maxMemoryUsedMB":101}}"#),
            "firehose",
        ),
        (
            "* record.status!=success -> firehose",
            done("a", "timeout", 1.0),
            "firehose",
        ),
        (
            "* record.status!=success -> firehose",
            done("a", "success", 1.0),
            "unmatched",
        ),
        (
            "* record.a=1 -> kinesis",
            r#"{"type":"platform.x"}"#.into(),
            "unmatched",
        ),
    ]);
}

#[test]
fn keeps_wait_for_the_end_of_the_invocation() {
    let of = |end: String| format!("{},{},{end}", start("a"), line("\"x\""));
    let failed = "function keep=failed -> kinesis";
    let slow = "function keep=slow>500ms -> kinesis";
    let both = "function keep=failed -> kinesis; function keep=slow>500ms -> stdout; * -> firehose";
    let report = |status: &str| {
        event(
            "platform.report",
            &format!(r#"{{"requestId":"a","status":"{status}"}}"#),
        )
    };
    check(&[
        (failed, format!("{},{}", start("a"), line("\"x\"")), "waits"),
        (failed, of(done("a", "success", 900.0)), "not kept"),
        (failed, of(done("a", "failure", 1.0)), "kept kinesis"),
        (failed, of(done("a", "timeout", 1.0)), "kept kinesis"),
        (failed, of(report("error")), "kept kinesis"),
        (failed, of(report("success")), "not kept"),
        (failed, line("\"no request runs\""), "kinesis"),
        (failed, start("a"), "unmatched"),
        (slow, of(done("a", "success", 500.0)), "not kept"),
        (slow, of(done("a", "success", 500.1)), "kept kinesis"),
        (slow, of(done("a", "failure", 1.0)), "not kept"),
        (
            "function keep = slow>2s -> kinesis",
            of(done("a", "success", 1_999.0)),
            "not kept",
        ),
        (
            "function keep=failed keep=slow>500ms -> kinesis",
            of(done("a", "failure", 1.0)),
            "not kept",
        ),
        (
            "function keep=failed keep=slow>500ms -> kinesis",
            of(done("a", "failure", 900.0)),
            "kept kinesis",
        ),
        (
            "function level>=error keep=failed -> kinesis; * -> stdout",
            of(String::from(r#"{"type":"platform.x"}"#)),
            "stdout",
        ),
        (
            failed,
            format!("{},{}", start("a"), line(r#"{"requestId":"b"}"#)),
            "waits",
        ),
        // What one `keep` lets go, the next may still want; what is no `keep` never sees it.
        (both, of(done("a", "failure", 900.0)), "kept kinesis"),
        (both, of(done("a", "success", 900.0)), "kept stdout"),
        (both, of(done("a", "success", 1.0)), "not kept"),
        (both, line("\"no request runs\""), "kinesis"),
        ("* keep=failed -> kinesis", start("a"), "waits"),
    ]);
}
