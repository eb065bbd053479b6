//! A lane's accounts: what became of each line, and what is still to be announced.
//!
//! An announcement is an obligation until the sink has it. It is kept here, as ranges merged by owner, reason and detail; a
//! line is made of some of them only when a put can take it. It is never shed and never goes to disk as a line. If the sink
//! calls it invalid, if its lane hands over, if the process ends: the ranges are here again, and go on to the next attempt,
//! the fallback, the next process, or to stderr.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::record::origin::Origin;
use crate::record::own_event;
use crate::record::ranges::{DropReason, Dropped, Losses};
use crate::record::stats::LaneStats;

/// Lines made of announcements at a time. Each has at most some 2.5 KB.
const LINES_AT_A_TIME: usize = 16;

/// Losses for the same reason are said in the log again after this long.
const WARN_AGAIN: Duration = Duration::from_secs(60);

/// Longer details, which come from services, are cut. Bytes.
const DETAIL_BYTES: usize = 256;

/// The accounts of one lane.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) stats: LaneStats,
    /// Not announced, and no line is made of them.
    losses: Losses,
    /// Lines that announce, to be put. What is in one stays as it is: the sink may have it already, though the put failed.
    written: VecDeque<Announcement>,
    /// When losses were said last, by reason.
    warned: [Option<Instant>; DropReason::ALL.len()],
}

/// A line that announces losses.
#[derive(Debug)]
pub(super) struct Announcement {
    owner: Arc<Origin>,
    dropped: Dropped,
    pub(super) line: Bytes,
    /// Its own number, where it is one of this lane's lines. Elsewhere it takes the place of the first line that it names.
    seq: Option<u64>,
}

impl Announcement {
    /// Lines of the lane's own numbers that it is: one or none.
    pub(super) fn lines(&self) -> u64 {
        u64::from(self.seq.is_some())
    }

    /// Adds what is owed if it is not delivered.
    pub(super) fn owed(&self, losses: &mut Losses) {
        let Self {
            owner, dropped, seq, ..
        } = self;
        losses.add_dropped(owner, dropped);
        let own = seq.map(|seq| seq..seq + 1);
        own.iter().for_each(|own| losses.add(owner, dropped.reason, None, own));
    }

    /// Bytes of memory.
    pub(super) fn cost(&self) -> usize {
        self.line.len() + size_of::<Self>() + size_of::<[u64; 2]>() * self.dropped.ranges.len()
    }
}

impl Ledger {
    /// The accounts go on under another `id`: so many lines are still held of what came before.
    pub(super) fn begin(&mut self, held: u64) {
        self.stats = LaneStats {
            recovered: held,
            ..LaneStats::default()
        };
    }

    /// Bytes of memory.
    pub(super) fn cost(&self) -> usize {
        self.losses.cost() + self.written.iter().map(Announcement::cost).sum::<usize>()
    }

    /// Lines of this lane's numbers that wait here.
    pub(super) fn lines(&self) -> u64 {
        self.written.iter().map(Announcement::lines).sum()
    }

    /// Something is to be announced, or said at the end.
    pub(super) fn owes_something(&self) -> bool {
        !self.written.is_empty() || !self.losses.is_empty()
    }

    /// Something is to be announced of owners that `can_write` names.
    pub(super) fn is_owed(&self, can_write: impl Fn(&Origin) -> bool) -> bool {
        !self.written.is_empty() || self.losses.owners().any(|owner| can_write(owner))
    }

    pub(super) fn delivers(&mut self, lines: u64, bytes: usize) {
        self.stats.delivered += lines;
        self.stats.records += 1;
        self.stats.bytes += bytes as u64;
    }

    /// Lines are given up. `sink`: the lane's name.
    pub(super) fn gives_up(
        &mut self,
        sink: &str,
        owner: &Arc<Origin>,
        seq: &Range<u64>,
        reason: DropReason,
        detail: Option<&str>,
    ) {
        let detail = detail.map(cut_detail);
        let lines = seq.end - seq.start;
        self.stats.drop_lines(reason, lines);
        self.losses.add(owner, reason, detail, seq);
        let index = DropReason::ALL.iter().position(|other| *other == reason);
        let Some(warned) = index.and_then(|index| self.warned.get_mut(index)) else {
            return;
        };
        let now = Instant::now();
        if reason != DropReason::Shutdown && warned.is_none_or(|said| now.duration_since(said) >= WARN_AGAIN) {
            *warned = Some(now);
            let detail = detail.unwrap_or_default();
            log::warn!(event = "dropping", sink, reason = reason.name(), detail, lines; "lines are given up; they are announced as soon as the sink takes something");
        }
    }

    /// Lines that were given up elsewhere are to be announced here: they are in none of this lane's counters.
    pub(super) fn owes(&mut self, losses: Losses) {
        self.losses.append(losses);
    }

    /// Makes lines of what is to be announced, of the owners that `can_write` names. `write_own` writes a line in the lane's
    /// own numbers.
    pub(super) fn write(
        &mut self,
        own: &Arc<Origin>,
        can_write: impl Fn(&Origin) -> bool,
        mut write_own: impl FnMut(&Dropped) -> Option<(u64, Bytes)>,
    ) {
        let room = LINES_AT_A_TIME.saturating_sub(self.written.len());
        for (owner, dropped) in self.losses.take_lines(room, can_write) {
            let written = if owner == *own {
                write_own(&dropped).map(|(seq, line)| (Some(seq), line))
            } else {
                let first = dropped.ranges.first().map_or(0, |[first, _]| *first);
                let line = own_event::dropped(&dropped).foreign_line(&owner, first);
                Some((None, Bytes::from(line)))
            };
            let Some((seq, line)) = written else {
                self.losses.add_dropped(&owner, &dropped);
                continue;
            };
            self.stats.accepted += u64::from(seq.is_some());
            self.written.push_back(Announcement {
                owner,
                dropped,
                line,
                seq,
            });
        }
    }

    /// Takes out the next line that announces, if `fits` says so.
    pub(super) fn next_announcement(&mut self, fits: impl FnOnce(&Bytes) -> bool) -> Option<Announcement> {
        self.written.pop_front_if(|announcement| fits(&announcement.line))
    }

    /// The put of a line failed: it is put again as it is.
    pub(super) fn put_back(&mut self, announcement: Announcement) {
        self.written.push_front(announcement);
    }

    /// A line will not be put any more. What it announces is owed again, and so is its own number.
    pub(super) fn revoke(&mut self, announcement: Announcement) {
        let Announcement {
            owner, dropped, seq, ..
        } = announcement;
        self.losses.add_dropped(&owner, &dropped);
        if let Some(seq) = seq {
            self.stats.drop_lines(dropped.reason, 1);
            self.losses
                .add(&owner, dropped.reason, dropped.detail.as_deref(), &(seq..seq + 1));
        }
    }

    /// Takes out all that is owed of the owners that `which` names.
    pub(super) fn take_owed(&mut self, which: impl FnMut(&Origin) -> bool) -> Losses {
        for announcement in std::mem::take(&mut self.written) {
            self.revoke(announcement);
        }
        self.losses.split_off(which)
    }

    /// All that is owed, as it would be if the process ended now.
    pub(super) fn owed(&self) -> Losses {
        let mut losses = self.losses.clone();
        self.written
            .iter()
            .for_each(|announcement| announcement.owed(&mut losses));
        losses
    }
}

fn cut_detail(detail: &str) -> &str {
    let end = detail.floor_char_boundary(DETAIL_BYTES);
    detail.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(sink: &str) -> Arc<Origin> {
        Arc::new(Origin {
            id: "0".into(),
            sink: sink.into(),
        })
    }

    fn owed(ledger: &Ledger) -> Vec<(String, Vec<[u64; 2]>)> {
        let owed = ledger.owed().into_dropped();
        let owed = owed.flat_map(|(owner, dropped)| {
            let ranges = dropped.into_iter().map(|dropped| dropped.ranges);
            ranges
                .map(move |ranges| (owner.sink.clone(), ranges))
                .collect::<Vec<_>>()
        });
        owed.collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_lost_is_owed_until_its_announcement_is_delivered() {
        let (own, other) = (origin("own"), origin("other"));
        let mut ledger = Ledger::default();
        ledger.gives_up("own", &own, &(3..5), DropReason::BufferFull, None);
        ledger.gives_up("own", &other, &(7..8), DropReason::BufferFull, None);
        assert_eq!(ledger.stats.dropped_total(), 3);
        let both = [("other".to_owned(), vec![[7, 7]]), ("own".to_owned(), vec![[3, 4]])];
        assert_eq!(owed(&ledger), both);
        let write = |ledger: &mut Ledger| ledger.write(&own, |_| true, |_| Some((9, Bytes::from_static(b"{}\n"))));
        write(&mut ledger);
        assert_eq!(
            (ledger.lines(), ledger.stats.accepted),
            (1, 1),
            "one is a line of this lane"
        );
        assert!(ledger.is_owed(|_| false));
        // Both are in flight: nothing is owed besides them, and nothing new is written.
        let taken: Vec<_> = std::iter::from_fn(|| ledger.next_announcement(|_| true)).collect();
        write(&mut ledger);
        assert!(taken.len() == 2 && ledger.next_announcement(|_| true).is_none());
        // Their put failed.
        taken
            .into_iter()
            .rev()
            .for_each(|announcement| ledger.put_back(announcement));
        let first = ledger.next_announcement(|_| true).unwrap();
        assert_eq!(first.owner.sink, "other", "in their order");
        ledger.put_back(first);
        // They are handed over: the line of this lane is lost too then.
        let owed = ledger.take_owed(|_| true);
        let all: Vec<_> = owed.into_dropped().map(|(_, dropped)| dropped).collect();
        assert_eq!(
            (&all[0][0].ranges, &all[1][0].ranges),
            (&vec![[7, 7]], &vec![[3, 4], [9, 9]])
        );
        assert_eq!((ledger.stats.dropped_total(), ledger.lines()), (4, 0));
        assert!(!ledger.is_owed(|_| true));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_may_write_stays_owed() {
        let own = origin("own");
        let mut ledger = Ledger::default();
        ledger.gives_up("own", &own, &(3..5), DropReason::Rejected, Some(&"é".repeat(400)));
        ledger.write(&own, |_| false, |_| None);
        ledger.write(&own, |_| true, |_| None);
        assert_eq!(owed(&ledger).len(), 1);
        assert!(!ledger.is_owed(|_| false) && ledger.is_owed(|_| true));
        let [(_, dropped)] = ledger
            .take_owed(|_| true)
            .into_dropped()
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert_eq!(dropped[0].detail.as_ref().map(String::len), Some(256));
    }
}
