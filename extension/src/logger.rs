//! The forwarder's own log: one JSON object a line on stderr, with a stable `event` name; never telemetry or secrets.
//!
//! Every line begins with `"source":"telemetry-forwarder"`, by which the forwarder knows its own lines when they come
//! back as `extension` events.

use std::io::Write;
use std::time::SystemTime;

use forwarder_core::telemetry::json::write_string;
use log::kv::{Error, Key, Value, VisitSource};
use log::{LevelFilter, Log, Metadata, Record};

/// Starts logging. Before [`set_level`] only warnings and errors are written.
pub fn start() {
    // A second start, as in tests, finds the logger in place.
    let _ = log::set_logger(&Logger);
    log::set_max_level(LevelFilter::Warn);
}

/// Sets the level written from here on: `FORWARDER_LOG`.
pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
}

struct Logger;

impl Log for Logger {
    /// The SDK and hyper have much to say that is not ours.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("forwarder_") || metadata.target().starts_with("telemetry_forwarder")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            // With stderr gone there is nobody to tell.
            let _ = std::io::stderr().lock().write_all(&line(record));
        }
    }

    fn flush(&self) {}
}

fn line(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"source\":\"telemetry-forwarder\",\"time\":\"");
    let now = humantime::format_rfc3339_millis(SystemTime::now());
    out.extend_from_slice(now.to_string().as_bytes());
    out.extend_from_slice(b"\",\"level\":");
    write_string(&mut out, record.level().as_str());
    let _ = record.key_values().visit(&mut Members(&mut out));
    out.extend_from_slice(b",\"message\":");
    write_string(&mut out, &record.args().to_string());
    out.extend_from_slice(b"}\n");
    out
}

struct Members<'a>(&'a mut Vec<u8>);

impl<'kvs> VisitSource<'kvs> for Members<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.0.push(b',');
        write_string(self.0, key.as_str());
        self.0.push(b':');
        let number = value
            .to_u64()
            .map(|number| number.to_string())
            .or_else(|| value.to_bool().map(|truth| truth.to_string()));
        match number {
            Some(number) => self.0.extend_from_slice(number.as_bytes()),
            None => write_string(self.0, &value.to_string()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_json_and_begin_with_their_source() {
        let members = [
            ("event", Value::from("sink_fails")),
            ("lines", Value::from(3_u64)),
            ("final", Value::from(true)),
        ];
        let line = line(
            &Record::builder()
                .level(log::Level::Warn)
                .args(format_args!("a \"quoted\"\nmessage"))
                .key_values(&members)
                .build(),
        );
        let line = String::from_utf8(line).unwrap();
        assert!(line.starts_with("{\"source\":\"telemetry-forwarder\"") && line.ends_with("}\n"));
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["event"], "sink_fails");
        assert_eq!(json["lines"], 3);
        assert_eq!(json["final"], true);
        assert_eq!(json["level"], "WARN");
        assert_eq!(json["message"], "a \"quoted\"\nmessage");
    }
}
