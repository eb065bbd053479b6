//! The member `forwarder`, spliced in before an event's closing brace.

use crate::record::line::Line;
use crate::telemetry::json::write_string;

/// Extent of the envelope: `FORWARDER_ENVELOPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Envelope {
    /// `id`, `sink`, `seq`, `requestId`, `tenantId`, `executionArn`, `traceId`, `spanId`, `resource`.
    #[default]
    Full,
    /// As full, without `traceId`, `spanId` and `resource`.
    Lean,
    /// Nothing: the event as Lambda sent it. A reader cannot prove anything, and own events are not sent.
    Raw,
}

/// Resource of the telemetry, under OpenTelemetry's names. What is unknown is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    /// `faas.name`: the function's name.
    pub faas_name: Option<String>,
    /// `faas.version`: the function's version.
    pub faas_version: Option<String>,
    /// `faas.instance`: the environment, when `platform.initStart` named it.
    pub faas_instance: Option<String>,
    /// `cloud.region`
    pub cloud_region: Option<String>,
    /// `cloud.account.id`
    pub cloud_account_id: Option<String>,
    /// Attributes of the user's own, each name once; one of the names above wins over what Lambda tells.
    pub attributes: Vec<(String, String)>,
}

impl Resource {
    /// The function that synthetic telemetry is about; its instance is left open.
    #[cfg(feature = "sample")]
    pub fn sample() -> Self {
        Self {
            faas_name: Some("production-checkout-order-placement-service-consumer".into()),
            faas_version: Some("$LATEST".into()),
            faas_instance: None,
            cloud_region: Some("eu-west-1".into()),
            cloud_account_id: Some("123456789012".into()),
            attributes: Vec::new(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let members = [
            ("faas.name", &self.faas_name),
            ("faas.version", &self.faas_version),
            ("faas.instance", &self.faas_instance),
            ("cloud.region", &self.cloud_region),
            ("cloud.account.id", &self.cloud_account_id),
        ];
        let own = |name: &str| self.attributes.iter().find(|(key, _)| key == name);
        let of_lambda = members
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let of_lambda = of_lambda.filter(|(name, _)| own(name).is_none());
        let of_user = self
            .attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let before = out.len();
        for (name, value) in of_lambda.chain(of_user) {
            out.extend_from_slice(if out.len() == before { b",\"resource\":{" } else { b"," });
            write_string(out, name);
            out.push(b':');
            write_string(out, value);
        }
        if out.len() > before {
            out.push(b'}');
        }
    }
}

/// Writes the lines of one lane. What is the same in each line is rendered once.
#[derive(Debug)]
pub(crate) struct Stamp {
    /// `,"forwarder":{"id":"…","sink":"…","seq":…`; empty for [`Envelope::Raw`].
    head: Head,
    /// Lines have `traceId` and `spanId`.
    traced: bool,
    /// `,"resource":{…}}}` and the line's end.
    tail: Vec<u8>,
}

impl Stamp {
    pub(crate) fn new(envelope: Envelope, id: &str, sink: &str, resource: &Resource) -> Self {
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        if envelope != Envelope::Raw {
            head.extend_from_slice(b",\"forwarder\":{\"id\":");
            write_string(&mut head, id);
            head.extend_from_slice(b",\"sink\":");
            write_string(&mut head, sink);
            head.extend_from_slice(b",\"seq\":");
            if envelope == Envelope::Full {
                resource.write(&mut tail);
            }
            tail.push(b'}');
        }
        tail.extend_from_slice(b"}\n");
        Self {
            head: Head::new(head),
            traced: envelope == Envelope::Full,
            tail,
        }
    }

    /// Appends the line of one event: its text, this lane's member, the closing brace, a line feed. Line breaks between
    /// the event's tokens are left out, so that a line is a line. `extra`: more members of the envelope, each with a
    /// comma before it.
    #[inline]
    pub(crate) fn write_line(&mut self, out: &mut Vec<u8>, line: &Line<'_>, seq: u64, extra: &str) {
        let Line { event, context, .. } = line;
        let event = event.as_bytes();
        let open = event.strip_suffix(b"}").unwrap_or(event);
        if line.has_line_breaks {
            open.split(|byte| matches!(byte, b'\n' | b'\r'))
                .for_each(|piece| out.extend_from_slice(piece));
        } else {
            out.extend_from_slice(open);
        }
        if let Some(head) = self.head.numbered(seq) {
            out.extend_from_slice(head);
            let trace = if self.traced { context.trace } else { "" };
            if !context.lean.is_empty() {
                out.extend_from_slice(context.lean.as_bytes());
            }
            if !trace.is_empty() {
                out.extend_from_slice(trace.as_bytes());
            }
            if !extra.is_empty() {
                out.extend_from_slice(extra.as_bytes());
            }
        }
        out.extend_from_slice(&self.tail);
    }
}

/// What is the same in each line, and a number that is one more in nearly each.
#[derive(Debug)]
struct Head {
    /// Ends in the number written last.
    text: Vec<u8>,
    /// Where that begins; 0 if there is nothing to write.
    digits: usize,
    last: u64,
}

impl Head {
    fn new(mut text: Vec<u8>) -> Self {
        let digits = text.len();
        if digits > 0 {
            write_integer(&mut text, 0);
        }
        Self { text, digits, last: 0 }
    }

    /// Nothing for [`Envelope::Raw`].
    fn numbered(&mut self, seq: u64) -> Option<&[u8]> {
        if self.digits == 0 {
            return None;
        }
        let is_next = seq == self.last.wrapping_add(1) && seq != 0;
        match self.text.last_mut() {
            Some(digit) if is_next && *digit < b'9' => *digit += 1,
            _ => self.write(seq),
        }
        self.last = seq;
        Some(&self.text)
    }

    #[cold]
    fn write(&mut self, seq: u64) {
        self.text.truncate(self.digits);
        write_integer(&mut self.text, seq);
    }
}

/// The digits of the largest `seq`.
const SEQ_DIGITS: usize = 20;

fn write_integer(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; SEQ_DIGITS];
    let mut first = digits.len();
    for digit in digits.iter_mut().rev() {
        // A remainder of ten fits.
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
        first -= 1;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::invocation::Context;

    fn resource() -> Resource {
        Resource {
            faas_name: Some("checkout".into()),
            faas_version: Some("$LATEST".into()),
            cloud_region: Some("eu-west-1".into()),
            cloud_account_id: Some("123456789012".into()),
            ..Resource::default()
        }
    }

    fn event<'a>(event: &'a str, context: Context<'a>) -> Line<'a> {
        Line {
            event,
            record: None,
            has_line_breaks: event.contains('\n'),
            context,
        }
    }

    fn line(envelope: Envelope, resource: &Resource, event: &str, context: Context<'_>, seq: u64) -> String {
        let mut out = Vec::new();
        let mut stamp = Stamp::new(envelope, "9f31c0de5a7b2468", "kinesis", resource);
        stamp.write_line(&mut out, &self::event(event, context), seq, "");
        String::from_utf8(out).unwrap()
    }

    const EVENT: &str = r#"{"time":"…","type":"function","record":"…"}"#;
    const RUNNING: Context<'_> = Context {
        request_id: Some("\"8f2…\""),
        lean: ",\"requestId\":\"8f2…\"",
        trace: ",\"traceId\":\"62e900b2710d76f009d6e7785905449a\"",
    };
    const NOBODY: Context<'_> = Context {
        request_id: None,
        lean: "",
        trace: "",
    };

    #[test]
    fn the_example_of_the_contract() {
        assert_eq!(
            line(Envelope::Full, &resource(), EVENT, RUNNING, 41),
            concat!(
                r#"{"time":"…","type":"function","record":"…","forwarder":{"id":"9f31c0de5a7b2468","sink":"kinesis","seq":41,"#,
                r#""requestId":"8f2…","traceId":"62e900b2710d76f009d6e7785905449a","resource":{"faas.name":"checkout","faas.version":"$LATEST","cloud.region":"eu-west-1","#,
                r#""cloud.account.id":"123456789012"}}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn each_number_is_written_whatever_was_written_before() {
        let mut stamp = Stamp::new(Envelope::Lean, "9f31c0de5a7b2468", "kinesis", &resource());
        let near = |number: u64| number.saturating_sub(2)..=number.saturating_add(2);
        let jumps = [0, 9, 99, 10_000, 7, 7, 1_999, 1_989, u64::MAX, 0, u64::MAX];
        for seq in (0..=1_101).chain(jumps.into_iter().flat_map(near)) {
            let mut out = Vec::new();
            stamp.write_line(&mut out, &event("{}", NOBODY), seq, "");
            let out = String::from_utf8(out).unwrap();
            assert!(out.ends_with(&format!(",\"seq\":{seq}}}}}\n")), "{seq}: {out}");
        }
    }

    #[test]
    fn lean_has_no_resource_and_raw_has_nothing() {
        assert_eq!(
            line(Envelope::Lean, &resource(), EVENT, NOBODY, u64::MAX),
            "{\"time\":\"…\",\"type\":\"function\",\"record\":\"…\",\"forwarder\":{\"id\":\"9f31c0de5a7b2468\",\"sink\":\"kinesis\",\"seq\":18446744073709551615}}\n"
        );
        let lean = line(Envelope::Lean, &resource(), EVENT, RUNNING, 1);
        assert!(lean.ends_with("\"seq\":1,\"requestId\":\"8f2…\"}}\n"), "{lean}");
        assert_eq!(
            line(Envelope::Raw, &resource(), EVENT, RUNNING, 0),
            format!("{EVENT}\n")
        );
    }

    #[test]
    fn tenant_instance_and_line_breaks() {
        let resource = Resource {
            faas_instance: Some("2026/11/20/[$LATEST]4b\"e7".into()),
            ..Resource::default()
        };
        let context = Context {
            lean: ",\"requestId\":\"8f2…\",\"tenantId\":\"blue\"",
            trace: "",
            ..RUNNING
        };
        let event = "{\n  \"type\": \"x\"\r\n}";
        let line = line(Envelope::Full, &resource, event, context, 0);
        assert_eq!(line.matches('\n').count(), 1);
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({"type": "x", "forwarder": {
            "id": "9f31c0de5a7b2468", "sink": "kinesis", "seq": 0, "requestId": "8f2…", "tenantId": "blue",
            "resource": {"faas.instance": "2026/11/20/[$LATEST]4b\"e7"},
        }});
        assert_eq!(json, expected);
        let attributed = Resource {
            attributes: [("team", "pay\"ments"), ("faas.name", "shop")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            ..self::resource()
        };
        let attributed = super::tests::line(Envelope::Full, &attributed, "{\"a\":1}", NOBODY, 0);
        let expected = r#""resource":{"faas.version":"$LATEST","cloud.region":"eu-west-1","cloud.account.id":"123456789012","team":"pay\"ments","faas.name":"shop"}}}"#;
        assert!(attributed.trim_end().ends_with(expected), "{attributed}");
        let nothing_known = super::tests::line(Envelope::Full, &Resource::default(), "{\"a\":1}", NOBODY, 10);
        assert!(nothing_known.ends_with(",\"seq\":10}}\n"), "{nothing_known}");
    }
}
