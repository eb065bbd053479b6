//! Encodings of calls and answers: JSON 1.1, and the CBOR that Kinesis takes and gives beside it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::HeaderValue;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::fault::CallError;

/// Encoding of a call, and so of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Records are in base64.
    Json,
    /// Records are byte strings.
    Cbor,
}

impl Encoding {
    pub(crate) fn from_content_type(text: &str) -> Option<Self> {
        [Self::Json, Self::Cbor]
            .into_iter()
            .find(|encoding| encoding.content_type() == text)
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::Cbor => "application/x-amz-cbor-1.1",
        }
    }

    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.content_type())
    }

    pub(crate) fn read<T: DeserializeOwned>(self, body: &[u8]) -> Result<T, CallError> {
        match self {
            Self::Json => serde_json::from_slice(body).map_err(|error| unreadable(&error)),
            Self::Cbor => ciborium::from_reader(body).map_err(|error| unreadable(&error)),
        }
    }

    pub(crate) fn write(self, value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Json => out = value.to_string().into_bytes(),
            // A vector takes everything.
            Self::Cbor => _ = ciborium::into_writer(value, &mut out),
        }
        out
    }
}

/// The error for a body that is not what the operation takes.
pub(crate) fn unreadable(reason: &dyn fmt::Display) -> CallError {
    CallError::new(400, "SerializationException").with_message(reason.to_string())
}

/// Data of a record, in either encoding.
#[derive(Debug)]
pub(crate) struct Data(pub(crate) Bytes);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EitherOne;
        impl Visitor<'_> for EitherOne {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64 or bytes")
            }

            fn visit_str<E: serde::de::Error>(self, base64: &str) -> Result<Data, E> {
                STANDARD.decode(base64).map(|data| Data(data.into())).map_err(E::custom)
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Data, E> {
                Ok(Data(Bytes::copy_from_slice(bytes)))
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Data, E> {
                Ok(Data(bytes.into()))
            }
        }
        deserializer.deserialize_any(EitherOne)
    }
}
