//! A configuration that is kept at Systems Manager or S3: it steers, and whatever becomes of it, no event is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use end_to_end::binaries;
use end_to_end::document_server::{Answer, DocumentServer};
use end_to_end::numbers::Numbers;
use end_to_end::post::{Poster, function_lines};
use end_to_end::process::Extension;
use end_to_end::world::*;
use local_kinesis::LocalKinesis;
use local_lambda::{Builder, LocalLambda};
use tokio::time::Instant;

const END: Duration = Duration::from_secs(4);

/// Forwards errors alone.
const ERRORS: &str = "routes = \"function level>=error -> kinesis; function -> drop; * -> kinesis\"";

/// Forwards nothing of the function.
const NOTHING: &str = "routes = \"function -> drop; * -> kinesis\"";

fn builder(kinesis: &LocalKinesis, documents: &DocumentServer, source: &str) -> (Builder, u16) {
    let (builder, port) = lambda_to_kinesis(kinesis);
    let builder = builder
        .function(binaries::test_function())
        .extension_env("AWS_ENDPOINT_URL_SSM", &documents.endpoint)
        .extension_env("AWS_ENDPOINT_URL_S3", &documents.endpoint)
        .extension_env("FORWARDER_CONFIG", source)
        .extension_env("FORWARDER_FLUSH__STRATEGY", "end");
    (builder, port)
}

async fn start(kinesis: &LocalKinesis, documents: &DocumentServer, source: &str) -> LocalLambda {
    builder(kinesis, documents, source).0.start().await.unwrap()
}

/// Ends, and returns what arrived, with the final report's `config`.
async fn end(lambda: &LocalLambda, kinesis: &LocalKinesis) -> (Found, serde_json::Value) {
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    let found = Found::in_stream(kinesis, STREAM).await;
    found.assert_proven();
    let config = found.of_type("forwarder.report").last().unwrap()["record"]["config"].clone();
    (found, config)
}

fn of(log: &[String], event: &str) -> usize {
    log.iter()
        .filter(|line| line.contains(&format!("\"event\":\"{event}\"")))
        .count()
}

#[tokio::test]
async fn the_first_invocation_goes_by_the_document_for_which_it_waits() {
    for source in ["ssm:/telemetry/forwarder", "s3://bucket/telemetry/forwarder.toml"] {
        let slow = Answer::Slow(Duration::from_millis(300), ERRORS.to_owned(), 3);
        let documents = DocumentServer::start(slow).await;
        let kinesis = kinesis().await;
        let lambda = start(&kinesis, &documents, source).await;
        for _ in 0..2 {
            assert!(
                lambda
                    .invoke(r#"{"lines":3,"level":"info"}"#)
                    .await
                    .unwrap()
                    .succeeded()
            );
        }
        assert!(
            lambda
                .invoke(r#"{"lines":2,"level":"error"}"#)
                .await
                .unwrap()
                .succeeded()
        );
        let (found, config) = end(&lambda, &kinesis).await;
        assert_eq!(found.of_type("function").len(), 2, "{source}");
        assert_eq!(found.of_type("platform.runtimeDone").len(), 3, "{source}");
        assert_eq!(config, if source.starts_with("ssm") { "3" } else { "\"3\"" });
        assert_silent(&lambda);
        let asked = documents.asked();
        assert_eq!(asked.len(), 1, "{asked:#?}");
        let (expected, service) = if source.starts_with("ssm") {
            (
                r#"{"Name":"/telemetry/forwarder","WithDecryption":true}"#,
                "/ssm/aws4_request",
            )
        } else {
            ("GET /bucket/telemetry/forwarder.toml ", "/s3/aws4_request")
        };
        assert!(asked[0].contains(expected) && asked[0].contains(service), "{asked:#?}");
    }
}

#[tokio::test]
async fn without_a_document_what_is_local_counts_and_nothing_is_lost() {
    for (answer, said) in [
        (Answer::Denied, "ssm:GetParameter"),
        (Answer::Garbage, "is no parameter"),
        (Answer::Silence, "no answer in 5s"),
    ] {
        let name = format!("{answer:?}");
        let is_silent = matches!(answer, Answer::Silence);
        let documents = DocumentServer::start(answer).await;
        let kinesis = kinesis().await;
        let (builder, _) = builder(&kinesis, &documents, "ssm:/x");
        let lambda = builder.freeze(false).start().await.unwrap();
        let mut added = Vec::new();
        for _ in 0..5 {
            let invocation = lambda.invoke(r#"{"lines":3}"#).await.unwrap();
            assert!(invocation.succeeded());
            added.push(invocation.added);
        }
        // One budget in all, for whatever is ill, and some for a busy machine.
        assert!(
            added.iter().sum::<Duration>() < Duration::from_millis(1_500),
            "{name}: {added:?}"
        );
        if is_silent {
            let unread = lambda.wait_for_output(PATIENCE, |line| line.text.contains("config_unread"));
            unread.await.unwrap();
        }
        let log = extension_log(&lambda);
        let (found, config) = end(&lambda, &kinesis).await;
        assert_eq!(found.of_type("function").len(), 15, "{name}");
        assert!(config.is_null(), "{name}: {config}");
        assert_eq!(of(&log, "config_unread"), 1, "{name}: {log:#?}");
        assert!(log.iter().any(|line| line.contains(said)), "{name}: {log:#?}");
    }
}

#[tokio::test]
async fn a_wrong_document_is_refused_as_a_whole_and_said_once() {
    let wrong = "log = \"debug\"\nroutes = \"function -> drop; * -> nowhere\"\n[flush]\nbudget = \"soon\"";
    let documents = DocumentServer::start(Answer::Document(wrong.to_owned(), 9)).await;
    let kinesis = kinesis().await;
    let lambda = start(&kinesis, &documents, "ssm:/x").await;
    for _ in 0..3 {
        assert!(lambda.invoke(r#"{"lines":3}"#).await.unwrap().succeeded());
    }
    let log = extension_log(&lambda);
    let (found, config) = end(&lambda, &kinesis).await;
    assert_eq!(found.of_type("function").len(), 9);
    assert!(config.is_null());
    assert_eq!((log.len(), of(&log, "config_refused")), (1, 1), "{log:#?}");
    for part in ["ssm:/x:2", "unknown sink `nowhere`", "flush.budget", "ssm:/x:4"] {
        assert!(log[0].contains(part), "{part}: {log:#?}");
    }
}

/// Other sinks than the variables name, and of theirs another format.
const SINKS: &str = "envelope = \"lean\"\nroutes = \"function -> audit; * -> kinesis\"\n[sinks.kinesis]\nstream = \"other\"\nformat = \"json\"
[sinks.audit]\ntype = \"kinesis\"\nstream = \"audit\"";

#[tokio::test]
async fn a_new_environment_has_the_documents_sinks_and_variables_win() {
    let documents = DocumentServer::start(Answer::Document(SINKS.to_owned(), 1)).await;
    let kinesis = LocalKinesis::builder()
        .stream(STREAM, 2)
        .stream("audit", 1)
        .start()
        .await
        .unwrap();
    let (builder, _) = builder(&kinesis, &documents, "ssm:/x");
    let lambda = builder.start().await.unwrap();
    for _ in 0..2 {
        assert!(lambda.invoke(r#"{"lines":3}"#).await.unwrap().succeeded());
    }
    assert_silent(&lambda);
    let (found, config) = end(&lambda, &kinesis).await;
    assert_eq!(config, "1");
    assert!(found.of_type("function").is_empty(), "it goes to another sink");
    assert_eq!(
        found.of_type("platform.runtimeDone").len(),
        2,
        "the variable names this stream"
    );
    let counts = kinesis.counts(STREAM).stored;
    assert_eq!(counts.records as usize, found.lines.len(), "a line each");
    let audit = Found::in_stream(&kinesis, "audit").await;
    audit.assert_proven();
    let lines = audit.of_type("function");
    assert_eq!(lines.len(), 6);
    assert!(
        lines.iter().all(|line| line["forwarder"]["resource"].is_null()),
        "{lines:#?}"
    );
    assert_eq!(found.lives.len(), 1, "it began once");
}

#[tokio::test]
async fn what_comes_too_late_for_other_sinks_says_so_and_the_next_start_has_them() {
    // After the 2 s that events wait for it.
    let late = Answer::Slow(Duration::from_millis(2_800), SINKS.to_owned(), 1);
    let documents = DocumentServer::start(late).await;
    let kinesis = LocalKinesis::builder()
        .stream(STREAM, 2)
        .stream("audit", 1)
        .start()
        .await
        .unwrap();
    let (builder, _) = builder(&kinesis, &documents, "ssm:/x");
    let lambda = builder.freeze(false).start().await.unwrap();
    assert!(lambda.invoke(r#"{"lines":3}"#).await.unwrap().succeeded());
    let said = lambda.wait_for_output(PATIENCE, |line| line.text.contains("config_not_yet"));
    said.await.unwrap();
    let log = extension_log(&lambda);
    assert_eq!(
        (of(&log, "config_later"), of(&log, "config_not_yet")),
        (1, 1),
        "{log:#?}"
    );
    assert!(log[0].contains(r#""settings":"sinks""#), "{log:#?}");
    // By the copy, which outlives a reset.
    assert!(
        lambda
            .invoke(r#"{"lines":1,"fail":"exit"}"#)
            .await
            .unwrap()
            .reset
            .is_some()
    );
    assert!(lambda.invoke(r#"{"lines":5}"#).await.unwrap().succeeded());
    let (found, _) = end(&lambda, &kinesis).await;
    assert_eq!(found.of_type("function").len(), 4);
    assert_eq!(Found::in_stream(&kinesis, "audit").await.of_type("function").len(), 5);
}

#[tokio::test]
async fn at_128_mb_what_waits_for_a_document_is_bounded_and_arrives() {
    let documents = DocumentServer::start(Answer::Silence).await;
    let kinesis = kinesis().await;
    let (builder, port) = builder(&kinesis, &documents, "s3://bucket/key");
    let lambda = builder.memory_mb(128).freeze(false).start().await.unwrap();
    lambda.invoke(r#"{"lines":0}"#).await.unwrap();
    let mut poster = Poster::connect(port).await;
    // Several times what may wait, and no pause: some comes while the gate is closed, some while it opens, most after.
    for body in 0..60 {
        assert_eq!(poster.post("/", function_lines(body * 500, 500, 200)).await, 200);
        // Whatever is read next is another document.
        let routes = ["* -> kinesis", "function text~/a/ -> kinesis; * -> kinesis"][body % 2];
        documents.set(Answer::Document(format!("routes = '{routes}'"), body as u64));
    }
    let peak = Extension::of(&lambda).unwrap().peak_memory().unwrap();
    let (found, _) = end(&lambda, &kinesis).await;
    let missing = Numbers::of(&found, 30_000).missing();
    assert!(missing.is_empty(), "{} are missing", missing.len());
    assert!(peak < 32 << 20, "{} KiB of memory", peak >> 10);
}

#[tokio::test]
async fn a_process_that_starts_again_goes_by_the_last_good_copy() {
    let documents = DocumentServer::start(Answer::Document(NOTHING.to_owned(), 5)).await;
    let kinesis = kinesis().await;
    let lambda = start(&kinesis, &documents, "ssm:/x").await;
    assert!(lambda.invoke(r#"{"lines":3}"#).await.unwrap().succeeded());
    documents.set(Answer::Silence);
    let broken = lambda.invoke(r#"{"lines":3,"fail":"exit"}"#).await.unwrap();
    assert!(broken.reset.is_some());
    for _ in 0..2 {
        assert!(lambda.invoke(r#"{"lines":3}"#).await.unwrap().succeeded());
    }
    let (found, config) = end(&lambda, &kinesis).await;
    assert!(found.of_type("function").is_empty());
    assert_eq!(config, "5");
}

#[tokio::test]
async fn a_change_reaches_a_running_environment_between_two_events() {
    let table = |parity: &str| {
        format!("routes = '''function text~/^[0-9]*[{parity}] / -> kinesis; function -> drop; * -> kinesis'''")
    };
    let documents = DocumentServer::start(Answer::Document(table("02468"), 1)).await;
    let kinesis = kinesis().await;
    let (builder, port) = builder(&kinesis, &documents, "ssm:/x");
    let lambda = builder
        .extension_env("FORWARDER_CONFIG_REFRESH", "30s")
        .freeze(false)
        .start()
        .await
        .unwrap();
    let mut poster = Poster::connect(port).await;
    let begun = Instant::now();
    let mut next = 0;
    let mut is_changed = false;
    while begun.elapsed() < Duration::from_secs(33) {
        assert_eq!(poster.post("/", function_lines(next, 100, 50)).await, 200);
        next += 100;
        if !is_changed && begun.elapsed() > Duration::from_secs(5) {
            documents.set(Answer::Document(table("13579"), 2));
            is_changed = true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (found, config) = end(&lambda, &kinesis).await;
    assert_eq!(config, "2");
    let numbers: BTreeSet<usize> = found
        .of_type("function")
        .iter()
        .map(|line| line["record"].as_str().unwrap()[..10].parse().unwrap())
        .collect();
    // Even numbers up to some place, odd ones from there on: of each pair exactly one.
    assert_eq!(numbers.len(), next / 2);
    let first_odd = numbers.iter().find(|number| *number % 2 == 1).copied().unwrap();
    let last_even = numbers.iter().rfind(|number| *number % 2 == 0).copied().unwrap();
    assert!(last_even < first_odd, "{last_even} {first_odd}");
    assert!(documents.asked().len() <= 3);
    assert_silent(&lambda);
}
