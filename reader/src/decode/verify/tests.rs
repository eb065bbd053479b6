use super::*;
use crate::decode::Line;
use proptest::prelude::*;

fn line(seq: u64, kind: &str, record: &str) -> String {
    format!(r#"{{"type":"{kind}","record":{record},"forwarder":{{"id":"i","sink":"s","seq":{seq}}}}}"#)
}

fn function(seq: u64) -> String {
    line(seq, "function", "\"x\"")
}

fn verify(lines: &[String]) -> LifeReport {
    let mut verifier = Verifier::default();
    for line in lines {
        verifier.observe(&Line(line).event().unwrap());
    }
    let mut reports = verifier.report();
    assert_eq!(reports.len(), 1);
    reports.remove(0)
}

#[test]
fn complete_unproven_lost() {
    let last = line(3, "forwarder.report", r#"{"nextSeq":4,"final":true}"#);
    let interim = line(3, "forwarder.report", r#"{"nextSeq":4,"final":false}"#);
    let all = [function(2), function(0), function(1)];
    let with = |line: &String| [all.as_slice(), std::slice::from_ref(line)].concat();
    assert_eq!(verify(&with(&last)).standing, Standing::Complete);
    assert_eq!(verify(&with(&interim)).standing, Standing::Unproven);
    assert_eq!(verify(&all).standing, Standing::Unproven);
    let gap = verify(&[function(0), function(2), last]);
    assert_eq!(
        (gap.standing, gap.lost.clone(), gap.lost_lines()),
        (Standing::Lost, vec![[1, 1]], 1)
    );
    let start_missing = verify(&[function(2)]);
    assert_eq!(
        (start_missing.standing, start_missing.lost),
        (Standing::Lost, vec![[0, 1]])
    );
}

#[test]
fn announced_drops_are_no_loss_and_repeats_are_counted() {
    let lines = [
        function(0),
        function(0),
        line(
            5,
            "forwarder.dropped",
            r#"{"reason":"buffer_full","ranges":[[0,1],[3,4]]}"#,
        ),
        function(2),
        line(6, "forwarder.report", r#"{"nextSeq":7,"final":true}"#),
    ];
    let report = verify(&lines);
    assert_eq!(report.standing, Standing::Complete);
    assert_eq!(
        (report.announced, report.repeats, report.events, report.own),
        (3, 1, 2, 2)
    );
}

#[test]
fn numbers_that_nobody_counts_to_are_no_trouble() {
    let most = u64::MAX;
    let ranges = format!(r#"{{"ranges":[[0,{most}],[9,3]]}}"#);
    let report = verify(&[function(most), line(5, "forwarder.dropped", &ranges)]);
    assert_eq!((report.standing, report.lost_lines()), (Standing::Unproven, 0));
    assert_eq!(verify(&[function(most)]).lost, [[0, most - 1]]);
}

#[test]
fn each_life_and_sink_is_told_apart() {
    let mut verifier = Verifier::default();
    for (id, sink) in [("a", "s"), ("b", "s"), ("a", "t")] {
        let line = format!(r#"{{"type":"x","forwarder":{{"id":"{id}","sink":"{sink}","seq":0}}}}"#);
        assert!(verifier.observe(&Line(&line).event().unwrap()));
    }
    verifier.observe(&Line(r#"{"type":"x"}"#).event().unwrap());
    assert_eq!((verifier.report().len(), verifier.unstamped()), (3, 1));
}

#[test]
fn what_is_kept_is_counted() {
    let mut verifier = Verifier::default();
    for seq in [0, 2, 4, 6] {
        verifier.observe(&Line(&function(seq)).event().unwrap());
    }
    assert_eq!(verifier.bytes(), PROCESS + 2 + 4 * RANGE);
    for seq in [1, 3, 5] {
        verifier.observe(&Line(&function(seq)).event().unwrap());
    }
    assert_eq!(verifier.bytes(), PROCESS + 2 + RANGE);
    let kept = serde_json::to_string(&verifier).unwrap();
    let mut again: Verifier = serde_json::from_str(&kept).unwrap();
    assert_eq!(again.bytes(), verifier.bytes());
    verifier.forget(|_| true);
    assert_eq!(verifier.bytes(), 0);
}

#[test]
fn what_is_kept_goes_on_where_it_stopped() {
    let mut before = Verifier::default();
    for seq in [0, 1, 2, 7] {
        before.observe(&Line(&function(seq)).event().unwrap());
    }
    let kept = serde_json::to_string(&before).unwrap();
    assert!(kept.len() < 300, "ranges, not numbers: {kept}");
    let mut after: Verifier = serde_json::from_str(&kept).unwrap();
    assert_eq!(after.report(), before.report());
    assert!(
        !after.observe(&Line(&function(7)).event().unwrap()),
        "known from before"
    );
    assert!(after.observe(&Line(&function(3)).event().unwrap()));
    after.forget(|life| life.events == 5);
    assert!(after.report().is_empty());
}

#[test]
fn what_came_before_a_reader_in_the_middle_is_no_loss() {
    let last = line(6, "forwarder.report", r#"{"nextSeq":7,"final":true}"#);
    let mut report = verify(&[function(3), function(4), function(5), last.clone()]);
    assert_eq!((report.from_the_middle(0), report.standing), (3, Standing::Complete));
    let mut report = verify(&[function(3), function(5), last]);
    assert_eq!((report.from_the_middle(0), report.standing), (3, Standing::Lost));
    assert_eq!(report.lost, [[4, 4]]);
    assert_eq!(report.from_the_middle(0), 0, "the gap in the middle stays");
}

#[test]
fn gaps_among_the_lines_of_the_first_moments_are_no_loss_and_later_ones_are() {
    let lines = [3, 5, 8, 10].map(function);
    let mut report = verify(&lines);
    assert_eq!(report.from_the_middle(6), 5);
    assert_eq!(report.standing, Standing::Lost);
    assert_eq!(report.lost, [[6, 7], [9, 9]]);
    let mut report = verify(&lines);
    assert_eq!((report.from_the_middle(11), report.standing), (10, Standing::Unproven));
}

proptest! {
    #[test]
    fn ranges_are_a_set(pairs in prop::collection::vec((0_u64..40, 0_u64..5), 0..40)) {
        let mut ranges = Ranges::default();
        let mut set = std::collections::BTreeSet::new();
        for (first, more) in pairs {
            let before = set.len();
            set.extend(first..=first + more);
            prop_assert_eq!(ranges.insert(first, first + more), set.len() > before);
        }
        let members: Vec<u64> = ranges.iter().flat_map(|(first, last)| first..=last).collect();
        prop_assert_eq!(members, set.iter().copied().collect::<Vec<_>>());
        let missing: Vec<u64> = ranges.gaps(50).iter().flat_map(|[first, last]| *first..=*last).collect();
        prop_assert_eq!(missing, (0..50).filter(|seq| !set.contains(seq)).collect::<Vec<_>>());
    }
}
