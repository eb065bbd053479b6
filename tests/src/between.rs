//! What stands between the extension and Lambda's APIs, and answers in Lambda's place where a test wants it.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a request.
pub enum Verdict {
    /// Lambda answers it.
    Pass,
    /// This is the answer.
    Answer(u16, Vec<u8>),
    /// The connection is closed without one.
    Close,
}

/// Stands in between.
pub struct Between {
    port: u16,
}

impl Between {
    /// `judge`: what becomes of a request to this path.
    ///
    /// # Panics
    /// No port is free.
    pub async fn start(judge: impl Fn(&str) -> Verdict + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let judge = Arc::new(judge);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let judge = Arc::clone(&judge);
                let service = service_fn(move |request| relay(request, Arc::clone(&judge)));
                let server = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(server);
            }
        });
        Self { port }
    }

    /// What a shell runs before the extension, so that it asks here: the path begins with where Lambda is.
    pub fn shell(&self) -> String {
        format!(
            "export AWS_LAMBDA_RUNTIME_API=127.0.0.1:{}/$AWS_LAMBDA_RUNTIME_API",
            self.port
        )
    }
}

type Closed = std::io::Error;

async fn relay(
    mut request: Request<Incoming>,
    judge: Arc<impl Fn(&str) -> Verdict>,
) -> Result<Response<BoxBody<Bytes, hyper::Error>>, Closed> {
    let full = |body: Vec<u8>| {
        Full::new(Bytes::from(body))
            .map_err(|never: Infallible| match never {})
            .boxed()
    };
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let (lambda, path) = path.split_once('/').unwrap_or((&path, ""));
    let path = format!("/{path}");
    match judge(&path) {
        Verdict::Pass => {}
        Verdict::Close => return Err(Closed::other("closed")),
        Verdict::Answer(status, body) => {
            let mut answer = Response::new(full(body));
            *answer.status_mut() = status.try_into().map_err(Closed::other)?;
            return Ok(answer);
        }
    }
    *request.uri_mut() = path.parse().map_err(Closed::other)?;
    let stream = TcpStream::connect(lambda).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(Closed::other)?;
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(Closed::other)?;
    Ok(answer.map(|body| body.boxed()))
}
