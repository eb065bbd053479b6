//! Bodies that a test posts to the listener itself, as Lambda would.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::world::spool_dir;

/// One connection to a listener, kept open from post to post.
pub struct Poster {
    sender: SendRequest<Full<Bytes>>,
    /// What stands for `/`: the subscription's path, as Lambda knows it.
    root: String,
}

/// The path of the subscription of the extension with this port, as it is kept beside its spool; `/` where there is none.
pub fn subscribed_path(port: u16) -> String {
    let file = std::path::Path::new(&spool_dir(port)).join("listener");
    format!("/{}", std::fs::read_to_string(file).unwrap_or_default())
}

impl Poster {
    /// Connects to the listener on this port.
    ///
    /// # Panics
    /// Nobody listens there.
    pub async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("the listener takes connections");
        stream.set_nodelay(true).expect("a socket has this option");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("the listener speaks HTTP");
        tokio::spawn(connection);
        let root = subscribed_path(port);
        Self { sender, root }
    }

    /// Posts a body to a path, `/` for that of the subscription, and returns the answer's status.
    ///
    /// # Panics
    /// There is no answer.
    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> u16 {
        self.try_post(path, body).await.expect("an answer")
    }

    /// Posts a body to a path and returns the answer's status.
    ///
    /// # Errors
    /// There is no answer: the extension was killed, most likely.
    pub async fn try_post(&mut self, path: &str, body: impl Into<Bytes>) -> Result<u16, hyper::Error> {
        Ok(self.ask(path, body).await?.0)
    }

    /// Posts a body to a path and returns the answer's status and body.
    ///
    /// # Errors
    /// There is no answer.
    ///
    /// # Panics
    /// The path is none.
    pub async fn ask(&mut self, path: &str, body: impl Into<Bytes>) -> Result<(u16, Bytes), hyper::Error> {
        let path = if path == "/" { &self.root } else { path };
        let request = Request::post(path)
            .header("host", "sandbox.localdomain")
            .body(Full::new(body.into()))
            .expect("a valid request");
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, body))
    }
}

/// A body of `count` function events; each text line is `length` bytes long and begins with its number.
pub fn function_lines(first: usize, count: usize, length: usize) -> String {
    let lines = (first..first + count).map(|number| {
        let text = format!("{number:010} {}", "x".repeat(length.saturating_sub(12)));
        format!(r#"{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"{text}\n"}}"#)
    });
    format!("[{}]", lines.collect::<Vec<_>>().join(","))
}
