//! What becomes of what is read: taken apart, shown, kept, proved.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reader::checkpoint::CheckpointFile;
use reader::clean::clean;
use reader::event::Event;
use reader::files::Piece;
use reader::numbers::counted;
use reader::otlp::Sent;
use reader::proof::{Memory, Totals};
use reader::screen::Screen;
use reader::show::Show;
use reader::stream::{Batch, News, Record};
use reader::unpack::{Unpacker, Unreadable};
use tokio::time::Instant;

use crate::mcp::Assistant;
use crate::otlp::Otlp;
use crate::pace::{Notices, Rate};
use crate::page::Page;
use crate::run::Failure;
use crate::source::{Next, Source};

/// Longest wait of the first lines until every shard has answered, so that they come in the order of time.
const FIRST_ANSWERS: Duration = Duration::from_secs(2);

/// Trouble is said no more often: where several readers share a stream, each is throttled now and then.
const TROUBLE: Duration = Duration::from_secs(5);

/// For how long a stream keeps records where that may not be asked: longer than it most often does.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Reads, shows, keeps, proves.
pub(crate) struct Consumer<'a> {
    pub(crate) screen: &'a mut Screen,
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) unpacker: Unpacker,
    pub(crate) show: Show,
    pub(crate) file: Option<CheckpointFile>,
    pub(crate) from_the_beginning: bool,
    /// Something was read.
    pub(crate) has_begun: bool,
    /// Files that could not be opened.
    pub(crate) unopened: u64,
    pub(crate) memory: Memory,
    /// For how long the stream keeps records, once that was answered.
    pub(crate) retention: Arc<OnceLock<Duration>>,
    pub(crate) notices: Notices,
    pub(crate) page: Option<Page>,
    pub(crate) otlp: Option<Otlp>,
    pub(crate) assistant: Option<Assistant>,
    /// Rows of invocations are asked for.
    pub(crate) wants_rows: bool,
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

impl Consumer<'_> {
    pub(crate) fn take(&mut self, next: Next) -> Result<(), Failure> {
        match next {
            Next::News(news) => self.news(news)?,
            Next::Piece(piece) => self.piece(piece)?,
            Next::Unopened(error) => {
                self.unopened += 1;
                self.screen.say(&clean(&error.to_string()));
            }
            Next::Over => {}
        }
        self.release()
    }

    fn news(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::Batch(batch) => self.unpack(&batch)?,
            News::Trouble(trouble) => {
                self.trouble(&trouble.to_string());
            }
            News::Expired(shard) => {
                let text = format!("{shard} is gone: what was not read of it has expired");
                self.screen.say(&text);
            }
        }
        Ok(())
    }

    /// Says trouble that may pass, now and then.
    fn trouble(&mut self, text: &str) {
        if self.troubled.is_none_or(|last| last.elapsed() >= TROUBLE) {
            self.screen.say(&clean(text));
            self.troubled = Some(Instant::now());
        }
    }

    /// Sends what is ready to be sent, and says what went wrong.
    pub(crate) fn send(&mut self) {
        let Some(otlp) = &mut self.otlp else { return };
        otlp.start();
        if let Some(trouble) = otlp.trouble() {
            self.trouble(&trouble);
        }
    }

    /// Takes note of a batch that the receiver has.
    pub(crate) fn sent(&mut self, sent: &Sent) {
        self.is_dirty = true;
        if sent.rejected > 0 || !sent.reasons.is_empty() {
            let reasons = sent.reasons.join("; ");
            if self.notices.may_speak(Instant::now()) {
                let rejected = counted(sent.rejected, "record", "records");
                self.screen
                    .say(&clean(&format!("the receiver rejected {rejected}: {reasons}")));
            }
        }
    }

    /// True if the stream has to wait for the receiver.
    pub(crate) fn is_held_back(&self) -> bool {
        self.otlp.as_ref().is_some_and(Otlp::is_full)
    }

    fn piece(&mut self, piece: Piece) -> Result<(), Failure> {
        match piece {
            Piece::Lines { record, before } => {
                if !std::mem::replace(&mut self.has_begun, true) && !self.from_the_beginning {
                    // Objects have no more order among themselves than shards do.
                    self.unpacker.begin_in_the_middle(record.arrival);
                }
                self.record(&record, before)?;
            }
            Piece::Bad(unreadable) | Piece::Broken(unreadable) => {
                self.unpacker.skip(&unreadable);
                self.skipped(&[unreadable]);
            }
        }
        Ok(())
    }

    fn unpack(&mut self, batch: &Batch) -> Result<(), Failure> {
        for record in &batch.records {
            self.record(record, 0)?;
        }
        self.is_dirty = true;
        Ok(())
    }

    /// Takes a record apart; so many lines came before it in its file.
    fn record(&mut self, record: &Record, before: u64) -> Result<(), Failure> {
        let (mut events, mut unreadable): (Vec<Event>, Vec<Unreadable>) = (Vec::new(), Vec::new());
        self.unpacker.take(record, &mut events, &mut unreadable);
        for line in unreadable.iter_mut().filter_map(|unreadable| unreadable.line.as_mut()) {
            *line = line.saturating_add(usize::try_from(before).unwrap_or(usize::MAX));
        }
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
        Ok(())
    }

    /// Says what could not be read: some of it at once, the rest as a number.
    pub(crate) fn skipped(&mut self, unreadable: &[Unreadable]) {
        for skipped in unreadable {
            if self.notices.may_speak(Instant::now()) {
                self.screen.say(&clean(&skipped.to_string()));
            }
        }
    }

    pub(crate) fn say_unsaid(&mut self, count: Option<u64>) {
        if let Some(count) = count {
            let records = counted(count, "more record", "more records");
            self.screen.say(&format!("skipped what cannot be read of {records}"));
        }
    }

    /// Shows what need not wait any longer.
    pub(crate) fn release(&mut self) -> Result<(), Failure> {
        if self.source.behind().is_none() && self.began.elapsed() < FIRST_ANSWERS {
            return Ok(());
        }
        self.let_go()
    }

    pub(crate) fn let_go(&mut self) -> Result<(), Failure> {
        let mut out = String::new();
        self.show.release(Instant::now(), &mut out);
        self.screen.lines(&out)?;
        Ok(())
    }

    /// Forgets what nothing more can be said of.
    pub(crate) fn forget(&mut self) {
        let retention = self.retention.get().copied().unwrap_or(RETENTION);
        self.memory.look(
            &mut self.unpacker,
            self.from_the_beginning,
            retention,
            &mut self.forgotten,
        );
    }

    pub(crate) fn keep(&mut self) -> Result<(), Failure> {
        let shards = self.source.positions();
        if let Some(file) = &self.file
            && std::mem::take(&mut self.is_dirty)
            && !shards.is_empty()
        {
            let unsent = self.otlp.as_ref().map(Otlp::unsent).unwrap_or_default();
            file.write(
                shards,
                self.from_the_beginning,
                &self.unpacker,
                self.forgotten,
                &self.show,
                &unsent,
            )?;
        }
        Ok(())
    }
}
