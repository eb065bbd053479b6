//! Content of the lines that arrive.

use std::sync::Arc;

use forwarder_core::delivery::sink::Sink;
use forwarder_core::intake::redact::Redaction;
use forwarder_core::record::envelope::{Envelope, Resource};
use forwarder_core::record::format::Format;
use forwarder_core::route::Routes;
use forwarder_core::telemetry::event::KNOWN_TYPES;
use forwarder_core::{Forwarder, Types};
use reader::decode::Standing;

use crate::world::*;

/// Every example event: its file's name and its text.
fn examples() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/events");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(path).unwrap(),
            )
        })
        .filter(|(name, _)| !name.starts_with("batch."))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn one_event_of_every_kind_arrives_as_it_was_sent() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    let examples = examples();
    let types: Vec<String> = examples
        .iter()
        .map(|(_, text)| {
            serde_json::from_str::<serde_json::Value>(text).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    for known in KNOWN_TYPES {
        assert!(types.iter().any(|kind| kind == known), "no example of {known}");
    }
    let unknown =
        r#"{"time":"2027-01-01T00:00:00.000Z","type":"platform.notYetKnown","record":[1.50,null,{"é":"\u00e9"}]}"#;
    let mut sent: Vec<&str> = examples.iter().map(|(_, text)| text.as_str()).collect();
    sent.push(unknown);
    forwarder.accept(format!("[{}]", sent.join(",\n")).as_bytes());
    assert!(forwarder.close(soon(), false).await.is_empty());
    let arrived = sink.events();
    assert_eq!(arrived.len(), sent.len());
    for (arrived, sent) in arrived.into_iter().zip(sent) {
        let mut arrived = arrived;
        arrived.as_object_mut().unwrap().remove("forwarder").unwrap();
        assert_eq!(arrived, serde_json::from_str::<serde_json::Value>(sent).unwrap());
    }
    // `platform.restoreStart` is among them: it begins another life.
    let lives = sink.verdicts();
    assert_eq!(lives.len(), 2);
    assert!(
        lives.iter().all(|life| life.standing == Standing::Complete),
        "{lives:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn values_arrive_byte_for_byte() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    let event = r#"{ "time" : "t",  "type":"function", "record": {"a":1.500e2, "b" : "\u00e9\/" } , "later":[ ] }"#;
    forwarder.accept(format!("[{event}]").as_bytes());
    forwarder.close(soon(), false).await;
    let data = sink.taken.lock().unwrap()[0].data.clone();
    let first = std::str::from_utf8(&data).unwrap().lines().next().unwrap().to_owned();
    assert!(first.starts_with(event.strip_suffix('}').unwrap()), "{first}");
}

#[tokio::test(start_paused = true)]
async fn lines_carry_the_request_that_runs() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    let body = br#"[{"type":"function","record":"init"},
        {"type":"platform.start","record":{"requestId":"r1"}},{"type":"function","record":"text"},
        {"type":"function","record":{"requestId":"other"}},{"type":"platform.runtimeDone","record":{"requestId":"r1"}},
        {"type":"platform.report","record":{"requestId":"r1"}}]"#;
    let accepted = forwarder.accept(body);
    assert_eq!(
        (accepted.started, accepted.done, accepted.reported),
        (vec!["r1".into()], vec!["r1".into()], vec!["r1".into()])
    );
    forwarder.close(soon(), false).await;
    let ids: Vec<_> = sink
        .events()
        .iter()
        .map(|line| line["forwarder"]["requestId"].as_str().map(str::to_owned))
        .collect();
    // A line that names another request, as an error of an AWS SDK does, is still one of the invocation that runs.
    let expected = [None, Some("r1"), Some("r1"), Some("r1"), Some("r1"), Some("r1")];
    assert_eq!(ids, expected.map(|id| id.map(str::to_owned)));
}

#[tokio::test(start_paused = true)]
async fn the_instance_is_known_once_lambda_has_told_it() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.resource = Resource {
            faas_name: Some("orders".into()),
            ..Resource::default()
        }
    });
    forwarder.accept(
        br#"[{"type":"function","record":"before"},{"type":"platform.initStart","record":{"instanceId":"i\/1"}}]"#,
    );
    forwarder.set_account_id("123456789012");
    forwarder.accept(br#"[{"type":"function","record":"after"}]"#);
    forwarder.close(soon(), false).await;
    let lines = sink.events();
    assert_eq!(
        lines[0]["forwarder"]["resource"],
        serde_json::json!({"faas.name": "orders"})
    );
    let expected =
        serde_json::json!({"faas.name": "orders", "faas.instance": "i/1", "cloud.account.id": "123456789012"});
    assert_eq!(lines[2]["forwarder"]["resource"], expected);
}

#[tokio::test(start_paused = true)]
async fn malformed_pieces_go_out_as_they_came_to_every_routed_lane() {
    let (first, second, unrouted) = (Scripted::new([]), Scripted::new([]), Scripted::new([]));
    let sinks: [Arc<dyn Sink>; 3] = [first.clone(), second.clone(), unrouted.clone()];
    let names = ["first", "second", "unrouted"];
    let lanes = names.iter().zip(sinks).map(|(name, sink)| (lane(name), sink)).collect();
    let routes = Routes::parse("platform.* -> second; * -> first", &names).unwrap();
    let forwarder = Forwarder::start(settings(lanes, routes));
    forwarder.accept(b"[{\"type\":\"function\",\"record\":\"good\"},{bad},\"\xff\"]");
    forwarder.accept(b"no array");
    forwarder.refuse_body("a body of 17 MiB");
    forwarder.close(soon(), false).await;
    for sink in [&first, &second] {
        let unparsed: Vec<_> = sink
            .of_type("forwarder.unparsed")
            .iter()
            .map(|line| line["record"].clone())
            .collect();
        assert_eq!(unparsed.len(), 4, "{unparsed:#?}");
        assert_eq!(
            (&unparsed[0]["body"], &unparsed[0]["encoding"]),
            (&"{bad}".into(), &"utf8".into())
        );
        assert_eq!(
            (&unparsed[1]["body"], &unparsed[1]["encoding"]),
            (&"Iv8i".into(), &"base64".into())
        );
        assert_eq!(
            (&unparsed[2]["body"], &unparsed[2]["encoding"]),
            (&"no array".into(), &"utf8".into())
        );
        assert_eq!(unparsed[3]["error"], "a body of 17 MiB");
        assert!(
            unparsed[0]["error"].as_str().unwrap().contains("expected a string"),
            "{unparsed:#?}"
        );
    }
    assert_eq!(first.events().len(), 1);
    assert!(unrouted.of_type("forwarder.unparsed").is_empty());
    let (stats, _) = forwarder.stats();
    assert_eq!((stats.unparsed, stats.oversized_bodies), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn its_own_log_lines_never_feed_it() {
    let sink = Scripted::new([]);
    let forwarder = forwarder(&sink);
    forwarder.accept(
        br#"[{"type":"extension","record":"{\"source\":\"telemetry-forwarder\",\"level\":\"WARN\"}\n"},
        {"type":"extension","record":{"source":"telemetry-forwarder","level":"WARN"}},
        {"type":"extension","record":{"source":"another"}},{"type":"function","record":{"source":"telemetry-forwarder"}}]"#,
    );
    forwarder.close(soon(), false).await;
    assert_eq!(sink.events().len(), 2);
    assert_eq!(forwarder.stats().0.own_lines, 2);
}

#[tokio::test(start_paused = true)]
async fn types_that_are_not_forwarded_still_tell_about_invocations() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.types = Types {
            platform: false,
            function: true,
            extension: false,
        }
    });
    let accepted =
        forwarder.accept(br#"[{"type":"platform.start","record":{"requestId":"r"}},{"type":"function","record":"x"}]"#);
    assert_eq!(accepted.started, ["r"]);
    forwarder.close(soon(), false).await;
    let lines = sink.events();
    assert_eq!((lines.len(), &lines[0]["forwarder"]["requestId"]), (1, &"r".into()));
    let report = &sink.of_type("forwarder.report")[0]["record"];
    assert_eq!(report["routedOut"]["unmatched"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_routed_to_several_sinks_has_a_seq_in_each() {
    let (logs, all) = (Scripted::new([]), Scripted::new([]));
    let lanes: Vec<(_, Arc<dyn Sink>)> = vec![(lane("logs"), logs.clone()), (lane("all"), all.clone())];
    let routes = Routes::parse(
        "platform.* -> all; function level>=error -> logs, all; extension -> drop",
        &["logs", "all"],
    );
    let forwarder = Forwarder::start(settings(lanes, routes.unwrap()));
    forwarder.accept(
        br#"[{"type":"platform.start","record":{"requestId":"r"}},{"type":"function","record":{"level":"ERROR"}},
        {"type":"function","record":{"level":"INFO"}},{"type":"extension","record":"x"},{"type":"function","record":"[ERROR] x\n"},
        {"type":"function","record":"  continued\n"}]"#,
    );
    forwarder.close(soon(), false).await;
    let seqs = |sink: &Scripted| -> Vec<_> {
        sink.events()
            .iter()
            .map(|line| line["forwarder"]["seq"].as_u64().unwrap())
            .collect()
    };
    assert_eq!((seqs(&logs), seqs(&all)), (vec![0, 1, 2], vec![0, 1, 2, 3]));
    assert!(logs.events().iter().all(|line| line["forwarder"]["sink"] == "logs"));
    let report = &all.of_type("forwarder.report")[0]["record"];
    assert_eq!(
        (&report["routedOut"]["drop"], &report["routedOut"]["unmatched"]),
        (&1.into(), &1.into())
    );
    assert_eq!((&report["nextSeq"], &report["final"]), (&5.into(), &true.into()));
}

#[tokio::test(start_paused = true)]
async fn json_puts_one_line_into_a_record() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| settings.lanes[0].0.format = Format::Json);
    forwarder.accept(&lines(0, 10, 50));
    forwarder.close(soon(), false).await;
    let taken = sink.taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 11);
    assert!(
        taken
            .iter()
            .all(|record| record.data.iter().filter(|byte| **byte == b'\n').count() == 1)
    );
}

#[tokio::test(start_paused = true)]
async fn raw_lines_are_lambdas_own_and_nothing_else() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| settings.lanes[0].0.envelope = Envelope::Raw);
    forwarder.accept(b"[{\"type\":\"function\",\"record\":\"x\"},{bad}]");
    forwarder.close(soon(), false).await;
    let taken = sink.taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].data.as_ref(), b"{\"type\":\"function\",\"record\":\"x\"}\n");
}

#[tokio::test(start_paused = true)]
async fn what_is_masked_is_masked_before_it_is_routed_held_or_sent_and_counted() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.redaction = Redaction::parse(&["email", "ipv4"]).unwrap();
        let routes = "function record.mail=\"[redacted:email]\" keep=failed -> kinesis; * -> kinesis";
        settings.routes = Routes::parse(routes, &["kinesis"]).unwrap();
    });
    let body = br#"[{"type":"platform.start","record":{"requestId":"r@x.com","tenantId":"t"}},
        {"time":"t","type":"function","record":{"mail":"a@b.com","requestId":"a@b.com","level":"INFO"},"later":"a@b.com"},
        {"type":"function","record":"from 10.0.0.1 for a\u0040b.com\n"},{"type":"extension","record":"{\"ip\":\"10.0.0.1\"}"},
        {"type":"function","record":"plain\n"},{"type":"function","record":"a@b.com},
        {"type":"platform.runtimeDone","record":{"requestId":"r@x.com","status":"error"}}]"#;
    forwarder.accept(body);
    forwarder.refuse_body("too long");
    forwarder.accept(b"not JSON at all: a@b.com \xff 10.0.0.1");
    forwarder.close(soon(), false).await;
    let lines = sink.events();
    let line = |text: &str| {
        lines
            .iter()
            .find(|line| line["record"].to_string().contains(text))
            .unwrap()
    };
    let object = line("\"mail\"");
    assert_eq!(object["record"]["mail"], "[redacted:email]");
    // The request is told by the order of events, in which nothing is masked.
    assert_eq!(object["forwarder"]["requestId"], "r@x.com");
    assert_eq!(
        (&object["time"], &object["later"]),
        (&"t".into(), &"a@b.com".into()),
        "records only"
    );
    assert_eq!(line("from")["record"], "from [redacted:ipv4] for [redacted:email]\n");
    assert_eq!(line("ip\\\"")["record"], "{\"ip\":\"[redacted:ipv4]\"}");
    assert_eq!(
        line("from")["forwarder"]["requestId"],
        "r@x.com",
        "platform events are Lambda's own"
    );
    let unparsed = sink.of_type("forwarder.unparsed");
    assert_eq!(unparsed.len(), 3, "{unparsed:#?}");
    assert!(
        unparsed[0]["record"]["body"]
            .as_str()
            .unwrap()
            .contains("[redacted:email]")
    );
    assert_eq!(unparsed[2]["record"]["encoding"], "base64");
    let everything = format!("{lines:?} {unparsed:?}");
    assert_eq!(everything.matches("a@b.com").count(), 1, "{everything}");
    assert!(
        !everything.contains("10.0.0.1") && !everything.contains("YUBiLmNvb"),
        "{everything}"
    );
    let report = &sink.of_type("forwarder.report")[0]["record"]["counters"]["intake"];
    assert_eq!((&report["redacted"], &report["events"]), (&8.into(), &6.into()));
    assert_eq!(sink.verdict().standing, Standing::Complete);
}

/// What pino prints of an error of the AWS SDK, and an access log of API Gateway: both with ids of their own.
#[tokio::test(start_paused = true)]
async fn a_foreign_request_id_is_not_that_of_the_line() {
    for (status, kept) in [("success", 0), ("failure", 3)] {
        let sink = Scripted::new([]);
        let forwarder = forwarder_with(&sink, |settings| {
            let routes = "function keep=failed -> kinesis; * -> drop";
            settings.routes = Routes::parse(routes, &["kinesis"]).unwrap();
        });
        let body = include_str!("../requests/foreign-request-id.json").replace("<status>", status);
        forwarder.accept(body.as_bytes());
        forwarder.close(soon(), false).await;
        let lines = sink.of_type("function");
        assert_eq!(lines.len(), kept, "{status}: {lines:#?}");
        for line in lines {
            assert_eq!(line["forwarder"]["requestId"], "7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn on_a_managed_instance_each_name_of_a_request_id_is_known() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| settings.concurrent = true);
    forwarder.accept(include_bytes!("../requests/request-id-names.json"));
    forwarder.close(soon(), false).await;
    let lines = sink.of_type("function");
    assert_eq!(lines.len(), 8);
    for line in lines {
        assert_eq!(
            line["forwarder"]["requestId"], "aaaaaaaa-0000-4000-8000-000000000001",
            "{line}"
        );
    }
}

/// A retry of an asynchronous invocation has the same id, and the report of the attempt before may come with its start.
#[tokio::test(start_paused = true)]
async fn what_a_body_tells_before_a_start_is_of_another_attempt() {
    let forwarder = forwarder(&Scripted::new([]));
    let event = |kind: &str| format!(r#"{{"type":"platform.{kind}","record":{{"requestId":"r"}}}}"#);
    let (start, report, dropped) = (event("start"), event("report"), event("logsDropped"));
    let accepted = forwarder.accept(format!("[{dropped},{report},{start}]").as_bytes());
    assert_eq!((accepted.started.len(), accepted.reported.len()), (1, 0));
    assert!(!accepted.events_dropped);
    let accepted = forwarder.accept(format!("[{start},{dropped},{report}]").as_bytes());
    assert_eq!((accepted.started.len(), accepted.reported.len()), (1, 1));
    assert!(accepted.events_dropped);
}
