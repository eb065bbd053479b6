//! One HTTP request to Lambda, on the address in `AWS_LAMBDA_RUNTIME_API`.
//!
//! What is asked at start goes over one connection, the first `next` included: a new one costs a tenth of a
//! millisecond, which the function's init waits for. A later request has one of its own: after a freeze there is none
//! to go stale. No proxy is ever used, and no time-out set: the process may be frozen while it waits.

use std::fmt;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

/// The largest answer that is read. An INVOKE has some 500 bytes. A larger one is an error.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The most that is buffered of an answer's head, or of its body at once. Bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The most of a body that is no error of Lambda's that is shown in a message. Bytes.
const MAX_SHOWN_BYTES: usize = 512;

/// Address of Lambda's APIs. Clones share what they keep.
#[derive(Debug, Clone)]
pub struct RuntimeApi {
    authority: String,
    /// Prefix of each path; empty in Lambda, but not in every emulator.
    prefix: String,
    kept: Arc<Mutex<Option<Open>>>,
    reserve: Arc<Reserve>,
}

/// A connection, and what drives it.
type Open = (SendRequest<Full<Bytes>>, Connection<TokioIo<TcpStream>, Full<Bytes>>);

/// True if a connection outlives a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Another request follows at once.
    ForTheNext,
    /// The environment may be frozen before the next one.
    Not,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Message of an error's body, or the body itself.
    pub fn error(&self) -> ApiError {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            error_type: Option<String>,
            error_message: Option<String>,
        }
        let body = serde_json::from_slice::<Body>(&self.body).ok();
        let (error_type, message) = body.map_or((None, None), |body| (body.error_type, body.error_message));
        ApiError {
            status: Some(self.status.as_u16()),
            error_type: error_type.unwrap_or_default(),
            message: message.unwrap_or_else(|| shown(&self.body)),
            gone: false,
        }
    }
}

/// A call that Lambda refused, or that did not reach it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status; `None` if there was no answer.
    pub status: Option<u16>,
    /// Lambda's `errorType`, where there is one.
    pub error_type: String,
    /// For a person.
    pub message: String,
    /// Nobody listens where Lambda's API should be.
    pub gone: bool,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "HTTP {status} {}: {}", self.error_type, self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl RuntimeApi {
    /// `address` is `host:port`, in some emulators with a path behind it.
    pub fn new(address: &str) -> Self {
        let address = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
        let (authority, prefix) = match address.find('/') {
            Some(slash) => address.split_at(slash),
            None => (address, ""),
        };
        Self {
            authority: authority.to_owned(),
            prefix: prefix.to_owned(),
            kept: Arc::default(),
            reserve: Arc::default(),
        }
    }

    /// True if Lambda's APIs are on a loopback address, as in emulators. Lambda's own are on another one.
    pub fn is_at_home(&self) -> bool {
        let host = self
            .authority
            .rsplit_once(':')
            .map_or(self.authority.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: String,
        keep: Keep,
    ) -> Result<Answer, ApiError> {
        let call = async {
            let request = self.request(method, path, headers, body)?;
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(open) = kept {
                match self.exchange(open, request.clone(), keep).await {
                    Ok(answer) => return Ok(answer),
                    // It was closed meanwhile.
                    Err(error) => {
                        log::debug!(event = "connection_lost", error = error.to_string().as_str(); "a kept connection to Lambda was lost")
                    }
                }
            }
            self.exchange(self.connect().await?, request, keep).await
        };
        let answer = call.await;
        self.reserve.hold();
        answer.map_err(|error: Failure| ApiError {
            message: format!("no answer from {}: {error}", self.authority),
            gone: is_gone(&*error),
            ..ApiError::default()
        })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), HeaderValue::from_str(value)?);
        }
        Ok(request.body(Full::new(Bytes::from(body)))?)
    }

    async fn connect(&self) -> Result<Open, Failure> {
        let stream = match TcpStream::connect(&self.authority).await {
            Err(error) if is_scarce(&error) && self.reserve.free() => TcpStream::connect(&self.authority).await?,
            stream => stream?,
        };
        stream.set_nodelay(true)?;
        Ok(Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await?)
    }

    async fn exchange(&self, open: Open, request: Request<Full<Bytes>>, keep: Keep) -> Result<Answer, Failure> {
        let (mut sender, mut connection) = open;
        let mut is_open = true;
        let answer = async {
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?.to_bytes();
            Ok::<_, Failure>((head, body))
        };
        // The connection is driven here: no task outlives the call.
        let (head, body) = {
            tokio::pin!(answer);
            loop {
                tokio::select! {
                    biased;
                    answer = &mut answer => break answer?,
                    // How it ended is the answer's to say: a whole one may come with a reset behind it.
                    _ = &mut connection, if is_open => is_open = false,
                }
            }
        };
        if keep == Keep::ForTheNext && is_open {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((sender, connection));
        }
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A descriptor that is given up when no other is free, so that Lambda can be asked whatever else is open.
#[derive(Debug, Default)]
struct Reserve(Mutex<Option<File>>);

impl Reserve {
    /// Takes one, if there is none.
    fn hold(&self) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = File::open("/dev/null").ok();
        }
    }

    /// `false` if there was none.
    fn free(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

/// The process or the system has no descriptor free.
fn is_scarce(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

fn is_gone(error: &(dyn std::error::Error + 'static)) -> bool {
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    error.downcast_ref::<io::Error>().is_some_and(refused)
}

fn shown(body: &[u8]) -> String {
    let shown = body.get(..MAX_SHOWN_BYTES).unwrap_or(body);
    String::from_utf8_lossy(shown).into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn addresses_with_and_without_a_path() {
        let api = RuntimeApi::new("127.0.0.1:9001");
        assert_eq!((api.authority.as_str(), api.prefix.as_str()), ("127.0.0.1:9001", ""));
        let api = RuntimeApi::new("http://[::1]:9000/function/");
        assert_eq!(
            (api.authority.as_str(), api.prefix.as_str()),
            ("[::1]:9000", "/function")
        );
    }

    /// Answers so many requests a connection, without saying that it closes then; tells how many connections came.
    async fn server(per_connection: usize) -> (RuntimeApi, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = RuntimeApi::new(&listener.local_addr().unwrap().to_string());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    for _ in 0..per_connection {
                        while !head.ends_with(b"\r\n\r\n") {
                            head.push(stream.read_u8().await.unwrap_or_default());
                        }
                        head.clear();
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK";
                        let _ = stream.write_all(answer).await;
                    }
                });
            }
        });
        (api, connections)
    }

    async fn get(api: &RuntimeApi, keep: Keep) -> Bytes {
        let answer = api.call(Method::GET, "/", &[], String::new(), keep).await;
        answer.unwrap().body
    }

    #[tokio::test]
    async fn what_is_asked_at_start_goes_over_one_connection_and_what_follows_has_its_own() {
        let (api, connections) = server(usize::MAX).await;
        for keep in [Keep::ForTheNext, Keep::ForTheNext, Keep::Not] {
            assert_eq!(get(&api, keep).await, "OK");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 1);
        get(&api, Keep::Not).await;
        get(&api, Keep::Not).await;
        assert_eq!(connections.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_is_replaced() {
        let (api, connections) = server(1).await;
        for _ in 0..3 {
            assert_eq!(get(&api, Keep::ForTheNext).await, "OK");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 3);
    }
}
