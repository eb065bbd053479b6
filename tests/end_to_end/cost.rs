//! Costs of records by the receiver's own count: the promises of docs/COST.md over the wire. Over a million events
//! they are held by `make test-cost`.

use std::time::Duration;

use end_to_end::post::Poster;
use end_to_end::world::*;
use forwarder_core::telemetry::sample::Sample;
use local_kinesis::LocalKinesis;

/// Sink and stream, format, compression, envelope, and the most that on-demand KB may be of those of `json`, in percent.
const SINKS: [(&str, &str, &str, &str, f64); 5] = [
    ("json", "json", "none", "full", 100.0),
    ("ndjson", "ndjson", "none", "full", 57.0),
    ("kpl", "kpl", "none", "full", 60.0),
    ("zstd", "ndjson", "zstd", "full", 12.0),
    ("lean", "ndjson", "none", "lean", 45.0),
];

const FLUSHES: u64 = 100;

#[tokio::test]
async fn a_receiver_counts_what_is_promised() {
    let mut builder = LocalKinesis::builder().enforce_limits(false);
    for (name, ..) in SINKS {
        builder = builder.stream(name, 2);
    }
    let kinesis = builder.start().await.unwrap();
    let (mut builder, port) = lambda(&kinesis);
    for (name, format, compression, envelope, _) in SINKS {
        let variable = |key: &str| format!("FORWARDER_SINKS__{}__{key}", name.to_uppercase());
        builder = builder
            .extension_env(variable("TYPE"), "kinesis")
            .extension_env(variable("STREAM"), name)
            .extension_env(variable("FORMAT"), format)
            .extension_env(variable("COMPRESSION"), compression)
            .extension_env(variable("ENVELOPE"), envelope);
    }
    let lambda = builder
        // The local Lambda names the instance, which the promises leave out: what else is left out makes up for it.
        .function_name("production-checkout")
        .tell_account_id(false)
        .extension_env("FORWARDER_ROUTES", "* -> json, ndjson, kpl, zstd, lean")
        .extension_env("FORWARDER_TELEMETRY__TYPES", "function")
        // What one body brings is flushed before the next one comes.
        .extension_env("FORWARDER_FLUSH__MAX_AGE", "10ms")
        .freeze(false)
        .start()
        .await
        .unwrap();
    let mut poster = Poster::connect(port).await;
    let mut sample = Sample::new(1);
    for flush in 1..=FLUSHES {
        assert_eq!(poster.post("/", sample.invocation(100)).await, 200);
        for (name, ..) in SINKS {
            let at_least = if name == "json" { flush * 100 } else { flush };
            let wait = kinesis.wait_for_counts(name, PATIENCE, |counts| counts.stored.records >= at_least);
            wait.await.unwrap();
        }
    }
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(4))
            .await
            .unwrap()
            .clean()
    );
    assert_silent(&lambda);

    let json = kinesis.counts("json").stored;
    // A line each, and the report at the end.
    assert_eq!(json.records, FLUSHES * 100 + 1);
    let line = json.data_bytes as f64 / json.records as f64;
    assert!((545.0..555.0).contains(&line), "{line} bytes a line");
    for (name, _, _, _, most) in SINKS {
        let stored = kinesis.counts(name).stored;
        let share = stored.billed_kb as f64 / json.billed_kb as f64 * 100.0;
        println!("{name}: {stored:?}, {share:.1} % of json");
        assert!(
            share <= most,
            "{name}: {share:.1} % of json's KB, at most {most} %: {stored:?}"
        );
        let records = kinesis.read_all(name).await.unwrap();
        let found = Found::in_records(records.iter().map(|record| record.data.as_ref()));
        found.assert_proven();
        assert_eq!(found.of_type("function").len() as u64, FLUSHES * 100, "{name}");
    }
}
