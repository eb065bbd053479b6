//! Configuration files: layers, and where their mistakes are.

use super::*;

pub(super) struct File(std::path::PathBuf);

impl File {
    pub(super) fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("forwarder-config-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(super) fn variable(&self) -> (&str, &str) {
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
