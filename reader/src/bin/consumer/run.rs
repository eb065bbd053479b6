//! All of it together: read, show, keep, prove.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reader::checkpoint::CheckpointError;
use reader::files::Unopened;
use reader::screen::Screen;
use reader::stream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::arguments::Arguments;
use crate::consumer::Consumer;

/// Interval at which waiting lines are checked and the progress is shown.
const TICK: Duration = Duration::from_millis(100);

/// Interval between checkpoints.
const CHECKPOINT: Duration = Duration::from_secs(2);

/// Interval at which processes that can be forgotten are looked for.
const FORGET: Duration = Duration::from_secs(300);

/// Reasons why it could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Reader(#[from] stream::Error),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    File(Unopened),
    #[error("{0} of the files and folders could not be read")]
    Unread(u64),
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
    #[error("--web: {address} cannot be served at: {source}")]
    Page { address: SocketAddr, source: io::Error },
}

/// Status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Good,
    /// Lines are missing, and it was asked for.
    WithLoss,
}

pub(crate) async fn run(arguments: Arguments, screen: &mut Screen) -> Result<Ended, Failure> {
    // Asked for first: an interrupt must not come before there is somebody who hears it.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let end = arguments.duration.map(|duration| Instant::now() + duration);
    let (follow, verify) = (arguments.follow, arguments.verify);
    let mut consumer = Consumer::begin(arguments, screen).await?;
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kept = Instant::now();
    let mut looked = Instant::now();
    let outcome = loop {
        tokio::select! {
            // An end that is asked for is not kept waiting by a stream that is read without a pause.
            biased;
            _ = interrupt.recv() => break Ok(()),
            _ = terminate.recv() => break Ok(()),
            () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => break Ok(()),
            _ = tick.tick() => {
                consumer.release()?;
                let unsaid = consumer.notices.unsaid(Instant::now());
                consumer.say_unsaid(unsaid);
                consumer.page();
                consumer.progress();
                if kept.elapsed() >= CHECKPOINT {
                    consumer.keep()?;
                    kept = Instant::now();
                }
                if looked.elapsed() >= FORGET {
                    consumer.forget();
                    looked = Instant::now();
                }
            }
            next = consumer.source.next() => match next {
                Ok(next) => consumer.take(next)?,
                Err(error) => break Err(error),
            },
        }
        // Of a stream that never rests, what was there at the beginning. What files had is looked at on the page until
        // somebody has enough of it.
        let is_enough = !follow || (!consumer.source.has_records() && consumer.page.is_none());
        if is_enough && consumer.source.caught_up_with(consumer.began) {
            break Ok(());
        }
    };
    let ended = consumer.end(verify)?;
    outcome?;
    Ok(ended)
}
