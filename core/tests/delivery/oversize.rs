//! Lines that are longer than a record may be.

use forwarder_core::record::envelope::Envelope;
use forwarder_core::record::oversize::Oversize;
use reader::decode::{Joined, Joiner, Standing};

use crate::world::*;

/// Two megabytes of a record with every kind of character that JSON writes in its own way.
fn long_record(of_text: bool) -> String {
    let text = "quote \\\" backslash \\\\ tab \\t unicode \\u00e9 é 😀 ".repeat(40_000);
    if of_text {
        format!("\"{text}\"")
    } else {
        format!(r#"{{"level":"ERROR", "message":"{text}", "n": [1.50]}}"#)
    }
}

fn body(record: &str) -> String {
    format!(
        r#"[{{"type":"function","record":"before"}},{{"time":"t","type":"function","record":{record},"later":1}},{{"type":"function","record":"after"}}]"#
    )
}

#[tokio::test(start_paused = true)]
async fn split_lines_arrive_in_parts_and_join_to_the_same_bytes() {
    for of_text in [true, false] {
        let sink = Scripted::new([]);
        let forwarder = forwarder_with(&sink, |settings| settings.lanes[0].0.oversize = Oversize::Split);
        let record = long_record(of_text);
        assert!(record.len() > 2_000_000);
        forwarder.accept(body(&record).as_bytes());
        assert!(forwarder.close(soon(), false).await.is_empty());
        let taken = sink.taken.lock().unwrap().clone();
        assert!(
            taken.iter().all(|record| record.size() <= 1_048_576),
            "no record is over the limit"
        );
        let mut joiner = Joiner::default();
        let mut joined = Vec::new();
        for line in sink.texts() {
            if let Joined::Line(line) = joiner.take(&line) {
                joined.push(line);
            }
        }
        let [line] = joined.as_slice() else {
            panic!("{} lines", joined.len())
        };
        assert_eq!(joiner.waiting(), 0);
        assert!(
            line.contains(&format!(r#""record":{record},"later":1"#)),
            "byte for byte"
        );
        let verdict = sink.verdict();
        assert_eq!((verdict.standing, verdict.announced), (Standing::Complete, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_forwarder_cannot_parse_is_split_too() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| settings.lanes[0].0.oversize = Oversize::Split);
    forwarder.accept("garbage ".repeat(300_000).as_bytes());
    assert!(forwarder.close(soon(), false).await.is_empty());
    assert!(sink.of_type("forwarder.unparsed").len() >= 3);
    assert!(sink.of_type("forwarder.dropped").is_empty());
    assert_eq!(sink.verdict().standing, Standing::Complete);
}

#[tokio::test(start_paused = true)]
async fn truncated_lines_say_how_long_they_were() {
    for of_text in [true, false] {
        let sink = Scripted::new([]);
        let forwarder = forwarder_with(&sink, |settings| settings.lanes[0].0.oversize = Oversize::Truncate);
        let record = long_record(of_text);
        forwarder.accept(body(&record).as_bytes());
        forwarder.close(soon(), false).await;
        let events = sink.events();
        assert_eq!(events.len(), 3);
        let cut = &events[1];
        assert_eq!(cut["forwarder"]["truncated"]["bytes"], record.len());
        let kept = cut["record"].as_str().unwrap();
        assert!(kept.len() > 500_000);
        if of_text {
            assert!(serde_json::from_str::<String>(&record).unwrap().starts_with(kept));
        } else {
            assert!(record.starts_with(kept));
        }
        assert_eq!(sink.verdict().standing, Standing::Complete);
    }
}

#[tokio::test(start_paused = true)]
async fn a_raw_line_cannot_be_split_and_is_dropped() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.lanes[0].0.envelope = Envelope::Raw;
        settings.lanes[0].0.oversize = Oversize::Split;
    });
    forwarder.accept(body(&long_record(true)).as_bytes());
    forwarder.close(soon(), false).await;
    assert_eq!(sink.events().len(), 2);
    assert_eq!(forwarder.stats().1[0].dropped_total(), 1);
}
