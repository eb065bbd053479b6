//! Requests: who may make them, what they are answered, and what browsers are told about the page.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Method, Response, StatusCode};
use forwarder_core::route::Level;
use forwarder_core::route::pattern::Pattern;

use crate::filter::Filter;

use super::assets::{ASSETS, PAGE};
use super::hub::Hub;
use super::row::WHOLE;
use super::tab;

/// Rows of an invocation, or of a trace, that are sent; bytes of them.
const MOST_ROWS: usize = 5_000;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The longest query. Browsers and proxies take no more than some thousand bytes either.
const LONGEST_QUERY: usize = 8 * 1024;

/// What browsers are told: nothing comes from elsewhere, nothing that is not a file of the page runs, and no text becomes
/// markup.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // The token is in the URL.
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Who may ask.
pub(super) enum Guard {
    /// On the loopback: whoever is on this machine; but not a page of elsewhere whose name leads here.
    Local,
    /// Whoever has the token.
    Token(String),
}

impl Guard {
    pub(super) fn new(address: SocketAddr) -> io::Result<Self> {
        if address.ip().is_loopback() {
            return Ok(Self::Local);
        }
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let mut token = String::with_capacity(32);
        for byte in bytes {
            let _ = write!(token, "{byte:02x}");
        }
        Ok(Self::Token(token))
    }

    pub(super) fn url(&self, address: SocketAddr) -> String {
        match self {
            Self::Local => format!("http://{address}/"),
            Self::Token(token) => format!("http://{address}/?token={token}"),
        }
    }

    fn admits(&self, request: &Request) -> bool {
        match self {
            Self::Local => {
                let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
                let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
                name.is_some_and(|name| matches!(name, "localhost" | "[::1]") || name.starts_with("127."))
            }
            Self::Token(token) => {
                let given = parameter(request.uri().query().unwrap_or_default(), "token").unwrap_or_default();
                // In the same time wherever they differ.
                let differs = given
                    .bytes()
                    .zip(token.bytes())
                    .fold(0, |sum, (one, other)| sum | (one ^ other));
                given.len() == token.len() && differs == 0
            }
        }
    }
}

/// Serves one hub.
pub(super) struct Serving {
    hub: Arc<Hub>,
    guard: Guard,
}

impl Serving {
    pub(super) fn new(hub: Arc<Hub>, guard: Guard) -> Self {
        Self { hub, guard }
    }

    pub(super) fn answer(&self, request: &Request) -> Response<Body> {
        let path = request.uri().path();
        let query = request.uri().query().unwrap_or_default();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "the page is only looked at");
        }
        if query.len() > LONGEST_QUERY {
            return plain(StatusCode::URI_TOO_LONG, "the query is too long");
        }
        if let Some(asset) = ASSETS.iter().find(|asset| asset.path == path) {
            return response(StatusCode::OK, asset.kind, Body::from(asset.text));
        }
        if !self.guard.admits(request) {
            return plain(
                StatusCode::FORBIDDEN,
                "the address that `consumer` printed has a token; or the host is not this machine",
            );
        }
        match path {
            "/" => response(StatusCode::OK, "text/html; charset=utf-8", Body::from(PAGE)),
            "/api/events" => {
                let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
                self.events(query, last)
            }
            "/api/invocation" => self.invocation(query),
            _ => plain(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    fn events(&self, query: &str, last: Option<&str>) -> Response<Body> {
        let filter = match filter(query) {
            Ok(filter) => filter,
            Err(error) => return plain(StatusCode::BAD_REQUEST, &error),
        };
        let Some(tab) = self.hub.open() else {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "too many pages are open");
        };
        let body = tab::body(self.hub.clone(), tab, filter, last);
        response(StatusCode::OK, "text/event-stream", body)
    }

    /// All that is kept of an invocation, or of a trace.
    fn invocation(&self, query: &str) -> Response<Body> {
        let request = parameter(query, "request").filter(|id| !id.is_empty());
        let trace = parameter(query, "trace").filter(|id| !id.is_empty());
        if request.is_none() && trace.is_none() {
            return plain(StatusCode::BAD_REQUEST, "which request or trace?");
        }
        let (rows, _) = self.hub.rows_from(0);
        let is_of = |wanted: &Option<String>, id: &str| wanted.as_deref().is_some_and(|wanted| wanted == id);
        let mut json = String::from("{\"rows\":[");
        let mut sent = 0;
        let mut more = 0;
        for row in rows {
            if !is_of(&request, &row.entry.request) && !is_of(&trace, &row.entry.trace) {
                continue;
            }
            if sent >= MOST_ROWS || json.len() > MOST_BYTES {
                more += 1;
                continue;
            }
            if sent > 0 {
                json.push(',');
            }
            json.push_str(&row.json(WHOLE));
            sent += 1;
        }
        let _ = write!(json, "],\"more\":{more}}}");
        response(StatusCode::OK, "application/json", Body::from(json))
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    response(status, "text/plain; charset=utf-8", Body::from(format!("{text}\n")))
}

fn response(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What a page asks for. The same names as the options, and `text` for `--grep`.
fn filter(query: &str) -> Result<Filter, String> {
    let mut filter = Filter::default();
    for (name, value) in parameters(query).filter(|(_, value)| !value.is_empty()) {
        match name.as_ref() {
            "function" => filter.functions.push(value),
            "request" => filter.requests.push(value),
            "trace" => filter.traces.push(value),
            "type" => filter.types.push(value),
            "level" => {
                let level = Level::from_name(&value).ok_or_else(|| format!("there is no level `{value}`"))?;
                filter.level = Some(level);
            }
            "text" => filter
                .patterns
                .push(Pattern::new(&value).map_err(|error| error.to_string())?),
            // The page keeps more in its URL than the server needs.
            _ => {}
        }
    }
    Ok(filter)
}

fn parameter(query: &str, wanted: &str) -> Option<String> {
    parameters(query)
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value)
}

/// `application/x-www-form-urlencoded`, as browsers write queries. <https://url.spec.whatwg.org>
fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (Cow::Owned(decoded(name)), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::super::hub::tests::publish;
    use super::*;
    use crate::unpack::tests::line;

    fn ask(serving: &Serving, uri: &str, host: &str) -> Response<Body> {
        let request = axum::http::Request::builder().uri(uri).header("host", host);
        serving.answer(&request.body(Body::empty()).unwrap())
    }

    fn serving(address: &str) -> Serving {
        let guard = Guard::new(address.parse().unwrap()).unwrap();
        Serving::new(Arc::new(Hub::default()), guard)
    }

    async fn text(response: Response<Body>) -> String {
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn beyond_this_machine_nothing_is_seen_without_the_token() {
        let serving = serving("0.0.0.0:8400");
        let Guard::Token(token) = &serving.guard else {
            unreachable!()
        };
        assert_eq!(token.len(), 32);
        let url = serving.guard.url("192.0.2.1:8400".parse().unwrap());
        assert_eq!(url, format!("http://192.0.2.1:8400/?token={token}"));
        for path in ["/", "/api/events", "/api/invocation?request=r"] {
            for token in ["", "token=", "token=0", &format!("token={}", "0".repeat(32))] {
                let separator = if path.contains('?') { '&' } else { '?' };
                let refused = ask(&serving, &format!("{path}{separator}{token}"), "example.com");
                assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path} {token}");
            }
        }
        assert_eq!(
            ask(&serving, &format!("/?token={token}"), "example.com").status(),
            StatusCode::OK
        );
    }

    #[tokio::test]
    async fn on_the_loopback_a_name_of_elsewhere_leads_nowhere() {
        let serving = serving("127.0.0.1:8400");
        for (host, status) in [
            ("127.0.0.1:8400", 200),
            ("localhost:8400", 200),
            ("localhost", 200),
            ("[::1]:8400", 200),
            ("evil.example:8400", 403),
            ("localhost.evil.example:8400", 403),
        ] {
            assert_eq!(ask(&serving, "/", host).status().as_u16(), status, "{host}");
        }
    }

    #[tokio::test]
    async fn every_answer_has_the_policy() {
        let serving = serving("127.0.0.1:8400");
        for path in ["/", "/app.js", "/nothing", "/api/invocation", "/api/events?level=loud"] {
            let answer = ask(&serving, path, "localhost");
            let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(
                !policy.contains("unsafe") && policy.contains("require-trusted-types-for 'script'"),
                "{path}"
            );
            assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        }
        let request = axum::http::Request::post("/").header("host", "localhost");
        assert_eq!(serving.answer(&request.body(Body::empty()).unwrap()).status(), 405);
    }

    #[tokio::test]
    async fn an_invocation_is_answered_whole_and_nothing_else() {
        let serving = serving("127.0.0.1:8400");
        let of = |seq: u64, request: &str| {
            let stamp = format!(r#""seq":{seq},"requestId":"{request}""#);
            line("a", seq, r#"{"message":"<b>x</b>","level":"WARN"}"#).replace(&format!("\"seq\":{seq}"), &stamp)
        };
        publish(&serving.hub, [of(0, "one"), of(1, "two"), of(2, "one")]);
        let answer = text(ask(&serving, "/api/invocation?request=one", "localhost")).await;
        assert_eq!(answer.matches(r#""m":"<b>x</b>""#).count(), 2, "{answer}");
        assert!(serde_json::from_str::<serde_json::Value>(&answer).is_ok());
    }

    #[test]
    fn filters_are_the_query() {
        let filter = filter("function=check*&level=warn&text=a%2Bb+c%&type=platform.%2A&view=charts&request=").unwrap();
        assert_eq!(
            (filter.functions, filter.types),
            (vec!["check*".to_owned()], vec!["platform.*".to_owned()])
        );
        assert!(filter.patterns[0].is_match("aab c%") && filter.requests.is_empty());
        for (query, error) in [("level=loud", "loud"), ("text=(", "(")] {
            assert!(super::filter(query).err().unwrap().contains(error), "{query}");
        }
    }
}
