//! Which of AWS's errors means what to a lane: the one table.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use forwarder_core::delivery::sink::{Failure, Outcome, Reason, causes};

use super::http::NotTrusted;

/// Error codes of Kinesis, Firehose, KMS and the signature check, by the services' API references.
const CODES: [(&str, Reason); 44] = [
    ("ProvisionedThroughputExceededException", Reason::Throttled),
    ("ThrottlingException", Reason::Throttled),
    ("Throttling", Reason::Throttled),
    ("ThrottledException", Reason::Throttled),
    ("TooManyRequestsException", Reason::Throttled),
    ("LimitExceededException", Reason::Throttled),
    ("RequestLimitExceeded", Reason::Throttled),
    ("SlowDown", Reason::Throttled),
    ("KMSThrottlingException", Reason::Throttled),
    ("InternalFailure", Reason::Service),
    ("InternalFailureException", Reason::Service),
    ("InternalServerError", Reason::Service),
    ("InternalServiceException", Reason::Service),
    ("InternalError", Reason::Service),
    ("ServiceUnavailable", Reason::Service),
    ("ServiceUnavailableException", Reason::Service),
    ("RequestTimeout", Reason::TimedOut),
    ("RequestTimeoutException", Reason::TimedOut),
    ("AccessDenied", Reason::AccessDenied),
    ("AccessDeniedException", Reason::AccessDenied),
    ("NotAuthorized", Reason::AccessDenied),
    ("UnauthorizedOperation", Reason::AccessDenied),
    ("OptInRequired", Reason::AccessDenied),
    ("ResourceNotFoundException", Reason::NotFound),
    ("ExpiredToken", Reason::Credentials),
    ("ExpiredTokenException", Reason::Credentials),
    ("RequestExpired", Reason::Credentials),
    ("RequestTimeTooSkewed", Reason::Credentials),
    ("InvalidClientTokenId", Reason::Credentials),
    ("UnrecognizedClientException", Reason::Credentials),
    ("MissingAuthenticationToken", Reason::Credentials),
    ("MissingAuthenticationTokenException", Reason::Credentials),
    ("IncompleteSignature", Reason::Credentials),
    ("IncompleteSignatureException", Reason::Credentials),
    ("InvalidSignatureException", Reason::Credentials),
    ("SignatureDoesNotMatch", Reason::Credentials),
    ("KMSAccessDeniedException", Reason::Encryption),
    ("KMSDisabledException", Reason::Encryption),
    ("KMSInvalidStateException", Reason::Encryption),
    ("KMSNotFoundException", Reason::Encryption),
    ("KMSOptInRequired", Reason::Encryption),
    ("InvalidKMSResourceException", Reason::Encryption),
    ("ValidationException", Reason::Invalid),
    ("InvalidArgumentException", Reason::Invalid),
];

/// Characters of an answer that are shown, where it names no error that is known.
const ANSWER_SHOWN: usize = 200;

/// Meaning of an error code; it is in a failed call's answer, or beside a record that a put refused.
fn reason_of_code(code: &str) -> Option<Reason> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, reason)| *reason)
}

/// True for an error code that says what is wrong with what was asked.
#[cfg(feature = "kinesis")]
pub(crate) fn is_known(code: &str) -> bool {
    reason_of_code(code).is_some()
}

/// Outcome of a record that a put answered with this error code, or with none.
pub(crate) fn outcome(code: Option<&str>) -> Outcome {
    match code {
        None => Outcome::Delivered,
        Some(code) => Outcome::Retry(reason_of_code(code).unwrap_or(Reason::Unknown)),
    }
}

fn reason_of_status(status: u16) -> Reason {
    match status {
        408 => Reason::TimedOut,
        429 => Reason::Throttled,
        500.. => Reason::Service,
        401 | 403 => Reason::AccessDenied,
        404 => Reason::NotFound,
        413 => Reason::Invalid,
        _ => Reason::Unknown,
    }
}

/// Meaning of a failed call.
pub(super) fn failure<E>(error: SdkError<E, HttpResponse>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let Some(not_trusted) = sources(&error).find_map(|source| source.downcast_ref::<NotTrusted>()) {
        return Failure::new(Reason::Certificate, not_trusted.to_string());
    }
    let code = error.code();
    let reason = match &error {
        _ if code.is_some_and(|code| reason_of_code(code).is_some()) => {
            code.and_then(reason_of_code).unwrap_or(Reason::Unknown)
        }
        SdkError::ServiceError(answer) => reason_of_status(answer.raw().status().as_u16()),
        SdkError::ResponseError(answer) => reason_of_status(answer.raw().status().as_u16()),
        SdkError::TimeoutError(_) => Reason::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Reason::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_io() => Reason::Unreachable,
        // Neither a connection nor a time-out: the SDK reports missing credentials so.
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) if mentions_credentials(&error) => {
            Reason::Credentials
        }
        SdkError::DispatchFailure(_) => Reason::Unreachable,
        _ => Reason::Unknown,
    };
    Failure::new(reason, message(&error))
}

/// Text of a failed call, for a person.
pub(crate) fn message<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => answered(error).unwrap_or_else(|| causes(error)),
    }
}

/// What came instead of an answer of the service: of a proxy, of another server, or of one that is ill.
fn answered<E: std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let raw = error.raw_response()?;
    let status = raw.status();
    if status.is_success() {
        let reason = sources(error).last().map(ToString::to_string).unwrap_or_default();
        return Some(format!(
            "HTTP {}, an answer that cannot be read: {reason}",
            status.as_u16()
        ));
    }
    let body = String::from_utf8_lossy(raw.body().bytes().unwrap_or_default());
    let words = body.split_whitespace().flat_map(|word| [" ", word]).skip(1);
    let begin: String = words.flat_map(str::chars).take(ANSWER_SHOWN).collect();
    Some(format!("HTTP {}: {begin}", status.as_u16()))
}

fn mentions_credentials<E: std::error::Error + 'static>(error: &E) -> bool {
    let mut texts = sources(error).map(ToString::to_string);
    texts.any(|text| text.contains("credentials") || text.contains("identity"))
}

/// An error, and what caused it. One inside of an [`io::Error`](std::io::Error) is that error's own, not its source.
fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let inner = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        match inner {
            Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::error::metadata::ErrorMetadata;

    use super::*;

    #[test]
    fn codes_and_statuses() {
        assert_eq!(
            reason_of_code("ProvisionedThroughputExceededException"),
            Some(Reason::Throttled)
        );
        assert_eq!(reason_of_code("KMSDisabledException"), Some(Reason::Encryption));
        assert_eq!(reason_of_code("NoSuchCode"), None);
        assert_eq!(
            [413, 403, 404, 429, 500, 503, 400].map(reason_of_status),
            [
                Reason::Invalid,
                Reason::AccessDenied,
                Reason::NotFound,
                Reason::Throttled,
                Reason::Service,
                Reason::Service,
                Reason::Unknown,
            ]
        );
    }

    /// Message of a put that was answered so.
    fn message_of(status: u16, body: &str) -> String {
        let answer = HttpResponse::new(status.try_into().unwrap(), body.to_owned().into());
        let error = ErrorMetadata::builder().build();
        failure(SdkError::<ErrorMetadata, _>::response_error(error, answer)).message
    }

    #[test]
    fn what_is_no_answer_of_the_service_is_shown_as_it_came() {
        let page = format!("<html>\n  <h1>Gateway</h1>{}", "x".repeat(10_000));
        let shown = message_of(502, &page);
        assert!(shown.starts_with("HTTP 502: <html> <h1>Gateway</h1>xxx"), "{shown}");
        assert_eq!(shown.chars().count(), "HTTP 502: ".len() + ANSWER_SHOWN);
        let unread = message_of(200, "[]");
        assert!(
            unread.starts_with("HTTP 200, an answer that cannot be read: "),
            "{unread}"
        );
        assert!(
            !unread.contains("Response {"),
            "nothing of how the SDK is made: {unread}"
        );
    }

    #[test]
    fn no_code_stands_twice() {
        for (index, (code, _)) in CODES.iter().enumerate() {
            assert_eq!(CODES.iter().position(|(other, _)| other == code), Some(index), "{code}");
        }
    }
}
