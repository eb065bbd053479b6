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
use tokio_rustls::TlsConnector;

use super::tls;

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    is_tls: bool,
    host: String,
    port: u16,
}

impl Target {
    /// Where a request to this address goes; `None` if it names no host.
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

    /// What the header `host` says.
    pub(super) fn authority(uri: &Uri) -> Option<HeaderValue> {
        let authority = uri.authority()?.as_str();
        // Whatever names a user is not for the header.
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        HeaderValue::from_str(authority).ok()
    }

    /// Opens a connection; a task of its own drives it until one of both sides closes it.
    pub(super) async fn connect(&self) -> io::Result<SendRequest<SdkBody>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        if !self.is_tls {
            return handshake(stream).await;
        }
        let config = tls::config(&self.host).map_err(io::Error::other)?;
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        handshake(TlsConnector::from(config).connect(name, stream).await?).await
    }
}

async fn handshake<S>(stream: S) -> io::Result<SendRequest<SdkBody>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    TokioIo<S>: Read + Write,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        // How it ended is told to the call that it ended under.
        let _ = connection.await;
    });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(of("/path"), None);
    }
}
