//! All of it together: read, show, keep, prove.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use reader::checkpoint::{CheckpointError, CheckpointFile};
use reader::clean::clean;
use reader::event::Event;
use reader::numbers::{bytes, counted, time};
use reader::proof::{Memory, Proof, Totals};
use reader::screen::Screen;
use reader::show::{Output, Show};
use reader::stream::{self, Batch, News, Pace, Reader, Start};
use reader::unpack::{Unpacker, Unreadable};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::arguments::Arguments;
use crate::pace::{Notices, Rate};
use crate::page::Page;

/// Interval at which waiting lines are checked and the progress is shown.
const TICK: Duration = Duration::from_millis(100);

/// Longest wait of the first lines until every shard has answered, so that they come in the order of time.
const FIRST_ANSWERS: Duration = Duration::from_secs(2);

/// Trouble is said no more often: where several readers share a stream, each is throttled now and then.
const TROUBLE: Duration = Duration::from_secs(5);

/// Interval between checkpoints.
const CHECKPOINT: Duration = Duration::from_secs(2);

/// Interval at which processes that can be forgotten are looked for.
const FORGET: Duration = Duration::from_secs(300);

/// For how long a stream keeps records where that may not be asked: longer than it most often does.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Reasons why it could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Reader(#[from] stream::Error),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
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

pub(crate) struct Consumer<'a> {
    pub(crate) screen: &'a mut Screen,
    pub(crate) name: String,
    pub(crate) reader: Reader,
    pub(crate) unpacker: Unpacker,
    pub(crate) show: Show,
    pub(crate) file: Option<CheckpointFile>,
    pub(crate) from_the_beginning: bool,
    pub(crate) memory: Memory,
    /// For how long the stream keeps records, once that was answered.
    pub(crate) retention: Arc<OnceLock<Duration>>,
    pub(crate) notices: Notices,
    pub(crate) page: Option<Page>,
    pub(crate) forgotten: Totals,
    pub(crate) began: Instant,
    /// Lines read in earlier lives of this reader.
    pub(crate) lines_before: u64,
    pub(crate) rate: Rate,
    /// Time of the last warning.
    pub(crate) troubled: Option<Instant>,
    /// True if the closing table has colours.
    pub(crate) colours: bool,
    /// Something was read since the last checkpoint.
    pub(crate) is_dirty: bool,
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
            news = consumer.reader.next() => match news {
                Ok(news) => consumer.take(news)?,
                Err(error) => break Err(error),
            },
        }
        // Of a stream that never rests, what was there at the beginning.
        if !follow && consumer.reader.caught_up_with(consumer.began) {
            break Ok(());
        }
    };
    let ended = consumer.end(verify)?;
    outcome?;
    Ok(ended)
}

impl<'a> Consumer<'a> {
    async fn begin(arguments: Arguments, screen: &'a mut Screen) -> Result<Self, Failure> {
        if let Some(colours) = arguments.colours {
            screen.set_colours(colours);
        }
        let output = match (arguments.quiet, arguments.json) {
            (true, _) => Output::Nothing,
            // The page shows them.
            (false, false) if arguments.web.is_some() => Output::Nothing,
            (false, true) => Output::Json {
                on_a_terminal: io::stdout().is_terminal(),
            },
            (false, false) => Output::Lines {
                colours: screen.colours(),
            },
        };
        let colours = arguments.colours.unwrap_or(screen.colours() && screen.is_watched());
        let name = arguments.stream.as_str().to_owned();
        let file = arguments.checkpoint.map(|path| CheckpointFile::new(path, &name));
        let kept = file.as_ref().map(CheckpointFile::read).transpose()?.flatten();
        let start = arguments.start.unwrap_or(Start::Latest);
        let client = reader::aws::client(&arguments.access).await;
        let mut show = Show::new(output, arguments.filter);
        let page = match arguments.web {
            Some(address) => Some(Page::serve(address, &mut show, screen).await?),
            None => None,
        };
        let mut unpacker = Unpacker::default();
        let mut from_the_beginning = start.is_the_beginning();
        match start {
            Start::TrimHorizon => unpacker.begin_at_the_horizon(SystemTime::now()),
            Start::Latest => unpacker.begin_in_the_middle(SystemTime::now()),
            Start::At(time) => unpacker.begin_in_the_middle(time),
        }
        let mut forgotten = Totals::default();
        let mut shards = Default::default();
        if let Some(kept) = kept {
            if arguments.start.is_some() {
                screen.say("going on from the checkpoint; --from does not count");
            }
            from_the_beginning = kept.from_the_beginning;
            forgotten = kept.forgotten;
            shards = kept.shards;
            unpacker = kept.seen;
            unpacker.wait_for_the_rest_of(kept.parts);
            show.take(kept.waiting, Instant::now());
        }
        let reader = Reader::resume(client, arguments.stream, start, shards, Pace::default());
        let retention = Arc::new(OnceLock::new());
        tokio::spawn({
            let (known, asked) = (retention.clone(), reader.retention());
            async move { asked.await.map(|retention| known.set(retention)) }
        });
        Ok(Self {
            reader,
            retention,
            notices: Notices::default(),
            page,
            lines_before: unpacker.counts().lines,
            screen,
            name,
            unpacker,
            show,
            file,
            from_the_beginning,
            memory: Memory::default(),
            forgotten,
            began: Instant::now(),
            rate: Rate::default(),
            troubled: None,
            colours,
            is_dirty: false,
        })
    }

    fn take(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::Batch(batch) => self.unpack(&batch)?,
            News::Trouble(trouble) => {
                if self.troubled.is_none_or(|last| last.elapsed() >= TROUBLE) {
                    self.screen.say(&clean(&trouble.to_string()));
                    self.troubled = Some(Instant::now());
                }
            }
            News::Expired(shard) => {
                let text = format!("{shard} is gone: what was not read of it has expired");
                self.screen.say(&text);
            }
        }
        self.release()
    }

    fn unpack(&mut self, batch: &Batch) -> Result<(), Failure> {
        for record in &batch.records {
            let (mut events, mut unreadable): (Vec<Event>, _) = (Vec::new(), Vec::new());
            self.unpacker.take(record, &mut events, &mut unreadable);
            self.skipped(&unreadable);
            if let Some(page) = &self.page {
                page.record(record);
            }
            self.show.take(events, Instant::now());
            // A batch may hold a thousand times its size, if somebody wants it to: no more than one record of it is kept.
            if self.show.is_full() {
                self.let_go()?;
            }
            Memory::make_room(&mut self.unpacker, self.from_the_beginning, &mut self.forgotten);
        }
        self.is_dirty = true;
        Ok(())
    }

    /// Says what could not be read: some of it at once, the rest as a number.
    fn skipped(&mut self, unreadable: &[Unreadable]) {
        for skipped in unreadable {
            if self.notices.may_speak(Instant::now()) {
                self.screen.say(&clean(&skipped.to_string()));
            }
        }
    }

    fn say_unsaid(&mut self, count: Option<u64>) {
        if let Some(count) = count {
            let records = counted(count, "more record", "more records");
            self.screen.say(&format!("skipped what cannot be read of {records}"));
        }
    }

    /// Shows what need not wait any longer.
    fn release(&mut self) -> Result<(), Failure> {
        if self.reader.behind().is_none() && self.began.elapsed() < FIRST_ANSWERS {
            return Ok(());
        }
        self.let_go()
    }

    fn let_go(&mut self) -> Result<(), Failure> {
        let mut out = String::new();
        self.show.release(Instant::now(), &mut out);
        self.screen.lines(&out)?;
        Ok(())
    }

    /// Forgets what nothing more can be said of.
    fn forget(&mut self) {
        let retention = self.retention.get().copied().unwrap_or(RETENTION);
        self.memory.look(
            &mut self.unpacker,
            self.from_the_beginning,
            retention,
            &mut self.forgotten,
        );
    }

    fn keep(&mut self) -> Result<(), Failure> {
        let shards = self.reader.positions();
        if let Some(file) = &self.file
            && std::mem::take(&mut self.is_dirty)
            && !shards.is_empty()
        {
            file.write(
                shards,
                self.from_the_beginning,
                &self.unpacker,
                self.forgotten,
                &self.show,
            )?;
        }
        Ok(())
    }

    /// Shows what is left, keeps all of it, and says what it came to.
    fn end(mut self, verify: bool) -> Result<Ended, Failure> {
        if self.file.is_none() {
            // Nobody will go on from here: what waits for more is shown as it is.
            let given_up = self.unpacker.give_up();
            if !given_up.is_empty() {
                let parts = counted(given_up.len() as u64, "part", "parts");
                self.screen
                    .say(&format!("{parts} of longer lines, whose other parts were not read"));
            }
            self.show.take(given_up, Instant::now());
        }
        let mut out = String::new();
        self.show.finish(&mut out);
        match self.screen.lines(&out) {
            // Who reads from us has enough: that is no failure, but it was not shown either.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            shown => {
                shown?;
                self.is_dirty = true;
                if self.file.is_some() {
                    self.forget();
                }
                self.keep()?;
            }
        }
        let unsaid = self.notices.rest();
        self.say_unsaid(unsaid);
        let counts = self.unpacker.counts();
        let mut closing = format!(
            "{} in {} ({}) from {} in {}\n",
            counted(counts.lines, "line", "lines"),
            counted(counts.records, "record", "records"),
            bytes(counts.bytes),
            counted(self.reader.known_shards() as u64, "shard", "shards"),
            time(self.began.elapsed()),
        );
        let mut ended = Ended::Good;
        if verify {
            let proof = Proof::of(&self.unpacker, self.from_the_beginning, self.forgotten);
            if proof.totals().lost > 0 {
                ended = Ended::WithLoss;
            }
            closing = format!("\n{}{closing}", proof.table(self.colours));
        }
        self.screen.tell_lines(&closing);
        Ok(ended)
    }
}
