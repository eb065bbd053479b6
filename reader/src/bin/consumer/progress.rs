//! How far reading has come: a line on the terminal, and the state of the page.

use std::time::Duration;

use reader::clean::clean;
use reader::numbers::{counted, grouped, time};
use reader::proof::Proof;
use reader::web::Status;
use tokio::time::Instant;

use crate::run::Consumer;

impl Consumer<'_> {
    pub(crate) fn progress(&mut self) {
        let lines = self.unpacker.counts().lines - self.lines_before;
        let rate = self.rate.of(lines, Instant::now());
        if !self.screen.is_watched() {
            return;
        }
        let shards = counted(self.reader.shards() as u64, "shard", "shards");
        let (name, behind) = (&self.name, self.behind());
        let text = format!("{name} · {shards} · {} lines · {rate:.0}/s · {behind}", grouped(lines));
        self.screen.progress(&clean(&text));
    }

    fn behind(&self) -> String {
        match self.reader.behind() {
            None => "connecting".to_owned(),
            Some(_) if self.reader.caught_up() => "live".to_owned(),
            Some(behind) if behind < Duration::from_secs(1) => "live".to_owned(),
            Some(behind) => format!("{} behind", time(behind)),
        }
    }

    /// Tells the page how it goes.
    pub(crate) fn page(&mut self) {
        let state = self.behind();
        let Some(page) = &mut self.page else { return };
        if !page.is_due(Instant::now()) {
            return;
        }
        let counts = self.unpacker.counts();
        let lags = self.reader.lags();
        page.tell(Status {
            stream: clean(&self.name).into_owned(),
            state,
            lines: counts.lines,
            records: counts.records,
            bytes: counts.bytes,
            rate: self.rate.last(),
            shards: lags
                .map(|(shard, lag)| (shard.to_owned(), lag.map(|lag| lag.as_secs_f64())))
                .collect(),
            unreadable: counts.unreadable,
        });
        if page.is_watched() {
            page.prove(&Proof::of(&self.unpacker, self.from_the_beginning, self.forgotten));
        }
    }
}
