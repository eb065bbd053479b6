//! How a sink packs: format, compression, and the sizes that go with them.

use forwarder_core::record::format::{Compression, Format};

use super::reader::Reader;
use super::sink::SinkType;

/// What a record aims at by default: 25,000 bytes, the size that a PUT payload unit pays for.
pub const RECORD_BYTES: usize = 25_000;

/// What a record aims at by default before it is compressed: 256 KiB. zstd finds little more in larger ones, and
/// compressed it is some 25 to 40 KB.
pub const COMPRESSED_RECORD_BYTES: usize = 262_144;

/// The least that a record may be allowed: the forwarder's own reports must fit.
const MIN_RECORD_BYTES: usize = 4_096;

/// What a call aims at by default.
pub const PUT_BYTES: usize = 1_048_576;

/// How lines become records, and records calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// How lines stand in a record.
    pub format: Format,
    /// What is done to a whole record.
    pub compression: Compression,
    /// What a record aims at. Bytes, key included; with compression before it, without the key.
    pub record_bytes: usize,
    /// What a call aims at. Bytes, keys included.
    pub put_bytes: usize,
    /// What a record may not pass. Bytes, key included.
    pub max_record_bytes: usize,
}

/// Reads how the sink of this name and type packs.
pub(super) fn read(reader: &mut Reader, name: &str, kind: SinkType) -> Packing {
    let path = |key: &str| format!("sinks.{name}.{key}");
    let format = reader.choice(&path("format"), &Format::NAMES, Format::from_name);
    let compression = reader.choice(&path("compression"), &Compression::NAMES, Compression::from_name);
    let (format, compression) = (format.unwrap_or_default(), compression.unwrap_or_default());
    refuse(reader, name, kind, format, compression);

    let (max_put, max_record, default_max_record) = kind.limits();
    let put_bytes = reader
        .size(&path("put_bytes"), 1_024, max_put, "1MiB")
        .unwrap_or(PUT_BYTES.min(max_put));
    let default_record = if compression == Compression::None {
        RECORD_BYTES
    } else {
        COMPRESSED_RECORD_BYTES
    };
    let packing = Packing {
        format,
        compression,
        record_bytes: reader
            .size(&path("record_bytes"), 1_024, max_record, "25000")
            .unwrap_or(default_record.min(put_bytes)),
        put_bytes,
        max_record_bytes: reader
            .size(&path("max_record_bytes"), MIN_RECORD_BYTES, max_record, "1MiB")
            .unwrap_or(default_max_record.min(put_bytes)),
    };
    for (key, bytes) in [
        ("record_bytes", packing.record_bytes),
        ("max_record_bytes", packing.max_record_bytes),
    ] {
        if bytes > put_bytes {
            let message = format!("a record of {bytes} bytes does not fit into a call of put_bytes = {put_bytes}");
            let at = if reader.has(&path(key)) { key } else { "put_bytes" };
            reader.problem(&path(at), message, None);
        }
    }
    packing
}

/// What does not go together.
fn refuse(reader: &mut Reader, name: &str, kind: SinkType, format: Format, compression: Compression) {
    let path = |key: &str| format!("sinks.{name}.{key}");
    if kind == SinkType::Stdout {
        if format != Format::Ndjson {
            reader.problem(&path("format"), "standard output takes `ndjson` only", Some("ndjson"));
        }
        if compression != Compression::None {
            reader.problem(
                &path("compression"),
                "standard output takes no compression",
                Some("none"),
            );
        }
        return;
    }
    if format.name() != "kpl" {
        return;
    }
    if kind == SinkType::Firehose {
        let message =
            "Firehose takes KPL aggregates apart only where it reads a Kinesis stream, not where they are put to it";
        reader.problem(&path("format"), message, Some("ndjson"));
    }
    if compression != Compression::None {
        let message = "a KPL aggregate cannot be compressed: its readers would not know it";
        reader.problem(&path("compression"), message, Some("none"));
    }
}
