//! Events that routes keep back are counted by reason, and nothing else is missing at the reader.

use std::sync::Arc;
use std::time::Duration;

use forwarder_core::Forwarder;
use forwarder_core::delivery::sink::{Reason, Sink};
use forwarder_core::route::Routes;
use reader::decode::Standing;

use crate::world::*;

fn with_routes(sink: &Arc<Scripted>, routes: &str) -> Forwarder {
    forwarder_with(sink, |settings| {
        settings.routes = Routes::parse(routes, &["kinesis"]).unwrap()
    })
}

fn event(kind: &str, record: &str) -> String {
    format!(r#"{{"time":"2026-11-20T09:14:02.820Z","type":"{kind}","record":{record}}}"#)
}

fn start(request: &str) -> String {
    event("platform.start", &format!(r#"{{"requestId":"{request}"}}"#))
}

fn done(request: &str, status: &str) -> String {
    let record = format!(r#"{{"requestId":"{request}","status":"{status}","metrics":{{"durationMs":10}}}}"#);
    event("platform.runtimeDone", &record)
}

fn report(request: &str, status: &str) -> String {
    event(
        "platform.report",
        &format!(r#"{{"requestId":"{request}","status":"{status}","metrics":{{"durationMs":10}}}}"#),
    )
}

fn line(text: &str) -> String {
    event("function", &format!("\"{text}\""))
}

fn post(forwarder: &Forwarder, events: &[String]) {
    forwarder.accept(format!("[{}]", events.join(",\n")).as_bytes());
}

/// The lines of the function that arrived, as their text and request.
fn arrived(sink: &Scripted) -> Vec<String> {
    let lines = sink.events().into_iter().filter(|line| line["type"] == "function");
    lines
        .map(|line| {
            let request = line["forwarder"]["requestId"].as_str().unwrap_or("-").to_owned();
            let text = match &line["record"] {
                serde_json::Value::String(text) => text.clone(),
                record => record["text"].as_str().unwrap_or_default().to_owned(),
            };
            format!("{request} {text}")
        })
        .collect()
}

const KEEP: &str = "function keep=failed -> kinesis; * -> kinesis";

#[tokio::test(start_paused = true)]
async fn of_failed_invocations_all_lines_are_forwarded_in_order_and_of_others_none() {
    let sink = Scripted::new([]);
    let forwarder = with_routes(&sink, KEEP);
    for (request, status) in [("a", "success"), ("b", "failure"), ("c", "timeout"), ("d", "success")] {
        post(&forwarder, &[start(request), line("1"), line("2")]);
        tokio::time::sleep(Duration::from_millis(20)).await;
        post(
            &forwarder,
            &[line("3"), done(request, status), line("after"), report(request, status)],
        );
    }
    forwarder.close(soon(), false).await;
    assert_eq!(
        arrived(&sink),
        [
            "- after", "b 1", "b 2", "b 3", "- after", "c 1", "c 2", "c 3", "- after", "- after"
        ]
    );
    let verdict = sink.verdict();
    assert_eq!(
        (verdict.standing, verdict.announced),
        (Standing::Complete, 0),
        "{verdict:?}"
    );
    // 4 starts, ends and reports, and what belongs to no invocation.
    assert_eq!(verdict.events, 12 + 10);
    let types: Vec<_> = sink
        .events()
        .iter()
        .map(|line| line["type"].as_str().unwrap().to_owned())
        .collect();
    let end_of_b = types
        .iter()
        .enumerate()
        .filter(|(_, kind)| *kind == "platform.runtimeDone")
        .nth(1)
        .unwrap()
        .0;
    assert_eq!(
        types[end_of_b - 1],
        "function",
        "the lines come before the end that they waited for: {types:?}"
    );
    let (intake, _) = forwarder.stats();
    assert_eq!(intake.routed_out.not_kept, 6);
    assert_eq!(intake.events, verdict.events + 6);
}

#[tokio::test(start_paused = true)]
async fn every_event_arrives_or_is_counted_by_its_reason() {
    let sink = Scripted::new([]);
    let routes = "platform.report -> drop; function level>=error -> kinesis; function sample=50% keep=failed -> kinesis; platform.* -> kinesis";
    let forwarder = with_routes(&sink, routes);
    let mut kept_back = 0;
    for number in 0..200 {
        let request = format!("{number:08}-5b7a-4c53-9a41-3f9d2b6c8e10");
        let status = if number % 4 == 0 { "error" } else { "success" };
        post(
            &forwarder,
            &[
                start(&request),
                line("[ERROR] x"),
                event("function", r#"{"level":"INFO","text":"quiet"}"#),
                event("extension", "\"y\""),
                done(&request, status),
                report(&request, status),
            ],
        );
        kept_back += 2;
    }
    forwarder.close(soon(), false).await;
    let (intake, _) = forwarder.stats();
    let out = intake.routed_out;
    assert_eq!((out.drop, out.unmatched), (200, 200));
    assert_eq!(kept_back, out.drop + out.unmatched);
    assert!((70..130).contains(&out.sampled), "{out:?}");
    assert!(out.not_kept > 50, "{out:?}");
    let verdict = sink.verdict();
    assert_eq!((verdict.standing, verdict.announced), (Standing::Complete, 0));
    assert_eq!(
        intake.events,
        verdict.events + out.drop + out.unmatched + out.sampled + out.not_kept
    );
    let report = &sink.of_type("forwarder.report").pop().unwrap()["record"]["routedOut"];
    assert_eq!(
        report,
        &serde_json::json!({"drop": out.drop, "unmatched": out.unmatched, "sampled": out.sampled, "notKept": out.not_kept})
    );
}

#[tokio::test(start_paused = true)]
async fn on_managed_instances_the_report_is_the_end_and_requests_do_not_mix() {
    let sink = Scripted::new([]);
    let routes = Routes::parse("* keep=failed -> kinesis", &["kinesis"]).unwrap();
    let forwarder = forwarder_with(&sink, |settings| {
        settings.concurrent = true;
        settings.routes = routes;
    });
    let of = |request: &str, text: &str| event("function", &format!(r#"{{"requestId":"{request}","text":"{text}"}}"#));
    post(
        &forwarder,
        &[
            start("a"),
            start("b"),
            of("a", "1"),
            of("b", "1"),
            line("of nobody"),
            of("a", "2"),
        ],
    );
    post(
        &forwarder,
        &[
            of("b", "2"),
            report("b", "error"),
            of("b", "late"),
            report("a", "success"),
            of("a", "late"),
        ],
    );
    forwarder.close(soon(), false).await;
    assert_eq!(arrived(&sink), ["- of nobody", "b 1", "b 2", "b late"]);
    // The two lines, the start and the report of `a`, and what came late.
    assert_eq!(forwarder.stats().0.routed_out.not_kept, 5);
    assert_eq!(sink.verdict().standing, Standing::Complete);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_longer_than_max_age_is_forwarded_and_so_is_the_rest_of_its_invocation() {
    let sink = Scripted::new([]);
    let forwarder = with_routes(&sink, KEEP);
    post(&forwarder, &[start("a"), line("1")]);
    tokio::time::sleep(Duration::from_secs(6)).await;
    post(&forwarder, &[line("2")]);
    assert_eq!(arrived(&sink), Vec::<String>::new());
    // Nothing comes in any more, and yet its time is over 10 s after the first; the lane's own wait comes on top.
    tokio::time::sleep(Duration::from_millis(14_100)).await;
    assert_eq!(arrived(&sink), ["a 1", "a 2"]);
    post(&forwarder, &[line("3"), done("a", "success")]);
    forwarder.close(soon(), false).await;
    assert_eq!(arrived(&sink), ["a 1", "a 2", "a 3"]);
    assert_eq!(forwarder.stats().0.routed_out.not_kept, 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_takes_of_the_buffer_and_near_its_bound_is_forwarded() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.routes = Routes::parse(KEEP, &["kinesis"]).unwrap();
        settings.buffer_bytes = 1_000_000;
    });
    post(&forwarder, &[start("a")]);
    let long = "x".repeat(10_000);
    for number in 0..70 {
        post(&forwarder, &[line(&format!("{number:02} {long}"))]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    forwarder.flush(soon()).await;
    assert_eq!(arrived(&sink).len(), 0, "they fit");
    for number in 70..500 {
        post(&forwarder, &[line(&format!("{number:02} {long}"))]);
        forwarder.run(true);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    post(&forwarder, &[done("a", "success")]);
    forwarder.close(soon(), false).await;
    assert_eq!(arrived(&sink).len(), 500);
    let verdict = sink.verdict();
    assert_eq!(
        (verdict.standing, verdict.announced),
        (Standing::Complete, 0),
        "{verdict:?}"
    );
    assert_eq!(forwarder.stats().0.routed_out.not_kept, 0);
}

#[tokio::test(start_paused = true)]
async fn an_invocation_without_an_end_is_forwarded_at_close() {
    let sink = Scripted::new([]);
    let forwarder = with_routes(&sink, KEEP);
    post(&forwarder, &[start("a"), line("1"), line("2")]);
    assert!(forwarder.close(soon(), false).await.is_empty());
    assert_eq!(arrived(&sink), ["a 1", "a 2"]);
    let last = sink.lines().pop().unwrap();
    assert_eq!(last["record"]["final"], true, "the final report is the last line");
    assert_eq!(sink.verdict().standing, Standing::Complete);
}

#[tokio::test(start_paused = true)]
async fn seq_is_given_at_release_and_each_sink_has_its_own() {
    let (sick, well) = (Scripted::new([]), Scripted::new([]));
    *sick.always.lock().unwrap() = Act::Fail(Reason::Unreachable);
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![(lane("sick"), sick.clone()), (lane("well"), well.clone())];
    let routes = Routes::parse("function keep=failed -> sick, well; * -> well", &["sick", "well"]).unwrap();
    let forwarder = Forwarder::start(settings(lanes, routes));
    post(
        &forwarder,
        &[
            start("a"),
            line("1"),
            done("a", "error"),
            start("b"),
            line("2"),
            done("b", "success"),
        ],
    );
    *sick.always.lock().unwrap() = Act::Take;
    forwarder.close(soon(), false).await;
    let seqs: Vec<_> = well
        .events()
        .iter()
        .map(|line| {
            (
                line["forwarder"]["seq"].as_u64().unwrap(),
                line["type"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected = [
        "platform.start",
        "function",
        "platform.runtimeDone",
        "platform.start",
        "platform.runtimeDone",
    ];
    assert_eq!(seqs, (0..).zip(expected.map(str::to_owned)).collect::<Vec<_>>());
    assert_eq!(arrived(&sick), ["a 1"]);
    assert_eq!(sick.events()[0]["forwarder"]["seq"], 0);
}

/// A retry of an asynchronous invocation has the same id as the attempt that failed.
#[tokio::test(start_paused = true)]
async fn a_retry_is_kept_for_what_became_of_itself() {
    let sink = Scripted::new([]);
    let forwarder = with_routes(&sink, "function keep=slow>1s -> kinesis");
    let ended = |milliseconds: u32| {
        let metrics = format!(r#"{{"durationMs":{milliseconds}}}"#);
        let record = format!(r#"{{"requestId":"a","status":"failure","metrics":{metrics}}}"#);
        event("platform.runtimeDone", &record)
    };
    post(&forwarder, &[start("a"), line("failed at once"), ended(10)]);
    post(&forwarder, &[report("a", "failure"), start("a"), line("slow")]);
    post(&forwarder, &[ended(2_000), line("after")]);
    forwarder.close(soon(), false).await;
    assert_eq!(arrived(&sink), ["a slow", "- after"]);
}
