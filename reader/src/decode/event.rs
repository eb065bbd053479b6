//! A line taken apart: Lambda's event, and what the forwarder says of it.
//!
//! Each member is read by itself: what is wrong with one costs that one. A line whose number is readable is never
//! called missing because of what else is in it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lenient::{each_member, string};
use super::{DecodeError, Line};

/// The longest `id` and `sink`, bytes. The forwarder's ids have 16; a stamp with a longer one is not the forwarder's.
const LONGEST_NAME: usize = 256;

/// The most attributes of a line that are read: Lambda's and the 32 that may be configured are fewer.
const MOST_ATTRIBUTES: usize = 128;

impl<'a> Line<'a> {
    /// The event in it. Of members that occur more than once the last one counts.
    ///
    /// # Errors
    /// The line is not a JSON object with a `type` or with a stamp of the forwarder.
    pub fn event(&self) -> Result<Forwarded<'a>, DecodeError> {
        let mut event = Forwarded {
            time: None,
            kind: Cow::Borrowed(""),
            record: None,
            stamp: None,
        };
        let mut kind = None;
        let is_object = each_member(self.0, |name, value| match name.as_ref() {
            "time" => event.time = string(value.get()),
            "type" => kind = Some(string(value.get()).unwrap_or(Cow::Borrowed(value.get()))),
            "record" => event.record = Some(value),
            "forwarder" => event.stamp = Stamp::read(value.get()),
            _ => {}
        });
        if !is_object || (kind.is_none() && event.stamp.is_none()) {
            return Err(DecodeError::NotAnEvent);
        }
        event.kind = kind.unwrap_or_default();
        Ok(event)
    }
}

/// An event as the forwarder sent it.
#[derive(Debug)]
pub struct Forwarded<'a> {
    /// Time of the event: ISO 8601, as Lambda sent it. None where it is no string.
    pub time: Option<Cow<'a, str>>,
    /// Its type. Empty where a line with a stamp has none.
    pub kind: Cow<'a, str>,
    /// Its content, as JSON text.
    pub record: Option<&'a RawValue>,
    /// The forwarder's envelope; absent with the envelope `raw`.
    pub stamp: Option<Stamp<'a>>,
}

/// The member `forwarder` of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// The process of the forwarder that sent it.
    pub id: Cow<'a, str>,
    /// The sink that it was routed to.
    pub sink: Cow<'a, str>,
    /// Its place among the lines of this process and sink, from 0.
    pub seq: u64,
    /// The invocation that it belongs to, where that is known.
    pub request_id: Option<Cow<'a, str>>,
    /// The trace that the invocation belongs to: 32 hexadecimal digits.
    pub trace_id: Option<Cow<'a, str>>,
    /// The span that called: 16 hexadecimal digits.
    pub span_id: Option<Cow<'a, str>>,
    /// The tenant, of functions with tenant isolation.
    pub tenant_id: Option<Cow<'a, str>>,
    /// The execution, of durable functions.
    pub execution_arn: Option<Cow<'a, str>>,
    /// Which part of a longer line this one is.
    pub part: Option<Part>,
    /// OpenTelemetry attributes of the function.
    pub resource: BTreeMap<String, String>,
}

/// A part of a line that was longer than a record may be.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
pub struct Part {
    /// The `seq` of the first part.
    pub first: u64,
    /// Its place among the parts, from 0.
    pub index: usize,
    /// Number of parts.
    pub of: usize,
}

impl<'a> Stamp<'a> {
    /// A stamp, if it says what its line's number is.
    fn read(json: &'a str) -> Option<Self> {
        let (mut id, mut sink, mut seq) = (None, None, None);
        let mut stamp = Self {
            id: Cow::Borrowed(""),
            sink: Cow::Borrowed(""),
            seq: 0,
            request_id: None,
            trace_id: None,
            span_id: None,
            tenant_id: None,
            execution_arn: None,
            part: None,
            resource: BTreeMap::new(),
        };
        let is_object = each_member(json, |name, value| {
            let value = value.get();
            match name.as_ref() {
                "id" => id = string(value),
                "sink" => sink = string(value),
                "seq" => seq = serde_json::from_str(value).ok(),
                "requestId" => stamp.request_id = string(value),
                "traceId" => stamp.trace_id = string(value),
                "spanId" => stamp.span_id = string(value),
                "tenantId" => stamp.tenant_id = string(value),
                "executionArn" => stamp.execution_arn = string(value),
                "part" => stamp.part = serde_json::from_str(value).ok(),
                "resource" => {
                    stamp.resource.clear();
                    each_member(value, |name, value| {
                        if stamp.resource.len() < MOST_ATTRIBUTES
                            && let Some(value) = string(value.get())
                        {
                            stamp.resource.insert(name.into_owned(), value.into_owned());
                        }
                    });
                }
                _ => {}
            }
        });
        let short = |name: Option<Cow<'a, str>>| name.filter(|name| name.len() <= LONGEST_NAME);
        stamp.id = short(id)?;
        stamp.sink = short(sink)?;
        stamp.seq = seq?;
        is_object.then_some(stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_whatever_else_is_wrong_with_the_line() {
        for line in [
            r#"{"time":5,"type":"function","record":1,"forwarder":{"id":"i","sink":"s","seq":7}}"#,
            r#"{"type":["x"],"record":1,"forwarder":{"id":"i","sink":"s","seq":7}}"#,
            r#"{"record":1,"forwarder":{"id":"i","sink":"s","seq":7}}"#,
            r#"{"type":"x","type":"y","forwarder":{"id":"i","sink":"s","seq":7,"seq":7}}"#,
            r#"{"type":"x","forw\u0061rder":{"id":"i","sink":"s","seq":7,"requestId":"\ud83d","tenantId":4}}"#,
            r#"{"type":"x","forwarder":{"id":"i","sink":"s","seq":7,"resource":{"faas.name":"f","x":1},"part":"all"}}"#,
            r#"{"\ud83d":1,"type":"\udc00","record":1e999,"forwarder":{"id":"i","sink":"s","seq":7}}"#,
        ] {
            let event = Line(line).event().unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(event.stamp.unwrap().seq, 7, "{line}");
        }
        let deep = format!(
            r#"{{"type":"x","record":{}{},"forwarder":{{"id":"i","sink":"s","seq":7}}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(Line(&deep).event().unwrap().stamp.unwrap().seq, 7);
    }

    #[test]
    fn what_has_no_number_has_no_stamp_and_what_has_no_type_is_no_event() {
        let long = format!(
            r#"{{"type":"x","forwarder":{{"id":"{}","sink":"s","seq":7}}}}"#,
            "i".repeat(257)
        );
        for line in [
            r#"{"type":"x"}"#,
            r#"{"type":"x","forwarder":{"id":"i","sink":"s","seq":-1}}"#,
            r#"{"type":"x","forwarder":{"id":"i","seq":1}}"#,
            r#"{"type":"x","forwarder":7}"#,
            &long,
        ] {
            assert!(Line(line).event().unwrap().stamp.is_none(), "{line}");
        }
        for line in [
            "[]",
            "7",
            r#"{"record":1}"#,
            r#"{"type":"x""#,
            r#"{"record":1,"forwarder":{"id":"i"}}"#,
        ] {
            assert!(Line(line).event().is_err(), "{line}");
        }
    }
}
