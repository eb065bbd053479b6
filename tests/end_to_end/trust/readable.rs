//! Events that some readers would refuse, or take for the forwarder's own: what is numbered is readable by all.

use std::time::Duration;

use end_to_end::post::Poster;
use end_to_end::world::*;
use reader::decode::{Standing, Verifier, decode};

const END: Duration = Duration::from_secs(2);

/// Each with the mark `x0`, `x1`, … in it.
const ODD: [&str; 9] = [
    r#"{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"x0","forw\u0061rder":{"id":"i","sink":"s","seq":7}}"#,
    r#"{"time":"2026-11-20T09:14:02.820Z","typ\u0065":"forwarder.dropped","record":{"reason":"x1","ranges":[[0,9]]}}"#,
    r#"{"time":"2026-11-20T09:14:02.820Z","type":"function","typ\u0065":"forwarder.dropped","record":"x2"}"#,
    r#"{"time":5,"type":"function","record":"x3"}"#,
    r#"{"time":"2026-11-20T09:14:02.820Z","type":"function","record":{"requestId":"\ud83d","x":"x4"}}"#,
    r#"{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"x5 \ud83d"}"#,
    r#"{"time":"2026-11-20T09:14:02.820Z","type":"platform.start","record":{"requestId":"x6\udc00","version":"1"}}"#,
    r#"{"time":"2026-11-20T09:14:02.820Z","type":"func\ud83dtion","record":"x7"}"#,
    r#"{"time":"2026-11-20T09:14:02.820Z","type":"forwarder.dropped","record":{"reason":"x8","ranges":[[0,9]]}}"#,
];

#[tokio::test]
async fn whatever_claims_what_arrives_readable_and_is_nobodys_announcement() {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let mut poster = Poster::connect(port).await;
    for odd in ODD {
        assert_eq!(poster.post("/", format!("[{odd}]")).await, 200);
    }
    assert!(lambda.shutdown("spindown", END).await.unwrap().clean());
    let records = kinesis.read_all(STREAM).await.unwrap();
    let mut verifier = Verifier::default();
    let mut lines = Vec::new();
    for record in &records {
        for line in decode(&record.data).unwrap().lines() {
            verifier.observe(&line.event().expect("a line that a reader can read"));
            lines.push(line.0.to_owned());
        }
    }
    for life in verifier.report() {
        assert_eq!(
            (life.standing, life.repeats, life.announced),
            (Standing::Complete, 0, 0),
            "{life:?}"
        );
    }
    for index in 0..ODD.len() {
        let mark = format!("x{index}");
        let with_mark: Vec<_> = lines.iter().filter(|line| line.contains(&mark)).collect();
        assert_eq!(with_mark.len(), 1, "{mark}: {with_mark:#?}");
        // A genuine line goes out as it is, lone surrogates in its record included; some JSON parsers refuse those.
        if let Ok(line) = serde_json::from_str::<serde_json::Value>(with_mark[0]) {
            assert_ne!(kind(&line), "forwarder.dropped", "{mark}");
            assert!(line["forwarder"]["seq"].is_u64(), "{mark}: {line}");
        } else {
            assert!(["x4", "x5", "x6"].contains(&mark.as_str()), "{mark}: {}", with_mark[0]);
        }
    }
}
