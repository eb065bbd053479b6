//! A panic in each part in turn: `next` is asked until the environment ends, and the process leaves with 0.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::tasks::tests::{is_killed, kill};

/// Invocations before the end.
const INVOCATIONS: usize = 3;

/// As much of Lambda as a life needs: counts how often `next` was asked.
async fn lambda(asked: Arc<AtomicUsize>) -> u16 {
    let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let asked = Arc::clone(&asked);
            let service = service_fn(move |request| answer(request, Arc::clone(&asked)));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    port
}

async fn answer(request: Request<Incoming>, asked: Arc<AtomicUsize>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = if path.ends_with("/next") {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        match asked.fetch_add(1, Ordering::SeqCst) {
            turn if turn < INVOCATIONS => {
                // Long enough for what panicked to run again.
                tokio::time::sleep(Duration::from_millis(150)).await;
                format!(
                    r#"{{"eventType":"INVOKE","requestId":"{turn}","deadlineMs":{}}}"#,
                    now + 3_000
                )
            }
            _ => format!(
                r#"{{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":{}}}"#,
                now + 700
            ),
        }
    } else {
        "\"OK\"".to_owned()
    };
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    let headers = answer.headers_mut();
    headers.insert("lambda-extension-identifier", "id".parse().unwrap());
    Ok(answer)
}

async fn is_served(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else {
        return false;
    };
    let _ = stream
        .write_all(b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        .await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.is_ok() && answer.ends_with(b"404")
}

#[tokio::test]
async fn each_part_may_panic_and_next_is_asked_to_the_end() {
    for part in [
        "set_up",
        "prepare",
        "recover",
        "listener",
        "first_post",
        "connection",
        "metrics",
        "events",
        "warm_up",
        "end",
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let api = lambda(Arc::clone(&asked)).await;
        let free = TcpListener::bind(("0.0.0.0", 0)).await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let spool = std::env::temp_dir().join(format!("forwarder-panics-{port}"));
        let variables: BTreeMap<_, _> = [
            ("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{api}")),
            ("FORWARDER_SINKS__KINESIS__STREAM", "telemetry".to_owned()),
            ("FORWARDER_SINKS__KINESIS__ENDPOINT", "http://127.0.0.1:1".to_owned()),
            ("FORWARDER_SINKS__KINESIS__REGION", "eu-west-1".to_owned()),
            ("FORWARDER_METRICS", "emf".to_owned()),
            ("FORWARDER_TELEMETRY__PORT", port.to_string()),
            ("FORWARDER_SPOOL__DIR", spool.to_string_lossy().into_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        kill(part);
        let life = super::run(&variables, "telemetry-forwarder");
        let served = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            // A connection that failed costs itself alone.
            is_served(port).await || is_served(port).await
        };
        let (code, served) = tokio::join!(life, served);
        assert!(is_killed(part), "{part} did not run");
        assert_eq!(code, 0, "{part}");
        assert_eq!(asked.load(Ordering::SeqCst), INVOCATIONS + 1, "{part}");
        assert_eq!(served, part != "set_up", "{part}");
        let _ = std::fs::remove_dir_all(spool);
    }
}
