//! Events of the forwarder's own in a lane: events of type `forwarder.*`, in the shape of Lambda's.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::record::envelope::{Envelope, Resource, Stamp};
use crate::record::line::Line;
use crate::record::origin::Origin;
use crate::record::ranges::{DropReason, Dropped};
use crate::record::stats::{IntakeStats, LaneStats};
use crate::telemetry::invocation::Context;
use crate::telemetry::json::push_string;

/// An event holds no more of what is no event: what is longer is cut, so that it never is in memory several times over.
/// Bytes.
const UNPARSED_BYTES: usize = 256 * 1024;

/// `forwarder.unparsed`: bytes that are no event, as they came; several where there are many.
pub(crate) fn unparsed<'a>(body: &'a [u8], error: &'a str) -> impl Iterator<Item = OwnEvent> + 'a {
    let text = std::str::from_utf8(body).ok();
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next.take()?;
        let mut end = body.len().min(start + UNPARSED_BYTES);
        // A character of text is not cut.
        while text.is_some_and(|text| !text.is_char_boundary(end)) {
            end -= 1;
        }
        next = Some(end).filter(|end| *end < body.len());
        let piece = body.get(start..end)?;
        // Of text each piece is text, which is not looked at again.
        let text = match text {
            Some(text) => text.get(start..end),
            None => std::str::from_utf8(piece).ok(),
        };
        Some(unparsed_piece(text, piece, error))
    })
}

fn unparsed_piece(text: Option<&str>, bytes: &[u8], error: &str) -> OwnEvent {
    event("forwarder.unparsed", |out| {
        out.push_str("{\"body\":");
        let encoding = match text {
            Some(text) => {
                push_string(out, text);
                "utf8"
            }
            None => {
                push_string(out, &STANDARD.encode(bytes));
                "base64"
            }
        };
        out.push_str(",\"encoding\":");
        push_string(out, encoding);
        out.push_str(",\"error\":");
        push_string(out, error);
        out.push('}');
    })
}

/// `forwarder.dropped`: lines given up for one reason.
pub(crate) fn dropped(dropped: &Dropped) -> OwnEvent {
    event("forwarder.dropped", |out| {
        out.push_str("{\"reason\":");
        push_string(out, dropped.reason.name());
        if let Some(detail) = &dropped.detail {
            out.push_str(",\"detail\":");
            push_string(out, detail);
        }
        out.push_str(",\"ranges\":[");
        for (index, [first, last]) in dropped.ranges.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            out.push_str(&format!("{comma}[{first},{last}]"));
        }
        out.push_str("]}");
    })
}

/// `forwarder.report`: the lane's counters. `next_seq` is the report's own `seq` + 1; the counters are those before it.
/// `config`: version of the configuration, where that is kept elsewhere.
pub(crate) fn report(
    lane: &LaneStats,
    intake: &IntakeStats,
    config: Option<&str>,
    next_seq: u64,
    last: bool,
) -> OwnEvent {
    event("forwarder.report", |out| {
        let mut members = Members::new(out);
        members.object("counters", |counters| {
            counters.number("accepted", lane.accepted);
            counters.number("recovered", lane.recovered);
            counters.number("takenOver", lane.taken_over);
            counters.number("delivered", lane.delivered);
            counters.number("spooled", lane.spooled);
            counters.number("handedOver", lane.handed_over);
            counters.number("pending", lane.pending());
            counters.object("dropped", |dropped| {
                for (reason, count) in DropReason::ALL.into_iter().zip(lane.dropped) {
                    dropped.number(reason.name(), count);
                }
            });
            counters.number("retried", lane.retried);
            counters.number("records", lane.records);
            counters.number("bytes", lane.bytes);
            counters.number("puts", lane.puts);
            counters.number("failedPuts", lane.failed_puts);
            counters.number("panics", lane.panics);
            counters.object("intake", |counters| {
                counters.number("bodies", intake.bodies);
                counters.number("events", intake.events);
                counters.number("unparsed", intake.unparsed);
                counters.number("oversizedBodies", intake.oversized_bodies);
                counters.number("refused", intake.refused);
                counters.number("sliced", intake.sliced);
                counters.number("ownLines", intake.own_lines);
                counters.number("redacted", intake.redacted);
                counters.number("redactedWhole", intake.redacted_whole);
            });
        });
        members.object("routedOut", |routed_out| {
            routed_out.number("drop", intake.routed_out.drop);
            routed_out.number("unmatched", intake.routed_out.unmatched);
            routed_out.number("sampled", intake.routed_out.sampled);
            routed_out.number("notKept", intake.routed_out.not_kept);
        });
        if let Some(version) = config {
            members.text("config", version);
        }
        members.number("nextSeq", next_seq);
        members.value("final", if last { "true" } else { "false" });
        members.end();
    })
}

/// An event of the forwarder's own, as JSON text.
pub(crate) struct OwnEvent {
    text: String,
    /// Start of its record, which ends before the closing brace.
    record: usize,
}

impl OwnEvent {
    /// The length of its text. Bytes.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// As a lane takes it. It belongs to no invocation.
    pub(crate) fn line(&self) -> Line<'_> {
        Line {
            event: &self.text,
            record: self.text.get(self.record..self.text.len().saturating_sub(1)),
            has_line_breaks: false,
            context: Context::default(),
        }
    }

    /// A line under any owner and number, with the least of an envelope.
    pub(crate) fn foreign_line(&self, origin: &Origin, seq: u64) -> Vec<u8> {
        let mut stamp = Stamp::new(Envelope::Lean, &origin.id, &origin.sink, &Resource::default());
        let mut line = Vec::new();
        stamp.write_line(&mut line, &self.line(), seq, "");
        line
    }
}

fn event(kind: &str, record: impl FnOnce(&mut String)) -> OwnEvent {
    let mut out = String::with_capacity(1_024);
    out.push_str("{\"time\":\"");
    let now = humantime::format_rfc3339_millis(SystemTime::now());
    out.push_str(&now.to_string());
    out.push_str("\",\"type\":");
    push_string(&mut out, kind);
    out.push_str(",\"record\":");
    let start = out.len();
    record(&mut out);
    out.push('}');
    OwnEvent {
        text: out,
        record: start,
    }
}

/// Writes the members of an object.
struct Members<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Members<'a> {
    fn new(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        push_string(self.out, key);
        self.out.push(':');
    }

    fn value(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.push_str(json);
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        push_string(self.out, value);
    }

    fn number(&mut self, key: &str, value: u64) {
        self.value(key, &value.to_string());
    }

    fn object(&mut self, key: &str, members: impl FnOnce(&mut Members<'_>)) {
        self.key(key);
        let mut inner = Members::new(self.out);
        members(&mut inner);
        inner.end();
    }

    fn end(self) {
        self.out.push('}');
    }
}
