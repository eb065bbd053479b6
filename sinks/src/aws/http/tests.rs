//! Calls against servers on this machine.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// Counts what came.
#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Seen {
    fn counts(&self) -> (usize, usize) {
        (
            self.connections.load(Ordering::SeqCst),
            self.requests.load(Ordering::SeqCst),
        )
    }
}

/// Answers each request with its own body, or with `answer_bytes` bytes; closes a connection after so many requests.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, seen: &Seen, per_connection: usize, answer_bytes: usize) {
    let mut stream = BufReader::new(stream);
    for _ in 0..per_connection {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let start = head.len();
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
            let line = head.get(start..).unwrap().trim_end();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        assert!(head.starts_with("POST /path?query HTTP/1.1\r\n"), "{head}");
        assert!(head.to_ascii_lowercase().contains("\r\nhost: localhost:"), "{head}");
        seen.requests.fetch_add(1, Ordering::SeqCst);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        body.resize(body.len().max(answer_bytes), b'x');
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&body).await;
        let _ = stream.flush().await;
    }
}

/// A server, and the address that it has.
async fn server(per_connection: usize, answer_bytes: usize) -> (String, Arc<Seen>) {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let seen = Arc::new(Seen::default());
    let counts = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counts.connections.fetch_add(1, Ordering::SeqCst);
            let counts = Arc::clone(&counts);
            tokio::spawn(async move { serve(stream, &counts, per_connection, answer_bytes).await });
        }
    });
    (address, seen)
}

fn request(address: &str) -> HttpRequest {
    let mut request = HttpRequest::new(SdkBody::from("hello"));
    request.set_method("POST").unwrap();
    request.set_uri(format!("{address}/path?query")).unwrap();
    request
}

async fn call(http: &Http, address: &str) -> String {
    let answer = http.call(request(address)).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    String::from_utf8(answer.body().bytes().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn calls_go_over_one_connection_until_it_is_forgotten() {
    let (address, seen) = server(usize::MAX, 0).await;
    let http = Http::default();
    for _ in 0..3 {
        assert_eq!(call(&http, &address).await, "hello");
    }
    assert_eq!(seen.counts(), (1, 3));
    http.forget_connections();
    call(&http, &address).await;
    assert_eq!(seen.counts(), (2, 4));
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    let (address, seen) = server(1, 0).await;
    let http = Http::default();
    for _ in 0..10 {
        assert_eq!(call(&http, &address).await, "hello");
    }
    assert_eq!(seen.counts(), (10, 10));
}

#[tokio::test]
async fn a_call_waits_for_the_connection_that_is_being_opened() {
    let (address, seen) = server(usize::MAX, 0).await;
    let http = Http::default();
    let mut ahead = request(&address);
    ahead.add_extension(OnlyConnect);
    let (ahead, _) = tokio::join!(http.call(ahead), call(&http, &address));
    ahead.unwrap_err();
    let mut again = request(&address);
    again.add_extension(OnlyConnect);
    http.call(again).await.unwrap_err();
    assert_eq!(seen.counts(), (1, 1), "and what is open is not opened again");
}

#[tokio::test]
async fn a_connection_is_opened_before_there_is_a_call() {
    let (address, seen) = server(usize::MAX, 0).await;
    let http = Http::default();
    let mut first = request(&address);
    first.add_extension(OnlyConnect);
    http.call(first).await.unwrap_err();
    assert_eq!(http.idle().len(), 1);
    call(&http, &address).await;
    assert_eq!(seen.counts(), (1, 1));
}

#[tokio::test]
async fn an_answer_over_the_bound_is_not_read_to_its_end() {
    let (address, _) = server(usize::MAX, MAX_ANSWER_BYTES + 1).await;
    let error = Http::default().call(request(&address)).await.unwrap_err();
    assert!(error.is_io(), "{error:?}");
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    drop(listener);
    let error = Http::default().call(request(&address)).await.unwrap_err();
    assert!(error.is_io(), "{error:?}");
    let error = Http::default().call(request("")).await.unwrap_err();
    assert!(error.is_user(), "{error:?}");
}

/// The machine's certificates are read once in a process, so this test runs itself as others.
#[tokio::test]
async fn tls_trusts_what_the_machine_trusts_and_nothing_else() {
    if let Ok(address) = std::env::var("CALL_OVER_TLS") {
        match Http::default().call(request(&address)).await {
            Ok(answer) => println!("answered {}", answer.status().as_u16()),
            Err(error) => println!("{:?}", std::error::Error::source(&error)),
        }
        return;
    }
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = std::env::temp_dir().join(format!("forwarder-sinks-{}.pem", std::process::id()));
    std::fs::write(&file, cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, &Seen::default(), 1, 0).await;
            }
        }
    });
    let ask = async |certificates: Option<&std::path::Path>| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = "aws::http::tests::tls_trusts_what_the_machine_trusts_and_nothing_else";
        command
            .args(["--exact", test, "--nocapture"])
            .env("CALL_OVER_TLS", &address);
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        certificates.map(|file| command.env("SSL_CERT_FILE", file));
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (trusted, unknown) = (ask(Some(&file)).await, ask(None).await);
    let _ = std::fs::remove_file(&file);
    assert!(trusted.contains("answered 200"), "{trusted}");
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
}
