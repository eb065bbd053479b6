//! The body of one POST: a JSON array of events, read element by element so that a malformed one costs only itself.

use crate::telemetry::event::Event;
use crate::telemetry::json::Scanner;

/// How often the bytes of a body may be looked at in all for where malformed elements end. Past that the rest of the body is
/// one piece: a body of broken elements must not take the time of the function.
const SCANS: usize = 8;

/// A piece of a body that is not an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed<'a> {
    /// The bytes as they came.
    pub raw: &'a [u8],
    /// What is wrong with them.
    pub error: String,
}

/// Iterates over the events of a body. Every byte that is not JSON punctuation is in an event or in a [`Malformed`].
pub struct Batch<'a> {
    body: &'a [u8],
    pos: usize,
    /// The body as text. `None` if some of it is not UTF-8: then elements are looked at one by one.
    text: Option<Scanner<'a>>,
    place: Place,
    /// Bytes that may still be looked at for where a malformed element ends.
    scans_left: usize,
}

enum Place {
    Start,
    Element,
    AfterElement,
    End,
}

impl<'a> Batch<'a> {
    /// Reads `body`. An empty body holds nothing.
    pub fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            pos: 0,
            text: std::str::from_utf8(body).ok().map(Scanner::new),
            place: Place::Start,
            scans_left: SCANS * body.len(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.pos).copied()
    }

    fn skip_whitespace(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.pos += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// Everything from `start` on, as one malformed piece; nothing follows.
    fn rest(&mut self, start: usize, error: String) -> Malformed<'a> {
        self.place = Place::End;
        self.pos = self.body.len();
        let raw = self.body.get(start..).unwrap_or_default();
        Malformed {
            raw: raw.trim_ascii_end(),
            error,
        }
    }

    fn element(&mut self) -> Result<Event<'a>, Malformed<'a>> {
        let start = self.pos;
        self.place = Place::AfterElement;
        let error = match &mut self.text {
            Some(scanner) => {
                scanner.pos = start;
                match Event::scan(scanner) {
                    Ok(event) => {
                        self.pos = scanner.pos;
                        return Ok(event);
                    }
                    Err(error) => error.to_string(),
                }
            }
            // Not all of the body is text: this element may still be.
            None => {
                let end = self.element_end(start).unwrap_or(self.body.len());
                let raw = self.body.get(start..end).unwrap_or_default();
                match std::str::from_utf8(raw) {
                    Ok(text) => match Event::scan(&mut Scanner::new(text)) {
                        Ok(event) => {
                            self.pos = start + event.raw.len();
                            return Ok(event);
                        }
                        Err(error) => error.to_string(),
                    },
                    Err(error) => error.to_string(),
                }
            }
        };
        let Some(end) = self.element_end(start).or_else(|| self.resync(start)) else {
            return Err(self.rest(start, error));
        };
        self.pos = end;
        let raw = self.body.get(start..end).unwrap_or_default();
        Err(Malformed {
            raw: raw.trim_ascii_end(),
            error,
        })
    }

    /// Where the element that starts at `start` ends if its brackets and quotes are paired: before a `,` or `]` of the
    /// array itself.
    fn element_end(&mut self, start: usize) -> Option<usize> {
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        let bytes = self.body.get(start..)?;
        let mut end = None;
        let mut seen = 0;
        for (at, &byte) in bytes.iter().enumerate().take(self.scans_left) {
            seen = at + 1;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b',' | b']' if depth == 0 => {
                    end = Some(start + at);
                    break;
                }
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        self.scans_left -= seen;
        end
    }

    /// Brackets or quotes do not pair: looks for the next comma after which an event stands that is followed by the end
    /// of the array or another element.
    fn resync(&mut self, start: usize) -> Option<usize> {
        let rest = self.body.get(start..)?;
        for at in memchr::memchr_iter(b',', rest) {
            let after = rest.get(at + 1..)?.trim_ascii_start();
            if !after.starts_with(b"{") {
                continue;
            }
            let looked_at = after.len().min(LONGEST_LOOK);
            self.scans_left = self.scans_left.checked_sub(looked_at)?;
            let after = after.get(..looked_at)?;
            let text = match std::str::from_utf8(after) {
                Ok(text) => text,
                Err(error) => std::str::from_utf8(after.get(..error.valid_up_to())?).ok()?,
            };
            let mut scanner = Scanner::new(text);
            let is_event = Event::scan(&mut scanner).is_ok();
            scanner.skip_whitespace();
            if is_event && matches!(scanner.peek(), Some(b',' | b']')) {
                return Some(start + at);
            }
            // Most tries end soon.
            self.scans_left += looked_at.saturating_sub(scanner.pos);
        }
        None
    }
}

/// So far a malformed element's successor is looked for to be whole. Bytes.
const LONGEST_LOOK: usize = 64 * 1024;

impl<'a> Iterator for Batch<'a> {
    type Item = Result<Event<'a>, Malformed<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.skip_whitespace();
            match self.place {
                Place::Start => {
                    let start = self.pos;
                    if self.peek().is_none() {
                        self.place = Place::End;
                    } else if !self.eat(b'[') {
                        return Some(Err(self.rest(start, "the body is not a JSON array".into())));
                    } else {
                        self.skip_whitespace();
                        self.place = if self.eat(b']') { Place::End } else { Place::Element };
                    }
                }
                // A comma too many leaves out nothing.
                Place::Element => match self.peek() {
                    Some(b',') => self.pos += 1,
                    Some(b']') => {
                        self.pos += 1;
                        self.place = Place::End;
                    }
                    Some(_) => return Some(self.element()),
                    None => return Some(Err(self.rest(self.pos, "the body ends within its array".into()))),
                },
                Place::AfterElement => {
                    if self.eat(b',') {
                        self.place = Place::Element;
                    } else if self.eat(b']') {
                        self.place = Place::End;
                    } else if self.peek().is_none() {
                        let error = "the body ends within its array".into();
                        return Some(Err(self.rest(self.pos, error)));
                    } else {
                        // No comma: what stands here is an element of its own, most likely a broken one.
                        return Some(self.element());
                    }
                }
                Place::End => {
                    self.peek()?;
                    let error = format!("something follows the array at byte {}", self.pos);
                    return Some(Err(self.rest(self.pos, error)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(body: &str) -> Vec<String> {
        outline_bytes(body.as_bytes())
    }

    /// `type` of each event; `!` and the raw text of each malformed piece.
    fn outline_bytes(body: &[u8]) -> Vec<String> {
        Batch::new(body)
            .map(|item| match item {
                Ok(event) => event.kind.name().to_owned(),
                Err(malformed) => format!("!{}", String::from_utf8_lossy(malformed.raw)),
            })
            .collect()
    }

    #[test]
    fn an_event_lends_its_members() {
        let body = br#" [ {"time":"t","type":"function","record":{"a":{"level":1},"AWSRequestId":"x","requestId":"r","level":"WARN","tenantId":"b"},"later":[1]} ] "#;
        let event = Batch::new(body).next().unwrap().unwrap();
        assert_eq!(event.kind, crate::telemetry::event::Kind::Function);
        assert_eq!(event.time, Some("\"t\""));
        assert_eq!(event.members.request_id, Some("\"r\""));
        assert_eq!(event.members.tenant_id, Some("\"b\""));
        assert_eq!(event.members.level, Some("\"WARN\""));
        assert!(event.record.unwrap().starts_with("{\"a\"") && event.record.unwrap().ends_with("\"b\"}"));
        assert!(event.raw.starts_with("{\"time\"") && event.raw.ends_with("[1]}"));
        assert!(!event.has_line_breaks);
    }

    #[test]
    fn request_ids_go_by_their_rank_and_empty_ones_do_not_count() {
        let of = |record: &str| {
            let body = format!(r#"[{{"type":"function","record":{record}}}]"#);
            Batch::new(body.as_bytes())
                .next()
                .unwrap()
                .unwrap()
                .members
                .request_id
                .map(str::to_owned)
        };
        assert_eq!(of(r#"{"requestId":"a","AWSRequestId":"b"}"#).as_deref(), Some("\"a\""));
        assert_eq!(of(r#"{"AWSRequestId":"b","requestId":""}"#).as_deref(), Some("\"b\""));
        assert_eq!(of(r#"{"function_request_id":"c"}"#).as_deref(), Some("\"c\""));
        assert_eq!(of(r#"{"requestId":7}"#), None);
        assert_eq!(of(r#""{\"requestId\":\"x\"}""#), None);
    }

    #[test]
    fn unknown_types_and_missing_members_are_fine() {
        assert_eq!(
            outline(r#"[{"type":"platform.fromTheFuture"},{"type":"platf\u006frm.start","x":1}]"#),
            ["platform.fromTheFuture", "platform.start"]
        );
    }

    #[test]
    fn empty_bodies_hold_nothing() {
        for body in ["", " ", "[]", " [ \n ] "] {
            assert_eq!(outline(body), Vec::<String>::new(), "{body:?}");
        }
    }

    #[test]
    fn a_malformed_element_costs_only_itself() {
        let good = r#"{"type":"function","record":"x"}"#;
        for bad in [
            "{bad}",
            "1",
            "\"text\"",
            "null",
            "[1,2]",
            "{}",
            r#"{"type":3}"#,
            r#"{"record":"no type"}"#,
            r#"{"type":"function","record":"\x"}"#,
            r#"{"type":"function","record":"unterminated}"#,
            r#"{"type":"function","record":[}"#,
            r#"{"type":"function","type":"function"}"#,
            r#"{"type":"function","forwarder":{}}"#,
            r#"{"type":"forwarder.report"}"#,
            "{\"type\":\"function\",\"record\":\"a\nb\"}",
        ] {
            let bang = format!("!{bad}");
            assert_eq!(
                outline(&format!("[{bad}]")).first().unwrap().get(..2),
                bang.get(..2),
                "{bad}"
            );
            assert_eq!(
                outline(&format!("[{good},{bad},{good}]")),
                ["function", &bang, "function"],
                "{bad}"
            );
            assert_eq!(outline(&format!("[{bad} , {good}]")), [&bang, "function"], "{bad}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_costs_only_its_event() {
        let body = b"[{\"type\":\"function\",\"record\":\"\xff\"},{\"type\":\"extension\"}]";
        let items: Vec<_> = Batch::new(body).collect();
        assert_eq!(items.len(), 2);
        assert_eq!(
            items.first().unwrap().as_ref().unwrap_err().raw,
            b"{\"type\":\"function\",\"record\":\"\xff\"}"
        );
        assert_eq!(
            items.last().unwrap().as_ref().unwrap().kind,
            crate::telemetry::event::Kind::Extension
        );
    }

    #[test]
    fn a_body_of_broken_elements_is_read_in_linear_time() {
        let body = format!(
            "[{}]",
            vec![r#"{"type":"function","record":[}"#; 40_000].join(r#",{"type":"function"},"#)
        );
        let looked_at = |body: &str| {
            let mut batch = Batch::new(body.as_bytes());
            let pieces = batch.by_ref().count();
            (pieces, SCANS * body.len() - batch.scans_left)
        };
        let (pieces, scanned) = looked_at(&body);
        assert!(
            pieces > 1 && scanned <= SCANS * body.len(),
            "{pieces} pieces, {scanned} bytes looked at"
        );
    }

    #[test]
    fn broken_bodies_are_kept_as_they_came() {
        assert_eq!(outline("hello"), ["!hello"]);
        assert_eq!(outline(r#"{"type":"function"}"#), [r#"!{"type":"function"}"#]);
        assert_eq!(
            outline(r#"[{"type":"function"},{"type":"fu"#),
            ["function", r#"!{"type":"fu"#]
        );
        assert_eq!(outline(r#"[{"type":"function"}"#), ["function", "!"]);
        assert_eq!(outline(r#"[{"type":"function"}] tail"#), ["function", "!tail"]);
        assert_eq!(
            outline(r#"[{"type":"function"} {"type":"extension"}]"#),
            ["function", "extension"]
        );
        assert_eq!(
            outline(r#"[,{"type":"function"},,{"type":"extension"},]"#),
            ["function", "extension"]
        );
    }
}
