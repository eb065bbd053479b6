//! Meaning of configurations, and messages about wrong ones.

mod as_written;
mod files;
mod sinks;

use super::*;
use files::File;
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
        (Format::Json, forwarder_core::delivery::settings::PartitionKey::Instance)
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
