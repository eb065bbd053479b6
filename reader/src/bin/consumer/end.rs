//! The last steps: what is left is shown, kept and proved.

use std::io;
use std::time::Duration;

use forwarder_core::telemetry::event::INVOCATION;
use reader::numbers::{bytes, counted, grouped, time};
use reader::proof::Proof;
use reader::show::Rows;
use tokio::signal::unix::Signal;
use tokio::time::{Instant, interval, sleep_until};

use crate::consumer::Consumer;
use crate::otlp::Otlp;
use crate::run::{Ended, Failure, TICK};

/// Longest wait for a receiver after a signal, or when the time of `--for` is over.
const FAREWELL: Duration = Duration::from_secs(10);

impl Consumer<'_> {
    /// Shows what is left, keeps all of it, and says what it came to. In a `hurry` a receiver is not waited for.
    pub(crate) async fn end(
        mut self,
        verify: bool,
        hurry: bool,
        signals: &mut (Signal, Signal),
    ) -> Result<Ended, Failure> {
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
        let delivered = self.deliver(hurry, signals).await;
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
        self.say_where_rows_are();
        let unsaid = self.notices.rest();
        self.say_unsaid(unsaid);
        let counts = self.unpacker.counts();
        let records = if self.source.has_records() {
            format!(" in {}", counted(counts.records, "record", "records"))
        } else {
            String::new()
        };
        let mut closing = format!(
            "{}{records} ({}) from {} in {}\n",
            counted(counts.lines, "line", "lines"),
            bytes(counts.bytes),
            self.source.extent(),
            time(self.began.elapsed()),
        );
        if let Some(otlp) = &self.otlp {
            let (accepted, rejected) = (counted(otlp.accepted, "line", "lines"), grouped(otlp.rejected));
            closing.push_str(&format!("{accepted} accepted by the receiver, {rejected} rejected\n"));
        }
        let mut ended = Ended::Good;
        if verify {
            let proof = Proof::of(&self.unpacker, self.from_the_beginning, self.forgotten);
            if proof.totals().lost > 0 {
                ended = Ended::WithLoss;
            }
            closing = format!("\n{}{closing}", proof.table(self.colours));
        }
        self.screen.tell_lines(&closing);
        delivered?;
        let unsent = self.otlp.as_ref().map_or(0, |otlp| otlp.unsent().len());
        if unsent > 0 && self.file.is_none() && !self.otlp.as_ref().is_some_and(|otlp| otlp.is_refused) {
            return Err(Failure::Unsent(unsent as u64));
        }
        if self.unopened > 0 {
            return Err(Failure::Unread(self.unopened));
        }
        Ok(ended)
    }

    /// Says why there is no row, where rows are asked for.
    fn say_where_rows_are(&mut self) {
        let Rows { seen, shown } = self.show.rows();
        if !self.wants_rows || shown > 0 {
            return;
        }
        self.screen.say(&match seen {
            0 => format!(
                "no rows of invocations in what was read: the forwarder makes them where a rule names them \
                 (FORWARDER_ROUTES='{INVOCATION} -> …; …') or, without rules, with FORWARDER_INVOCATIONS=on"
            ),
            seen => format!(
                "{}, none of which the filters let through",
                counted(seen, "row of an invocation", "rows of invocations")
            ),
        });
    }

    /// Waits until the receiver has everything.
    async fn deliver(&mut self, hurry: bool, (interrupt, terminate): &mut (Signal, Signal)) -> Result<(), Failure> {
        let end = Instant::now() + FAREWELL;
        let mut tick = interval(TICK);
        while self
            .otlp
            .as_ref()
            .is_some_and(|otlp| !otlp.is_idle() && !otlp.is_refused)
        {
            tokio::select! {
                biased;
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                () = sleep_until(end), if hurry => break,
                _ = tick.tick() => self.send(),
                landed = Otlp::landed(&mut self.otlp) => self.sent(&landed?),
            }
        }
        Ok(())
    }
}
