//! The last steps: what is left is shown, kept and proved.

use std::io;

use reader::numbers::{bytes, counted, time};
use reader::proof::Proof;
use tokio::time::Instant;

use crate::consumer::Consumer;
use crate::run::{Ended, Failure};

impl Consumer<'_> {
    /// Shows what is left, keeps all of it, and says what it came to.
    pub(crate) fn end(mut self, verify: bool) -> Result<Ended, Failure> {
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
        let mut ended = Ended::Good;
        if verify {
            let proof = Proof::of(&self.unpacker, self.from_the_beginning, self.forgotten);
            if proof.totals().lost > 0 {
                ended = Ended::WithLoss;
            }
            closing = format!("\n{}{closing}", proof.table(self.colours));
        }
        self.screen.tell_lines(&closing);
        if self.unopened > 0 {
            return Err(Failure::Unread(self.unopened));
        }
        Ok(ended)
    }
}
