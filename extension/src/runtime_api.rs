//! One HTTP request to Lambda, on the address in `AWS_LAMBDA_RUNTIME_API`.
//!
//! Each request has a connection of its own: after a freeze there is none to go stale, and on the loopback a new one
//! costs a fraction of a millisecond. No proxy is ever used, and no time-out set: the process may be frozen while it
//! waits.

use std::fmt;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

/// Where Lambda's APIs are.
#[derive(Debug, Clone)]
pub struct RuntimeApi {
    authority: String,
    /// What stands before each path; empty in Lambda, but not in every emulator.
    prefix: String,
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
    /// What an error's body says, or the body itself.
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
            message: message.unwrap_or_else(|| String::from_utf8_lossy(&self.body).into_owned()),
        }
    }
}

/// A call that Lambda refused, or that did not reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status; `None` if there was no answer.
    pub status: Option<u16>,
    /// Lambda's `errorType`, where there is one.
    pub error_type: String,
    /// For a person.
    pub message: String,
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
        }
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
    ) -> Result<Answer, ApiError> {
        self.try_call(method, path, headers, body)
            .await
            .map_err(|error| ApiError {
                status: None,
                error_type: String::new(),
                message: format!("no answer from {}: {error}", self.authority),
            })
    }

    async fn try_call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), HeaderValue::from_str(value)?);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let answer = async {
            let answer = sender.send_request(request).await?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>((head, body))
        };
        // The connection is driven here and closed with the answer: no task outlives the call.
        tokio::pin!(answer, connection);
        let mut open = true;
        let (head, body) = loop {
            tokio::select! {
                biased;
                answer = &mut answer => break answer?,
                // How it ended is the answer's to say: a whole one may come with a reset behind it.
                _ = &mut connection, if open => open = false,
            }
        };
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
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
}
