//! Where it is posted to: a URL, headers, and a client.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use flate2::Compression;
use flate2::write::GzEncoder;
use forwarder_core::delivery::sink::causes;
use tokio::time::timeout;

/// Longest time until an answer is there whole.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of an answer that are read.
const MOST_ANSWER: usize = 64 * 1024;

/// An OTLP/HTTP endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    base: String,
    headers: Vec<(String, String)>,
    connector: Arc<Connector>,
}

/// Reasons why nothing can be posted to it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadEndpoint {
    /// It is no URL.
    #[error("`{0}` is no URL of an OTLP endpoint, such as http://127.0.0.1:4318")]
    NoUrl(String),
    /// It names a signal.
    #[error("`{0}` names one signal; logs, metrics and traces are posted below the URL that is left without /v1/…")]
    Signal(String),
    /// A header cannot be sent.
    #[error("OTEL_EXPORTER_OTLP_HEADERS: `{0}` is no header; key=value,key=value, percent-encoded")]
    Header(String),
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Endpoint {
    /// An endpoint at a base URL, with headers as `OTEL_EXPORTER_OTLP_HEADERS` has them. OpenTelemetry, OTLP exporter
    /// configuration.
    ///
    /// # Errors
    /// It is none.
    pub fn new(url: &str, headers: &str) -> Result<Self, BadEndpoint> {
        let base = url.trim_end_matches('/');
        let rest = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://"));
        if rest.is_none_or(|host| host.is_empty() || host.contains(['?', '#', ' '])) {
            return Err(BadEndpoint::NoUrl(url.to_owned()));
        }
        if ["/v1/logs", "/v1/metrics", "/v1/traces"]
            .iter()
            .any(|path| base.ends_with(path))
        {
            return Err(BadEndpoint::Signal(url.to_owned()));
        }
        let connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring));
        let endpoint = Self {
            base: base.to_owned(),
            headers: parse_headers(headers)?,
            connector: Arc::new(connector.build()),
        };
        // What the client would refuse is said now.
        endpoint
            .request("/v1/logs", Vec::new())
            .map_err(|()| BadEndpoint::NoUrl(url.to_owned()))?;
        Ok(endpoint)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn request(&self, path: &str, body: Vec<u8>) -> Result<HttpRequest, ()> {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(drop)?;
        request.set_uri(self.url(path)).map_err(drop)?;
        let headers = request.headers_mut();
        for (name, value) in [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "gzip"),
            (
                "user-agent",
                concat!("lambda-telemetry-forwarder-consumer/", env!("CARGO_PKG_VERSION")),
            ),
        ] {
            headers.insert(name, value);
        }
        for (name, value) in &self.headers {
            headers.try_insert(name.clone(), value.clone()).map_err(drop)?;
        }
        Ok(request)
    }

    /// Posts once.
    pub(super) async fn post(&self, path: &str, body: &[u8]) -> Result<Answer, String> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = gzip.write_all(body).and_then(|()| gzip.finish());
        let packed = packed.map_err(|error| error.to_string())?;
        let request = self.request(path, packed).map_err(|()| "it is no request".to_owned())?;
        let answered = timeout(PATIENCE, async {
            let response = self.connector.call(request).await;
            let response = response.map_err(|error| causes(&error))?;
            let status = response.status().as_u16();
            let retry_after = response.headers().get("retry-after").map(str::to_owned);
            let mut stream = ByteStream::new(response.into_body());
            let mut body = Vec::new();
            while body.len() < MOST_ANSWER
                && let Some(bytes) = stream.try_next().await.map_err(|error| error.to_string())?
            {
                body.extend_from_slice(&bytes);
            }
            Ok(Answer {
                status,
                retry_after,
                body,
            })
        });
        let answered = answered.await;
        answered.unwrap_or_else(|_| Err(format!("no answer in {} s", PATIENCE.as_secs())))
    }
}

fn parse_headers(text: &str) -> Result<Vec<(String, String)>, BadEndpoint> {
    let members = text.split(',').map(str::trim).filter(|member| !member.is_empty());
    let headers = members.map(|member| {
        let bad = || BadEndpoint::Header(member.to_owned());
        let (name, value) = member.split_once('=').ok_or_else(bad)?;
        let name = name.trim().to_ascii_lowercase();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let value = percent_decoded(value.trim()).ok_or_else(bad)?;
        let is_value = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if name.is_empty() || !name.bytes().all(is_name) || !is_value {
            return Err(bad());
        }
        Ok((name, value))
    });
    headers.collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = rest.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_opentelemetry() {
        let headers = parse_headers("api-key=a%20b, X-Scope = c=d ,").unwrap();
        assert_eq!(
            headers,
            [("api-key".into(), "a b".into()), ("x-scope".into(), "c=d".into())]
        );
        for bad in ["a", "a b=c", "=c", "a=%zz", "a=%0d%0ab"] {
            assert!(matches!(parse_headers(bad), Err(BadEndpoint::Header(_))), "{bad}");
        }
    }

    #[test]
    fn a_url_is_the_base_of_three() {
        let endpoint = Endpoint::new("http://127.0.0.1:4318/", "").unwrap();
        assert_eq!(endpoint.url("/v1/logs"), "http://127.0.0.1:4318/v1/logs");
        for url in ["", "localhost:4318", "http://", "ftp://a", "http://a?b"] {
            assert_eq!(Endpoint::new(url, "").unwrap_err(), BadEndpoint::NoUrl(url.into()));
        }
        let signal = Endpoint::new("https://a/v1/logs", "").unwrap_err();
        assert!(matches!(signal, BadEndpoint::Signal(_)));
    }
}
