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
    /// It never keeps more.
    most: usize,
}

/// What becomes of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It waits here.
    Yes,
    /// There is no room: the gate is about to open, and the body comes behind what waits.
    Full,
    /// Nothing waits any more.
    Open,
}

impl Gate {
    /// A gate that keeps so many bytes at most.
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

    /// Keeps a body, if it is closed and there is room.
    pub(super) fn keep(&self, body: &Bytes) -> Kept {
        let mut held = self.held();
        if held.is_open {
            return Kept::Open;
        }
        if held.bytes + body.len() > held.most {
            self.full.notify_one();
            return Kept::Full;
        }
        held.bytes += body.len();
        held.bodies.push_back(body.clone());
        Kept::Yes
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

    /// Waits until there was no room for a body.
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
        let keep = |text: &'static str| gate.keep(&Bytes::from(text));
        assert_eq!([keep("a"), keep("bc")], [Kept::Yes, Kept::Yes]);
        assert_eq!(keep("d"), Kept::Full, "no byte more than it may");
        gate.full().await;
        assert_eq!(gate.take().as_deref(), Some(&b"a"[..]));
        // What comes meanwhile comes behind.
        assert_eq!(keep("d"), Kept::Yes);
        assert_eq!(gate.take().as_deref(), Some(&b"bc"[..]));
        assert_eq!(gate.take().as_deref(), Some(&b"d"[..]));
        assert_eq!(gate.take(), None);
        gate.opened().await;
        assert_eq!(keep("e"), Kept::Open);
        assert_eq!(Gate::open().keep(&Bytes::from("e")), Kept::Open);
    }
}
