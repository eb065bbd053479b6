//! The connections that are open: how many, how long each may take, and which one goes first.
//!
//! Nothing here reads a clock: age is counted in ticks of time awake, and who was idle longest by the order of what came.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// The most connections at once. Lambda has one.
const MOST: usize = 32;

/// Descriptors that are not the listener's: sinks, spool, Lambda's APIs, the process's own.
const OTHER_DESCRIPTORS: usize = 40;

/// A connection at least is worth its descriptor, whatever the limit.
const LEAST: usize = 4;

/// The longest head of a request. Lambda's has some 200 bytes.
pub(super) const MAX_HEAD_BYTES: u32 = 16 * 1024;

/// How often ages are looked at. A freeze counts as one tick.
const TICK: Duration = Duration::from_secs(1);

/// The ticks that a head may take, or a connection without a request that was taken.
const HEAD_TICKS: u32 = 5;

/// The ticks without a byte after which a body is given up.
const BODY_TICKS: u32 = 10;

/// While a head is read, so much at a time.
const HEAD_PIECE: usize = 4 * 1024;

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    table: Mutex<Table>,
    most: usize,
    /// Counts what came, over all connections.
    order: AtomicU64,
    /// Some connection has begun what must not take for ever.
    owes: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    state: Arc<Connection>,
    task: Option<AbortHandle>,
}

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    phase: AtomicU8,
    /// Of the whole of [`Connections::order`], when something came last.
    last: AtomicU64,
    /// Ticks of this phase, in a body without a byte.
    ticks: AtomicU32,
    /// Bytes of the head that is being read.
    head: AtomicU32,
    /// A request was taken: it is Lambda's, most likely.
    proven: AtomicBool,
    /// Bytes of the body that are held.
    pub(super) held: AtomicUsize,
}

/// What a connection is doing. It begins with the head of its first request.
const HEAD: u8 = 0;
const BODY: u8 = 1;
/// Between two requests, of which the first was taken: for as long as Lambda likes.
const IDLE: u8 = 2;

impl Connections {
    /// As many as the process's descriptors allow.
    pub(super) fn new() -> Self {
        let descriptors = descriptors().unwrap_or(usize::MAX);
        Self {
            table: Mutex::default(),
            most: descriptors.saturating_sub(OTHER_DESCRIPTORS).clamp(LEAST, MOST),
            order: AtomicU64::new(1),
            owes: Notify::new(),
        }
    }

    /// Enters a connection. Over the bound, the one that was idle longest is closed; `true` then.
    pub(super) fn enter(self: &Arc<Self>) -> (Guard, bool) {
        let state = Arc::new(Connection::default());
        state
            .last
            .store(self.order.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let mut table = self.table();
        let full = table.open.len() >= self.most && table.close_idlest(None);
        let key = table.next;
        table.next += 1;
        let entry = Entry {
            state: Arc::clone(&state),
            task: None,
        };
        table.open.insert(key, entry);
        drop(table);
        self.owes.notify_one();
        let connections = Arc::clone(self);
        (
            Guard {
                connections,
                key,
                state,
            },
            full,
        )
    }

    /// Closes the connection that was idle longest, as where no descriptor is free. `false` if there is none.
    pub(super) fn close_idlest(&self) -> bool {
        self.table().close_idlest(None)
    }

    /// Closes whichever connection that holds bytes of a body was idle longest, but not this one. `false` if there is none.
    pub(super) fn close_idlest_body(&self, but: &Arc<Connection>) -> bool {
        self.table().close_idlest(Some(but))
    }

    /// Closes what takes too long. Runs for ever.
    pub(super) async fn watch(&self) {
        loop {
            if !self.table().owe() {
                self.owes.notified().await;
            }
            tokio::time::sleep(TICK).await;
            let late = self.table().tick();
            if late > 0 {
                log::debug!(event = "listener_late", connections = late; "connections took too long and were closed");
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Those without a request that was taken go before the others. `but`: only those that hold a body, and not this one.
    fn close_idlest(&mut self, but: Option<&Arc<Connection>>) -> bool {
        let candidate = |entry: &&Entry| {
            let holds = entry.state.held.load(Ordering::Relaxed) > 0;
            but.is_none_or(|but| holds && !Arc::ptr_eq(but, &entry.state))
        };
        let open = self.open.iter().filter(|(_, entry)| candidate(entry));
        let idlest = open.min_by_key(|(_, entry)| {
            let state = &entry.state;
            (state.proven.load(Ordering::Relaxed), state.last.load(Ordering::Relaxed))
        });
        let Some(key) = idlest.map(|(key, _)| *key) else {
            return false;
        };
        self.close(key);
        true
    }

    /// The bytes that its body holds are given back when its task is dropped.
    fn close(&mut self, key: u64) {
        if let Some(task) = self.open.remove(&key).and_then(|entry| entry.task) {
            task.abort();
        }
    }

    fn owe(&self) -> bool {
        let mut open = self.open.values();
        open.any(|entry| entry.state.phase.load(Ordering::Relaxed) != IDLE)
    }

    /// How many were closed.
    fn tick(&mut self) -> usize {
        let is_late = |entry: &Entry| {
            let ticks = entry.state.ticks.fetch_add(1, Ordering::Relaxed) + 1;
            match entry.state.phase.load(Ordering::Relaxed) {
                HEAD => ticks > HEAD_TICKS,
                BODY => ticks > BODY_TICKS,
                _ => false,
            }
        };
        let open = self.open.iter();
        let late: Vec<_> = open.filter(|(_, entry)| is_late(entry)).map(|(key, _)| *key).collect();
        late.iter().for_each(|key| self.close(*key));
        late.len()
    }
}

impl Connection {
    /// The head is read: what comes now is the body.
    pub(super) fn begin_body(&self) {
        self.phase.store(BODY, Ordering::Relaxed);
        self.ticks.store(0, Ordering::Relaxed);
    }

    /// The request is answered.
    pub(super) fn answered(&self, taken: bool) {
        if taken {
            self.proven.store(true, Ordering::Relaxed);
        }
        let is_proven = self.proven.load(Ordering::Relaxed);
        self.phase.store(if is_proven { IDLE } else { HEAD }, Ordering::Relaxed);
        self.ticks.store(0, Ordering::Relaxed);
        self.head.store(0, Ordering::Relaxed);
    }
}

/// A connection that is entered, until it is dropped.
pub(super) struct Guard {
    connections: Arc<Connections>,
    key: u64,
    pub(super) state: Arc<Connection>,
}

impl Guard {
    /// The task that serves it, to be aborted when it has to go.
    pub(super) fn set_task(connections: &Connections, key: u64, task: AbortHandle) {
        match connections.table().open.get_mut(&key) {
            Some(entry) => entry.task = Some(task),
            // It was closed before it began.
            None => task.abort(),
        }
    }

    pub(super) fn key(&self) -> u64 {
        self.key
    }

    /// Some bytes came.
    fn came(&self, bytes: usize) {
        let state = &self.state;
        let order = self.connections.order.fetch_add(1, Ordering::Relaxed);
        state.last.store(order, Ordering::Relaxed);
        match state.phase.load(Ordering::Relaxed) {
            HEAD => {
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                state.head.fetch_add(bytes, Ordering::Relaxed);
            }
            BODY => state.ticks.store(0, Ordering::Relaxed),
            _ => {
                state.phase.store(HEAD, Ordering::Relaxed);
                state.ticks.store(0, Ordering::Relaxed);
                state
                    .head
                    .store(u32::try_from(bytes).unwrap_or(u32::MAX), Ordering::Relaxed);
                self.connections.owes.notify_one();
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.key);
    }
}

/// A stream whose heads are bounded, and that tells its connection what comes.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) guard: Guard,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let state = Arc::clone(&self.guard.state);
        if state.phase.load(Ordering::Relaxed) == BODY {
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
            let bytes = buf.filled().len() - before;
            if bytes > 0 {
                self.guard.came(bytes);
            }
            return Poll::Ready(Ok(()));
        }
        if state.head.load(Ordering::Relaxed) >= MAX_HEAD_BYTES {
            let error = format!("the head of a request has over {MAX_HEAD_BYTES} bytes");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        let mut piece = [0; HEAD_PIECE];
        let most = buf.remaining().min(HEAD_PIECE);
        let mut piece = ReadBuf::new(piece.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut piece))?;
        if !piece.filled().is_empty() {
            buf.put_slice(piece.filled());
            self.guard.came(piece.filled().len());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How many descriptors the process may have. `None` where the system does not tell.
fn descriptors() -> Option<usize> {
    let limits = crate::files::read_regular(std::path::Path::new("/proc/self/limits"), 16 * 1024).ok()?;
    let limits = String::from_utf8(limits).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
