//! Proof by sequence numbers, as a table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::decode::{Life, LifeReport, Standing};
use serde::{Deserialize, Serialize};

use crate::clean::clean;
use crate::numbers::{counted, grouped};
use crate::paint::Look;
use crate::unpack::Unpacker;

/// Lives shown one by one; those with loss first.
const ROWS: usize = 20;

/// Ranges of lost lines named in a row.
const RANGES: usize = 5;

/// Above so many lives, those that are complete and over are only counted.
const REMEMBERED: usize = 10_000;

/// What is known of processes takes no more bytes than this, about: some 100,000 of them.
const MOST_KEPT: usize = 64 * 1024 * 1024;

/// Totals over all processes.
#[derive(Debug)]
pub struct Proof {
    /// Those with loss first, then the unproven, then the complete ones.
    lives: Vec<Judged>,
    /// All of them, the forgotten included.
    totals: Totals,
    unstamped: u64,
    unreadable: u64,
    out_of_order: u64,
}

#[derive(Debug)]
struct Judged {
    report: LifeReport,
    /// Lines before the reader began.
    before: u64,
}

/// Sums over lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Proven complete.
    pub complete: u64,
    /// Without a final report.
    pub unproven: u64,
    /// With lines missing that nothing announces.
    pub with_loss: u64,
    /// Lambda's events, each counted once.
    pub events: u64,
    /// Lines missing that nothing announces.
    pub lost: u64,
    /// Lines announced as dropped.
    pub dropped: u64,
    /// Lines seen once more than needed.
    pub repeats: u64,
}

impl Totals {
    fn add(&mut self, report: &LifeReport) {
        *match report.standing {
            Standing::Complete => &mut self.complete,
            Standing::Unproven => &mut self.unproven,
            Standing::Lost => &mut self.with_loss,
        } += 1;
        self.events += report.events;
        self.lost = self.lost.saturating_add(report.lost_lines());
        self.dropped = self.dropped.saturating_add(report.announced);
        self.repeats += report.repeats;
    }

    fn lives(&self) -> u64 {
        self.complete + self.unproven + self.with_loss
    }
}

/// Keeps a reader that never ends from remembering every process that ever was.
#[derive(Debug, Default)]
pub struct Memory {
    /// Complete processes at the last look, each with all that was seen of it.
    complete: BTreeMap<Life, u64>,
}

impl Memory {
    /// Forgets processes of which nothing more can come; they are counted into `forgotten`:
    /// - that were not heard of for as long as the stream keeps records (`retention`), but those with loss;
    /// - that were complete at the last look and of which nothing was heard since, if there are many. Look every few
    ///   minutes: a repeat may come late.
    pub fn look(
        &mut self,
        unpacker: &mut Unpacker,
        from_the_beginning: bool,
        retention: Duration,
        forgotten: &mut Totals,
    ) {
        self.look_at(unpacker, from_the_beginning, retention, forgotten, REMEMBERED);
    }

    fn look_at(
        &mut self,
        unpacker: &mut Unpacker,
        from_the_beginning: bool,
        retention: Duration,
        forgotten: &mut Totals,
        remembered: usize,
    ) {
        let lives = unpacker.judged(from_the_beginning);
        let horizon = unpacker.newest().and_then(|newest| newest.checked_sub(retention));
        let are_many = lives.len() > remembered;
        let seen = |life: &LifeReport| life.events + life.own + life.repeats;
        let mut over = BTreeSet::new();
        for (life, _) in &lives {
            let has_expired = horizon
                .zip(life.last_heard)
                .is_some_and(|(horizon, heard)| heard < horizon);
            let is_over = match life.standing {
                Standing::Lost => false,
                Standing::Unproven => has_expired,
                Standing::Complete => has_expired || (are_many && self.complete.get(&life.life) == Some(&seen(life))),
            };
            if is_over {
                forgotten.add(life);
                over.insert(life.life.clone());
            }
        }
        if !over.is_empty() {
            unpacker.forget(|life| over.contains(&life.life));
        }
        self.complete.clear();
        if are_many {
            let complete = lives.into_iter().map(|(life, _)| life);
            let complete = complete.filter(|life| life.standing == Standing::Complete);
            self.complete = complete.map(|life| (life.life.clone(), seen(&life))).collect();
        }
    }

    /// Past a bound of memory, forgets the half of the processes that were not heard of for longest: whoever writes a
    /// stream can invent more than a machine has room for. They are counted into `forgotten`.
    pub fn make_room(unpacker: &mut Unpacker, from_the_beginning: bool, forgotten: &mut Totals) {
        if unpacker.kept_bytes() <= MOST_KEPT {
            return;
        }
        let mut lives = unpacker.judged(from_the_beginning);
        lives.sort_by_key(|(life, _)| life.last_heard);
        lives.truncate(lives.len().div_ceil(2));
        for (life, _) in &lives {
            forgotten.add(life);
        }
        let over: BTreeSet<Life> = lives.into_iter().map(|(life, _)| life.life).collect();
        unpacker.forget(|life| over.contains(&life.life));
    }
}

impl Proof {
    /// Of what was unpacked; `from_the_beginning` as in [`Unpacker::judged`].
    #[must_use]
    pub fn of(unpacker: &Unpacker, from_the_beginning: bool, forgotten: Totals) -> Self {
        let mut totals = forgotten;
        let judged = unpacker.judged(from_the_beginning).into_iter();
        let mut lives: Vec<_> = judged.map(|(report, before)| Judged { report, before }).collect();
        lives.iter().for_each(|life| totals.add(&life.report));
        lives.sort_by_key(|life| match life.report.standing {
            Standing::Lost => 0,
            Standing::Unproven => 1,
            Standing::Complete => 2,
        });
        let counts = unpacker.counts();
        Self {
            lives,
            totals,
            unstamped: unpacker.unstamped(),
            unreadable: counts.unreadable,
            out_of_order: counts.out_of_order,
        }
    }

    /// The sums.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The table as JSON, for a page: its rows, the sums, and what cannot be judged.
    #[must_use]
    pub fn json(&self) -> String {
        let rows = self.lives.iter().take(ROWS).map(|Judged { report, before }| {
            let lost = report.lost.iter().take(RANGES).collect::<Vec<_>>();
            serde_json::json!({
                "id": report.life.id, "sink": report.life.sink, "events": report.events, "lost": report.lost_lines(),
                "ranges": lost, "dropped": report.announced, "repeats": report.repeats, "from": before,
                "proof": match report.standing {
                    Standing::Complete => "complete",
                    Standing::Unproven => "unproven",
                    Standing::Lost => "lost",
                },
            })
        });
        let json = serde_json::json!({
            "rows": rows.collect::<Vec<_>>(), "totals": self.totals, "unstamped": self.unstamped,
            "unreadable": self.unreadable, "outOfOrder": self.out_of_order,
        });
        json.to_string()
    }

    /// The closing table, each line with its line feed.
    #[must_use]
    pub fn table(&self, colours: bool) -> String {
        let mut out = String::new();
        let sink_width = self
            .lives
            .iter()
            .take(ROWS)
            .map(|life| life.report.life.sink.chars().count());
        let width = sink_width.max().unwrap_or(0).max(4);
        if !self.lives.is_empty() {
            let head = format!(
                "{:<16}  {:<width$}  {:>11}  {:>9}  {:>9}  {:>9}  {}",
                "id", "sink", "events", "lost", "dropped", "repeats", "proof"
            );
            Look::Dim.paint_into(&mut out, &head, colours);
            out.push('\n');
        }
        for life in self.lives.iter().take(ROWS) {
            life.row(width, colours, &mut out);
        }
        if self.totals.lives() > ROWS as u64 {
            let more = self.totals.lives() - self.lives.len().min(ROWS) as u64;
            out.push_str(&format!("and {}\n", counted(more, "life more", "lives more")));
        }
        let Totals {
            complete,
            unproven,
            with_loss,
            events,
            lost,
            dropped,
            repeats,
        } = self.totals;
        let lives = counted(self.totals.lives(), "life", "lives");
        out.push_str(&format!(
            "{lives}: {complete} complete, {unproven} unproven, {with_loss} with loss\n"
        ));
        let mut sums = vec![counted(events, "event", "events")];
        sums.push(format!("{} dropped and announced", grouped(dropped)));
        sums.push(counted(repeats, "repeat", "repeats"));
        for (count, what) in [
            (self.out_of_order, "out of order within their records"),
            (self.unreadable, "that cannot be read"),
            (self.unstamped, "without numbers, of which nothing can be proved"),
        ] {
            if count > 0 {
                sums.push(format!("{} {what}", grouped(count)));
            }
        }
        let look = if lost == 0 { Look::Green } else { Look::BoldRed };
        look.paint_into(&mut out, &format!("{} lost", counted(lost, "line", "lines")), colours);
        out.push_str(&format!(" · {}\n", sums.join(" · ")));
        out
    }
}

impl Judged {
    fn row(&self, width: usize, colours: bool, out: &mut String) {
        let Self { report, before } = self;
        let row = format!(
            "{:<16}  {:<width$}  {:>11}  {:>9}  {:>9}  {:>9}  ",
            clean(&report.life.id),
            clean(&report.life.sink),
            grouped(report.events),
            grouped(report.lost_lines()),
            grouped(report.announced),
            grouped(report.repeats),
        );
        out.push_str(&row);
        let (look, mut verdict) = match report.standing {
            Standing::Complete => (Look::Green, "complete".to_owned()),
            Standing::Unproven => (Look::BoldYellow, "unproven: no final report".to_owned()),
            Standing::Lost => (Look::BoldRed, format!("lost {}", ranges(&report.lost))),
        };
        if *before > 0 {
            verdict.push_str(&format!(", from {} on", grouped(*before)));
        }
        look.paint_into(out, &verdict, colours);
        out.push('\n');
    }
}

fn ranges(lost: &[[u64; 2]]) -> String {
    let named = lost.iter().take(RANGES).map(|[first, last]| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}–{last}")
        }
    });
    let mut text = named.collect::<Vec<_>>().join(", ");
    if lost.len() > RANGES {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests;
