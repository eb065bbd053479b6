//! Kinesis Data Streams.

#[cfg(feature = "kinesis")]
mod cbor;
#[cfg(feature = "kinesis")]
mod sink;
#[cfg(all(feature = "kinesis", feature = "kpl"))]
mod target;

use forwarder_core::delivery::sink::Limits;

#[cfg(feature = "kinesis")]
pub use sink::Kinesis;

use crate::arn::StreamName;
use crate::kind::{Build, NewStream, SinkKind};

/// Limits of `PutRecords`: 500 records, 10 MiB with their keys. Kinesis API reference. A record may be as large, where
/// the stream allows it.
pub const LIMITS: Limits = Limits {
    put_records: 500,
    put_bytes: 10 * 1024 * 1024,
    record_bytes: 10 * 1024 * 1024,
    keyed: true,
};

/// Constructor, if it is compiled in.
const NEW: Option<NewStream> = {
    #[cfg(feature = "kinesis")]
    let new: Option<NewStream> = Some(|stream, connection| std::sync::Arc::new(Kinesis::new(stream, connection)));
    #[cfg(not(feature = "kinesis"))]
    let new = None;
    new
};

/// Description of this sink type.
pub static KIND: SinkKind = SinkKind {
    name: "kinesis",
    title: "Kinesis",
    limits: LIMITS,
    // `MaxRecordSizeInKiB` of a stream that is not told otherwise: 1 MiB. Kinesis API reference.
    default_record_bytes: 1024 * 1024,
    refused_formats: &[],
    refuses_compression: None,
    settings: &[
        "stream",
        "region",
        "endpoint",
        "partition_key",
        "protocol",
        "assume_role",
        "external_id",
    ],
    taken_over_bytes: None,
    called_by_name: false,
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
    StreamName::parse(text, "kinesis", "stream", 128)
}
