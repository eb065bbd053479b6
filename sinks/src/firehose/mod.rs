//! Amazon Data Firehose.

#[cfg(feature = "firehose")]
mod sink;

use forwarder_core::delivery::sink::Limits;

#[cfg(feature = "firehose")]
pub use sink::Firehose;

use crate::arn::StreamName;
use crate::kind::{Build, NewStream, SinkKind};

/// Limits of `PutRecordBatch`: 500 records, 4 MiB; a record at most 1,000 KiB. Firehose API reference.
pub const LIMITS: Limits = Limits {
    put_records: 500,
    put_bytes: 4 * 1024 * 1024,
    record_bytes: 1_000 * 1024,
    keyed: false,
};

/// Constructor, if it is compiled in.
const NEW: Option<NewStream> = {
    #[cfg(feature = "firehose")]
    let new: Option<NewStream> = Some(|stream, connection| std::sync::Arc::new(Firehose::new(stream, connection)));
    #[cfg(not(feature = "firehose"))]
    let new = None;
    new
};

/// Description of this sink type.
pub static KIND: SinkKind = SinkKind {
    name: "firehose",
    title: "Firehose",
    limits: LIMITS,
    default_record_bytes: LIMITS.record_bytes,
    refused_formats: &[(
        "kpl",
        "Firehose takes KPL aggregates apart only where it reads a Kinesis stream, not where they are put to it",
    )],
    refuses_compression: None,
    settings: &["stream", "region", "endpoint", "assume_role", "external_id"],
    taken_over_bytes: None,
    called_by_name: true,
    is_own_log: false,
    build: Build::Stream {
        parse: parse_stream,
        new: NEW,
    },
};

/// A stream's name or ARN.
///
/// # Errors
/// What is wrong with it, for a person.
pub fn parse_stream(text: &str) -> Result<StreamName, String> {
    StreamName::parse(text, "firehose", "deliverystream", 64)
}
