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
        let day = Duration::from_secs(86_400);
        memory.look_at(&mut unpacker, true, day, &mut forgotten, 1);
        assert_eq!(unpacker.lives().len(), 5, "not at the first look");
        memory.look_at(&mut unpacker, true, day, &mut forgotten, 1);
        assert_eq!(unpacker.lives().len(), 3, "the complete ones");
        assert_eq!(Proof::of(&unpacker, true, forgotten).totals(), before);
    }
    fn at(unpacker: &mut Unpacker, hours: u64, lines: &[String]) {
        let arrival = SystemTime::UNIX_EPOCH + Duration::from_secs(hours * 3_600);
        unpacker.take(&record(lines, arrival), &mut Vec::new(), &mut Vec::new());
    }

    #[test]
    fn processes_of_which_nothing_more_can_come_leave_after_the_retention() {
        let mut unpacker = Unpacker::default();
        at(
            &mut unpacker,
            100,
            &[line("crashed", 0, "1"), line("gap", 0, "1"), line("gap", 2, "1")],
        );
        at(&mut unpacker, 130, &[line("young", 0, "1")]);
        let (mut memory, mut forgotten) = (Memory::default(), Totals::default());
        let before = Proof::of(&unpacker, true, forgotten).totals();
        memory.look(&mut unpacker, true, Duration::from_secs(48 * 3_600), &mut forgotten);
        assert_eq!(unpacker.lives().len(), 3, "the stream still has them");
        memory.look(&mut unpacker, true, Duration::from_secs(24 * 3_600), &mut forgotten);
        let left: Vec<_> = unpacker.lives().into_iter().map(|life| life.life.id).collect();
        assert_eq!(left, ["gap", "young"], "what is lost stays to be looked at");
        assert_eq!(Proof::of(&unpacker, true, forgotten).totals(), before);
    }

    #[test]
    fn beginnings_that_have_expired_are_no_loss_and_those_that_have_not_are() {
        let lost = |ages: &[u64], process: u64| {
            let mut unpacker = Unpacker::default();
            unpacker.begin_at_the_horizon(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 * 3_600));
            for age in ages {
                at(&mut unpacker, 1_000 - age, &[line("other", 1_000 - age, "1")]);
            }
            at(&mut unpacker, 1_000 - process, &[line("a", 7, "1"), line("a", 9, "1")]);
            let judged = unpacker.judged(true).into_iter();
            judged
                .filter(|(life, _)| life.life.id == "a")
                .map(|(life, _)| life.lost_lines())
                .sum::<u64>()
        };
        assert_eq!(lost(&[23], 23), 8, "nothing has expired");
        assert_eq!(lost(&[3, 24], 23), 1, "the gap in the middle stays");
        assert_eq!(lost(&[24], 24), 0, "nor is what went to another shard a moment before");
        assert_eq!(lost(&[23 + 14 * 24 + 24], 23), 8, "it cannot be that old");
    }

    #[test]
    fn whoever_invents_processes_takes_no_more_memory_than_there_is_for_them() {
        let mut unpacker = Unpacker::default();
        let mut forgotten = Totals::default();
        for call in 0..20_u64 {
            let lines: Vec<_> = (0..10_000).map(|id| line(&format!("{call}-{id}"), 0, "1")).collect();
            at(&mut unpacker, call + 1, &lines);
            Memory::make_room(&mut unpacker, true, &mut forgotten);
            assert!(unpacker.kept_bytes() <= MOST_KEPT);
        }
        assert!(forgotten.unproven > 0);
        assert_eq!(Proof::of(&unpacker, true, forgotten).totals().unproven, 200_000);
        assert!(
            unpacker.lives().iter().any(|life| life.life.id == "19-9999"),
            "the newest are known"
        );
    }
}
