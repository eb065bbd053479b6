//! The body of `PutRecords` in CBOR (RFC 8949), which Kinesis takes beside JSON: records are byte strings, a quarter shorter than
//! base64, and are written once, from the record into the body.

use forwarder_core::delivery::sink::Record;
use hyper::body::Bytes;

use crate::arn::StreamName;

/// Types of a value: the upper three bits of its first byte. RFC 8949, 3.1.
mod major {
    pub(super) const BYTES: u8 = 2 << 5;
    pub(super) const TEXT: u8 = 3 << 5;
    pub(super) const ARRAY: u8 = 4 << 5;
    pub(super) const MAP: u8 = 5 << 5;
}

/// Most that a record takes besides its data and key: a map, two names, two lengths.
const RECORD_OVERHEAD: usize = 1 + (1 + 4) + 9 + (1 + 12) + 9;

/// Most that the call takes besides its records and the name of the stream: a map, two names, two lengths.
const CALL_OVERHEAD: usize = 1 + (1 + 7) + 9 + (1 + 10) + 9;

/// Writes a call, into one allocation.
pub(super) fn put_records(stream: &StreamName, records: &[Record]) -> Bytes {
    let (member, name) = match stream {
        StreamName::Name(name) => ("StreamName", name),
        StreamName::Arn(arn) => ("StreamARN", &arn.text),
    };
    let bytes: usize = records
        .iter()
        .map(|record| record.data.len() + record.key.len() + RECORD_OVERHEAD)
        .sum();
    let mut out = Vec::with_capacity(bytes + name.len() + CALL_OVERHEAD);
    head(&mut out, major::MAP, 2);
    text(&mut out, member);
    text(&mut out, name);
    text(&mut out, "Records");
    head(&mut out, major::ARRAY, records.len());
    for record in records {
        head(&mut out, major::MAP, 2);
        text(&mut out, "PartitionKey");
        text(&mut out, &record.key);
        text(&mut out, "Data");
        head(&mut out, major::BYTES, record.data.len());
        out.extend_from_slice(&record.data);
    }
    Bytes::from(out)
}

fn text(out: &mut Vec<u8>, text: &str) {
    head(out, major::TEXT, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Writes the type of a value and its length, as short as it goes.
fn head(out: &mut Vec<u8>, major: u8, length: usize) {
    let length = length as u64;
    if let Ok(short) = u8::try_from(length) {
        if short < 24 {
            out.push(major | short);
        } else {
            out.extend_from_slice(&[major | 24, short]);
        }
    } else if let Ok(length) = u16::try_from(length) {
        out.push(major | 25);
        out.extend_from_slice(&length.to_be_bytes());
    } else if let Ok(length) = u32::try_from(length) {
        out.push(major | 26);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(major | 27);
        out.extend_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::kinesis::parse_stream;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Call {
        stream_name: Option<String>,
        #[serde(rename = "StreamARN")]
        stream_arn: Option<String>,
        records: Vec<Entry>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Entry {
        data: ciborium::Value,
        partition_key: String,
    }

    /// What another implementation reads.
    fn read(body: &[u8]) -> Call {
        ciborium::from_reader(body).unwrap()
    }

    #[test]
    fn another_implementation_reads_every_length_of_data_and_every_number_of_records() {
        let stream = parse_stream("telemetry").unwrap();
        for length in [0, 1, 23, 24, 255, 256, 65_535, 65_536, 1 << 20] {
            let data: Vec<u8> = (0..length).map(|index| index as u8).collect();
            let record = Record {
                data: data.clone().into(),
                key: "k".repeat(length.clamp(1, 256)),
            };
            let body = put_records(&stream, std::slice::from_ref(&record));
            let call = read(&body);
            assert_eq!(call.records[0].data.as_bytes(), Some(&data));
            assert_eq!(call.records[0].partition_key, record.key);
            assert!(body.len() <= data.len() + record.key.len() + RECORD_OVERHEAD + CALL_OVERHEAD + 9);
        }
        for count in [0, 1, 23, 24, 500] {
            let records = vec![
                Record {
                    data: "x".into(),
                    key: "é".into(),
                };
                count
            ];
            assert_eq!(read(&put_records(&stream, &records)).records.len(), count);
        }
    }

    #[test]
    fn a_stream_is_named_as_it_was_given() {
        let name = read(&put_records(&parse_stream("telemetry").unwrap(), &[]));
        assert_eq!(
            (name.stream_name.as_deref(), name.stream_arn),
            (Some("telemetry"), None)
        );
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry";
        let named = read(&put_records(&parse_stream(arn).unwrap(), &[]));
        assert_eq!((named.stream_name, named.stream_arn.as_deref()), (None, Some(arn)));
    }
}
