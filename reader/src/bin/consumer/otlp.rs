//! Lines on their way to `--otlp`'s receiver. What it has not accepted is in the checkpoint.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use forwarder_core::route::Level;
use reader::checkpoint::Unsent;
use reader::otlp::{Endpoint, Item, MOST_BYTES, MOST_LINES, Refused, Sender, Sent};
use reader::show::Show;
use tokio::task::JoinHandle;

/// Lines that wait before the stream is not read any further.
const MOST_WAITING: usize = 20_000;

/// Bytes of them.
const MOST_WAITING_BYTES: usize = 32 * 1024 * 1024;

pub(crate) struct Otlp {
    sender: Sender,
    waiting: Arc<Mutex<Waiting>>,
    flight: Option<Flight>,
    /// What went wrong since that was asked last.
    trouble: Arc<Mutex<Option<String>>>,
    /// The receiver takes nothing.
    pub(crate) is_refused: bool,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Unsent>,
    bytes: usize,
}

struct Flight {
    lines: Vec<Unsent>,
    task: JoinHandle<Result<Sent, Refused>>,
}

impl Otlp {
    /// Takes what is shown.
    pub(crate) fn new(endpoint: Endpoint, show: &mut Show) -> Self {
        let waiting = Arc::<Mutex<Waiting>>::default();
        show.watch(Box::new({
            let waiting = waiting.clone();
            move |shown| {
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                for (event, entry, _) in shown {
                    let level = entry.level.map(|level| level.name().to_owned());
                    waiting.push(Unsent { event, level });
                }
            }
        }));
        Self {
            sender: Sender::new(endpoint),
            waiting,
            flight: None,
            trouble: Arc::default(),
            is_refused: false,
            accepted: 0,
            rejected: 0,
        }
    }

    /// What an earlier reader was not rid of.
    pub(crate) fn take_up(&mut self, unsent: Vec<Unsent>) {
        let mut waiting = self.waiting();
        unsent.into_iter().for_each(|line| waiting.push(line));
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if so much waits that no more is to be read.
    pub(crate) fn is_full(&self) -> bool {
        let waiting = self.waiting();
        waiting.lines.len() > MOST_WAITING || waiting.bytes > MOST_WAITING_BYTES
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.flight.is_none() && self.waiting().lines.is_empty()
    }

    /// Sends the next batch, unless one is on its way.
    pub(crate) fn start(&mut self) {
        if self.flight.is_some() || self.is_refused {
            return;
        }
        let lines = self.waiting().batch();
        if lines.is_empty() {
            return;
        }
        let items: Vec<_> = lines.iter().map(item).collect();
        let (sender, trouble) = (self.sender.clone(), self.trouble.clone());
        let task = tokio::spawn(async move {
            let tell = |text| {
                trouble.lock().unwrap_or_else(PoisonError::into_inner).replace(text);
            };
            sender.send(&items, tell).await
        });
        self.flight = Some(Flight { lines, task });
    }

    /// Waits for the end of the batch that is on its way. Cancelled, it loses nothing.
    pub(crate) async fn landed(otlp: &mut Option<Self>) -> Result<Sent, Refused> {
        let Some(flight) = otlp.as_mut().and_then(|otlp| otlp.flight.as_mut()) else {
            return pending().await;
        };
        let landed = (&mut flight.task).await;
        let Some(otlp) = otlp else { return pending().await };
        let lines = otlp.flight.take().map(|flight| flight.lines).unwrap_or_default();
        match landed {
            Ok(Ok(sent)) => {
                otlp.accepted += sent.accepted;
                otlp.rejected += sent.rejected;
                otlp.start();
                Ok(sent)
            }
            Ok(Err(refused)) => {
                otlp.is_refused = true;
                otlp.waiting().put_back(lines);
                Err(refused)
            }
            // The task broke: the batch is sent again.
            Err(_) => {
                otlp.waiting().put_back(lines);
                otlp.start();
                Ok(Sent::default())
            }
        }
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Lines that the receiver has not accepted yet.
    pub(crate) fn unsent(&self) -> Vec<Unsent> {
        let flying = self.flight.iter().flat_map(|flight| &flight.lines);
        flying.chain(&self.waiting().lines).cloned().collect()
    }
}

impl Waiting {
    fn push(&mut self, line: Unsent) {
        self.bytes += line.event.line.len();
        self.lines.push_back(line);
    }

    fn batch(&mut self) -> Vec<Unsent> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < MOST_LINES && bytes < MOST_BYTES {
            let Some(line) = self.lines.pop_front() else { break };
            bytes += line.event.line.len();
            batch.push(line);
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        batch
    }

    fn put_back(&mut self, lines: Vec<Unsent>) {
        for line in lines.into_iter().rev() {
            self.bytes += line.event.line.len();
            self.lines.push_front(line);
        }
    }
}

fn item(unsent: &Unsent) -> Item {
    Item {
        line: unsent.event.line.clone(),
        level: unsent.level.as_deref().and_then(Level::from_name),
    }
}
