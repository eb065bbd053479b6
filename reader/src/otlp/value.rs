//! JSON and attributes in OpenTelemetry's types.

use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde_json::Value;

pub(super) fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(super) fn text(text: impl Into<String>) -> AnyValue {
    any(Any::StringValue(text.into()))
}

pub(super) fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

/// A number that OpenTelemetry's 64 bits with sign may not hold: as text, then.
pub(super) fn number(number: u64) -> AnyValue {
    i64::try_from(number).map_or_else(|_| text(number.to_string()), |number| any(Any::IntValue(number)))
}

/// JSON, whose `null` is an empty value.
pub(super) fn json(value: Value) -> AnyValue {
    match value {
        Value::Null => AnyValue { value: None },
        Value::Bool(is) => any(Any::BoolValue(is)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => any(Any::IntValue(number)),
            (None, Some(number)) => any(Any::DoubleValue(number)),
            (None, None) => text(number.to_string()),
        },
        Value::String(string) => text(string),
        Value::Array(values) => any(Any::ArrayValue(ArrayValue {
            values: values.into_iter().map(json).collect(),
        })),
        Value::Object(members) => any(Any::KvlistValue(KeyValueList {
            values: members
                .into_iter()
                .map(|(key, value)| attribute(&key, json(value)))
                .collect(),
        })),
    }
}

/// Nanoseconds since 1970; 0, which OpenTelemetry reads as unknown, where the text is no time.
pub(super) fn nanoseconds(time: &str) -> u64 {
    humantime::parse_rfc3339_weak(time).map_or(0, since_1970)
}

pub(super) fn since_1970(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Bytes of an id of so many hexadecimal digits; none if it is not one, or all zeros, which means none.
pub(super) fn id(digits: Option<&str>, length: usize) -> Vec<u8> {
    let Some(digits) = digits.filter(|digits| digits.len() == length && digits.is_ascii()) else {
        return Vec::new();
    };
    let bytes = (0..length).step_by(2).map(|at| {
        let pair = digits.get(at..at + 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes = bytes.collect::<Option<Vec<u8>>>().unwrap_or_default();
    if bytes.iter().all(|byte| *byte == 0) {
        return Vec::new();
    }
    bytes
}
