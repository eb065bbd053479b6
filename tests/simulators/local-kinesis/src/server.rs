//! The listener and its connections. HTTP/1.1 only, which is what AWS's SDKs speak to these services.
//!
//! The port stays ours while the service is stopped: a socket that is bound and never listens holds it, and the system
//! answers those who connect with a reset, "connection refused", as if nothing were there.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, Notify, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::backend::Backend;
use crate::error::Error;
use crate::gate::{Gate, Reply};

/// Connections that may wait to be accepted: what the standard library asks for.
const BACKLOG: u32 = 128;

/// A service on its port.
pub(crate) struct Server<B> {
    gate: Arc<Gate<B>>,
    address: SocketAddr,
    /// Bound, never listening: keeps the port from others while we are stopped.
    _placeholder: TcpSocket,
    shared: Arc<Shared>,
    /// The accepting task while we are started. A tokio mutex: stopping waits for the task under it.
    running: Mutex<Option<Running>>,
}

struct Running {
    /// Sent or dropped: the task closes everything and ends.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// State that connections share.
struct Shared {
    /// Connections ever accepted: the next one's number.
    opened: AtomicU64,
    /// Connections open now.
    open: AtomicUsize,
    /// Tells connections to close if they are idle. The value has no meaning.
    close_idle: watch::Sender<()>,
}

impl<B: Backend> Server<B> {
    /// Takes the port (0: any) and starts.
    pub(crate) async fn start(gate: Gate<B>, port: u16) -> Result<Self, Error> {
        let bound = hold(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let (placeholder, address) = bound
            .and_then(|socket| socket.local_addr().map(|address| (socket, address)))
            .map_err(|source| Error::Listen { port, source })?;
        let shared = Shared {
            opened: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            close_idle: watch::Sender::new(()),
        };
        let server = Self {
            gate: Arc::new(gate),
            address,
            _placeholder: placeholder,
            shared: Arc::new(shared),
            running: Mutex::new(None),
        };
        server.restart().await?;
        Ok(server)
    }

    pub(crate) fn gate(&self) -> &Gate<B> {
        &self.gate
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens on the port again. Does nothing if it does already.
    pub(crate) async fn restart(&self) -> Result<(), Error> {
        let mut running = self.running.lock().await;
        if running.is_none() {
            let listener = listen(self.address).map_err(|source| Error::Listen {
                port: self.address.port(),
                source,
            })?;
            let (stop, stopped) = oneshot::channel();
            let task = accept(listener, Arc::clone(&self.gate), Arc::clone(&self.shared), stopped);
            *running = Some(Running {
                stop,
                task: tokio::spawn(task),
            });
        }
        Ok(())
    }

    /// Closes the listener and every connection, those with a call in flight too. When this returns, all are closed, and
    /// what was just being stored is.
    pub(crate) async fn stop(&self) {
        if let Some(Running { stop, task }) = self.running.lock().await.take() {
            // An error of either means that the task is gone, which is what we want.
            let _ = stop.send(());
            let _ = task.await;
            self.gate.ledger.settled().await;
        }
    }

    /// Closes the connections on which no call is in flight.
    pub(crate) fn close_idle(&self) {
        self.shared.close_idle.send_replace(());
    }

    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }
}

/// Takes the address, and keeps it from everybody but [`listen`].
fn hold(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of an earlier process may linger on the port; that is no reason to fail.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // Both count when others bind: without the first nobody else can, and with the second those can who ask for it, too.
    socket.set_reuseaddr(false)?;
    socket.set_reuseport(true)?;
    Ok(socket)
}

/// Listens on an address that is held.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept<B: Backend>(
    listener: TcpListener,
    gate: Arc<Gate<B>>,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let number = shared.opened.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(connection(stream, number, Arc::clone(&gate), Arc::clone(&shared)));
                }
                // Out of file descriptors: some will be free in a moment.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Counts a connection as open while it lives.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn connection<B: Backend>(stream: TcpStream, number: u64, gate: Arc<Gate<B>>, shared: Arc<Shared>) {
    shared.open.fetch_add(1, Ordering::Relaxed);
    let mut idle_orders = shared.close_idle.subscribe();
    let _open = Open(shared);
    // Without it an answer may wait for the client's delayed acknowledgement. If it fails, the socket is dead anyway.
    let _ = stream.set_nodelay(true);

    let busy = AtomicUsize::new(0);
    let reset = Notify::new();
    let service = service_fn(async |request| {
        busy.fetch_add(1, Ordering::Relaxed);
        match gate.answer(number, request).await {
            Reply::Answer(response) => {
                busy.fetch_sub(1, Ordering::Relaxed);
                Ok::<_, Infallible>(response)
            }
            Reply::Silence => pending().await,
            Reply::Reset => {
                reset.notify_one();
                pending().await
            }
        }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    loop {
        let order = tokio::select! {
            _ = &mut connection => return,
            () = reset.notified() => Order::Reset,
            Ok(()) = idle_orders.changed() => Order::CloseIfIdle,
        };
        match order {
            Order::Reset => {
                let stream = connection.into_parts().io.into_inner();
                // Closing then sends RST and throws away what was not sent. If it fails, the socket is dead anyway.
                let _ = stream.set_zero_linger();
                return;
            }
            Order::CloseIfIdle if busy.load(Ordering::Relaxed) == 0 => Pin::new(&mut connection).graceful_shutdown(),
            Order::CloseIfIdle => {}
        }
    }
}

/// Signals to an open connection.
enum Order {
    Reset,
    CloseIfIdle,
}
