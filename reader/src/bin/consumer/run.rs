//! All of it together: read, show, keep, prove.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reader::checkpoint::CheckpointError;
use reader::clean::clean;
use reader::files::Unopened;
use reader::numbers::counted;
use reader::otlp::Refused;
use reader::screen::Screen;
use reader::stream::{self, FanOut, Left};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::arguments::Arguments;
use crate::consumer::Consumer;
use crate::mcp::Assistant;
use crate::otlp::Otlp;

/// Interval at which waiting lines are checked and the progress is shown.
pub(crate) const TICK: Duration = Duration::from_millis(100);

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
    #[error("--otlp: {0}")]
    Refused(#[from] Refused),
    #[error("--otlp: {} had no answer yet, and no checkpoint keeps them", counted(*.0, "line", "lines"))]
    Unsent(u64),
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
    let mut signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let plan = Plan {
        end: arguments.duration.map(|duration| Instant::now() + duration),
        follow: arguments.follow,
        verify: arguments.verify,
    };
    let consumer = Consumer::begin(arguments, screen).await?;
    let fan_out = consumer.source.fan_out();
    let ended = follow(consumer, &plan, &mut signals).await;
    if let Some(fan_out) = fan_out {
        leave(&fan_out, screen).await;
    }
    ended
}

/// Removes a temporary consumer, however reading ended.
async fn leave(fan_out: &FanOut, screen: &mut Screen) {
    let name = fan_out.name();
    let text = match fan_out.leave().await {
        Ok(Left::Nothing) => return,
        Ok(Left::Removed) => format!("the consumer {name} is removed"),
        Ok(Left::NotOurs) => format!("the consumer {name} was there before, and is kept"),
        Err(error) => format!("the consumer {name} is still registered, and billed: {error}"),
    };
    screen.say(&clean(&text));
}

/// When it ends, and with which closing words.
struct Plan {
    end: Option<Instant>,
    follow: bool,
    verify: bool,
}

async fn follow(mut consumer: Consumer<'_>, plan: &Plan, signals: &mut (Signal, Signal)) -> Result<Ended, Failure> {
    let Plan { end, follow, verify } = *plan;
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kept = Instant::now();
    let mut looked = Instant::now();
    let mut hurry = true;
    let outcome: Result<(), Failure> = loop {
        tokio::select! {
            // An end that is asked for is not kept waiting by a stream that is read without a pause.
            biased;
            _ = signals.0.recv() => break Ok(()),
            _ = signals.1.recv() => break Ok(()),
            () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => break Ok(()),
            _ = tick.tick() => {
                consumer.release()?;
                let unsaid = consumer.notices.unsaid(Instant::now());
                consumer.say_unsaid(unsaid);
                consumer.page();
                consumer.send();
                consumer.inform();
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
            () = Assistant::over(&mut consumer.assistant) => break Ok(()),
            landed = Otlp::landed(&mut consumer.otlp) => match landed {
                Ok(sent) => consumer.sent(&sent),
                Err(refused) => break Err(refused.into()),
            },
            next = consumer.source.next(), if !consumer.is_held_back() => match next {
                Ok(next) => consumer.take(next)?,
                Err(error) => break Err(error.into()),
            },
        }
        // Of a stream that never rests, what was there at the beginning. What files had is looked at on the page until
        // somebody has enough of it.
        let is_enough =
            !follow || (!consumer.source.has_records() && consumer.page.is_none() && consumer.assistant.is_none());
        if is_enough && consumer.source.caught_up_with(consumer.began) {
            hurry = false;
            break Ok(());
        }
    };
    let ended = consumer.end(verify, hurry, signals).await?;
    outcome?;
    Ok(ended)
}
