//! Packing of a sink: format, compression, and the sizes that go with them.

use forwarder_core::record::format::{Compression, Format};
use forwarder_sinks::SinkKind;

use super::reader::Reader;
use super::settings;

/// Default target size of a record before it is compressed: 256 KiB. zstd finds little more in larger ones, and
/// compressed it is some 25 to 40 KB.
const COMPRESSED_RECORD_BYTES: usize = 262_144;

/// Packing of lines into records, and of records into calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// Format of a record.
    pub format: Format,
    /// Compression of a whole record.
    pub compression: Compression,
    /// Target size of a record. Bytes, key included; with compression before it, without the key.
    pub record_bytes: usize,
    /// Target size of a call. Bytes, keys included.
    pub put_bytes: usize,
    /// Limit of a record. Bytes, key included.
    pub max_record_bytes: usize,
}

/// What a record aims at where nothing is set. Bytes.
pub fn default_record_bytes(compression: Compression) -> usize {
    if compression == Compression::None {
        settings::default_size("sinks.*.record_bytes")
    } else {
        COMPRESSED_RECORD_BYTES
    }
}

/// What a call aims at where nothing is set. Bytes.
pub fn default_put_bytes() -> usize {
    settings::default_size("sinks.*.put_bytes")
}

/// Reads how the sink of this name and type packs.
pub(super) fn read(reader: &mut Reader, name: &str, kind: &SinkKind) -> Packing {
    let path = |key: &str| format!("sinks.{name}.{key}");
    let format = reader.choice(&path("format"), Format::from_name).unwrap_or_default();
    let compression = reader
        .choice(&path("compression"), Compression::from_name)
        .unwrap_or_default();
    refuse(reader, name, kind, format, compression);

    let limits = kind.limits;
    let put_bytes = reader
        .size_up_to(&path("put_bytes"), limits.put_bytes)
        .unwrap_or(default_put_bytes().min(limits.put_bytes));
    let packing = Packing {
        format,
        compression,
        record_bytes: reader
            .size_up_to(&path("record_bytes"), limits.record_bytes)
            .unwrap_or(default_record_bytes(compression).min(put_bytes)),
        put_bytes,
        max_record_bytes: reader
            .size_up_to(&path("max_record_bytes"), limits.record_bytes)
            .unwrap_or(kind.default_record_bytes.min(put_bytes)),
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

/// Settings that exclude each other.
fn refuse(reader: &mut Reader, name: &str, kind: &SinkKind, format: Format, compression: Compression) {
    let path = |key: &str| format!("sinks.{name}.{key}");
    if let Some(reason) = kind.refuses(format) {
        reader.problem(&path("format"), reason, Some("ndjson"));
    }
    if compression == Compression::None {
        return;
    }
    if let Some(reason) = kind.refuses_compression {
        reader.problem(&path("compression"), reason, Some("none"));
    } else if format.name() == "kpl" {
        let message = "a KPL aggregate cannot be compressed: its readers would not know it";
        reader.problem(&path("compression"), message, Some("none"));
    }
}
