//! The verdict: is anything missing? From two sides: what Lambda knows to have handed over, and what the sequence
//! numbers in the stream prove by themselves.

use std::collections::BTreeMap;

use reader::decode::Standing;

use crate::found::Found;

/// Events that the forwarder forwards, by the beginning of its type. The default of `FORWARDER_TELEMETRY__TYPES`.
const FORWARDED: [&str; 2] = ["platform.", "function"];

/// Counts of events by what became of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Events of the forwarded types that the extension acknowledged.
    pub(crate) handed_over: u64,
    /// Events read back, each counted once.
    pub(crate) read_back: u64,
    /// Acknowledged events that were not read back, as JSON text.
    pub(crate) missing: Vec<String>,
    /// Lines that the sequence numbers promise, that are not there and that nothing announces.
    pub(crate) gaps: u64,
    /// Lines announced as dropped.
    pub(crate) announced: u64,
    /// Lines read once more than needed.
    pub(crate) duplicates: u64,
    /// Lives of forwarders.
    pub(crate) lives: usize,
    /// Those of them whose last report is missing.
    pub(crate) unproven: usize,
}

/// One of Lambda's events.
pub(crate) struct Truth<'a> {
    pub(crate) json: &'a str,
    pub(crate) acknowledged: bool,
}

impl Verdict {
    pub(crate) fn of<'a>(truth: impl IntoIterator<Item = Truth<'a>>, found: &Found) -> Self {
        let mut verdict = Self {
            read_back: found.events(),
            ..Self::default()
        };
        let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
        for event in truth {
            if event.acknowledged && is_forwarded(event.json) {
                verdict.handed_over += 1;
                *wanted.entry(event.json).or_default() += 1;
            }
        }
        for (event, count) in wanted {
            for _ in found.count(event)..count {
                verdict.missing.push(event.to_owned());
            }
        }
        for life in found.lives() {
            verdict.gaps += life.lost_lines();
            verdict.announced += life.announced;
            verdict.duplicates += life.repeats;
            verdict.lives += 1;
            verdict.unproven += usize::from(life.standing == Standing::Unproven);
        }
        verdict
    }

    /// Lost events, by the side that knows of more.
    pub(crate) fn lost(&self) -> u64 {
        self.gaps.max(self.missing.len().try_into().unwrap_or(u64::MAX))
    }
}

/// By the event's type.
fn is_forwarded(json: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Typed<'a> {
        #[serde(borrow)]
        r#type: std::borrow::Cow<'a, str>,
    }
    // What has no type is not known to be left out: it counts.
    serde_json::from_str::<Typed<'_>>(json).map_or(true, |event| {
        FORWARDED.iter().any(|kind| event.r#type.starts_with(kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::found::tests::{line, record};

    fn event(number: usize) -> String {
        format!(r#"{{"time":"t","type":"function","record":"line {number}\n"}}"#)
    }

    fn last_report(life: &str, seq: u64) -> String {
        let record = format!(
            r#"{{"type":"forwarder.report","record":{{"nextSeq":{},"final":true}}}}"#,
            seq + 1
        );
        line(life, seq, &record)
    }

    /// Three events were acknowledged; these lines were read.
    fn judge(lines: &[String]) -> Verdict {
        let mut found = Found::default();
        let records = [record(lines)];
        found.take(&records).unwrap();
        let truth: Vec<_> = (0..3).map(event).collect();
        Verdict::of(
            truth.iter().map(|json| Truth {
                json,
                acknowledged: true,
            }),
            &found,
        )
    }

    #[test]
    fn all_there_is_nothing_lost() {
        let verdict = judge(&[
            line("a", 0, &event(0)),
            line("a", 1, &event(1)),
            line("a", 2, &event(2)),
            last_report("a", 3),
        ]);
        let expected = Verdict {
            handed_over: 3,
            read_back: 3,
            lives: 1,
            ..Verdict::default()
        };
        assert_eq!(verdict, expected);
        assert_eq!(verdict.lost(), 0);
    }

    #[test]
    fn an_event_that_is_missing_in_the_middle_is_seen_from_both_sides() {
        let verdict = judge(&[line("a", 0, &event(0)), line("a", 2, &event(2)), last_report("a", 3)]);
        assert_eq!((verdict.missing.as_slice(), verdict.gaps), ([event(1)].as_slice(), 1));
        assert_eq!(verdict.lost(), 1);
    }

    #[test]
    fn an_event_that_never_got_a_number_is_lost_by_the_ground_truth() {
        let verdict = judge(&[line("a", 0, &event(0)), line("a", 1, &event(1)), last_report("a", 2)]);
        assert_eq!((verdict.missing.len(), verdict.gaps, verdict.lost()), (1, 0, 1));
    }

    #[test]
    fn an_event_that_came_back_changed_is_lost() {
        let changed = event(2).replace("line 2", "line two");
        let verdict = judge(&[
            line("a", 0, &event(0)),
            line("a", 1, &event(1)),
            line("a", 2, &changed),
            last_report("a", 3),
        ]);
        assert_eq!((verdict.read_back, verdict.lost()), (3, 1));
    }

    #[test]
    fn a_gap_counts_though_lambda_knows_of_nothing() {
        let own = line("a", 3, r#"{"type":"forwarder.unparsed","record":{}}"#);
        let verdict = judge(&[
            line("a", 0, &event(0)),
            line("a", 1, &event(1)),
            line("a", 2, &event(2)),
            own.replace("\"seq\":3", "\"seq\":4"),
            last_report("a", 5),
        ]);
        assert_eq!((verdict.missing.len(), verdict.gaps, verdict.lost()), (0, 1, 1));
    }

    #[test]
    fn drops_are_lost_though_they_are_announced() {
        let dropped = r#"{"type":"forwarder.dropped","record":{"reason":"buffer_full","ranges":[[1,1]]}}"#;
        let verdict = judge(&[
            line("a", 0, &event(0)),
            line("a", 2, &event(2)),
            line("a", 3, dropped),
            last_report("a", 4),
        ]);
        assert_eq!((verdict.gaps, verdict.announced, verdict.lost()), (0, 1, 1));
    }

    #[test]
    fn twins_are_two_events() {
        let mut found = Found::default();
        found.take(&[record(&[line("a", 0, &event(0))])]).unwrap();
        let twin = event(0);
        let twins = [&twin, &twin].map(|json| Truth {
            json,
            acknowledged: true,
        });
        assert_eq!(Verdict::of(twins, &found).lost(), 1);
    }

    #[test]
    fn what_was_not_acknowledged_or_is_not_forwarded_is_not_owed() {
        let (one, extension) = (event(0), r#"{"type":"extension","record":"x"}"#);
        let truth = [
            Truth {
                json: &one,
                acknowledged: false,
            },
            Truth {
                json: extension,
                acknowledged: true,
            },
        ];
        let verdict = Verdict::of(truth, &Found::default());
        assert_eq!((verdict.handed_over, verdict.lost()), (0, 0));
    }

    #[test]
    fn a_life_without_a_last_report_is_unproven_and_repeats_are_counted() {
        let verdict = judge(&[
            line("a", 0, &event(0)),
            line("a", 0, &event(0)),
            line("b", 0, &event(1)),
            line("b", 1, &event(2)),
            last_report("b", 2),
        ]);
        assert_eq!((verdict.lives, verdict.unproven, verdict.duplicates), (2, 1, 1));
        assert_eq!(verdict.lost(), 0);
    }
}
