//! One connection: where it leads, how it is opened.

use std::io;

use aws_smithy_types::body::SdkBody;
use hyper::Uri;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderValue;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::tls;

/// Target of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    is_tls: bool,
    host: String,
    port: u16,
}

impl Target {
    /// Target of a request to this address; `None` if it names no host.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let is_tls = uri.scheme_str() != Some("http");
        let host = uri.host()?;
        Some(Self {
            is_tls,
            // An IPv6 address stands in brackets.
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
        })
    }

    /// Value of the header `host`: without a port that goes without saying, for so it is signed.
    pub(super) fn authority(uri: &Uri) -> Option<HeaderValue> {
        let usual = match uri.scheme_str() {
            Some("http") => 80,
            _ => 443,
        };
        let host = uri.host()?;
        match uri.port_u16().filter(|port| *port != usual) {
            Some(port) => HeaderValue::try_from(format!("{host}:{port}")).ok(),
            None => HeaderValue::from_str(host).ok(),
        }
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        if !self.is_tls {
            return handshake(stream).await;
        }
        let config = tls::config(&self.host).map_err(io::Error::other)?;
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(config).connect(name, stream).await;
        handshake(stream.map_err(|error| tls::NotTrusted::of(&self.host, error))?).await
    }
}

/// An open connection. Dropped, it is closed at once, whatever is in flight on it: what a cancelled call was still to
/// write, to a peer that does not read, would keep its memory for as long as TCP tries.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<SdkBody>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn handshake<S>(stream: S) -> io::Result<Connection>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    TokioIo<S>: Read + Write,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let driver = tokio::spawn(async move {
        // How it ended is told to the call that it ended under.
        let _ = connection.await;
    });
    Ok(Connection {
        sender,
        driver: driver.abort_handle(),
    })
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Poll};

    use hyper::Request;
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;

    /// A peer that neither reads nor writes, and to which not even the end can be told.
    struct Stuck(Arc<AtomicBool>);

    impl AsyncRead for Stuck {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Stuck {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl Drop for Stuck {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    async fn let_others_run() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_leaves_nothing_behind() {
        let closed = Arc::new(AtomicBool::new(false));
        let mut connection = handshake(Stuck(Arc::clone(&closed))).await.unwrap();
        tokio::select! {
            answer = connection.sender.send_request(Request::new(SdkBody::from("hello"))) => unreachable!("{answer:?}"),
            () = let_others_run() => {}
        }
        assert!(!closed.load(Ordering::SeqCst));
        drop(connection);
        let_others_run().await;
        assert!(closed.load(Ordering::SeqCst));
    }

    #[test]
    fn targets_by_scheme_and_port() {
        let of = |uri: &str| {
            let uri: Uri = uri.parse().unwrap();
            let Target { is_tls, host, port } = Target::of(&uri)?;
            let header = Target::authority(&uri)?.to_str().unwrap().to_owned();
            Some((is_tls, host, port, header))
        };
        let expect = |is_tls, host: &str, port, header: &str| Some((is_tls, host.into(), port, header.into()));
        assert_eq!(of("https://a.example/"), expect(true, "a.example", 443, "a.example"));
        assert_eq!(of("http://a.example/x"), expect(false, "a.example", 80, "a.example"));
        assert_eq!(
            of("http://127.0.0.1:4567"),
            expect(false, "127.0.0.1", 4567, "127.0.0.1:4567")
        );
        assert_eq!(of("https://[::1]:8443/"), expect(true, "::1", 8443, "[::1]:8443"));
        // The signature is made without a port that goes without saying.
        assert_eq!(
            of("https://a.example:443/"),
            expect(true, "a.example", 443, "a.example")
        );
        assert_eq!(of("http://a.example:80/"), expect(false, "a.example", 80, "a.example"));
        assert_eq!(of("https://[::1]:443/"), expect(true, "::1", 443, "[::1]"));
        assert_eq!(
            of("https://a.example:80/"),
            expect(true, "a.example", 80, "a.example:80")
        );
        assert_eq!(
            of("https://user@a.example/"),
            expect(true, "a.example", 443, "a.example")
        );
        assert_eq!(of("/path"), None);
    }
}
