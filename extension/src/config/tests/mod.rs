//! Meaning of configurations, and messages about wrong ones.

mod as_written;

use super::*;
use forwarder_core::record::format::Format;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn config(pairs: &[(&str, &str)]) -> Config {
    load(&variables(pairs)).1.unwrap()
}

fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    load(&variables(pairs))
        .1
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn stream(sink: &SinkConfig) -> &str {
    sink.stream.as_ref().map_or("", StreamName::text)
}

const STREAM: (&str, &str) = ("FORWARDER_SINKS__KINESIS__STREAM", "telemetry");

#[test]
fn one_stream_is_enough() {
    let config = config(&[STREAM]);
    let sink = &config.sinks[0];
    assert_eq!(
        (sink.name.as_str(), sink.kind.name, stream(sink)),
        ("kinesis", "kinesis", "telemetry")
    );
    assert_eq!(
        (
            sink.packing.record_bytes,
            sink.packing.put_bytes,
            sink.packing.max_record_bytes
        ),
        (25_000, 1_048_576, 1_048_576)
    );
    assert_eq!((sink.packing.format, sink.envelope), (Format::Ndjson, Envelope::Full));
    assert_eq!((config.port, config.max_age), (4243, Duration::from_secs(10)));
    assert_eq!(config.flush.budget, Duration::from_millis(500));
    assert_eq!(config.buffer_bytes, 8 * MIB);
    assert_eq!(
        config.types,
        Types {
            platform: true,
            function: true,
            extension: false
        }
    );
    assert!(config.routes.may_send(&Kind::Function, 0));
}

#[test]
fn the_buffer_is_a_sixteenth_of_the_memory_within_bounds() {
    let of = |memory| config(&[STREAM, ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)]).buffer_bytes / MIB;
    assert_eq!(["32", "128", "512", "1024", "10240"].map(of), [4, 8, 32, 64, 64]);
}

#[test]
fn a_string_is_a_string() {
    assert_eq!(
        stream(&config(&[("FORWARDER_SINKS__KINESIS__STREAM", "012345")]).sinks[0]),
        "012345"
    );
}

#[test]
fn every_setting_that_exists_can_be_set() {
    let config = config(&[
        ("FORWARDER_SINKS__AUDIT_2__TYPE", "kinesis"),
        (
            "FORWARDER_SINKS__AUDIT_2__STREAM",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/audit",
        ),
        ("FORWARDER_SINKS__AUDIT_2__REGION", "eu-west-1"),
        ("FORWARDER_SINKS__AUDIT_2__ENDPOINT", "http://localhost:4567"),
        ("FORWARDER_SINKS__AUDIT_2__FORMAT", "JSON"),
        ("FORWARDER_SINKS__AUDIT_2__COMPRESSION", "none"),
        ("FORWARDER_SINKS__AUDIT_2__PARTITION_KEY", "instance"),
        ("FORWARDER_SINKS__AUDIT_2__RECORD_BYTES", "50KiB"),
        ("FORWARDER_SINKS__AUDIT_2__PUT_BYTES", "5MiB"),
        ("FORWARDER_SINKS__AUDIT_2__MAX_RECORD_BYTES", "2MiB"),
        ("FORWARDER_SINKS__AUDIT_2__ENVELOPE", "raw"),
        ("FORWARDER_ENVELOPE", "lean"),
        ("FORWARDER_ATTRIBUTES", "team=payments"),
        ("FORWARDER_INVOCATIONS", "on"),
        ("FORWARDER_ROUTES", "function -> audit_2"),
        ("FORWARDER_FLUSH__STRATEGY", "end"),
        ("FORWARDER_FLUSH__BUDGET", "1s"),
        ("FORWARDER_FLUSH__MAX_AGE", "2s"),
        ("FORWARDER_FLUSH__IDLE", "1m"),
        ("FORWARDER_BUFFER__MAX_BYTES", "16MiB"),
        ("FORWARDER_TELEMETRY__TYPES", "function, extension"),
        ("FORWARDER_TELEMETRY__PORT", "5000"),
        ("FORWARDER_TELEMETRY__MAX_ITEMS", "10000"),
        ("FORWARDER_TELEMETRY__MAX_BYTES", "1MiB"),
        ("FORWARDER_TELEMETRY__TIMEOUT", "100ms"),
        ("FORWARDER_LOG", "debug"),
        ("FORWARDER_METRICS", "emf"),
        ("FORWARDER_SPOOL__MODE", "always"),
        ("FORWARDER_SPOOL__DIR", "/tmp/elsewhere"),
        ("FORWARDER_SPOOL__MAX_BYTES", "8MiB"),
        ("FORWARDER_SINKS__AUDIT_2__OVERSIZE", "truncate"),
        ("FORWARDER_ON_ERROR", "fail"),
    ]);
    let sink = &config.sinks[0];
    assert_eq!(
        (sink.packing.format, sink.partition_key),
        (Format::Json, forwarder_core::delivery::lane::PartitionKey::Instance)
    );
    assert_eq!(
        (
            sink.packing.record_bytes,
            sink.packing.put_bytes,
            sink.packing.max_record_bytes
        ),
        (51_200, 5_242_880, 2_097_152)
    );
    assert_eq!(
        (sink.envelope, sink.endpoint.as_deref()),
        (Envelope::Raw, Some("http://localhost:4567"))
    );
    assert_eq!(
        (config.port, config.max_age, config.buffer_bytes),
        (5000, Duration::from_secs(2), 16 * MIB)
    );
    assert_eq!(
        config.types,
        Types {
            platform: false,
            function: true,
            extension: true
        }
    );
    assert_eq!(config.buffering.timeout, Duration::from_millis(100));
    assert_eq!(sink.oversize, forwarder_core::record::oversize::Oversize::Truncate);
    assert_eq!(
        (config.spool.mode, config.spool.max_bytes),
        (SpoolMode::Always, 8 * MIB as u64)
    );
    assert!(config.emf);
    assert_eq!(config.spool.dir, PathBuf::from("/tmp/elsewhere"));
    assert!(!config.routes.may_send(&Kind::Extension, 0));
}

#[test]
fn what_is_read_is_in_the_table_and_what_is_in_the_table_is_read() {
    let known = inspect(&variables(&[STREAM])).known;
    let unread = settings::SETTINGS
        .iter()
        .map(|setting| setting.path.replace('*', "kinesis"))
        .filter(|path| !known.contains(path));
    assert_eq!(unread.collect::<Vec<_>>(), Vec::<String>::new());
    let missing = known.iter().filter(|path| settings::find(path).is_none());
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn each_mistake_names_its_variable_its_value_and_its_mend() {
    for (name, value, expected) in [
        (
            "FORWARDER_FLUSH__BUDGET",
            "fast",
            "FORWARDER_FLUSH__BUDGET=\"fast\": not a duration; write a number with `ms`, `s` or `m`, for example FORWARDER_FLUSH__BUDGET=500ms",
        ),
        ("FORWARDER_FLUSH__MAX_AGE", "1d", "allowed are 10ms to 900s"),
        ("FORWARDER_FLUSH__STRATEGY", "contiuous", "did you mean `continuous`?"),
        (
            "FORWARDER_FLUSH__BUGDET",
            "1s",
            "unknown setting; did you mean FORWARDER_FLUSH__BUDGET?",
        ),
        ("FORWARDER_BUFFER__MAX_BYTES", "lots", "not a size"),
        ("FORWARDER_BUFFER", "16MiB", "unknown setting"),
        ("FORWARDER_TELEMETRY__PORT", "9001", "the Runtime API's own"),
        ("FORWARDER_TELEMETRY__PORT", "70000", "allowed are 1 to 65535"),
        ("FORWARDER_TELEMETRY__MAX_ITEMS", "999", "allowed are 1000 to 10000"),
        ("FORWARDER_TELEMETRY__TYPES", "functions", "did you mean `function`?"),
        (
            "FORWARDER_SINKS__KINESIS__STEAM",
            "x",
            "did you mean FORWARDER_SINKS__KINESIS__STREAM?",
        ),
        (
            "FORWARDER_SINKS__KINESIS__RECORD_BYTES",
            "2MiB",
            "does not fit into a call",
        ),
        ("FORWARDER_SINKS__KINESIS__ENDPOINT", "localhost", "not an endpoint"),
        ("FORWARDER_SINKS__KINESIS__FORMAT", "xml", "allowed: ndjson, json, kpl"),
        ("FORWARDER_SINKS__KINESIS__COMPRESSION", "zst", "did you mean `zstd`?"),
        ("FORWARDER_SINKS__KINESIS__EXTERNAL_ID", "x", "goes with `assume_role`"),
        ("FORWARDER_SINKS__KINESIS__FALLBACK", "stdotu", "unknown sink `stdotu`"),
        (
            "FORWARDER_SINKS__KINESIS__FALLBACK",
            "kinesis",
            "leads back to where it began: kinesis -> kinesis",
        ),
        ("FORWARDER_SINKS__KINESIS__OVERSIZE", "splt", "did you mean `split`?"),
        ("FORWARDER_SPOOL__DIR", "tmp", "not an absolute path"),
        ("FORWARDER_SPOOL__MODE", "allways", "did you mean `always`?"),
        (
            "FORWARDER_ROUTES",
            "function -> kinesys",
            "FORWARDER_ROUTES=\"function -> kinesys\": rule 1 `function -> kinesys`: unknown sink `kinesys`; did you mean `kinesis`?",
        ),
        (
            "FORWARDER_REDACT",
            "emial",
            "unknown name `emial`; did you mean `email`?",
        ),
        ("FORWARDER_REDACT", "email,/a", "`/a` does not end in `/`"),
        (
            "FORWARDER_CONFIG",
            "/no/such/file.toml",
            "/no/such/file.toml:1: the file cannot be read",
        ),
        ("FORWARDER_LOG", "loud", "unknown value (allowed: error,"),
    ] {
        let problems = problems(&[STREAM, (name, value)]);
        assert!(
            problems.len() == 1 && problems[0].contains(expected),
            "{name}={value}: {problems:#?}"
        );
    }
}

#[test]
fn without_a_sink_there_is_one_clear_error() {
    let expected = "FORWARDER_SINKS__KINESIS__STREAM is not set: there is no sink; name a stream, for example FORWARDER_SINKS__KINESIS__STREAM=telemetry";
    assert_eq!(problems(&[]), [expected]);
    let both = problems(&[("FORWARDER_SINK__KINESIS__STREAM", "x")]);
    assert!(
        both[1].contains("did you mean FORWARDER_SINKS__KINESIS__STREAM?"),
        "{both:#?}"
    );
}

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

#[test]
fn all_mistakes_are_told_at_once() {
    let problems = problems(&[
        ("FORWARDER_SINKS__KINESIS__STREAM", "no spaces allowed"),
        ("FORWARDER_SINKS__KINESIS__FORMAT", "xml"),
        ("FORWARDER_FLUSH__BUDGET", "fast"),
        ("FORWARDER_TELEMETRY__PORT", "0"),
        ("FORWARDER_ROUTES", "functoin -> kinesis; * -> nowhere"),
        ("FORWARDER_SPOOLS", "1"),
        ("FORWARDER_LOG", "loud"),
    ]);
    assert_eq!(problems.len(), 8, "{problems:#?}");
}

#[test]
fn what_decides_about_mistakes_is_read_despite_them() {
    let (basics, config) = load(&variables(&[("FORWARDER_ON_ERROR", "fail"), ("FORWARDER_LOG", "off")]));
    assert!(config.is_err());
    assert_eq!((basics.on_error, basics.log), (OnError::Fail, LevelFilter::Off));
}

struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("forwarder-config-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn variable(&self) -> (&str, &str) {
        ("FORWARDER_CONFIG", self.0.to_str().unwrap())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn files_and_variables_make_one_configuration() {
    let file = File::new(
        "layers",
        r#"
        [sinks.kinesis]
        stream = "from-file"
        record_bytes = 30000
        [telemetry]
        types = ["function"]
        [[routes]]
        match = "function level>=warn"
        to = ["kinesis"]
        "#,
    );
    let config = config(&[file.variable(), STREAM]);
    assert_eq!(
        (stream(&config.sinks[0]), config.sinks[0].packing.record_bytes),
        ("telemetry", 30_000)
    );
    assert!(config.types.function && !config.types.platform);
    assert_eq!(config.routes.to_string(), "function level>=warn -> kinesis");
}

#[test]
fn mistakes_in_a_file_name_its_line() {
    let file = File::new(
        "mistakes",
        "log = \"warn\"\n[sinks.kinesis]\nstream = \"x\"\nformat = \"xml\"\n[flush]\nbudgte = \"1s\"\n",
    );
    let problems = problems(&[file.variable()]);
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(
        problems[0].contains(".toml:4: sinks.kinesis.format = \"xml\": unknown value (allowed: ndjson, json, kpl)"),
        "{problems:#?}"
    );
    assert!(
        problems[1].contains(".toml:6: flush.budgte = \"1s\": unknown setting; did you mean flush.budget?"),
        "{problems:#?}"
    );
}

#[test]
fn a_file_that_is_not_toml_is_named_with_line_and_column() {
    let file = File::new("broken", "log = \"warn\"\nflush budget\n");
    let problems = problems(&[file.variable(), STREAM]);
    assert!(
        problems.len() == 1 && problems[0].contains(".toml:2: not TOML, at column 7"),
        "{problems:#?}"
    );
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

#[test]
fn what_is_masked_is_a_list_in_which_expressions_keep_their_commas() {
    let redact = |value: &str| {
        config(&[STREAM, ("FORWARDER_REDACT", value)])
            .redaction
            .items()
            .collect::<Vec<_>>()
    };
    assert_eq!(redact("email, credit_card"), ["email", "credit_card"]);
    if cfg!(feature = "regex") {
        assert_eq!(redact("jwt,/a{1,2}/,ipv4"), ["jwt", "/a{1,2}/", "ipv4"]);
    }
    let file = File::new(
        "redact",
        "redact = [\"email\", \"bearer\"]\n[sinks.kinesis]\nstream = \"x\"\n",
    );
    assert_eq!(config(&[file.variable()]).redaction.items().count(), 2);
}

#[cfg(not(feature = "regex"))]
#[test]
fn without_regular_expressions_whoever_asks_for_one_is_told_so() {
    for (name, value) in [
        ("FORWARDER_REDACT", "/a/"),
        ("FORWARDER_ROUTES", "* text~/a/ -> kinesis"),
    ] {
        let problems = problems(&[STREAM, (name, value)]);
        assert!(
            problems.len() == 1 && problems[0].contains("without the feature `regex`"),
            "{problems:#?}"
        );
    }
}

#[test]
fn mistakes_in_route_tables_name_the_line_of_their_table() {
    let file = File::new(
        "tables",
        "[sinks.kinesis]\nstream = \"x\"\n[[routes]]\nmatch = \"function level>=wran\"\nto = [\"kinesis\"]\n[[routes]]\nmatch = \"* -> x\"\nto = \"kinesis\"\n[[routes]]\nmacth = \"*\"\nto = [\"kinesis\"]\n",
    );
    let problems = problems(&[file.variable()]);
    assert_eq!(problems.len(), 3, "{problems:#?}");
    for expected in [
        ".toml:9: routes: each of [[routes]] has",
        ".toml:4: routes: rule 1 `function level>=wran -> kinesis`: unknown level `wran`; did you mean `warn`?",
        ".toml:7: routes: rule 2 `* -> x -> kinesis`: `match` holds",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{expected}: {problems:#?}"
        );
    }
}

#[test]
fn an_empty_variable_is_not_set() {
    let empty = config(&[
        STREAM,
        ("FORWARDER_SINKS__KINESIS__TYPE", ""),
        ("FORWARDER_SINKS__STDOUT__TYPE", ""),
        ("FORWARDER_ROUTES", ""),
        ("FORWARDER_LOG", ""),
    ]);
    assert_eq!(empty.sinks.len(), 1);
}

#[test]
fn rows_of_invocations_are_made_where_they_are_asked_for() {
    let config = |pairs: &[(&str, &str)]| config(&[&[STREAM], pairs].concat());
    let on = ("FORWARDER_INVOCATIONS", "on");
    assert!(!config(&[]).routes.name_rows());
    let rows = config(&[on]);
    assert!(rows.routes.name_rows() && rows.routes.may_send(&Kind::Invocation, 0));
    let routed = |rules: &str| config(&[("FORWARDER_ROUTES", rules), on]);
    assert!(
        routed("* -> kinesis; forwarder.invocation -> kinesis")
            .routes
            .name_rows()
    );
    let without = routed("* -> kinesis");
    assert!(!without.routes.name_rows());
    let basics = load(&variables(&[STREAM, ("FORWARDER_ROUTES", "* -> kinesis"), on])).0;
    assert!(basics.warnings.len() == 1 && basics.warnings[0].contains("forwarder.invocation"));
    for wrong in ["forwarder.report", "forwarder.*", "forwarder.invocations"] {
        let problems = problems(&[STREAM, ("FORWARDER_ROUTES", &format!("{wrong} -> kinesis"))]);
        assert!(
            problems.len() == 1 && problems[0].contains("`forwarder.invocation` only"),
            "{problems:?}"
        );
    }
}
