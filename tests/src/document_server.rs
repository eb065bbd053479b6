//! Systems Manager and S3, as far as a document is read from them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

/// What a document's place answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A document of this version.
    Document(String, u64),
    /// The same, after a while.
    Slow(Duration, String, u64),
    /// No permission.
    Denied,
    /// Bytes that are no answer.
    Garbage,
    /// Nothing, ever.
    Silence,
}

/// Serves one document as a parameter and as an object.
pub struct DocumentServer {
    /// Its endpoint's URL.
    pub endpoint: String,
    answer: Arc<Mutex<Answer>>,
    /// Of each request its method, path, authorization and body.
    asked: Arc<Mutex<Vec<String>>>,
}

impl DocumentServer {
    /// Starts one.
    ///
    /// # Panics
    /// No port is free.
    pub async fn start(answer: Answer) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::new(Mutex::new(Vec::new())));
        let (now, seen) = (Arc::clone(&answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (now, seen) = (Arc::clone(&now), Arc::clone(&seen));
                let service = service_fn(move |request| {
                    let now = lock(&now).clone();
                    serve(request, now, Arc::clone(&seen))
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self {
            endpoint: format!("http://{address}"),
            answer,
            asked,
        }
    }

    /// Answers this from now on.
    pub fn set(&self, answer: Answer) {
        *lock(&self.answer) = answer;
    }

    /// Requests so far.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }
}

async fn serve(
    request: Request<Incoming>,
    answer: Answer,
    asked: Arc<Mutex<Vec<String>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let header = |name: &str| {
        let value = request.headers().get(name).map(|value| value.as_bytes());
        String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
    };
    let is_parameter = header("x-amz-target") == "AmazonSSM.GetParameter";
    let (authorization, known) = (header("authorization"), header("if-none-match"));
    let line = format!("{} {} {authorization}", request.method(), request.uri());
    let body = request.into_body().collect().await.map(|body| body.to_bytes());
    let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    lock(&asked).push(format!("{line} {body}"));
    let (status, text, version) = match answer {
        Answer::Document(text, version) => (200, text, version),
        Answer::Slow(time, text, version) => {
            tokio::time::sleep(time).await;
            (200, text, version)
        }
        Answer::Denied if is_parameter => (
            400,
            r#"{"__type":"AccessDeniedException","Message":"no"}"#.to_owned(),
            0,
        ),
        Answer::Denied => (403, "<Error><Code>AccessDenied</Code></Error>".to_owned(), 0),
        Answer::Garbage => (200, "\u{1}<html>}{".to_owned(), 0),
        Answer::Silence => std::future::pending().await,
    };
    let etag = format!("\"{version}\"");
    let (status, body) = match (status, is_parameter) {
        (200, false) if known == etag => (304, String::new()),
        (200, true) if version > 0 => {
            let parameter = serde_json::json!({"Parameter": {"Name": "/x", "Value": text, "Version": version}});
            (200, parameter.to_string())
        }
        (status, _) => (status, text),
    };
    let answer = Response::builder()
        .status(status)
        .header("etag", etag)
        .body(Full::new(Bytes::from(body)));
    Ok(answer.unwrap_or_default())
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
