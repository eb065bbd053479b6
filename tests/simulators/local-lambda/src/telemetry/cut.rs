//! Bodies of POSTs. A log line longer than the subscription's `maxBytes` is cut over several, none of them JSON: Lambda
//! does so too. The first ends within the record and then `}]`; each later one begins with `[` and the event, byte for
//! byte up to `"record":`, and goes on with the value. No I/O.

use std::ops::Range;

use bytes::Bytes;

/// What closes a body that ends within a record.
const CUT_END: &[u8] = b"}]";

/// The body of one POST.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) text: Bytes,
    /// Events of the batch that end in it.
    pub(super) events: Range<usize>,
}

/// Bodies that are being filled, for one batch.
#[derive(Debug)]
pub(super) struct Bodies {
    max_bytes: usize,
    done: Vec<Body>,
    open: Vec<u8>,
    /// Events in all of them, and those that end before the open one.
    events: usize,
    ended: usize,
}

impl Bodies {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            done: Vec::new(),
            open: vec![b'['],
            events: 0,
            ended: 0,
        }
    }

    /// True if there is room for an event. For one there always is, and for one line that has to be cut in the first
    /// half of a body, so that no part of it is small.
    pub(super) fn fits(&self, event: &str) -> bool {
        let is_cut = header_of_cut(event, self.max_bytes).is_some();
        let has_room = if is_cut {
            self.done.is_empty() && self.open.len() <= self.max_bytes / 2
        } else {
            self.open.len() + event.len() <= self.max_bytes
        };
        has_room || self.events == 0
    }

    pub(super) fn push(&mut self, event: &str) {
        if self.events > self.ended {
            self.open.push(b',');
        }
        if let Some(header) = header_of_cut(event, self.max_bytes) {
            self.push_cut(header, event.get(header.len()..).unwrap_or_default().as_bytes());
        } else {
            self.open.extend_from_slice(event.as_bytes());
        }
        self.events += 1;
    }

    /// A record in parts; `value` ends with the bracket of its event.
    fn push_cut(&mut self, header: &str, mut value: &[u8]) {
        self.open.extend_from_slice(header.as_bytes());
        while self.open.len() + value.len() > self.max_bytes {
            let room = self.max_bytes.saturating_sub(self.open.len() + CUT_END.len()).max(1);
            // The last part has a byte of the value at least.
            let Some((part, rest)) = value.split_at_checked(room.min(value.len().saturating_sub(2))) else {
                break;
            };
            self.open.extend_from_slice(part);
            self.open.extend_from_slice(CUT_END);
            self.close();
            self.open.extend_from_slice(header.as_bytes());
            value = rest;
        }
        self.open.extend_from_slice(value);
    }

    /// Ends the open body, and begins the next.
    fn close(&mut self) {
        let text = std::mem::replace(&mut self.open, vec![b'[']);
        self.done.push(Body {
            text: text.into(),
            events: self.ended..self.events,
        });
        self.ended = self.events;
    }

    pub(super) fn finish(mut self) -> Vec<Body> {
        self.open.push(b']');
        self.close();
        self.done
    }
}

/// The part of a log line's event that each part of its record repeats, if it is too long for one body.
fn header_of_cut(event: &str, max_bytes: usize) -> Option<&str> {
    if event.len() <= max_bytes || !event.starts_with(r#"{"time":""#) {
        return None;
    }
    let (before, _) = event.split_once(r#""record":"#)?;
    let is_line = before.ends_with(r#""type":"function","#) || before.ends_with(r#""type":"extension","#);
    is_line
        .then(|| event.get(..before.len() + r#""record":"#.len()))
        .flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"time":"2026-11-20T09:14:02.929Z","type":"function","record":"#;

    fn bodies(events: &[&str], max_bytes: usize) -> Vec<Body> {
        let mut bodies = Bodies::new(max_bytes);
        for event in events {
            bodies.push(event);
        }
        bodies.finish()
    }

    #[test]
    fn short_events_are_one_array() {
        let made = bodies(&[r#"{"type":"function"}"#, r#"{"type":"platform.start"}"#], 100);
        assert_eq!(made.len(), 1);
        let only = made.first().unwrap();
        assert_eq!(only.text, r#"[{"type":"function"},{"type":"platform.start"}]"#);
        assert_eq!(only.events, 0..2);
    }

    #[test]
    fn a_line_over_the_bound_is_cut_and_nothing_of_it_is_lost() {
        let value = format!("\"{}é\\n\"", "x".repeat(300));
        let line = format!("{HEADER}{value}}}");
        let before = r#"{"time":"t","type":"platform.start","record":{}}"#;
        let behind = r#"{"type":"z"}"#;
        for max_bytes in 120..line.len() {
            let made = bodies(&[before, &line, behind], max_bytes);
            assert!(made.len() > 1, "{max_bytes}");
            let mut joined = Vec::new();
            for (index, body) in made.iter().enumerate() {
                let mut text = body.text.strip_prefix(b"[").unwrap();
                if index == 0 {
                    text = text
                        .strip_prefix(before.as_bytes())
                        .unwrap()
                        .strip_prefix(b",")
                        .unwrap();
                }
                text = text.strip_prefix(HEADER.as_bytes()).unwrap();
                let end = if index + 1 == made.len() {
                    format!("}},{behind}]")
                } else {
                    assert!(body.text.len() <= max_bytes.max(before.len() + HEADER.len() + 6));
                    "}]".to_owned()
                };
                joined.extend_from_slice(text.strip_suffix(end.as_bytes()).unwrap());
            }
            assert_eq!(String::from_utf8(joined).unwrap(), value, "{max_bytes}");
            assert_eq!(made.first().unwrap().events, 0..1);
            assert_eq!(made.last().unwrap().events, 1..3);
        }
    }

    #[test]
    fn what_does_not_fit_waits_for_the_next_body() {
        let mut bodies = Bodies::new(200);
        let line = format!("{HEADER}\"{}\"}}", "x".repeat(300));
        assert!(bodies.fits(&line), "one event in any case");
        bodies.push(&line);
        assert!(!bodies.fits(&line), "one that is cut");
        assert!(bodies.fits("{}") && !bodies.fits(&" ".repeat(200)));
        let mut full = Bodies::new(200);
        full.push(&" ".repeat(150));
        assert!(!full.fits(&line), "no small part");
    }

    #[test]
    fn platform_events_stay_whole() {
        let long = format!(
            r#"{{"time":"t","type":"platform.fault","record":"{}"}}"#,
            "x".repeat(300)
        );
        assert_eq!(bodies(&[&long], 120).len(), 1);
    }
}
