//! Telemetry made up, the same for the same seed: for benches, tests and `forwarderctl cost`.
//!
//! Function lines of [`LINE_BYTES`] or as long as asked for, half text as the managed runtimes write it, half JSON. What differs from line to
//! line in real logs differs here, and cannot be guessed: times, a trace, a customer, amounts, durations, words. What
//! an invocation's lines share they share here.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use fastrand::Rng;

use crate::telemetry::json::write_string;

/// Size of one line as a function wrote it, in bytes: a line of text with its escapes, or a JSON object.
pub const LINE_BYTES: usize = 200;

/// 2026-11-20T09:14:02Z, since the epoch.
const BEGIN: Duration = Duration::from_secs(1_795_166_042);

const WORDS: [&str; 32] = [
    "accepted",
    "address",
    "after",
    "amount",
    "basket",
    "cached",
    "carrier",
    "checked",
    "customer",
    "delivery",
    "discount",
    "during",
    "express",
    "failed",
    "from",
    "gateway",
    "invoice",
    "item",
    "limit",
    "order",
    "parcel",
    "partial",
    "payment",
    "pending",
    "price",
    "queue",
    "refund",
    "retry",
    "stock",
    "total",
    "voucher",
    "warehouse",
];

const LEVELS: [&str; 8] = ["INFO", "INFO", "INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"];

/// A source of invocations.
#[derive(Debug)]
pub struct Sample {
    random: Rng,
    now: Duration,
    lines: u64,
    line_bytes: usize,
    traced: bool,
}

/// A shorter line has no room for what a JSON line begins with, and is text. Bytes.
const SHORTEST_JSON: usize = 180;

/// The shortest line. Bytes.
pub const SHORTEST_LINE: usize = 10;

impl Sample {
    /// A source that begins with this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            now: BEGIN,
            lines: 0,
            line_bytes: LINE_BYTES,
            traced: false,
        }
    }

    /// A source of invocations of a function with active tracing: each `platform.start` has `tracing`.
    pub fn traced(seed: u64) -> Self {
        Self {
            traced: true,
            ..Self::new(seed)
        }
    }

    /// The same with lines of so many bytes, at least [`SHORTEST_LINE`].
    #[must_use]
    pub fn with_lines_of(self, line_bytes: usize) -> Self {
        Self {
            line_bytes: line_bytes.max(SHORTEST_LINE),
            ..self
        }
    }

    /// All that Lambda posts of an invocation: its start, `lines` lines, its end and its report.
    pub fn whole_invocation(&mut self, lines: usize) -> Vec<u8> {
        let request = self.uuid();
        let mut body = self.begun(&request, lines);
        let (time, ms) = (self.time(), self.random.f64() * 900.0);
        // Writing into a String cannot fail.
        let _ = write!(
            body,
            ",{{\"time\":\"{time}\",\"type\":\"platform.runtimeDone\",\"record\":{{\"requestId\":\"{request}\",\"status\":\"success\",\
             \"metrics\":{{\"durationMs\":{ms:.3},\"producedBytes\":18}},\"spans\":[{{\"name\":\"responseLatency\",\"start\":\"{time}\",\
             \"durationMs\":{ms:.3}}},{{\"name\":\"responseDuration\",\"start\":\"{time}\",\"durationMs\":0.05}}]}}}},\
             {{\"time\":\"{time}\",\"type\":\"platform.report\",\"record\":{{\"requestId\":\"{request}\",\"status\":\"success\",\
             \"metrics\":{{\"durationMs\":{ms:.3},\"billedDurationMs\":{:.0},\"memorySizeMB\":128,\"maxMemoryUsedMB\":91}}}}}}]",
            ms.ceil()
        );
        body.into_bytes()
    }

    /// A body as Lambda posts it: the start of an invocation and `lines` lines of it, alternately text and JSON.
    pub fn invocation(&mut self, lines: usize) -> Vec<u8> {
        let request = self.uuid();
        let mut body = self.begun(&request, lines);
        body.push(']');
        body.into_bytes()
    }

    /// A body without its end.
    fn begun(&mut self, request: &str, lines: usize) -> String {
        let tracing = if self.traced { self.tracing() } else { String::new() };
        let mut body = format!(
            "[{{\"time\":\"{}\",\"type\":\"platform.start\",\"record\":{{\"requestId\":\"{request}\",\"version\":\"$LATEST\"{tracing}}}}}",
            self.time()
        );
        for _ in 0..lines {
            let time = self.time();
            let record = if self.lines.is_multiple_of(2) || self.line_bytes < SHORTEST_JSON {
                self.text(&time, request)
            } else {
                self.json(&time, request)
            };
            self.lines += 1;
            // Writing into a String cannot fail.
            let _ = write!(
                body,
                ",{{\"time\":\"{time}\",\"type\":\"function\",\"record\":{record}}}"
            );
        }
        body
    }

    /// The member `tracing` of `platform.start`, with a comma before it.
    fn tracing(&mut self) -> String {
        let (span, parent) = (self.random.u64(..), self.random.u64(..));
        let root = format!("1-{:08x}-{:024x}", BEGIN.as_secs(), self.random.u128(..) >> 32);
        format!(
            ",\"tracing\":{{\"spanId\":\"{span:016x}\",\"type\":\"X-Amzn-Trace-Id\",\"value\":\"Root={root};Parent={parent:016x};Sampled=1\"}}"
        )
    }

    /// `"[INFO]\t2026-…\t7d0c…\torder 8812 …\n"`
    fn text(&mut self, time: &str, request: &str) -> String {
        let mut text = format!("[{}]\t{time}\t{request}\t", self.level());
        let facts = format!(
            "order {} of {:012x} trace {:032x} took {:.2} ms:",
            self.random.u32(10_000_000..99_999_999),
            self.random.u64(..1 << 48),
            self.random.u128(..),
            self.random.f64() * 900.0,
        );
        text.push_str(&facts);
        // Four escapes take two bytes each.
        self.fill(&mut text, self.line_bytes - 5);
        text.push('\n');
        let mut json = Vec::new();
        write_string(&mut json, &text);
        String::from_utf8(json).unwrap_or_default()
    }

    /// `{"timestamp":"2026-…","level":"INFO","requestId":"7d0c…",…}`
    fn json(&mut self, time: &str, request: &str) -> String {
        let mut record = format!(
            "{{\"timestamp\":\"{time}\",\"level\":\"{}\",\"requestId\":\"{request}\",\"traceId\":\"{:032x}\",\"ms\":{:.2},\"message\":\"order {}",
            self.level(),
            self.random.u128(..),
            self.random.f64() * 900.0,
            self.random.u32(10_000_000..99_999_999),
        );
        self.fill(&mut record, self.line_bytes - 2);
        record.push_str("\"}");
        record
    }

    /// Words until `text` has exactly `length` bytes.
    fn fill(&mut self, text: &mut String, length: usize) {
        while text.len() < length {
            text.push(' ');
            text.push_str(self.random.choice(WORDS).unwrap_or("order"));
        }
        text.truncate(length);
    }

    fn level(&mut self) -> &'static str {
        self.random.choice(LEVELS).unwrap_or("INFO")
    }

    fn time(&mut self) -> String {
        self.now += Duration::from_micros(self.random.u64(200..9_000));
        humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + self.now).to_string()
    }

    fn uuid(&mut self) -> String {
        let [a, b, c, d] = [
            self.random.u32(..),
            self.random.u32(..),
            self.random.u32(..),
            self.random.u32(..),
        ];
        format!(
            "{a:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{d:08x}",
            b >> 16,
            b & 0xfff,
            (c >> 16) & 0x3fff | 0x8000,
            c & 0xffff
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn lines_are_as_long_as_is_said_half_text_half_json_and_never_the_same() {
        let body = Sample::new(1).invocation(1_000);
        assert_eq!(body, Sample::new(1).invocation(1_000), "the same seed");
        let events: Vec<BTreeMap<&str, &RawValue>> = serde_json::from_slice(&body).unwrap();
        assert_eq!(events.len(), 1_001);
        let records: Vec<&str> = events[1..].iter().map(|event| event["record"].get()).collect();
        for (index, record) in records.iter().enumerate() {
            let (begin, quotes) = if index % 2 == 0 { ("\"[", 2) } else { ("{", 0) };
            assert!(record.starts_with(begin), "{record}");
            assert_eq!(record.len(), LINE_BYTES + quotes, "{record}");
        }
        let different: BTreeSet<_> = records.iter().collect();
        assert_eq!(different.len(), records.len());
    }

    #[test]
    fn a_whole_invocation_has_lines_as_long_as_asked_for_and_its_end() {
        for (bytes, slack) in [(SHORTEST_LINE, 5), (60, 5), (1_000, 0)] {
            let body = Sample::new(1).with_lines_of(bytes).whole_invocation(20);
            let events: Vec<BTreeMap<&str, &RawValue>> = serde_json::from_slice(&body).unwrap();
            let kinds: Vec<_> = events.iter().map(|event| event["type"].get()).collect();
            assert_eq!(
                [kinds[0], kinds[1], kinds[21], kinds[22]],
                [
                    "\"platform.start\"",
                    "\"function\"",
                    "\"platform.runtimeDone\"",
                    "\"platform.report\""
                ]
            );
            for event in &events[1..21] {
                let record = event["record"].get();
                let quotes = if record.starts_with('"') { 2 } else { 0 };
                let length = record.len() - quotes;
                assert!((bytes - slack..=bytes).contains(&length), "{bytes}: {record}");
            }
        }
    }
}
