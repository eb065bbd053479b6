//! From a file to events.

use serde::Deserialize;
use serde_json::value::RawValue;

/// Reason why a file is no sample.
#[derive(Debug, thiserror::Error)]
#[error("neither bodies as Lambda posts them nor events, one a line: {0}")]
pub struct EventsError(serde_json::Error);

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: &'a RawValue,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
}

/// Lambda's events in a file, each as JSON: the forwarder's envelope is taken off, and its own events are left out.
///
/// # Errors
/// The file holds something else.
pub fn events(text: &[u8]) -> Result<Vec<String>, EventsError> {
    let mut events = Vec::new();
    for value in serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>() {
        let value = value.map_err(EventsError)?.get();
        if value.starts_with('[') {
            let many: Vec<&RawValue> = serde_json::from_str(value).map_err(EventsError)?;
            for event in many {
                events.extend(plain(event.get())?);
            }
        } else {
            events.extend(plain(value)?);
        }
    }
    Ok(events)
}

fn plain(text: &str) -> Result<Option<String>, EventsError> {
    let event: Event<'_> = serde_json::from_str(text).map_err(EventsError)?;
    if event.kind.get().starts_with("\"forwarder.") {
        return Ok(None);
    }
    let member = |name: &str, value: Option<&RawValue>| {
        value.map_or(String::new(), |value| format!(",\"{name}\":{}", value.get()))
    };
    let members = [
        member("time", event.time),
        member("type", Some(event.kind)),
        member("record", event.record),
    ];
    let members = members.concat();
    Ok(Some(format!("{{{}}}", members.strip_prefix(',').unwrap_or(&members))))
}

/// Bodies of at most `flush` events each.
pub(super) fn bodies(events: &[String], flush: usize) -> Vec<Vec<u8>> {
    events
        .chunks(flush.max(1))
        .map(|events| format!("[{}]", events.join(",")).into_bytes())
        .collect()
}
