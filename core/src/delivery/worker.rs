//! The task that empties a lane's queue into its sink.

use std::sync::{Arc, Weak};

use tokio::time::Instant;

use super::awake;
use super::pacing::{Change, Due};
use super::queue::Taken;
use super::shared::Shared;
use super::sink::{Failure, Outcome, Reason, Record};
use crate::record::format::Encoder;

/// Runs the worker for as long as the lane lives, and again after a panic.
pub(super) async fn supervise(lane: Weak<Shared>) {
    loop {
        let Some(shared) = lane.upgrade() else { return };
        let worker = tokio::spawn(work(Arc::downgrade(&shared)));
        drop(shared);
        let Err(error) = worker.await else { return };
        let Some(shared) = lane.upgrade() else { return };
        if !error.is_panic() {
            return;
        }
        let now = Instant::now();
        let change = {
            let mut queue = shared.queue();
            queue.panicked();
            queue.judge(Err(Failure::new(Reason::Panicked, "")), now)
        };
        report(&shared, change, "the sink's code panicked; it is started again");
        shared.settled.notify_waiters();
    }
}

async fn work(lane: Weak<Shared>) {
    let mut encoder = None;
    while let Some(shared) = lane.upgrade() {
        shared.hand_over(false);
        #[cfg(test)]
        crate::panics::may_panic("worker");
        let now = Instant::now();
        let due = shared.queue().due(now);
        match due {
            Due::Now => {
                let encoder = encoder.get_or_insert_with(|| Encoder::new(shared.settings.encoding()));
                put(&shared, encoder).await;
            }
            Due::At(instant) => {
                shared.settled.notify_waiters();
                let wait = instant - now;
                // How long a sink has failed is counted in time awake, and only a fallback asks for it.
                let (wait, counts) = if shared.counts_time() {
                    (wait.min(awake::SLICE), true)
                } else {
                    (wait, false)
                };
                tokio::select! {
                    () = shared.work.notified() => {}
                    () = tokio::time::sleep(wait) => if counts {
                        shared.queue().breaker().was_awake(wait);
                    },
                }
            }
            Due::Stopped => return,
            Due::Never => {
                shared.settled.notify_waiters();
                shared.work.notified().await;
            }
        }
    }
}

/// Makes one call of all that is due and fits, and judges it.
async fn put(shared: &Shared, encoder: &mut Encoder) {
    // Read before the chunks are taken, so that no cancellation in between is missed.
    let mut cancel = shared.cancel.subscribe();
    let records = tokio::select! {
        biased;
        _ = cancel.changed() => {
            shared.queue().return_in_flight();
            shared.settled.notify_waiters();
            return;
        }
        records = next_put(shared, encoder) => records,
    };
    if records.is_empty() {
        shared.queue().found_nothing(Instant::now());
        return;
    }
    let sink = shared.settings.name.as_str();
    let bytes: usize = records.iter().map(Record::size).sum();
    log::debug!(event = "put_begins", sink, records = records.len(), bytes; "a put begins");
    let started = Instant::now();
    let result = tokio::select! {
        // The answer first: after a thaw it may be there together with a time-out.
        biased;
        result = shared.sink.put(&records) => result,
        _ = cancel.changed() => {
            shared.queue().return_in_flight();
            shared.settled.notify_waiters();
            log::debug!(event = "put_cancelled", sink, took_ms = millis(started); "the put is cancelled, what it holds is kept");
            return;
        }
        () = awake::sleep_and_note(shared.settings.put_timeout, |awake| shared.queue().breaker().was_awake(awake)) => {
            let message = format!("no answer in {:?}", shared.settings.put_timeout);
            Err(Failure::new(Reason::TimedOut, message))
        }
    };
    drop(records);
    let message = match &result {
        Err(failure) => failure.message.clone(),
        Ok(outcomes) => {
            let refused = outcomes
                .iter()
                .filter(|outcome| **outcome != Outcome::Delivered)
                .count();
            format!("{refused} of {} records refused", outcomes.len())
        }
    };
    let message = message.as_str();
    match &result {
        Ok(_) => {
            log::debug!(event = "put_ends", sink, took_ms = millis(started), result = message; "the put is answered")
        }
        Err(_) => log::debug!(event = "put_fails", sink, took_ms = millis(started), error = message; "the put failed"),
    }
    let now = Instant::now();
    let change = {
        let mut queue = shared.queue();
        queue.add_put_time(now - started);
        queue.judge(result, now)
    };
    report(shared, change, message);
    shared.settled.notify_waiters();
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Takes the chunks that go next and encodes them, one after the other: how many fit shows only then. Others run in
/// between, since compressing a put takes milliseconds.
async fn next_put(shared: &Shared, encoder: &mut Encoder) -> Vec<Record> {
    shared.queue().begin_put(Instant::now());
    let mut records = Vec::new();
    loop {
        let Some(Taken { lines, count, key }) = shared.queue().take(Instant::now()) else {
            return records;
        };
        let record = Record {
            data: encoder.encode_lines(&lines, count, &key),
            key,
        };
        shared.queue().encoded(record.size());
        records.push(record);
        tokio::task::yield_now().await;
    }
}

/// Once per change of state, not once per record.
fn report(shared: &Shared, change: Option<Change>, message: &str) {
    let sink = shared.settings.name.as_str();
    match change {
        Some(Change::Fails(reason)) => {
            log::warn!(event = "sink_fails", sink, reason = reason.name(), error = message; "the sink does not take everything; what it refuses is kept and tried again");
        }
        Some(Change::Recovers) => {
            log::warn!(event = "sink_recovers", sink; "the sink takes everything again");
        }
        None => {}
    }
}
