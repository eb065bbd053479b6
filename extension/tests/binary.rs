//! The layer's binary, as somebody at a terminal runs it.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn layer(argument: &str) -> Output {
    let mut binary = Command::new(env!("CARGO_BIN_EXE_telemetry-forwarder"));
    binary.arg(argument).output().unwrap()
}

#[test]
fn it_says_what_it_is() {
    let version = String::from_utf8(layer("--version").stdout).unwrap();
    let expected = concat!("telemetry-forwarder ", env!("CARGO_PKG_VERSION"), " (features: ");
    assert!(version.starts_with(expected), "{version}");
    assert_eq!(version.contains("regex"), cfg!(feature = "regex"));
    let help = String::from_utf8(layer("--help").stdout).unwrap();
    assert!(help.contains("forwarderctl check"), "{help}");
    assert_eq!(layer("--loud").status.code(), Some(2));
}
