//! What somebody does who reaches the port, byte by byte.

use std::time::Duration;

use end_to_end::world::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection to the listener.
pub(super) struct Attack(pub(super) TcpStream);

impl Attack {
    /// Connects. `None` where nobody takes it.
    pub(super) async fn connect(port: u16) -> Option<Self> {
        let stream = timeout(PATIENCE, TcpStream::connect(("127.0.0.1", port))).await;
        Some(Self(stream.ok()?.ok()?))
    }

    /// Sends bytes. `false` where the other end is closed.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(PATIENCE, self.0.write_all(bytes)).await, Ok(Ok(())))
    }

    /// Sends the head of a POST with so many bytes of body to follow.
    pub(super) async fn begin(&mut self, path: &str, length: usize) -> bool {
        let head = format!("POST {path} HTTP/1.1\r\nhost: sandbox.localdomain\r\ncontent-length: {length}\r\n\r\n");
        self.send(head.as_bytes()).await
    }

    /// The status of the answer; `None` where the connection is closed without one.
    pub(super) async fn status(&mut self) -> Option<u16> {
        let mut answer = Vec::new();
        let mut piece = [0; 1_024];
        while !answer.windows(2).any(|pair| pair == b"\r\n") {
            match timeout(PATIENCE, self.0.read(&mut piece)).await {
                Ok(Ok(bytes)) if bytes > 0 => answer.extend_from_slice(&piece[..bytes]),
                _ => return None,
            }
        }
        std::str::from_utf8(&answer).ok()?.split(' ').nth(1)?.parse().ok()
    }

    /// Waits until the other end closes it.
    pub(super) async fn closed(&mut self, limit: Duration) -> bool {
        let mut piece = [0; 1_024];
        let end = async { while matches!(self.0.read(&mut piece).await, Ok(bytes) if bytes > 0) {} };
        timeout(limit, end).await.is_ok()
    }
}

/// One request, from its first byte to the status of its answer.
pub(super) async fn ask(port: u16, text: &[u8]) -> Option<u16> {
    let mut attack = Attack::connect(port).await?;
    attack.send(text).await;
    attack.status().await
}
