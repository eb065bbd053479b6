//! `--otlp`: every line is in the receiver once or more, whatever it answers and however the reader ends.

mod foreign;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use collectors::{BodyText as _, Receiver, Reply, attribute};
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use crate::world::{World, event, finish, life, line};

/// A row of an invocation, as the forwarder writes it.
pub(super) fn row(id: &str, seq: u64, request: &str, verdict: &str) -> String {
    let record = format!(
        concat!(
            r#"{{"requestId":"{}","traceId":"0af7651916cd43dd8448eb211c80319c","functionName":"checkout","start":"2026-11-20T09:14:02.000Z","#,
            r#""end":"2026-11-20T09:14:02.500Z","verdict":"{}","errorType":null,"firstError":null,"coldStart":true,"initMs":180.1,"#,
            r#""restoreMs":null,"durationMs":12.5,"billedMs":194,"maxMemoryMb":91,"complete":true}}"#
        ),
        request, verdict
    );
    event(id, seq, "forwarder.invocation", &record)
}

/// How often each line arrived.
fn counted(logs: &[LogRecord]) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for log in logs {
        *lines.entry(attribute(&log.attributes, "forwarder.seq")).or_default() += 1;
    }
    lines
}

#[tokio::test]
async fn lines_are_logs_and_rows_are_metrics_and_spans() {
    let receiver = Receiver::start(|_, _| Reply::Take).await;
    let mut world = World::new("otlp-content", 1).await;
    let log = line("a", 0, "[WARN] order 7 is late\n");
    let log = log.replace(
        r#""requestId""#,
        r#""traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","requestId""#,
    );
    let rows = [
        row("a", 2, "r-1", "success"),
        row("a", 3, "r-2", "timeout"),
        row("a", 4, "r-3", "success"),
    ];
    world
        .put_lines(&[
            log,
            event("a", 1, "function", r#"{"level":"ERROR","n":1,"ok":[true,null,1.5]}"#),
        ])
        .await;
    world.put_lines(&rows).await;
    let read = world.read(&["--otlp", &receiver.url]).await;
    assert_eq!((read.code, read.stdout.as_str()), (Some(0), ""), "{}", read.stderr);
    assert!(
        read.stderr.contains("5 lines accepted by the receiver, 0 rejected\n"),
        "{}",
        read.stderr
    );

    let logs = receiver.logs();
    assert_eq!(logs.len(), 5);
    let first = &logs[0];
    assert_eq!(first.body_text(), "[WARN] order 7 is late");
    assert_eq!((first.severity_number, first.severity_text.as_str()), (13, "WARN"));
    assert_eq!(first.time_unix_nano, 1_795_166_042_820_000_000);
    assert!(first.observed_time_unix_nano > first.time_unix_nano);
    assert_eq!(
        (first.trace_id.len(), first.span_id.as_slice()),
        (16, &[0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31][..])
    );
    for (key, value) in [
        ("faas.invocation_id", "7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10"),
        ("forwarder.id", "a"),
        ("forwarder.seq", "0"),
        ("forwarder.type", "function"),
    ] {
        assert_eq!(attribute(&first.attributes, key), value, "{key}");
    }
    assert_eq!((logs[1].severity_number, logs[1].event_name.as_str()), (17, ""));
    assert_eq!(
        (logs[2].severity_number, logs[2].event_name.as_str()),
        (0, "forwarder.invocation")
    );
    for (key, value) in [
        ("faas.name", "checkout"),
        ("service.name", "checkout"),
        ("cloud.provider", "aws"),
    ] {
        assert_eq!(receiver.resource(key), value, "{key}");
    }

    let spans = receiver.spans();
    let codes: Vec<_> = spans.iter().map(|span| span.status.as_ref().unwrap().code).collect();
    assert_eq!(codes, [0, 2, 0]);
    assert_eq!((spans[0].name.as_str(), spans[0].span_id.len()), ("checkout", 8));
    assert_ne!(spans[0].span_id, spans[1].span_id);
    assert_eq!(spans[0].end_time_unix_nano - spans[0].start_time_unix_nano, 500_000_000);

    let metrics = receiver.metrics();
    for (name, value) in [
        ("faas.invocations", 2.0),
        ("faas.coldstarts", 3.0),
        ("faas.errors", 1.0),
        ("faas.timeouts", 1.0),
        ("faas.invoke_duration", 0.0375),
        ("faas.init_duration", 0.5403),
        ("faas.mem_usage", 273.0 * 1_048_576.0),
    ] {
        let sum = metrics.get(name).copied().unwrap_or_default();
        assert!((sum - value).abs() < 1e-9, "{name}: {sum}, not {value}");
    }
}

#[tokio::test]
async fn what_may_pass_is_sent_again_and_not_too_soon() {
    let began = Instant::now();
    let receiver = Receiver::start(|path, count| match (path, count) {
        ("/v1/logs", 0) => Reply::Status(503, Some("2")),
        ("/v1/logs", 1) => Reply::Status(429, None),
        ("/v1/logs", 2) => Reply::Hang,
        ("/v1/metrics", 0) => Reply::Status(504, None),
        ("/v1/traces", 0) => Reply::Status(502, None),
        _ => Reply::Take,
    })
    .await;
    let mut world = World::new("otlp-again", 1).await;
    let mut lines = life("a", 100);
    lines.push(row("a", 101, "r-1", "success"));
    world.put_lines(&lines).await;
    let read = world.read(&["--otlp", &receiver.url]).await;
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    assert!(began.elapsed() >= Duration::from_secs(2), "Retry-After is waited for");
    assert!(
        read.stderr.contains("/v1/logs answered 503; again in 2.0 s"),
        "{}",
        read.stderr
    );
    let counts = counted(&receiver.logs());
    assert!(
        counts.len() == 102 && counts.values().all(|times| *times == 1),
        "{counts:?}"
    );
    assert_eq!(
        (receiver.spans().len(), receiver.metrics()["faas.invocations"]),
        (1, 1.0)
    );
}

#[tokio::test]
async fn what_cannot_be_taken_is_counted_and_said_and_costs_nothing_else() {
    // It refuses what has this text in it, and everything that is larger than it likes.
    let receiver = Receiver::start(|_, _| Reply::TakeUnless("poison", 8_000)).await;
    let mut world = World::new("otlp-poison", 1).await;
    let mut lines = life("a", 300);
    lines[77] = line("a", 77, "poison");
    world.put_lines(&lines).await;
    let read = world.read(&["--otlp", &receiver.url]).await;
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    assert!(
        read.stderr
            .contains("the receiver rejected 1 record: 400 it is poison\n"),
        "{}",
        read.stderr
    );
    assert!(
        read.stderr.contains("300 lines accepted by the receiver, 1 rejected\n"),
        "{}",
        read.stderr
    );
    let counts = counted(&receiver.logs());
    assert!(counts.len() == 300 && counts.values().all(|times| *times == 1) && !counts.contains_key("77"));

    let partial = Receiver::start(|_, _| Reply::Partial(2, "too old")).await;
    let read = world.read(&["--otlp", &partial.url]).await;
    assert!(
        read.stderr.contains("the receiver rejected 2 records: too old\n"),
        "{}",
        read.stderr
    );
    assert_eq!(
        counted(&partial.logs()).values().max(),
        Some(&1),
        "it is not sent again"
    );
}

#[tokio::test]
async fn where_nothing_is_taken_it_ends_and_the_checkpoint_keeps_all() {
    let refusing = Receiver::start(|_, _| Reply::Status(401, None)).await;
    let mut world = World::new("otlp-refused", 2).await;
    let lines = life("a", 500);
    world.put_lines(&lines).await;
    let checkpoint = world.file("checkpoint").to_string_lossy().into_owned();
    let refused = world
        .read(&["--checkpoint", &checkpoint, "--otlp", &refusing.url])
        .await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("/v1/logs answered 401"), "{}", refused.stderr);
    let receiver = Receiver::start(|_, _| Reply::Take).await;
    let read = world
        .read(&["--checkpoint", &checkpoint, "--otlp", &receiver.url])
        .await;
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    assert_eq!(counted(&receiver.logs()).len(), 501);
}

#[tokio::test]
async fn a_receiver_that_is_away_is_waited_for_and_what_it_lacks_is_kept() {
    let mut world = World::new("otlp-away", 1).await;
    world.put_lines(&life("a", 40)).await;
    let checkpoint = world.file("checkpoint").to_string_lossy().into_owned();
    let nobody = "http://127.0.0.1:9";
    let away = world.spawn(
        &["--from", "trim-horizon", "--checkpoint", &checkpoint, "--otlp", nobody],
        "out",
        "err",
    );
    world.wait_for("err", |text| text.contains("got no answer")).await;
    away.signal("-INT");
    assert_eq!(away.ended().await, Some(0), "{}", world.text("err"));
    let without = ["--from", "trim-horizon", "--for", "2s", "--otlp", nobody];
    let without = finish(world.consumer(&without)).await;
    assert_eq!(without.code, Some(2), "{}", without.stderr);
    assert!(
        without
            .stderr
            .contains("41 lines had no answer yet, and no checkpoint keeps them"),
        "{}",
        without.stderr
    );
    let receiver = Receiver::start(|_, _| Reply::Take).await;
    let read = world
        .read(&["--checkpoint", &checkpoint, "--otlp", &receiver.url])
        .await;
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    assert_eq!(counted(&receiver.logs()).len(), 41);
}
