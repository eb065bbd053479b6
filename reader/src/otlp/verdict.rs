//! What the answer to a post means. OpenTelemetry protocol specification, OTLP/HTTP, response. Pure.

use std::time::{Duration, SystemTime};

use aws_smithy_types::date_time::{DateTime, Format};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message as _;

/// A receiver that asks for a longer wait is asked again nevertheless.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Taken, but for so many records, which are never to be sent again.
    Accepted { rejected: u64, message: String },
    /// To be sent again, not before this time is over.
    Later(Option<Duration>),
    /// Something in it cannot be taken, or it is too much at once.
    Unacceptable,
    /// Nothing that is posted there will be taken.
    Refused,
}

/// By status, `Retry-After` and body. The answers of all signals have the same shape.
pub(super) fn verdict(status: u16, retry_after: Option<&str>, body: &[u8], now: SystemTime) -> Verdict {
    match status {
        200..=299 => {
            let answer = ExportLogsServiceResponse::decode(body).unwrap_or_default();
            let partial = answer.partial_success.unwrap_or_default();
            Verdict::Accepted {
                rejected: u64::try_from(partial.rejected_log_records).unwrap_or_default(),
                message: partial.error_message,
            }
        }
        429 | 502 | 503 | 504 => Verdict::Later(retry_after.and_then(|text| wait(text, now))),
        400 | 413 | 422 => Verdict::Unacceptable,
        _ => Verdict::Refused,
    }
}

/// Seconds, or a date. RFC 9110, 10.2.3.
fn wait(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let date = DateTime::from_str(text, Format::HttpDate).ok()?;
    let date = SystemTime::try_from(date).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsPartialSuccess;

    #[test]
    fn answers_mean_what_the_specification_says() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_166_042);
        let judged = |status, retry_after| verdict(status, retry_after, b"", now);
        let accepted = |rejected, message: &str| Verdict::Accepted {
            rejected,
            message: message.to_owned(),
        };
        assert_eq!(judged(200, None), accepted(0, ""));
        for status in [429, 502, 503, 504] {
            assert_eq!(judged(status, None), Verdict::Later(None));
            assert_eq!(judged(status, Some("7")), Verdict::Later(Some(Duration::from_secs(7))));
        }
        let date = "Fri, 20 Nov 2026 09:14:12 GMT";
        assert_eq!(judged(503, Some(date)), Verdict::Later(Some(Duration::from_secs(10))));
        assert_eq!(judged(503, Some("99999999")), Verdict::Later(Some(LONGEST_WAIT)));
        assert_eq!(judged(503, Some("soon")), Verdict::Later(None));
        assert_eq!(
            (judged(400, None), judged(413, None)),
            (Verdict::Unacceptable, Verdict::Unacceptable)
        );
        for status in [301, 401, 403, 404, 500, 501] {
            assert_eq!(judged(status, Some("7")), Verdict::Refused, "{status}");
        }
        let partial = ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records: 3,
                error_message: "too old".into(),
            }),
        };
        assert_eq!(
            verdict(200, None, &partial.encode_to_vec(), now),
            accepted(3, "too old")
        );
    }
}
