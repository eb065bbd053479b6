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
