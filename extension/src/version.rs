//! Version and features of a binary.

/// The features that this build has, by name.
pub fn features() -> Vec<&'static str> {
    let sinks = forwarder_sinks::kind::ALL.map(|kind| (kind.is_built(), kind.name));
    let others = [
        (cfg!(feature = "gzip"), "gzip"),
        (cfg!(feature = "zstd"), "zstd"),
        (cfg!(feature = "kpl"), "kpl"),
        (cfg!(feature = "regex"), "regex"),
        (cfg!(feature = "assume-role"), "assume-role"),
    ];
    let built = sinks.into_iter().chain(others).filter(|(is_built, _)| *is_built);
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
