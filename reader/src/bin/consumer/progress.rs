//! How far reading has come: a line on the terminal, and the state of the page.

use std::time::Duration;

use reader::clean::clean;
use reader::mcp::Progress;
use reader::numbers::{grouped, time};
use reader::proof::Proof;
use reader::web::Status;
use tokio::time::Instant;

use crate::consumer::Consumer;

impl Consumer<'_> {
    pub(crate) fn progress(&mut self) {
        let lines = self.unpacker.counts().lines - self.lines_before;
        let rate = self.rate.of(lines, Instant::now());
        if !self.screen.is_watched() {
            return;
        }
        let (name, standing, behind) = (&self.name, self.source.standing(), self.behind());
        let text = format!(
            "{name} · {standing} · {} lines · {rate:.0}/s · {behind}",
            grouped(lines)
        );
        self.screen.progress(&clean(&text));
    }

    fn behind(&self) -> String {
        if !self.source.has_records() {
            return if self.source.caught_up() { "ended" } else { "reading" }.to_owned();
        }
        match self.source.behind() {
            None => "connecting".to_owned(),
            Some(_) if self.source.caught_up() => "live".to_owned(),
            Some(behind) if behind < Duration::from_secs(1) => "live".to_owned(),
            Some(behind) => format!("{} behind", time(behind)),
        }
    }

    /// Tells the assistant how it goes.
    pub(crate) fn inform(&mut self) {
        let state = self.behind();
        let Some(assistant) = &mut self.assistant else { return };
        if !assistant.is_due(Instant::now()) {
            return;
        }
        let counts = self.unpacker.counts();
        let progress = Progress {
            stream: clean(&self.name).into_owned(),
            state,
            lines: counts.lines,
            unreadable: counts.unreadable,
        };
        assistant.tell(
            progress,
            &Proof::of(&self.unpacker, self.from_the_beginning, self.forgotten),
        );
    }

    /// Tells the page how it goes.
    pub(crate) fn page(&mut self) {
        let state = self.behind();
        let Some(page) = &mut self.page else { return };
        if !page.is_due(Instant::now()) {
            return;
        }
        let counts = self.unpacker.counts();
        page.tell(Status {
            stream: clean(&self.name).into_owned(),
            state,
            lines: counts.lines,
            records: counts.records,
            bytes: counts.bytes,
            rate: self.rate.last(),
            shards: self.source.lags(),
            unreadable: counts.unreadable,
        });
        if page.is_watched() {
            page.prove(&Proof::of(&self.unpacker, self.from_the_beginning, self.forgotten));
        }
    }
}
