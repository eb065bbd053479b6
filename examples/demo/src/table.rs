//! The result as a table.

use std::time::Duration;

use local_lambda::{Invocation, Status};
use reader::paint::Look;

use crate::verdict::Verdict;

/// Number of invocations by how they ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endings {
    pub(crate) succeeded: u64,
    /// The function answered with an error.
    pub(crate) failed: u64,
    /// The environment was reset.
    pub(crate) crashed: u64,
    pub(crate) timed_out: u64,
}

impl Endings {
    pub(crate) fn count(&mut self, invocation: &Invocation) {
        *match (invocation.status, invocation.reset.is_some()) {
            (Status::Success, _) => &mut self.succeeded,
            (Status::Timeout, _) => &mut self.timed_out,
            (_, true) => &mut self.crashed,
            (_, false) => &mut self.failed,
        } += 1;
    }

    fn all(self) -> u64 {
        self.succeeded + self.failed + self.crashed + self.timed_out
    }
}

/// All that the table tells.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    pub(crate) endings: Endings,
    pub(crate) verdict: &'a Verdict,
    pub(crate) records: u64,
    pub(crate) lines: u64,
    pub(crate) billed_kb: u64,
    pub(crate) one_by_one_kb: u64,
    /// Time that the extension added to each invocation that was not cut off, after the function was done.
    pub(crate) added: Vec<Duration>,
}

impl Table<'_> {
    pub(crate) fn render(&self, colours: bool) -> Vec<String> {
        let Verdict {
            handed_over,
            read_back,
            announced,
            duplicates,
            ..
        } = self.verdict;
        let mut rows = vec![
            row("invocations", &self.invocations()),
            row(
                "handed over",
                &format!("{handed_over} events, as the local Lambda counted them"),
            ),
            row("read back", &format!("{read_back} events, each once")),
            self.lost(colours),
            row("duplicates", &duplicates.to_string()),
        ];
        if *announced > 0 {
            rows.push(row(
                "dropped",
                &format!("{announced} lines, announced by the forwarder"),
            ));
        }
        rows.extend([
            row("proof", &self.proof()),
            row("records", &format!("{} with {} lines", self.records, self.lines)),
            row(
                "billed",
                &format!("{} KB on demand, each record rounded up to 1 KB", self.billed_kb),
            ),
            row("", &self.one_by_one()),
            row("added time", &added(&self.added)),
            row(
                "",
                "from runtimeDone until Lambda may freeze; Lambda's own 25 ms telemetry buffering is in it",
            ),
        ]);
        rows
    }

    fn invocations(&self) -> String {
        let Endings {
            succeeded,
            failed,
            crashed,
            timed_out,
        } = self.endings;
        let all = self.endings.all();
        format!("{all}: {succeeded} succeeded, {failed} failed, {crashed} crashed, {timed_out} timed out")
    }

    fn lost(&self, colours: bool) -> String {
        let lost = self.verdict.lost();
        let look = if lost == 0 { Look::Green } else { Look::Red };
        look.paint(&row("lost", &lost.to_string()), colours)
    }

    fn proof(&self) -> String {
        let Verdict {
            lives, unproven, gaps, ..
        } = self.verdict;
        format!(
            "{lives} lives of the extension by their sequence numbers: {gaps} lines missing, {unproven} without a last report"
        )
    }

    fn one_by_one(&self) -> String {
        let times = self.one_by_one_kb as f64 / self.billed_kb.max(1) as f64;
        format!(
            "{} KB with one record per event: {times:.1} times as much",
            self.one_by_one_kb
        )
    }
}

fn row(label: &str, value: &str) -> String {
    format!("{label:<16}{value}")
}

fn added(times: &[Duration]) -> String {
    let (Some(median), Some(max)) = (median(times), times.iter().max()) else {
        return "no invocation ran to its end".to_owned();
    };
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    format!("median {:.1} ms, max {:.1} ms", ms(median), ms(*max))
}

/// The middle one, or the mean of the two in the middle.
fn median(times: &[Duration]) -> Option<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort();
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    Some((lower + upper) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(verdict: &Verdict) -> String {
        let table = Table {
            endings: Endings {
                succeeded: 9,
                failed: 1,
                crashed: 1,
                timed_out: 1,
            },
            verdict,
            records: 40,
            lines: 320,
            billed_kb: 80,
            one_by_one_kb: 300,
            added: [30, 26, 90].map(Duration::from_millis).into(),
        };
        table.render(false).join("\n")
    }

    #[test]
    fn the_table_tells_all_of_it() {
        let verdict = Verdict {
            handed_over: 300,
            read_back: 300,
            lives: 4,
            ..Verdict::default()
        };
        let table = rendered(&verdict);
        for part in [
            "invocations     12: 9 succeeded, 1 failed, 1 crashed, 1 timed out\n",
            "handed over     300 events",
            "read back       300 events",
            "lost            0\n",
            "duplicates      0\n",
            "records         40 with 320 lines\n",
            "billed          80 KB",
            "300 KB with one record per event: 3.8 times as much",
            "added time      median 30.0 ms, max 90.0 ms\n",
            "Lambda's own 25 ms telemetry buffering is in it",
        ] {
            assert!(table.contains(part), "{part:?} in\n{table}");
        }
        assert!(!table.contains("dropped"), "{table}");
    }

    #[test]
    fn what_is_lost_is_told_in_its_line() {
        let verdict = Verdict {
            missing: vec![String::new(); 3],
            gaps: 7,
            announced: 2,
            ..Verdict::default()
        };
        let table = rendered(&verdict);
        assert!(
            table.contains("lost            7\n") && table.contains("dropped         2 lines"),
            "{table}"
        );
    }

    #[test]
    fn the_median_is_the_middle() {
        let of = |times: &[u64]| median(&times.iter().copied().map(Duration::from_millis).collect::<Vec<_>>());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[9]), Some(Duration::from_millis(9)));
        assert_eq!(of(&[90, 1, 5]), Some(Duration::from_millis(5)));
        assert_eq!(of(&[4, 1, 90, 2]), Some(Duration::from_millis(3)));
    }
}
