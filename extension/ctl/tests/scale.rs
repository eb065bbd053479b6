//! docs/SCALE.md shows what `forwarderctl cost --fleet` says of the fleets in `examples/fleets/`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(all(feature = "kinesis", feature = "gzip", feature = "zstd", feature = "kpl"))]

use std::process::Command;

/// Identifiers are random, and so is what they compress to.
const TOLERANCE: f64 = 0.03;

fn cost(fleet: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_forwarderctl"))
        .args(["cost", "--fleet", fleet])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The same words, and numbers within the tolerance, or a whole one apart.
fn is_same(word: &str, other: &str) -> bool {
    let number = |word: &str| word.trim_start_matches('$').replace(',', "").parse::<f64>().ok();
    match (number(word), number(other)) {
        (Some(number), Some(other)) => (number - other).abs() <= (TOLERANCE * other).max(1.0),
        _ => word == other,
    }
}

#[test]
fn the_figures_of_the_document_are_those_of_the_program() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/SCALE.md")).unwrap();
    for fleet in ["examples/fleets/thousand.toml", "examples/fleets/hundred-thousand.toml"] {
        let now = cost(fleet);
        let shown = document
            .split("```")
            .find(|block| block.contains(fleet) && block.contains("$ provisioned"));
        let shown = shown.unwrap_or_else(|| panic!("{fleet} is not shown"));
        let (shown, told): (Vec<_>, Vec<_>) = (shown.split_whitespace().collect(), now.split_whitespace().collect());
        let differs = shown.iter().zip(&told).find(|(shown, told)| !is_same(shown, told));
        assert_eq!(differs, None, "{fleet} is now:\n{now}");
        assert_eq!(shown.len(), told.len(), "{fleet} is now:\n{now}");
    }
}

#[test]
fn mistakes_in_the_file_are_errors_with_their_places() {
    let dir = std::env::temp_dir().join(format!("forwarder-fleet-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("fleet.toml");
    std::fs::write(
        &path,
        "[[functions]]\nname = \"a\"\ninvocations_per_day = 5\nline = 3\n",
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_forwarderctl"))
        .args(["cost", "--fleet", path.to_str().unwrap()])
        .output()
        .unwrap();
    std::fs::remove_dir_all(dir).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors.starts_with("error: ")
            && errors.contains("fleet.toml:4: functions[0].line: unknown; did you mean lines?"),
        "{errors}"
    );
}
