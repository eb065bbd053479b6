//! Objects that Firehose writes to S3, with moto in the place of both.

use std::time::Duration;

use end_to_end::moto::Moto;
use end_to_end::post::Poster;
use end_to_end::world::*;
use forwarder_core::telemetry::sample::Sample;

use super::{Folder, count_by_jq, python, read, script};

#[tokio::test]
#[ignore = "needs readers that `make test-readers` installs"]
async fn what_firehose_writes_to_s3_is_one_valid_file() {
    let moto = Moto::start(&python()).await;
    read(
        python(),
        &[script(), "streams", moto.endpoint(), "to-jsonl", "to-gz", "to-zst"],
        b"",
    );
    let kinesis = kinesis().await;
    let (mut builder, port) = lambda(&kinesis);
    // One by name, one by ARN, and all of one type.
    let arn = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/to-gz";
    for (name, stream, compression) in [
        ("JSONL", "to-jsonl", "none"),
        ("GZ", arn, "gzip"),
        ("ZST", "to-zst", "zstd"),
    ] {
        let variable = |key: &str| format!("FORWARDER_SINKS__{name}__{key}");
        builder = builder
            .extension_env(variable("TYPE"), "firehose")
            .extension_env(variable("STREAM"), stream)
            .extension_env(variable("COMPRESSION"), compression)
            .extension_env(variable("ENDPOINT"), moto.endpoint());
    }
    let lambda = builder
        .extension_env("FORWARDER_ROUTES", "* -> jsonl, gz, zst")
        .freeze(false)
        .start()
        .await
        .unwrap();
    let mut poster = Poster::connect(port).await;
    let mut sample = Sample::new(2);
    for _ in 0..3 {
        assert_eq!(poster.post("/", sample.invocation(1_000)).await, 200);
    }
    assert!(
        lambda
            .shutdown("spindown", Duration::from_secs(10))
            .await
            .unwrap()
            .clean()
    );
    assert_silent(&lambda);

    let folder = Folder::new("firehose");
    for bucket in ["to-jsonl", "to-gz", "to-zst"] {
        let object = read(python(), &[script(), "bucket", moto.endpoint(), bucket], b"");
        let file = folder.write(bucket, &object);
        let lines = match bucket {
            "to-gz" => read(python(), &[script(), "gzip", &file], b""),
            "to-zst" => read("zstd", &["-q", "-d", "-c", &file], b""),
            _ => object.clone(),
        };
        let found = Found::in_records([object.as_slice()]);
        found.assert_proven();
        assert_eq!(found.of_type("function").len(), 3_000, "{bucket}");
        assert_eq!(count_by_jq(&lines), found.lines.len(), "{bucket}");
    }
}
