//! Bodies that wait until it is known by which configuration they are routed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// Keeps bodies while it is closed. It opens once, for good.
#[derive(Debug)]
pub struct Gate {
    held: Mutex<Held>,
    full: Notify,
    opened: Notify,
}

#[derive(Debug)]
struct Held {
    is_open: bool,
    bodies: VecDeque<Bytes>,
    /// Of those.
    bytes: usize,
    /// Past so many it is to be opened.
    most: usize,
}

impl Gate {
    /// A gate that keeps about so many bytes.
    pub fn closed(most: usize) -> Self {
        Self::new(false, most)
    }

    /// A gate that keeps nothing.
    pub fn open() -> Self {
        Self::new(true, 0)
    }

    fn new(is_open: bool, most: usize) -> Self {
        Self {
            held: Mutex::new(Held {
                is_open,
                bodies: VecDeque::new(),
                bytes: 0,
                most,
            }),
            full: Notify::new(),
            opened: Notify::new(),
        }
    }

    /// Keeps a body; `false` if nothing waits any more.
    pub(super) fn keep(&self, body: &Bytes) -> bool {
        let mut held = self.held();
        if held.is_open {
            return false;
        }
        held.bytes += body.len();
        held.bodies.push_back(body.clone());
        if held.bytes >= held.most {
            self.full.notify_one();
        }
        true
    }

    /// The body that came first. `None`: that was all, and the gate is open.
    pub(super) fn take(&self) -> Option<Bytes> {
        let mut held = self.held();
        let body = held.bodies.pop_front();
        match &body {
            Some(body) => held.bytes -= body.len(),
            None => {
                held.is_open = true;
                self.opened.notify_waiters();
            }
        }
        body
    }

    /// Waits until there is no more room.
    pub async fn full(&self) {
        self.full.notified().await;
    }

    /// Waits until it is open.
    pub async fn opened(&self) {
        let opened = self.opened.notified();
        tokio::pin!(opened);
        opened.as_mut().enable();
        if !self.held().is_open {
            opened.await;
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_leave_in_their_order_and_then_nothing_waits() {
        let gate = Gate::closed(3);
        assert!(gate.keep(&Bytes::from("a")) && gate.keep(&Bytes::from("bc")));
        gate.full().await;
        assert_eq!(gate.take().as_deref(), Some(&b"a"[..]));
        // What comes meanwhile comes behind.
        assert!(gate.keep(&Bytes::from("d")));
        assert_eq!(gate.take().as_deref(), Some(&b"bc"[..]));
        assert_eq!(gate.take().as_deref(), Some(&b"d"[..]));
        assert_eq!(gate.take(), None);
        gate.opened().await;
        assert!(!gate.keep(&Bytes::from("e")));
        assert!(!Gate::open().keep(&Bytes::from("e")));
    }
}
