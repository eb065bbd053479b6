//! An event as JSON text.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::records::PlatformRecord;
use super::terms::TelemetryType;
use crate::clock::format_time;
use crate::config::LogFormat;
use crate::role::Role;

/// The schema in which a log record is a string, whatever the log format.
const STRINGS_ONLY: &str = "2022-07-01";

/// One event. Cloning it copies no text.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Class that a subscriber names in order to get it.
    pub(crate) class: TelemetryType,
    json: Arc<str>,
    /// The same event for subscribers to [`STRINGS_ONLY`], where it differs.
    as_string: Option<Arc<str>>,
    /// True if it announces lost events: its own loss is not announced again.
    pub(crate) tells_loss: bool,
}

#[derive(Serialize)]
struct Envelope<'a, R: Serialize> {
    time: &'a str,
    r#type: &'a str,
    record: R,
}

impl Event {
    pub(crate) fn platform<R: PlatformRecord>(record: &R) -> Self {
        let time = format_time(SystemTime::now());
        Self {
            class: TelemetryType::Platform,
            json: text(&Envelope {
                time: &time,
                r#type: R::TYPE,
                record,
            }),
            as_string: None,
            tells_loss: R::TYPE == "platform.logsDropped",
        }
    }

    /// A line as it was printed, its line break included.
    pub(crate) fn line(role: Role, printed: &str, format: LogFormat) -> Self {
        let class = match role {
            Role::Function => TelemetryType::Function,
            Role::Extension => TelemetryType::Extension,
        };
        let time = format_time(SystemTime::now());
        let string = text(&Envelope {
            time: &time,
            r#type: class.name(),
            record: printed,
        });
        let (json, as_string) = match format {
            LogFormat::Text => (string, None),
            LogFormat::Json => {
                let object = text(&Envelope {
                    time: &time,
                    r#type: class.name(),
                    record: LogObject::of(printed, &time),
                });
                (object, Some(string))
            }
        };
        Self {
            class,
            json,
            as_string,
            tells_loss: false,
        }
    }

    /// An event that somebody else wrote. It stays as it is; of a type nobody knows, subscribers to platform
    /// events get it.
    pub(crate) fn foreign(json: &str) -> Result<Self, serde_json::Error> {
        Ok(Self {
            class: check(json)?,
            json: json.into(),
            as_string: None,
            tells_loss: false,
        })
    }

    /// The text for a subscriber to a schema version.
    pub(crate) fn text(&self, schema_version: &str) -> &Arc<str> {
        match &self.as_string {
            Some(string) if schema_version == STRINGS_ONLY => string,
            _ => &self.json,
        }
    }

    /// The text in the newest schema.
    pub(crate) fn newest(&self) -> &Arc<str> {
        &self.json
    }
}

/// Class of an event's text, if it is an event.
pub(crate) fn check(json: &str) -> Result<TelemetryType, serde_json::Error> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow)]
        r#type: Cow<'a, str>,
    }
    let typed: Typed<'_> = serde_json::from_str(json)?;
    Ok(TelemetryType::named(&typed.r#type).unwrap_or(TelemetryType::Platform))
}

/// A line in the JSON log format.
#[derive(Serialize)]
#[serde(untagged)]
enum LogObject<'a> {
    /// A line that is a JSON object: that object, byte for byte.
    Object(&'a RawValue),
    Wrapped {
        timestamp: &'a str,
        level: &'static str,
        message: &'a str,
    },
}

impl<'a> LogObject<'a> {
    fn of(printed: &'a str, time: &'a str) -> Self {
        let line = printed.trim();
        match serde_json::from_str::<&RawValue>(line) {
            Ok(object) if line.starts_with('{') => Self::Object(object),
            _ => Self::Wrapped {
                timestamp: time,
                level: "UNDEFINED",
                message: printed.trim_end_matches(['\n', '\r']),
            },
        }
    }
}

/// The records are plain structs with string keys: writing them as JSON cannot fail.
fn text<R: Serialize>(envelope: &Envelope<'_, R>) -> Arc<str> {
    serde_json::to_string(envelope).unwrap_or_default().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn record(event: &Event, schema: &str) -> Value {
        serde_json::from_str::<Value>(event.text(schema)).unwrap()["record"].clone()
    }

    #[test]
    fn a_text_line_keeps_its_line_break() {
        let event = Event::line(Role::Function, "[INFO] a \"word\"\n", LogFormat::Text);
        assert_eq!(record(&event, "2025-01-29"), json!("[INFO] a \"word\"\n"));
    }

    #[test]
    fn a_json_line_becomes_its_object_byte_for_byte() {
        let event = Event::line(Role::Function, "{\"b\": 1.0,  \"a\":2}\n", LogFormat::Json);
        assert!(
            event.text("2025-01-29").contains(r#""record":{"b": 1.0,  "a":2}}"#),
            "{event:?}"
        );
        assert_eq!(
            record(&event, "2022-07-01"),
            json!("{\"b\": 1.0,  \"a\":2}\n"),
            "the oldest schema has strings only"
        );
    }

    #[test]
    fn a_plain_line_is_wrapped_and_so_is_json_that_is_no_object() {
        for line in ["plain\n", "[1,2]\n", "{broken\n", "{} {}\n"] {
            let event = Event::line(Role::Function, line, LogFormat::Json);
            let record = record(&event, "2022-12-13");
            assert_eq!(record["message"], json!(line.trim_end()));
            assert!(record["timestamp"].is_string() && record["level"].is_string());
        }
    }

    #[test]
    fn a_foreign_event_stays_as_it_is() {
        let json = r#"{ "time":"x", "type":"function", "record":1e400 }"#;
        let event = Event::foreign(json).unwrap();
        assert_eq!((event.class, &**event.newest()), (TelemetryType::Function, json));
        let unknown = Event::foreign(r#"{"type":"platform.new"}"#).unwrap();
        assert_eq!(unknown.class, TelemetryType::Platform);
        Event::foreign("[]").unwrap_err();
    }
}
