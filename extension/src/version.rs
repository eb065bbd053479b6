//! Version and features of a binary.

use forwarder_core::record::format::{Compression, Format};

/// Formats and compressions that every build has.
const ALWAYS: [&str; 3] = ["ndjson", "json", "none"];

/// The features that this build has, by name.
pub fn features() -> Vec<&'static str> {
    let sinks = forwarder_sinks::kind::ALL.map(|kind| (kind.is_built(), kind.name));
    let compressions = Compression::NAMES.map(|name| (Compression::from_name(name).is_some(), name));
    let formats = Format::NAMES.map(|name| (Format::from_name(name).is_some(), name));
    let others = [
        (cfg!(feature = "regex"), "regex"),
        (cfg!(feature = "assume-role"), "assume-role"),
        (cfg!(feature = "remote-config"), "remote-config"),
    ];
    let all = sinks.into_iter().chain(compressions).chain(formats).chain(others);
    let built = all.filter(|(is_built, name)| *is_built && !ALWAYS.contains(name));
    built.map(|(_, name)| name).collect()
}

/// One line: the binary's name, its version, the features that it was built with.
pub fn line(name: &str) -> String {
    let features = features();
    let features = if features.is_empty() {
        "none".to_owned()
    } else {
        features.join(", ")
    };
    format!("{name} {} (features: {features})", env!("CARGO_PKG_VERSION"))
}
