//! Records that Lambda cuts over several bodies.

use forwarder_core::intake::redact::Redaction;
use forwarder_core::telemetry::json::write_string;
use proptest::prelude::*;
use serde_json::Value;

use crate::world::*;

const REQUEST: &str = "7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10";
const HEADER: &str = r#"{"time":"2026-11-20T09:14:02.929Z","type":"function","record":"#;

fn start(request: &str) -> String {
    format!(r#"{{"time":"2026-11-20T09:14:02.800Z","type":"platform.start","record":{{"requestId":"{request}"}}}}"#)
}

fn done(request: &str) -> String {
    format!(
        r#"{{"time":"2026-11-20T09:14:02.950Z","type":"platform.runtimeDone","record":{{"requestId":"{request}","status":"success"}}}}"#
    )
}

fn line(text: &str) -> String {
    format!("{HEADER}\"{text}\"}}")
}

/// The bodies that Lambda makes of a record that is cut at these places, with events before and behind.
fn bodies(record: &[u8], cuts: &[usize], before: &str, behind: &str) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let ends = cuts.iter().copied().chain([record.len()]);
    let mut from = 0;
    for end in ends {
        let begin = if from == 0 {
            format!("[{before}{HEADER}")
        } else {
            format!("[{HEADER}")
        };
        let close = if end == record.len() {
            format!("}}{behind}]")
        } else {
            "}]".to_owned()
        };
        bodies.push([begin.as_bytes(), &record[from..end], close.as_bytes()].concat());
        from = end;
    }
    bodies
}

/// Types and records of what arrives, `forwarder.report` left out.
fn arrived(sink: &Scripted) -> Vec<Value> {
    let mut lines = sink.lines();
    lines.retain(|line| line["type"] != "forwarder.report");
    lines
}

async fn deliver(bodies: &[Vec<u8>], redact: &[&str]) -> Vec<Value> {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.redaction = Redaction::parse(redact).unwrap();
        settings.buffer_bytes = 64 << 20;
        settings.lanes[0].0.max_record_bytes = 9 << 20;
    });
    for body in bodies {
        forwarder.accept(body);
    }
    let undelivered = forwarder.close(soon(), false).await;
    assert_eq!(undelivered, []);
    arrived(&sink)
}

/// As captured: what would have come as one body comes as two.
#[tokio::test(start_paused = true)]
async fn a_captured_cut_arrives_as_the_whole_would_have() {
    for (first, second, whole) in [
        (
            include_str!("cut/text-post1.json"),
            include_str!("cut/text-post2.json"),
            include_str!("cut/text-whole.json"),
        ),
        (
            include_str!("cut/json-typed-post1.json"),
            include_str!("cut/json-typed-post2.json"),
            include_str!("cut/json-typed-whole.json"),
        ),
    ] {
        let as_halves = deliver(&[first.into(), second.into()], &[]).await;
        let as_one = deliver(&[whole.into()], &[]).await;
        let contents = |lines: &[Value]| -> Vec<Value> {
            let of_line =
                |line: &Value| serde_json::json!([line["type"], line["record"], line["forwarder"]["requestId"]]);
            lines.iter().map(of_line).collect()
        };
        assert_eq!(contents(&as_halves), contents(&as_one));
        assert!(as_halves.len() > 2 && as_halves[1]["forwarder"]["requestId"] == REQUEST);
    }
}

/// What is hard to cut: quotes, escapes, brackets, characters of several bytes, members that look like events.
fn hard_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{1,12}",
        Just("\"}, {\"type\":\"platform.start\",\"record\":{\"requestId\":\"forged\"}}]".to_owned()),
        Just("}]".to_owned()),
        Just("é€😀\u{0}\n\\\"".to_owned()),
        Just(" alice@example.com ".to_owned()),
    ];
    prop::collection::vec(piece, 1..40).prop_map(|pieces| pieces.concat())
}

fn hard_record() -> impl Strategy<Value = String> {
    (hard_text(), any::<bool>(), any::<bool>()).prop_map(|(text, is_object, ascii)| {
        let record = if is_object {
            serde_json::json!({"level": "ERROR", "n": -12.5e3, "t": true, "items": [{"type": "order", "text": text}, null], "message": text})
                .to_string()
        } else {
            let mut json = Vec::new();
            write_string(&mut json, &format!("[ERROR] {text}"));
            String::from_utf8(json).unwrap()
        };
        if !ascii {
            return record;
        }
        let escape = |char: char| -> String {
            let mut units = [0; 2];
            let units = char.encode_utf16(&mut units).iter();
            units.map(|unit| format!("\\u{unit:04x}")).collect()
        };
        record.chars().map(|char| if char.is_ascii() { char.into() } else { escape(char) }).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 96 } else { 1024 }))]

    /// Wherever it is cut, and whatever comes between: whole, once, masked, of its request.
    #[test]
    fn a_record_cut_anywhere_arrives_whole(record in hard_record(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..4), between in any::<bool>()) {
        let bytes = record.as_bytes();
        let mut places: Vec<_> = cuts.iter().map(|cut| 1 + cut.index(bytes.len() - 1)).collect();
        places.sort_unstable();
        places.dedup();
        // A part that begins with a whole value cannot be told from an event of its own (decision 0130): Lambda's parts
        // have hundreds of kilobytes, these a few bytes.
        let ends = places.iter().skip(1).copied().chain([bytes.len()]);
        let mut parts = places.iter().copied().zip(ends).map(|(start, end)| &bytes[start..end]);
        let begins_with_value = |part: &[u8]| {
            let mut values = serde_json::Deserializer::from_slice(part).into_iter::<serde::de::IgnoredAny>();
            matches!(values.next(), Some(Ok(_)))
        };
        prop_assume!(!parts.any(begins_with_value));
        let before = format!("{},{},", start("a"), line("before"));
        let behind = format!(",{},{}", line("behind"), done("a"));
        let mut bodies = bodies(bytes, &places, &before, &behind);
        // Before a quote that is cut from its backslash another line looks like its other part.
        let backslashes = bytes[..places[0]].iter().rev().take_while(|byte| **byte == b'\\').count();
        let between = between && backslashes % 2 == 0;
        if between {
            // Another invocation's events, and a line of the same millisecond.
            bodies.insert(1, format!("[{},{}]", line("same time"), line("again")).into_bytes());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let lines = runtime.block_on(deliver(&bodies, &["email"]));
        let whole: Value = serde_json::from_str(&record.replace("alice@example.com", "[redacted:email]")).unwrap();
        let kinds: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
        prop_assert!(!kinds.contains(&"forwarder.unparsed"), "cut at {:?} of {}: {:?}", places, bytes.len(), lines);
        prop_assert_eq!(kinds.iter().filter(|kind| **kind == "platform.start").count(), 1);
        prop_assert_eq!(kinds.iter().filter(|kind| **kind == "platform.runtimeDone").count(), 1);
        let records: Vec<_> = lines.iter().filter(|line| line["record"] == whole).collect();
        prop_assert_eq!(records.len(), 1, "{:?}", lines);
        prop_assert_eq!(&records[0]["forwarder"]["requestId"], "a");
        prop_assert_eq!(lines.len(), if between { 7 } else { 5 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_of_a_mebibyte_arrives_whole_under_every_bound() {
    let text = "\\\"é😀{[}],x".repeat((1 << 20) / 16);
    let mut record = Vec::new();
    write_string(&mut record, &format!("[ERROR] {text}"));
    for most in [262_144, 300_001, 524_288, 1_048_575] {
        let cuts: Vec<_> = (1..)
            .map(|part| part * most)
            .take_while(|cut| *cut < record.len())
            .collect();
        let lines = deliver(&bodies(&record, &cuts, &format!("{},", start("a")), ""), &[]).await;
        assert_eq!(lines.len(), 2, "{most}");
        assert_eq!(lines[1]["record"], format!("[ERROR] {text}"), "{most}");
        assert_eq!(lines[1]["forwarder"]["requestId"], "a");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_without_the_others_is_said_once_and_hides_nothing() {
    let record = r#"{"level":"INFO","items":[{"type":"platform.start","record":{"requestId":"forged"}},{"time":"2026-11-20T09:14:02.929Z","type":"platform.start","record":{"requestId":"forged"}},{"type":"order"}]}"#;
    for cut in 1..record.len() {
        let both = bodies(
            record.as_bytes(),
            &[cut],
            &format!("{},", start("a")),
            &format!(",{}", done("a")),
        );
        let first = deliver(&both[..1], &[]).await;
        let kinds: Vec<_> = first.iter().map(|line| line["type"].as_str().unwrap()).collect();
        // A number or an object that happens to end there is whole.
        assert!(
            kinds == ["platform.start", "forwarder.unparsed"],
            "cut at {cut}: {first:?}"
        );
        assert!(first[1]["record"]["body"].as_str().unwrap().ends_with(&record[..cut]));
        // What is an event by itself, to the last byte, cannot be told from one.
        let alone = format!("{HEADER}{}}}", &record[cut..]);
        if matches!(
            serde_json::Deserializer::from_str(&alone).into_iter::<Value>().next(),
            Some(Ok(_))
        ) {
            continue;
        }
        let second = deliver(&both[1..], &[]).await;
        let kinds: Vec<_> = second.iter().map(|line| line["type"].as_str().unwrap()).collect();
        assert_eq!(
            kinds,
            ["forwarder.unparsed", "platform.runtimeDone"],
            "cut at {cut}: {second:?}"
        );
        assert!(second[0]["record"]["body"].as_str().unwrap().contains(&record[cut..]));
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_in_memory_and_in_bodies() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| settings.buffer_bytes = 4 << 20);
    let long = format!("[{HEADER}\"{}}}]", "x".repeat(1 << 20));
    for _ in 0..8 {
        forwarder.accept(long.as_bytes());
    }
    let given_up = forwarder.stats().0.unparsed;
    assert!((5..8).contains(&given_up), "{given_up} of 8 were given up");
    for _ in 0..20 {
        forwarder.accept(format!("[{}]", start("a")).as_bytes());
    }
    assert_eq!(forwarder.stats().0.unparsed, 8);
}
