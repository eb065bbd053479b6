//! A body that takes long is taken in slices; others are taken in between.

use std::time::Duration;

use forwarder_core::route::Routes;
use reader::decode::Standing;

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn a_long_body_is_taken_in_slices_and_others_in_between() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    let long = lines(0, 1_000, 200);
    let mut whole = forwarder.join(&long);
    let mut body = forwarder.begin(&mut whole);
    let mut slices = 0;
    // A slice without any time takes some events all the same: it goes on.
    while !forwarder.take(&mut body, Duration::ZERO) {
        slices += 1;
        assert!(slices < 1_000, "it does not go on");
        if slices == 2 {
            assert!(forwarder.accept(&lines(5_000, 1, 100)).started.is_empty());
            forwarder.flush(soon()).await;
            let taken = sink.events().len();
            assert!(
                (2..1_000).contains(&taken),
                "what was taken is delivered before the rest is: {taken}"
            );
        }
    }
    assert!(slices >= 5, "{slices}");
    let (intake, _) = forwarder.stats();
    assert_eq!((intake.bodies, intake.events, intake.sliced), (2, 1_001, 1));
    forwarder.close(soon(), false).await;
    assert_eq!(sink.verdict().standing, Standing::Complete);
    let mut numbers: Vec<usize> = sink
        .events()
        .iter()
        .map(|event| event["record"].as_str().unwrap()[..8].parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..1_000).chain([5_000]).collect::<Vec<_>>());
    let report = sink.of_type("forwarder.report").pop().unwrap();
    assert_eq!(report["record"]["counters"]["intake"]["sliced"], 1);
}

/// A body that Lambda posts twice counts once in rows, also where another body is taken between its slices.
#[tokio::test(start_paused = true)]
async fn what_a_body_is_known_for_holds_in_each_of_its_slices() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.routes = Routes::parse("forwarder.invocation -> kinesis; * -> kinesis", &["kinesis"]).unwrap();
    });
    let start = r#"{"type":"platform.start","record":{"requestId":"a"}}"#;
    let line = format!(r#"{{"type":"function","record":"{}"}}"#, "x".repeat(2_000));
    let report = r#"{"type":"platform.report","record":{"requestId":"a","status":"success"}}"#;
    forwarder.accept(format!("[{start}]").as_bytes());
    let body = format!("[{}]", vec![line.as_str(); 100].join(","));
    for _ in 0..2 {
        let mut whole = forwarder.join(body.as_bytes());
        let mut taking = forwarder.begin(&mut whole);
        let mut others = 0;
        while !forwarder.take(&mut taking, Duration::ZERO) {
            forwarder.accept(format!(r#"[{{"type":"platform.other{others}"}}]"#).as_bytes());
            others += 1;
        }
        assert!(others > 3);
    }
    forwarder.accept(format!("[{report}]").as_bytes());
    forwarder.close(soon(), false).await;
    let rows = sink.of_type("forwarder.invocation");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["record"]["lines"], 100, "{}", rows[0]);
}

/// Lines of a body belong to the invocation that it told of, also where another body tells of the next between its slices.
#[tokio::test(start_paused = true)]
async fn a_body_in_slices_keeps_its_invocation_and_gives_back_that_of_others() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    let start = |id: &str| format!(r#"{{"type":"platform.start","record":{{"requestId":"{id}"}}}}"#);
    let line = |text: &str| format!(r#"{{"type":"function","record":"{text}"}}"#);
    let mut events = vec![start("a")];
    events.resize_with(101, || line(&"x".repeat(2_000)));
    let long = format!("[{}]", events.join(","));
    let mut whole = forwarder.join(long.as_bytes());
    let mut body = forwarder.begin(&mut whole);
    let mut slices = 0;
    while !forwarder.take(&mut body, Duration::ZERO) {
        slices += 1;
        if slices == 2 {
            forwarder.accept(format!("[{},{}]", start("b"), line("of b")).as_bytes());
        }
    }
    assert!(slices > 3, "{slices}");
    forwarder.accept(format!("[{}]", line("of b")).as_bytes());
    forwarder.close(soon(), false).await;
    let lines = sink.of_type("function");
    assert_eq!(lines.len(), 102);
    for line in &lines {
        let owner = if line["record"] == "of b" { "b" } else { "a" };
        assert_eq!(line["forwarder"]["requestId"], owner, "{}", line["forwarder"]);
    }
}

/// Lambda posts a body again whose answer was lost, and others have come since.
#[tokio::test(start_paused = true)]
async fn what_comes_again_belongs_to_whom_it_belonged_to() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    let start = |id: &str| format!(r#"{{"type":"platform.start","record":{{"requestId":"{id}"}}}}"#);
    let line = |text: &str| format!(r#"{{"type":"function","record":"{text}"}}"#);
    let accept = |events: &[String]| drop(forwarder.accept(format!("[{}]", events.join(",")).as_bytes()));
    let of_a = [line("of a"), line("of a, too")];
    let of_both = [start("b"), line("of b")];
    accept(&[start("a")]);
    accept(&of_a);
    accept(&of_both);
    accept(&of_a);
    accept(&[line("of b")]);
    accept(&[start("c")]);
    accept(&of_both);
    accept(&[line("of c")]);
    forwarder.close(soon(), false).await;
    let lines = sink.of_type("function");
    assert_eq!(lines.len(), 8);
    for line in &lines {
        let owner = line["record"]
            .as_str()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .trim_end_matches(',');
        assert_eq!(line["forwarder"]["requestId"], owner, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_body_are_told_once_and_a_start_forgets_what_came_before() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    let of = |kind: &str, id: &str| format!(r#"{{"type":"platform.{kind}","record":{{"requestId":"{id}"}}}}"#);
    let events = [
        of("runtimeDone", "a"),
        of("report", "a"),
        of("report", "b"),
        of("start", "a"),
        of("runtimeDone", "a"),
        of("runtimeDone", "a"),
    ];
    let accepted = forwarder.accept(format!("[{}]", events.join(",")).as_bytes());
    assert_eq!(
        (accepted.started, accepted.done, accepted.reported),
        (vec!["a".to_owned()], vec!["a".to_owned()], vec!["b".to_owned()])
    );
}
