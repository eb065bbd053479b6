use super::*;
use crate::telemetry::batch::Batch;

fn attribute(attribution: &mut Attribution, event: &str) -> (Option<String>, Option<String>) {
    let body = format!("[{event}]");
    let event = Batch::new(body.as_bytes()).next().unwrap().unwrap();
    let context = attribution.observe(&event);
    let json = format!("{{\"\":0{}{}}}", context.lean, context.trace);
    let members: serde_json::Value = serde_json::from_str(&json).unwrap();
    let of = |name: &str| members.get(name).map(ToString::to_string);
    assert_eq!(of("requestId").as_deref(), context.request_id);
    (of("requestId"), of("tenantId"))
}

const LINE: &str = r#"{"type":"function","record":"x"}"#;
const START: &str = r#"{"type":"platform.start","record":{"requestId":"a","tenantId":"blue"}}"#;
const DONE: &str = r#"{"type":"platform.runtimeDone","record":{"requestId":"a","status":"success"}}"#;

fn ids(request_id: Option<&str>, tenant_id: Option<&str>) -> (Option<String>, Option<String>) {
    let quoted = |id: &str| format!("\"{id}\"");
    (request_id.map(quoted), tenant_id.map(quoted))
}

#[test]
fn lines_belong_to_the_invocation_between_start_and_runtime_done() {
    let mut attribution = Attribution::new(false);
    assert_eq!(attribute(&mut attribution, LINE), ids(None, None));
    assert_eq!(attribute(&mut attribution, START), ids(Some("a"), Some("blue")));
    assert_eq!(attribute(&mut attribution, LINE), ids(Some("a"), Some("blue")));
    assert_eq!(attribute(&mut attribution, DONE), ids(Some("a"), Some("blue")));
    assert_eq!(attribute(&mut attribution, LINE), ids(None, None));
    let next = r#"{"type":"platform.start","record":{"requestId":"b"}}"#;
    attribute(&mut attribution, next);
    assert_eq!(attribute(&mut attribution, LINE), ids(Some("b"), None));
}

#[test]
fn a_foreign_id_is_believed_only_where_nothing_is_known_to_run() {
    let foreign = r#"{"type":"function","record":{"requestId":"other","code":"AccessDeniedException"}}"#;
    let mut attribution = Attribution::new(false);
    assert_eq!(attribute(&mut attribution, foreign), ids(Some("other"), None));
    attribute(&mut attribution, START);
    assert_eq!(attribute(&mut attribution, foreign), ids(Some("a"), Some("blue")));
    let line = r#"{"type":"function","record":{"requestId":"a","tenantId":"not Lambda's"}}"#;
    assert_eq!(attribute(&mut attribution, line), ids(Some("a"), Some("blue")));
    let report = r#"{"type":"platform.report","record":{"requestId":"before"}}"#;
    assert_eq!(attribute(&mut attribution, report), ids(Some("before"), None));
}

#[test]
fn an_id_that_was_started_is_believed_before_the_order() {
    let mut attribution = Attribution::new(false);
    for event in [START, DONE, r#"{"type":"platform.start","record":{"requestId":"b"}}"#] {
        attribute(&mut attribution, event);
    }
    let late = r#"{"type":"function","record":{"AWSRequestId":"a"}}"#;
    assert_eq!(attribute(&mut attribution, late), ids(Some("a"), Some("blue")));
    assert_eq!(attribute(&mut attribution, LINE), ids(Some("b"), None));
    let report = r#"{"type":"platform.report","record":{"requestId":"a"}}"#;
    assert_eq!(attribute(&mut attribution, report), ids(Some("a"), Some("blue")));
}

#[test]
fn on_managed_instances_any_name_counts_if_the_id_was_started() {
    let mut attribution = Attribution::new(true);
    let line = |record: &str| format!(r#"{{"type":"function","record":{record}}}"#);
    let own = line(r#"{"requestId":"a"}"#);
    assert_eq!(
        attribute(&mut attribution, &own),
        ids(Some("a"), None),
        "its start was not seen"
    );
    attribute(&mut attribution, START);
    for record in [
        r#"{"requestId":"a"}"#,
        r#"{"AWSRequestId":"a"}"#,
        r#"{"aws_request_id":"a"}"#,
        r#"{"awsRequestId":"a"}"#,
        r#"{"lambda_request_id":"a"}"#,
        r#"{"FunctionRequestId":"a"}"#,
        r#"{"span.requestId":"a"}"#,
        r#"{"span":{"name":"invoke","requestId":"a"}}"#,
        r#"{"attributes":{"faas.invocation_id":"a"}}"#,
        r#"{"requestId":"of an SDK","aws_request_id":"a"}"#,
    ] {
        assert_eq!(
            attribute(&mut attribution, &line(record)),
            ids(Some("a"), Some("blue")),
            "{record}"
        );
    }
    for record in [
        r#"{"requestId":"of an SDK"}"#,
        r#"{"aws_request_id":"of an SDK"}"#,
        r#"{"orderId":"a"}"#,
        r#"{"a":{"b":{"requestId":"a"}}}"#,
        r#"{"spans":[{"requestId":"a"}]}"#,
    ] {
        assert_eq!(attribute(&mut attribution, &line(record)), ids(None, None), "{record}");
    }
    // A start may be among what Lambda dropped.
    attribute(
        &mut attribution,
        r#"{"type":"platform.logsDropped","record":{"droppedRecords":1}}"#,
    );
    assert_eq!(
        attribute(&mut attribution, &line(r#"{"requestId":"b"}"#)),
        ids(Some("b"), None)
    );
}

#[test]
fn what_is_remembered_is_bounded() {
    for concurrent in [false, true] {
        let mut attribution = Attribution::new(concurrent);
        for number in 0..10_000 {
            let id = format!("{number:-<100}");
            let start = format!(r#"{{"type":"platform.start","record":{{"requestId":"{id}","tenantId":"{id}"}}}}"#);
            attribute(&mut attribution, &start);
            attribution.note_invoke(&format!("\"{number}\""), "Root=1-62e900b2-710d76f009d6e7785905449a");
        }
        let most = if concurrent { REMEMBERED_CONCURRENT } else { REMEMBERED };
        assert!(attribution.cost() < most * 600, "{}", attribution.cost());
        assert_eq!(attribution.invoked.len(), REMEMBERED_INVOKES);
    }
    // What is longer than any id is none.
    let long = "x".repeat(129);
    let mut attribution = Attribution::new(false);
    let start = format!(r#"{{"type":"platform.start","record":{{"requestId":"{long}"}}}}"#);
    assert_eq!(attribute(&mut attribution, &start), ids(None, None));
    assert_eq!(attribute(&mut attribution, LINE), ids(None, None));
}

fn members(attribution: &mut Attribution, event: &str) -> String {
    let body = format!("[{event}]");
    let event = Batch::new(body.as_bytes()).next().unwrap().unwrap();
    let context = attribution.observe(&event);
    [context.lean, context.trace].concat()
}

#[test]
fn a_trace_is_on_all_events_of_its_request() {
    let mut attribution = Attribution::new(false);
    let start = r#"{"type":"platform.start","record":{"requestId":"a","tracing":{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id","value":"Root=1-62e900b2-710d76f009d6e7785905449a;Sampled=1"}}}"#;
    let expected = r#","requestId":"a","traceId":"62e900b2710d76f009d6e7785905449a","spanId":"54565fb41ac79632""#;
    let report = r#"{"type":"platform.report","record":{"requestId":"a"}}"#;
    for event in [start, LINE, DONE, report] {
        assert_eq!(members(&mut attribution, event), expected, "{event}");
    }
    assert_eq!(members(&mut attribution, LINE), "");
}

#[test]
fn a_trace_of_invoke_counts_where_the_start_has_none() {
    let header = "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=53995c3f42cd8ad8";
    let expected = r#","requestId":"a","traceId":"62e900b2710d76f009d6e7785905449a""#;
    let start = r#"{"type":"platform.start","record":{"requestId":"a"}}"#;
    let mut attribution = Attribution::new(false);
    attribution.note_invoke("\"a\"", header);
    assert_eq!(members(&mut attribution, start), expected, "INVOKE came first");
    let mut attribution = Attribution::new(false);
    assert_eq!(members(&mut attribution, start), r#","requestId":"a""#);
    attribution.note_invoke("\"b\"", header);
    attribution.note_invoke("\"a\"", header);
    assert_eq!(members(&mut attribution, LINE), expected, "INVOKE came later");
}

#[test]
fn an_execution_is_told_from_the_first_line_that_names_it() {
    let named = |member: &str, arn: &str| format!(r#"{{"type":"function","record":{{"{member}":"{arn}"}}}}"#);
    for (member, concurrent) in [("executionArn", false), ("durableExecutionArn", true)] {
        let mut attribution = Attribution::new(concurrent);
        let start = r#"{"type":"platform.start","record":{"requestId":"a"}}"#;
        assert_eq!(members(&mut attribution, start), r#","requestId":"a""#);
        let states = named(member, "arn:aws:states:eu-west-1:1:execution:m:1");
        assert!(
            !members(&mut attribution, &states).contains("Arn"),
            "an execution of Step Functions"
        );
        let own = named(member, "arn:1").replace(r#""record":{"#, r#""record":{"requestId":"a","#);
        let expected = r#","requestId":"a","executionArn":"arn:1""#;
        assert_eq!(members(&mut attribution, &own), expected);
        let later = r#"{"type":"function","record":{"requestId":"a","executionArn":"arn:2"}}"#;
        assert_eq!(members(&mut attribution, later), expected, "the first counts");
        let report = r#"{"type":"platform.report","record":{"requestId":"a"}}"#;
        assert_eq!(members(&mut attribution, report), expected);
    }
    assert_eq!(
        members(&mut Attribution::new(false), &named("executionArn", "arn:1")),
        r#","executionArn":"arn:1""#
    );
}

#[test]
fn platform_events_without_a_request_get_none() {
    let mut attribution = Attribution::new(false);
    attribute(&mut attribution, START);
    let dropped = r#"{"type":"platform.logsDropped","record":{"droppedRecords":1}}"#;
    assert_eq!(attribute(&mut attribution, dropped), ids(None, None));
}

#[test]
fn nothing_is_guessed_on_managed_instances() {
    for init in [
        None,
        Some(r#"{"type":"platform.initStart","record":{"initializationType":"lambda-managed-instances"}}"#),
    ] {
        let mut attribution = Attribution::new(init.is_none());
        if let Some(init) = init {
            attribute(&mut attribution, init);
        }
        assert_eq!(attribute(&mut attribution, START), ids(Some("a"), Some("blue")));
        assert_eq!(attribute(&mut attribution, LINE), ids(None, None));
    }
}
