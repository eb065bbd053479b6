//! Standard output: in Lambda, what is written there is a log line of this extension.

#[cfg(feature = "stdout")]
mod sink;

use forwarder_core::delivery::sink::Limits;

#[cfg(feature = "stdout")]
pub use sink::Stdout;

use crate::kind::{Build, NewPlain, SinkKind};

/// Standard output has no limits of its own; these keep one write from blocking for long.
pub const LIMITS: Limits = Limits {
    put_records: 500,
    put_bytes: 1024 * 1024,
    record_bytes: 1024 * 1024,
    keyed: false,
};

/// Constructor, if it is compiled in.
const NEW: Option<NewPlain> = {
    #[cfg(feature = "stdout")]
    let new: Option<NewPlain> = Some(|| std::sync::Arc::new(Stdout));
    #[cfg(not(feature = "stdout"))]
    let new = None;
    new
};

/// Description of this sink type.
pub static KIND: SinkKind = SinkKind {
    name: "stdout",
    title: "standard output",
    limits: LIMITS,
    default_record_bytes: LIMITS.record_bytes,
    refused_formats: &[
        ("json", "standard output takes `ndjson` only"),
        ("kpl", "standard output takes `ndjson` only"),
    ],
    refuses_compression: Some("standard output takes no compression"),
    settings: &[],
    // CloudWatch Logs bills it again.
    taken_over_bytes: Some(1024 * 1024),
    called_by_name: false,
    is_own_log: true,
    build: Build::Plain { new: NEW },
};
