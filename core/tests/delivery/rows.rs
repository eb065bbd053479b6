//! `forwarder.invocation`: one row an invocation, of fixed schema, on evidence.

use forwarder_core::Types;
use forwarder_core::route::Routes;
use serde_json::{Value, json};

use crate::lambda::*;
use crate::world::*;

const ROUTES: &str = "function level>=error -> kinesis; * -> drop; forwarder.invocation -> kinesis";

const MEMBERS: [&str; 33] = [
    "requestId",
    "traceId",
    "tenantId",
    "executionArn",
    "functionName",
    "functionVersion",
    "accountId",
    "region",
    "instance",
    "start",
    "end",
    "verdict",
    "errorType",
    "firstError",
    "coldStart",
    "initType",
    "initMs",
    "restoreMs",
    "durationMs",
    "billedMs",
    "responseLatencyMs",
    "producedBytes",
    "memoryMb",
    "maxMemoryMb",
    "lines",
    "bytes",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "fatal",
    "complete",
];

/// The rows of these bodies, after the end.
async fn rows_with(bodies: &[Vec<String>], change: impl FnOnce(&mut forwarder_core::Settings)) -> Vec<Value> {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.routes = Routes::parse(ROUTES, &["kinesis"]).unwrap();
        change(settings);
    });
    bodies.iter().for_each(|body| accept(&forwarder, body));
    forwarder.close(soon(), false).await;
    let rows = sink.of_type("forwarder.invocation");
    for row in &rows {
        let text = row["record"].as_object().unwrap();
        assert_eq!(text.len(), MEMBERS.len(), "{row}");
        assert!(MEMBERS.iter().all(|member| text.contains_key(*member)), "{row}");
        assert_eq!(row["forwarder"]["requestId"], row["record"]["requestId"]);
    }
    rows.into_iter().map(|row| row["record"].clone()).collect()
}

async fn rows(bodies: &[Vec<String>]) -> Vec<Value> {
    rows_with(bodies, |_| {}).await
}

#[tokio::test(start_paused = true)]
async fn a_row_says_what_lambda_told_and_counts_lines_before_routes() {
    let body = vec![
        start(1, "a"),
        line(2, "[DEBUG] looking\n"),
        line(2, "plain\n"),
        line(2, "[ERROR] no stock\n"),
        line(2, "[ERROR] again\n"),
        done(3, "a", "success", None),
        report(4, "a", "success", 91),
    ];
    let rows = rows(&[init("on-demand"), body]).await;
    assert_eq!(rows.len(), 1);
    let expected = json!({"requestId": "a", "traceId": null, "tenantId": null, "executionArn": null,
        "start": "2026-11-20T09:14:01.000Z", "end": "2026-11-20T09:14:03.000Z", "verdict": "success", "errorType": null,
        "firstError": "[ERROR] no stock", "coldStart": true, "initType": "on-demand", "initMs": 180.1, "restoreMs": null,
        "durationMs": 12.5, "billedMs": 194, "responseLatencyMs": 11.0, "producedBytes": 18, "memoryMb": 128, "maxMemoryMb": 91,
        "lines": 4, "bytes": 16 + 6 + 17 + 14, "trace": 0, "debug": 2, "info": 0, "warn": 0, "error": 2, "fatal": 0, "complete": true});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&rows[0][name], value, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn verdicts_are_given_on_evidence() {
    for (status, error_type, used, last, expected) in [
        ("success", None, 91, "", "success"),
        ("success", None, 128, "", "success"),
        ("error", Some("ValueError"), 91, "", "error"),
        ("failure", None, 128, "", "error"),
        ("timeout", Some("Sandbox.Timedout"), 128, "", "timeout"),
        ("error", Some("Runtime.ExitError"), 91, "", "crash"),
        ("error", Some("Runtime.ExitError"), 128, "", "oom"),
        ("error", Some("Runtime.OutOfMemory"), 91, "", "oom"),
        ("error", Some("MemoryError"), 91, "", "oom"),
        (
            "error",
            Some("Runtime.ExitError"),
            91,
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "oom",
        ),
        (
            "error",
            Some("TypeError"),
            91,
            "JavaScript heap out of memory is what we fear",
            "error",
        ),
    ] {
        let body = vec![
            start(1, "a"),
            line(2, last),
            done(3, "a", status, error_type),
            report(4, "a", status, used),
        ];
        let rows = rows(&[body]).await;
        assert_eq!(rows[0]["verdict"], expected, "{status} {error_type:?} {used}");
        assert_eq!(rows[0]["errorType"], json!(error_type));
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_report_ends_is_written_incomplete() {
    let bodies = [
        vec![start(1, "a"), done(2, "a", "success", None)],
        // Its report is missing: the row is written when the next invocation is over.
        vec![
            start(3, "b"),
            line(3, "x"),
            done(4, "b", "success", None),
            report(5, "b", "success", 9),
        ],
        vec![start(6, "c"), line(7, "x")],
    ];
    let rows = rows(&bodies).await;
    let told: Vec<_> = rows
        .iter()
        .map(|row| json!([row["requestId"], row["verdict"], row["complete"], row["end"].is_null()]))
        .collect();
    assert_eq!(
        told,
        [
            json!(["a", "success", false, false]),
            json!(["b", "success", true, false]),
            json!(["c", "unknown", false, true])
        ]
    );
    assert_eq!(rows[2]["lines"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_another_row_and_what_is_posted_twice_is_none() {
    let first = vec![start(1, "a"), line(2, "x"), done(3, "a", "error", Some("E"))];
    let second = vec![
        start(4, "a"),
        line(5, "x"),
        line(5, "y"),
        done(6, "a", "success", None),
        report(7, "a", "success", 9),
    ];
    let rows = rows(&[
        first.clone(),
        first,
        second.clone(),
        second,
        vec![report(7, "a", "success", 9)],
    ])
    .await;
    let told: Vec<_> = rows
        .iter()
        .map(|row| json!([row["verdict"], row["lines"], row["complete"]]))
        .collect();
    assert_eq!(told, [json!(["error", 1, false]), json!(["success", 2, true])]);
}

#[tokio::test(start_paused = true)]
async fn a_report_alone_is_a_row_only_where_lambda_dropped_events() {
    assert!(
        rows(&[vec![report(1, "before a reset", "timeout", 9)]])
            .await
            .is_empty()
    );
    let dropped = event("logsDropped", 1, &json!({"droppedRecords": 9}));
    let rows = rows(&[vec![dropped, report(2, "a", "success", 9)]]).await;
    assert_eq!(
        (&rows[0]["start"], &rows[0]["complete"], &rows[0]["billedMs"]),
        (&Value::Null, &false.into(), &194.into())
    );
    let gaps = event("logsDropped", 2, &json!({"droppedRecords": 9}));
    let rows = self::rows(&[vec![
        start(1, "a"),
        gaps,
        done(3, "a", "success", None),
        report(4, "a", "success", 9),
    ]])
    .await;
    assert_eq!((rows.len(), &rows[0]["complete"]), (1, &false.into()));
}

#[tokio::test(start_paused = true)]
async fn a_cold_start_is_one_that_somebody_waited_for() {
    let one = |second: u32, id: &str| {
        vec![
            start(second, id),
            done(second, id, "success", None),
            report(second, id, "success", 9),
        ]
    };
    for (kind, first) in [
        ("on-demand", json!([true, 180.1])),
        ("snap-start", json!([true, 180.1])),
        ("provisioned-concurrency", json!([false, null])),
    ] {
        let rows = rows(&[init(kind), one(1, "a"), one(2, "b")]).await;
        let told: Vec<_> = rows
            .iter()
            .map(|row| json!([row["coldStart"], row["initMs"]]))
            .collect();
        assert_eq!(told, [first, json!([false, null])], "{kind}");
        assert_eq!(rows[1]["initType"], kind);
    }
    let unknown = rows(&[one(1, "a"), one(2, "b")]).await;
    assert_eq!(
        (&unknown[0]["coldStart"], &unknown[1]["coldStart"]),
        (&Value::Null, &false.into())
    );
}

#[tokio::test(start_paused = true)]
async fn on_a_managed_instance_invocations_overlap_and_memory_is_bounded() {
    let named = |id: &str| event("function", 2, &json!({"requestId": id, "level": "WARN"}));
    let end = |id: &str| {
        event(
            "report",
            3,
            &json!({"requestId": id, "status": "success", "metrics": {"durationMs": 7.0}}),
        )
    };
    let body = vec![
        start(1, "a"),
        start(1, "b"),
        named("a"),
        named("b"),
        named("b"),
        line(2, "whose?"),
        end("b"),
        end("a"),
    ];
    let rows = rows_with(&[init("lambda-managed-instances"), body], |settings| {
        settings.concurrent = true
    })
    .await;
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            json!([
                row["requestId"],
                row["lines"],
                row["warn"],
                row["complete"],
                row["coldStart"]
            ])
        })
        .collect();
    assert_eq!(told, [json!(["b", 2, 2, true, false]), json!(["a", 1, 1, true, false])]);
    assert_eq!(
        (&rows[0]["end"], &rows[0]["memoryMb"]),
        (&"2026-11-20T09:14:03.000Z".into(), &Value::Null)
    );

    let many: Vec<_> = (0..3_000).map(|number| start(1, &number.to_string())).collect();
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.routes = Routes::parse(ROUTES, &["kinesis"]).unwrap();
        settings.concurrent = true;
    });
    accept(&forwarder, &many);
    let accepted = forwarder.stats().1[0].accepted;
    assert_eq!(accepted, 3_000 - 2_048, "the oldest are written before their end");
}

#[tokio::test(start_paused = true)]
async fn a_first_error_is_masked_and_short_and_unknown_lines_are_null() {
    let long = format!("[ERROR] a@b.com {}", "é".repeat(400));
    let json = event(
        "function",
        2,
        &json!({"level": "error", "message": "mail to a@b.com bounced"}),
    );
    for (event, expected) in [
        (
            line(2, &long),
            format!("[ERROR] [redacted:email] {}", "é".repeat(256 - 25)),
        ),
        (json, "mail to [redacted:email] bounced".into()),
    ] {
        let body = vec![start(1, "a"), event, done(3, "a", "error", None)];
        let rows = rows_with(&[body], |settings| {
            settings.redaction = forwarder_core::intake::redact::Redaction::parse(&["email"]).unwrap();
        })
        .await;
        assert_eq!(rows[0]["firstError"], expected);
    }
    let rows = rows_with(&[vec![start(1, "a"), report(2, "a", "success", 9)]], |settings| {
        settings.types = Types {
            platform: true,
            function: false,
            extension: false,
        };
    })
    .await;
    assert!(rows[0]["lines"].is_null());
}

#[tokio::test(start_paused = true)]
async fn rows_are_routed_like_events_and_a_star_does_not_take_them() {
    for (routes, expected) in [
        ("* -> kinesis", 0),
        ("* -> kinesis; forwarder.invocation -> kinesis", 2),
        ("forwarder.invocation record.verdict!=success -> kinesis; * -> drop", 1),
        ("forwarder.invocation keep=failed -> kinesis; * -> drop", 1),
        ("forwarder.invocation level>=trace -> kinesis; * -> drop", 0),
        ("forwarder.invocation -> drop; * -> kinesis", 0),
    ] {
        let sink = Scripted::new([]);
        let forwarder = forwarder_with(&sink, |settings| {
            settings.routes = Routes::parse(routes, &["kinesis"]).unwrap()
        });
        for (id, status) in [("a", "success"), ("b", "error")] {
            accept(
                &forwarder,
                &[start(1, id), done(2, id, status, None), report(3, id, status, 9)],
            );
        }
        forwarder.close(soon(), false).await;
        assert_eq!(sink.of_type("forwarder.invocation").len(), expected, "{routes}");
    }
}
