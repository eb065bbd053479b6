//! Whatever the variables and the file say: a configuration or a list of mistakes, each with a text.
//! Lines `NAME=value` up to the first NUL are variables (without their `FORWARDER_`), the rest is the file.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use telemetry_forwarder::config;

fuzz_target!(|input: &str| {
    let (lines, file) = input.split_once('\0').unwrap_or((input, ""));
    let mut variables: BTreeMap<_, _> = lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (format!("FORWARDER_{name}"), value.to_owned()))
        .filter(|(name, _)| name != "FORWARDER_CONFIG")
        .collect();
    if !file.is_empty() {
        let path = std::env::temp_dir().join(format!("forwarder-fuzz-{}.toml", std::process::id()));
        std::fs::write(&path, file).unwrap();
        variables.insert("FORWARDER_CONFIG".into(), path.to_string_lossy().into_owned());
    }
    if let (_, Err(mistakes)) = config::load(&variables) {
        assert!(!mistakes.is_empty() && mistakes.iter().all(|mistake| !mistake.to_string().is_empty()));
    }
});
