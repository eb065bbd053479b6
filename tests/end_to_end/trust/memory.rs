//! Bodies that are small and would cost much: what they take of 128 MB is bounded, and what is lost is said.

use std::time::Duration;

use end_to_end::groups::Group;
use end_to_end::post::{Poster, function_lines};
use end_to_end::process::Extension;
use end_to_end::world::*;
use end_to_end::wrapped::Wrapped;
use local_kinesis::LocalKinesis;
use local_lambda::{Builder, LocalLambda};

const END: Duration = Duration::from_secs(4);
const MIB: u64 = 1024 * 1024;

/// A Lambda whose extension has 128 MB, all included, where the machine can see to it.
fn small(kinesis: &LocalKinesis) -> (Builder, u16, Option<Group>, Wrapped) {
    let port = free_port();
    let group = Group::new(128 * MIB, None);
    let joining = group.as_ref().map(Group::joining).unwrap_or_default();
    let wrapped = Wrapped::new(&joining);
    let builder = LocalLambda::builder()
        .extension(wrapped.path())
        .memory_mb(128)
        .timeout(Duration::from_secs(60))
        .freeze(false)
        .extension_env("AWS_ENDPOINT_URL_KINESIS", kinesis.endpoint())
        .extension_env("FORWARDER_TELEMETRY__PORT", port.to_string())
        .extension_env("FORWARDER_SPOOL__DIR", spool_dir(port))
        .extension_env("FORWARDER_SINKS__KINESIS__STREAM", STREAM);
    (builder, port, group, wrapped)
}

/// The peak of the extension's memory, MiB.
fn peak(lambda: &LocalLambda) -> u64 {
    Extension::of(lambda).expect("it is alive").peak_memory().unwrap() / MIB
}

#[tokio::test]
async fn a_million_malformed_pieces_are_one_event_and_cost_as_much() {
    for mebibytes in [1, 15] {
        let kinesis = kinesis().await;
        let (builder, port, _group, _wrapped) = small(&kinesis);
        let lambda = builder.start().await.unwrap();
        let ones = format!("[{}1]", "1,".repeat(mebibytes * 512 * 1024 - 2));
        let mut poster = Poster::connect(port).await;
        assert_eq!(poster.post("/", ones).await, 200);
        assert_eq!(poster.post("/", function_lines(0, 10, 100)).await, 200);
        let peak = peak(&lambda);
        assert!(peak <= 64, "{mebibytes} MiB of body: {peak} MiB");
        assert!(lambda.invoke("{}").await.unwrap().succeeded());
        assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
        let found = Found::in_stream(&kinesis, STREAM).await;
        assert_eq!(found.of_type("function").len(), 10);
        // Pieces side by side are one, which goes out in parts.
        let unparsed = found.of_type("forwarder.unparsed").len();
        assert!(unparsed <= 8 * mebibytes, "{mebibytes} MiB of body: {unparsed} events");
        for life in &found.lives {
            assert_eq!(life.standing, reader::decode::Standing::Complete, "{life:?}");
        }
    }
}

#[tokio::test]
async fn ids_of_a_megabyte_are_not_remembered() {
    let kinesis = kinesis().await;
    let (builder, port, _group, _wrapped) = small(&kinesis);
    let lambda = builder.start().await.unwrap();
    let mut poster = Poster::connect(port).await;
    for number in 0..60 {
        let id = format!("{number}{}", "i".repeat(1_000_000));
        let event = format!(
            r#"{{"time":"2026-11-20T09:14:02.820Z","type":"platform.start","record":{{"requestId":"{id}","version":"1"}}}}"#
        );
        assert_eq!(poster.post("/", format!("[{event}]")).await, 200);
    }
    let peak = peak(&lambda);
    assert!(peak <= 64, "{peak} MiB");
    assert!(lambda.invoke("{}").await.unwrap().succeeded());
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
}
