//! What the sequence numbers prove, as a table.

use std::collections::BTreeMap;

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

/// What became of all lives.
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

/// Keeps a reader that never ends from remembering every life that ever was.
#[derive(Debug, Default)]
pub struct Memory {
    /// Complete lives at the last look, each with all that was seen of it.
    complete: BTreeMap<Life, u64>,
}

impl Memory {
    /// Forgets lives that were complete at the last look and of which nothing was heard since, if there are many; they
    /// are counted into `forgotten`. Look every few minutes: a repeat may come late.
    pub fn look(&mut self, unpacker: &mut Unpacker, forgotten: &mut Totals) {
        self.look_at(unpacker, forgotten, REMEMBERED);
    }

    fn look_at(&mut self, unpacker: &mut Unpacker, forgotten: &mut Totals, remembered: usize) {
        let lives = unpacker.lives();
        if lives.len() <= remembered {
            return;
        }
        let seen = |life: &LifeReport| life.events + life.own + life.repeats;
        unpacker.forget(|life| {
            let is_over = life.standing == Standing::Complete && self.complete.get(&life.life) == Some(&seen(life));
            if is_over {
                forgotten.add(life);
            }
            is_over
        });
        let complete = lives.into_iter().filter(|life| life.standing == Standing::Complete);
        self.complete = complete.map(|life| (life.life.clone(), seen(&life))).collect();
    }
}

impl Proof {
    /// Of what was unpacked. `from_the_beginning`: the reader saw everything that the stream had; otherwise what is missing
    /// before a life's first line is no loss, nor what is missing among the lines of the first moments.
    #[must_use]
    pub fn of(unpacker: &Unpacker, from_the_beginning: bool, forgotten: Totals) -> Self {
        let mut totals = forgotten;
        let mut lives: Vec<_> = unpacker
            .lives()
            .into_iter()
            .map(|mut report| {
                let before = if from_the_beginning {
                    0
                } else {
                    report.from_the_middle(unpacker.begun(&report.life))
                };
                totals.add(&report);
                Judged { report, before }
            })
            .collect();
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
mod tests {
    use super::*;
    use crate::stream::Record;
    use crate::unpack::tests::line;
    use std::time::{Duration, SystemTime};

    fn unpacked(lines: &[String]) -> Unpacker {
        let mut unpacker = Unpacker::default();
        let record = record(lines, SystemTime::UNIX_EPOCH);
        unpacker.take(&record, &mut Vec::new(), &mut Vec::new());
        unpacker
    }

    fn record(lines: &[String], arrival: SystemTime) -> Record {
        Record {
            shard: "shard".into(),
            sequence_number: "1".into(),
            partition_key: "k".into(),
            data: lines.join("\n").into(),
            arrival,
        }
    }

    fn own(id: &str, seq: u64, kind: &str, record: &str) -> String {
        line(id, seq, record).replace("\"function\"", &format!("\"{kind}\""))
    }

    fn world() -> Vec<String> {
        let last = |id: &str, seq: u64| {
            own(
                id,
                seq,
                "forwarder.report",
                &format!(r#"{{"nextSeq":{},"final":true}}"#, seq + 1),
            )
        };
        let f = |id: &str, seq: u64| line(id, seq, "\"x\"");
        vec![
            f("complete", 0),
            f("complete", 0),
            last("complete", 1),
            f("unproven", 0),
            f("dropped", 0),
            own(
                "dropped",
                3,
                "forwarder.dropped",
                r#"{"reason":"buffer_full","ranges":[[1,2]]}"#,
            ),
            last("dropped", 4),
            f("lost", 0),
            f("lost", 4),
            last("lost", 6),
            f("middle", 7),
            last("middle", 8),
        ]
    }

    #[test]
    fn the_table_tells_loss_from_drops_and_repeats() {
        let proof = Proof::of(&unpacked(&world()), true, Totals::default());
        let table = proof.table(false);
        for part in [
            "lost              s               2          4          0          0  lost 1–3, 5\n",
            "middle            s               1          7          0          0  lost 0–6\n",
            "unproven          s               1          0          0          0  unproven: no final report\n",
            "dropped           s               1          0          2          0  complete\n",
            "complete          s               1          0          0          1  complete\n",
            "5 lives: 2 complete, 1 unproven, 2 with loss\n",
            "11 lines lost · 6 events · 2 dropped and announced · 1 repeat\n",
        ] {
            assert!(table.contains(part), "{part:?} in\n{table}");
        }
        assert!(table.find("lost  ") < table.find("unproven  "), "the worst first");
    }

    #[test]
    fn from_the_middle_what_came_before_is_no_loss() {
        let proof = Proof::of(&unpacked(&world()), false, Totals::default());
        assert_eq!((proof.totals().lost, proof.totals().with_loss), (4, 1));
        assert!(proof.table(false).contains("  complete, from 7 on\n"));
    }

    #[test]
    fn where_shards_began_at_different_lines_nothing_is_lost() {
        let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let mut unpacker = Unpacker::default();
        unpacker.begin_in_the_middle(begin);
        let mut read = |seconds: u64, seqs: &[u64]| {
            let lines: Vec<_> = seqs.iter().map(|seq| line("a", *seq, "\"x\"")).collect();
            let record = record(&lines, begin + Duration::from_secs(seconds));
            unpacker.take(&record, &mut Vec::new(), &mut Vec::new());
        };
        // Line 6 went to a shard that was read from a moment later on.
        read(0, &[5]);
        read(1, &[7, 8]);
        read(60, &[9, 11]);
        let proof = Proof::of(&unpacker, false, Totals::default());
        let table = proof.table(false);
        assert_eq!(proof.totals().lost, 1, "{table}");
        assert!(table.contains("lost 10, from 7 on\n"), "{table}");
    }

    #[test]
    fn a_long_table_ends_with_how_many_more_there_are() {
        let lines: Vec<_> = (0..50).map(|id| line(&id.to_string(), 0, "1")).collect();
        let table = Proof::of(&unpacked(&lines), true, Totals::default()).table(false);
        assert_eq!(table.lines().count(), 1 + ROWS + 3);
        assert!(table.contains("and 30 lives more\n"), "{table}");
    }

    #[test]
    fn lives_that_are_over_are_forgotten_after_a_while_but_counted() {
        let mut unpacker = unpacked(&world());
        let before = Proof::of(&unpacker, true, Totals::default()).totals();
        let (mut memory, mut forgotten) = (Memory::default(), Totals::default());
        memory.look_at(&mut unpacker, &mut forgotten, 1);
        assert_eq!(unpacker.lives().len(), 5, "not at the first look");
        memory.look_at(&mut unpacker, &mut forgotten, 1);
        assert_eq!(unpacker.lives().len(), 3, "the complete ones");
        assert_eq!(Proof::of(&unpacker, true, forgotten).totals(), before);
    }
}
