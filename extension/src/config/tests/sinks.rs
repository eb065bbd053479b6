//! Sinks: what each needs, takes and refuses.

use super::*;

#[test]
fn a_sink_needs_a_stream_and_a_type() {
    let missing = problems(&[("FORWARDER_SINKS__KINESIS__TYPE", "kinesis")]);
    assert!(
        missing.len() == 1 && missing[0].contains("FORWARDER_SINKS__KINESIS__STREAM is not set"),
        "{missing:#?}"
    );
    let untyped = problems(&[("FORWARDER_SINKS__AUDIT__STREAM", "x")]);
    assert!(
        untyped.len() == 1 && untyped[0].contains("FORWARDER_SINKS__AUDIT__TYPE is not set"),
        "{untyped:#?}"
    );
    let named = problems(&[
        ("FORWARDER_SINKS__DROP__TYPE", "kinesis"),
        ("FORWARDER_SINKS__DROP__STREAM", "x"),
    ]);
    assert!(
        named.len() == 1 && named[0].contains("cannot be a sink's name"),
        "{named:#?}"
    );
}

#[test]
fn several_sinks_need_routes() {
    let second = ("FORWARDER_SINKS__OTHER__TYPE", "kinesis");
    let problems = problems(&[STREAM, second, ("FORWARDER_SINKS__OTHER__STREAM", "other")]);
    assert!(
        problems.len() == 1 && problems[0].contains("FORWARDER_ROUTES is not set"),
        "{problems:#?}"
    );
}

#[test]
fn a_sink_that_is_only_a_fallback_needs_no_routes() {
    let config = config(&[
        STREAM,
        ("FORWARDER_SINKS__KINESIS__FALLBACK", "backup"),
        ("FORWARDER_SINKS__BACKUP__TYPE", "kinesis"),
        ("FORWARDER_SINKS__BACKUP__STREAM", "other"),
    ]);
    let names: Vec<_> = config.sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["backup", "kinesis"]);
    assert!(config.routes.may_send(&Kind::Function, 1) && !config.routes.may_send(&Kind::Function, 0));
}

#[test]
fn fallbacks_that_form_a_ring_are_refused() {
    let problems = problems(&[
        STREAM,
        ("FORWARDER_SINKS__KINESIS__FALLBACK", "b"),
        ("FORWARDER_SINKS__B__TYPE", "kinesis"),
        ("FORWARDER_SINKS__B__STREAM", "b"),
        ("FORWARDER_SINKS__B__FALLBACK", "kinesis"),
        ("FORWARDER_ROUTES", "* -> kinesis"),
    ]);
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(problems[0].contains("b -> kinesis -> b"), "{problems:#?}");
}

#[cfg(not(feature = "stdout"))]
#[test]
fn a_sink_that_is_not_compiled_in_names_its_feature() {
    let problems = problems(&[("FORWARDER_SINKS__STDOUT__TYPE", "stdout")]);
    assert!(
        problems.len() == 1 && problems[0].contains("without the feature `stdout`"),
        "{problems:#?}"
    );
}

#[cfg(feature = "stdout")]
#[test]
fn standard_output_is_not_fed_with_what_it_prints() {
    let stdout = ("FORWARDER_SINKS__STDOUT__TYPE", "stdout");
    let types = ("FORWARDER_TELEMETRY__TYPES", "function,extension");
    let problems = problems(&[stdout, types]);
    assert!(
        problems.len() == 1 && problems[0].contains("feed itself"),
        "{problems:#?}"
    );
    config(&[stdout, types, ("FORWARDER_ROUTES", "extension -> drop; * -> stdout")]);
    config(&[
        stdout,
        types,
        STREAM,
        ("FORWARDER_ROUTES", "extension -> kinesis; * -> stdout"),
    ]);
}

#[cfg(all(feature = "kpl", feature = "zstd", feature = "gzip"))]
#[test]
fn formats_and_compressions_are_read_with_the_sizes_that_go_with_them() {
    use forwarder_core::record::format::Compression;

    let compression = |value| ("FORWARDER_SINKS__KINESIS__COMPRESSION", value);
    for (value, expected) in [("gzip", Compression::Gzip), ("ZSTD", Compression::Zstd)] {
        let packing = config(&[STREAM, compression(value)]).sinks[0].packing;
        assert_eq!((packing.compression, packing.record_bytes), (expected, 262_144));
    }
    let put_bytes = ("FORWARDER_SINKS__KINESIS__PUT_BYTES", "100000");
    let packing = config(&[STREAM, compression("zstd"), put_bytes]).sinks[0].packing;
    assert_eq!((packing.record_bytes, packing.max_record_bytes), (100_000, 100_000));
    let packing = config(&[STREAM, ("FORWARDER_SINKS__KINESIS__FORMAT", "kpl")]).sinks[0].packing;
    assert_eq!((packing.format, packing.record_bytes), (Format::Kpl, 25_000));
}

#[cfg(all(feature = "kpl", feature = "zstd"))]
#[test]
fn an_aggregate_is_not_compressed() {
    let problems = problems(&[
        STREAM,
        ("FORWARDER_SINKS__KINESIS__FORMAT", "kpl"),
        ("FORWARDER_SINKS__KINESIS__COMPRESSION", "zstd"),
    ]);
    assert!(
        problems.len() == 1 && problems[0].contains("COMPRESSION=\"zstd\": a KPL aggregate cannot be compressed"),
        "{problems:#?}"
    );
}

#[cfg(all(feature = "kpl", feature = "firehose"))]
#[test]
fn firehose_takes_no_aggregates() {
    let problems = problems(&[
        ("FORWARDER_SINKS__FIREHOSE__STREAM", "logs"),
        ("FORWARDER_SINKS__FIREHOSE__FORMAT", "kpl"),
    ]);
    assert!(
        problems.len() == 1 && problems[0].contains("FORMAT=\"kpl\": Firehose takes KPL aggregates apart only"),
        "{problems:#?}"
    );
}

#[cfg(all(feature = "stdout", feature = "gzip", feature = "kpl"))]
#[test]
fn standard_output_takes_uncompressed_ndjson_only() {
    for (key, value) in [("FORMAT", "json"), ("FORMAT", "kpl"), ("COMPRESSION", "gzip")] {
        let setting = format!("FORWARDER_SINKS__STDOUT__{key}");
        let problems = problems(&[("FORWARDER_SINKS__STDOUT__TYPE", "stdout"), (&setting, value)]);
        assert!(
            problems.len() == 1 && problems[0].contains("standard output takes"),
            "{key}={value}: {problems:#?}"
        );
    }
}

#[cfg(not(all(feature = "gzip", feature = "kpl", feature = "zstd", feature = "assume-role")))]
#[test]
fn what_is_not_compiled_in_names_its_feature() {
    for (built, key, value, feature) in [
        (cfg!(feature = "gzip"), "COMPRESSION", "gzip", "gzip"),
        (cfg!(feature = "zstd"), "COMPRESSION", "zstd", "zstd"),
        (cfg!(feature = "kpl"), "FORMAT", "kpl", "kpl"),
        (
            cfg!(feature = "assume-role"),
            "ASSUME_ROLE",
            "arn:aws:iam::123456789012:role/x",
            "assume-role",
        ),
    ] {
        let setting = format!("FORWARDER_SINKS__KINESIS__{key}");
        if !built && cfg!(feature = "kinesis") {
            let problems = problems(&[STREAM, (&setting, value)]);
            assert!(
                problems.len() == 1 && problems[0].contains(&format!("without the feature `{feature}`")),
                "{problems:#?}"
            );
        }
    }
}

#[cfg(feature = "assume-role")]
#[test]
fn a_role_is_an_arn() {
    let role = |arn| ("FORWARDER_SINKS__KINESIS__ASSUME_ROLE", arn);
    let external_id = ("FORWARDER_SINKS__KINESIS__EXTERNAL_ID", "e-1");
    let config = config(&[STREAM, role("arn:aws:iam::123456789012:role/path/writer"), external_id]);
    let assumed = config.sinks[0].assume_role.clone().unwrap();
    assert_eq!(
        (assumed.arn.as_str(), assumed.external_id.as_deref()),
        ("arn:aws:iam::123456789012:role/path/writer", Some("e-1"))
    );
    for wrong in ["writer", "arn:aws:iam::1:role/x", "arn:aws:iam::123456789012:user/x"] {
        let problems = problems(&[STREAM, role(wrong)]);
        assert!(
            problems.len() == 1 && problems[0].contains("not the ARN of a role"),
            "{problems:#?}"
        );
    }
}
