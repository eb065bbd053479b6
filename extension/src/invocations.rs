//! Which requests have started and ended, told by the listener to whoever waits for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use forwarder_core::Accepted;
use tokio::sync::Notify;

/// Number of past requests remembered. One is waited for at a time; the rest covers bodies that come late.
const REMEMBERED: usize = 64;

/// A remembered id is cut here: Lambda's have 36 bytes, a forger's may have a million.
const MAX_ID_BYTES: usize = 128;

/// State of recent requests.
#[derive(Debug, Default)]
pub struct Invocations {
    seen: Mutex<Seen>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    initialized: bool,
    /// Of those whose turn is not over.
    started: VecDeque<String>,
    done: VecDeque<String>,
    reported: VecDeque<String>,
    /// Their turn is over, and what still comes of them is no news; a retry of an asynchronous invocation has the same
    /// id.
    over: VecDeque<String>,
    /// Likewise, and their `platform.start` is still to come.
    over_before_start: VecDeque<String>,
    /// Lambda has dropped events since the last start.
    events_dropped: bool,
    /// Some request has started.
    invoked: bool,
    /// The request that `next` named last.
    named: Option<String>,
    /// Some POST has come.
    posted: bool,
    /// Some request's turn is over.
    turned: bool,
    /// Requests that have started and have no `platform.report` yet.
    unreported: VecDeque<String>,
}

impl Invocations {
    /// `next` has named this request: what tells of it comes from Lambda.
    pub fn name(&self, request_id: &str) {
        self.seen().named = Some(cut(request_id).to_owned());
    }

    /// True if the request that `next` named last is among these.
    pub fn knows_any<'a>(&self, mut requests: impl Iterator<Item = &'a String>) -> bool {
        let seen = self.seen();
        requests.any(|request| seen.named.as_deref() == Some(cut(request)))
    }

    /// Notes what a body told.
    pub fn note(&self, accepted: &Accepted) {
        let mut seen = self.seen();
        seen.posted = true;
        seen.initialized |= accepted.initialized;
        for request_id in &accepted.started {
            seen.starts(request_id);
        }
        seen.events_dropped = accepted.events_dropped || (seen.events_dropped && accepted.started.is_empty());
        let news = |requests: &[String]| {
            requests
                .iter()
                .filter(|id| !seen.is_over(id))
                .cloned()
                .collect::<Vec<_>>()
        };
        let (done, reported) = (news(&accepted.done), news(&accepted.reported));
        remember(&mut seen.done, &done);
        remember(&mut seen.reported, &reported);
        for request_id in &accepted.reported {
            remove(&mut seen.unreported, request_id);
        }
        drop(seen);
        self.changed.notify_waiters();
    }

    /// Waits for `platform.initRuntimeDone`, or for an init that goes on inside an invocation.
    pub async fn initialized(&self) {
        self.wait(|seen| seen.initialized.then_some(())).await;
    }

    /// Waits for the request's `platform.start`, or its `platform.runtimeDone`, which shows that it was missed.
    pub async fn started(&self, request_id: &str) {
        self.wait(|seen| (has(&seen.started, request_id) || has(&seen.done, request_id)).then_some(()))
            .await;
    }

    /// Waits for the request's `platform.runtimeDone`, or the `platform.report` after one that was missed. `false` if
    /// Lambda dropped events meanwhile: the end may be among them, and would never come.
    pub async fn done(&self, request_id: &str) -> bool {
        self.wait(|seen| {
            let is_done = has(&seen.done, request_id) || has(&seen.reported, request_id);
            (is_done || seen.events_dropped).then_some(is_done)
        })
        .await
    }

    /// The request's turn is over.
    pub fn forget(&self, request_id: &str) {
        let mut seen = self.seen();
        seen.turned = true;
        seen.ends_turn(request_id);
    }

    /// True if a whole turn went by without any POST: nobody sends events here.
    pub fn is_blind(&self) -> bool {
        let seen = self.seen();
        seen.turned && !seen.posted
    }

    /// True if some request has started and every one that has, has its `platform.report`, the last event of its own.
    pub fn all_reported(&self) -> bool {
        let seen = self.seen();
        seen.invoked && seen.unreported.is_empty()
    }

    async fn wait<T>(&self, told: impl Fn(&Seen) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on a notification is not missed, though nobody awaits it yet.
            changed.as_mut().enable();
            if let Some(told) = told(&self.seen()) {
                return told;
            }
            changed.await;
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn starts(&mut self, request_id: &str) {
        self.owes_report(request_id);
        if remove(&mut self.over_before_start, request_id) {
            add(&mut self.over, request_id);
            return;
        }
        for requests in [&mut self.over, &mut self.done, &mut self.reported] {
            remove(requests, request_id);
        }
        add(&mut self.started, request_id);
    }

    fn ends_turn(&mut self, request_id: &str) {
        remove(&mut self.done, request_id);
        if !remove(&mut self.reported, request_id) {
            self.owes_report(request_id);
        }
        let over = match remove(&mut self.started, request_id) {
            true => &mut self.over,
            false => &mut self.over_before_start,
        };
        add(over, request_id);
    }

    fn is_over(&self, request_id: &str) -> bool {
        has(&self.over, request_id) || has(&self.over_before_start, request_id)
    }

    fn owes_report(&mut self, request_id: &str) {
        self.invoked = true;
        add(&mut self.unreported, request_id);
    }
}

/// The part of an id that is compared and remembered.
fn cut(request_id: &str) -> &str {
    request_id
        .get(..request_id.floor_char_boundary(MAX_ID_BYTES))
        .unwrap_or(request_id)
}

fn has(requests: &VecDeque<String>, request_id: &str) -> bool {
    requests.iter().any(|other| other == cut(request_id))
}

fn add(requests: &mut VecDeque<String>, request_id: &str) {
    remove(requests, request_id);
    remember(requests, &[request_id.to_owned()]);
}

/// `false` if it was not among them.
fn remove(requests: &mut VecDeque<String>, request_id: &str) -> bool {
    let before = requests.len();
    requests.retain(|other| other != cut(request_id));
    requests.len() < before
}

fn remember(requests: &mut VecDeque<String>, more: &[String]) {
    // Of more than are remembered only the last are.
    let news = more.get(more.len().saturating_sub(REMEMBERED)..).unwrap_or_default();
    requests.extend(news.iter().map(|id| cut(id).to_owned()));
    let excess = requests.len().saturating_sub(REMEMBERED);
    requests.drain(..excess);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const X: &str = "x";

    fn told(started: bool, done: bool, reported: bool) -> Accepted {
        let requests = |told: bool| if told { vec![X.to_owned()] } else { Vec::new() };
        Accepted {
            started: requests(started),
            done: requests(done),
            reported: requests(reported),
            ..Accepted::default()
        }
    }

    /// Result of a wait that is over by now.
    async fn now<T>(wait: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(Duration::ZERO, wait).await.ok()
    }

    #[tokio::test]
    async fn a_retry_with_the_same_id_waits_for_its_own_start_and_end() {
        for (what, within, later) in [
            (
                "held until its end; its report comes with the retry",
                vec![told(true, true, false)],
                vec![told(false, false, true)],
            ),
            (
                "its end was not seen in time",
                vec![told(true, false, false)],
                vec![told(false, true, false), told(false, false, true)],
            ),
            (
                "not held: it begins and ends when its turn is over",
                vec![],
                vec![told(true, false, false), told(false, true, true)],
            ),
            (
                "not held, and all is told at once",
                vec![],
                vec![told(true, true, true)],
            ),
        ] {
            let invocations = Invocations::default();
            within.iter().for_each(|told| invocations.note(told));
            invocations.forget(X);
            later.iter().for_each(|told| invocations.note(told));
            assert_eq!(now(invocations.started(X)).await, None, "{what}");
            invocations.note(&told(true, false, false));
            assert_eq!(now(invocations.started(X)).await, Some(()), "{what}");
            assert_eq!(now(invocations.done(X)).await, None, "{what}");
            invocations.note(&told(false, true, false));
            assert_eq!(now(invocations.done(X)).await, Some(true), "{what}");
        }
    }

    #[tokio::test]
    async fn an_end_that_lambda_may_have_dropped_is_not_waited_for() {
        let invocations = Invocations::default();
        let dropped = Accepted {
            events_dropped: true,
            ..Accepted::default()
        };
        invocations.note(&dropped);
        invocations.note(&told(true, false, false));
        assert_eq!(now(invocations.done(X)).await, None, "that was before it began");
        invocations.note(&dropped);
        assert_eq!(now(invocations.done(X)).await, Some(false));
    }

    #[tokio::test]
    async fn ids_of_a_megabyte_are_remembered_cut_and_still_known() {
        let invocations = Invocations::default();
        let ids: Vec<_> = (0..1_000).map(|n| format!("{n:0>120}{}", "é".repeat(1_000))).collect();
        invocations.note(&Accepted {
            started: ids.clone(),
            done: ids.clone(),
            reported: ids.clone(),
            ..Accepted::default()
        });
        assert_eq!(now(invocations.started(&ids[999])).await, Some(()));
        assert_eq!(
            now(invocations.started(&ids[0])).await,
            None,
            "only the last are remembered"
        );
        let seen = invocations.seen();
        for requests in [&seen.started, &seen.done, &seen.reported, &seen.unreported] {
            assert!(requests.len() <= REMEMBERED);
            assert!(requests.iter().all(|id| id.len() <= MAX_ID_BYTES));
        }
    }

    #[test]
    fn all_are_reported_when_nothing_more_is_to_come_of_any() {
        let invocations = Invocations::default();
        assert!(!invocations.all_reported(), "nothing has begun");
        // Its turn may be over before anything was told.
        invocations.forget(X);
        assert!(!invocations.all_reported());
        invocations.note(&told(true, true, false));
        assert!(!invocations.all_reported());
        invocations.note(&told(false, false, true));
        assert!(invocations.all_reported());
        invocations.note(&told(true, true, true));
        invocations.forget(X);
        assert!(invocations.all_reported());
    }
}
