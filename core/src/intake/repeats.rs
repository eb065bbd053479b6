//! Bodies that came lately. Lambda posts one again whose answer was lost; its lines belong to whom they belonged to then.

use std::collections::VecDeque;

use crate::telemetry::requests::Request;

/// Bodies that are remembered. Lambda posts one at a time; more come between where posts were slow.
const BODIES: usize = 16;

/// Bodies, the oldest in front.
#[derive(Debug, Default)]
pub(super) struct Repeats(VecDeque<Known>);

#[derive(Debug)]
struct Known {
    /// Length and checksum: enough against chance, and each body has times and ids of its own.
    body: (usize, u32),
    /// The invocation that ran when it began.
    running: Option<Request>,
}

impl Repeats {
    /// A body begins. If it came before: the invocation that ran then.
    pub(super) fn begin(&mut self, body: &[u8], running: Option<&Request>) -> Option<Option<Request>> {
        let body = (body.len(), crc32fast::hash(body));
        if let Some(known) = self.0.iter().find(|known| known.body == body) {
            return Some(known.running.clone());
        }
        if self.0.len() >= BODIES {
            self.0.pop_front();
        }
        let running = running.cloned();
        self.0.push_back(Known { body, running });
        None
    }

    /// Bytes.
    pub(super) fn cost(&self) -> usize {
        let requests = self.0.iter().filter_map(|known| known.running.as_ref());
        size_of::<Known>() * self.0.len() + requests.map(Request::cost).sum::<usize>()
    }
}
