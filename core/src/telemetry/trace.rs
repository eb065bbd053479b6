//! The trace that an invocation belongs to, from Lambda's `tracing` members.

use crate::telemetry::json::{each_member, unescape};
use crate::telemetry::requests::push_member;

/// The one type of tracing that Lambda has.
const X_RAY: &str = "X-Amzn-Trace-Id";

/// Renders the envelope's members `traceId` and `spanId`, each with a comma before it, from the JSON text of a member
/// `tracing`: `{"spanId":"…","type":"X-Amzn-Trace-Id","value":"Root=1-<8>-<24>;…"}`. What it does not say is left out.
pub(crate) fn members(tracing: &str) -> String {
    let (mut kind, mut value, mut span_id) = (None, None, None);
    each_member(tracing, |key, member| {
        let text = member.starts_with('"').then(|| unescape(member));
        match key {
            "type" => kind = text,
            "value" => value = text,
            "spanId" => span_id = text,
            _ => {}
        }
    });
    if kind.is_none_or(|kind| kind != X_RAY) {
        return String::new();
    }
    let mut out = header(&value.unwrap_or_default());
    if let Some(span_id) = span_id.filter(|id| id.len() == 16 && is_hex(id)) {
        push_member(&mut out, "spanId", &format!("\"{span_id}\""));
    }
    out
}

/// Renders the envelope's member `traceId`, with a comma before it, from the value of an `X-Amzn-Trace-Id`. Empty where
/// there is no root in it.
pub(crate) fn header(value: &str) -> String {
    let mut fields = value.split(';').map(str::trim);
    let Some(root) = fields.find_map(|field| field.strip_prefix("Root=1-")) else {
        return String::new();
    };
    match root.split_once('-') {
        Some((time, random)) if time.len() == 8 && random.len() == 24 && is_hex(time) && is_hex(random) => {
            let mut out = String::new();
            push_member(&mut out, "traceId", &format!("\"{time}{random}\"").to_ascii_lowercase());
            out
        }
        _ => String::new(),
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "Root=1-62E900b2-710d76f009d6e7785905449a;Parent=53995c3f42cd8ad8;Sampled=0";

    #[test]
    fn the_root_makes_the_id_and_the_span_is_as_it_was_told() {
        let told = format!(r#"{{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id","value":"{ROOT}"}}"#);
        assert_eq!(
            members(&told),
            r#","traceId":"62e900b2710d76f009d6e7785905449a","spanId":"54565fb41ac79632""#
        );
        assert_eq!(header(ROOT), r#","traceId":"62e900b2710d76f009d6e7785905449a""#);
        assert_eq!(
            header(&format!("Self=1-67891234-12456789abcdef012345678;{ROOT}")),
            header(ROOT)
        );
    }

    #[test]
    fn what_is_no_trace_is_left_out() {
        for value in [
            "",
            "Root=",
            "Root=1-62e900b2",
            "Root=1-62e900b2-710d76f009d6e778590544",
            "Root=1-6ze900b2-710d76f009d6e7785905449a",
            "Parent=53995c3f42cd8ad8",
            "Root=1-62e900b2-710d76f009d6e77é905449",
        ] {
            assert_eq!(header(value), "", "{value}");
        }
        for tracing in [
            "null",
            "{}",
            "[]",
            r#"{"type":"other","value":"Root=1-62e900b2-710d76f009d6e7785905449a"}"#,
            r#"{"type":"X-Amzn-Trace-Id","value":7,"spanId":"\"x\""}"#,
        ] {
            assert_eq!(members(tracing), "", "{tracing}");
        }
    }
}
