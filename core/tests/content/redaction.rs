//! Secrets as an adversary hides them: in every way that loggers write, none may leave in any byte.

use forwarder_core::delivery::settings::LaneSettings;
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::intake::redact::Redaction;
use forwarder_core::telemetry::json::write_string;
use proptest::prelude::*;

use crate::world::*;

/// A name in `redact`, a secret as it stands in a log, and the part of it that must not leave.
const SECRETS: [(&str, &str, &str); 14] = [
    ("email", "alice@example.com", "example.com"),
    ("email", "alice%40example.com", "example.com"),
    ("ipv4", "192.0.2.1", "192.0.2.1"),
    ("ipv6", "2001:db8::8a2e:370:7334", "db8::8a2e"),
    ("phone", "+49 30 1234567", "1234567"),
    ("credit_card", "4111 1111 1111 1111", "11 1111 1"),
    ("credit_card", "4111111111111111", "11111111111"),
    ("iban", "DE89370400440532013000", "0532013000"),
    ("aws_access_key", "AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    (
        "aws_secret_key",
        "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "MDENG",
    ),
    (
        "jwt",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP",
        "dBjftJeZ4CVP",
    ),
    ("bearer", "Bearer abcdefghijklmnop", "abcdefghijklmnop"),
    ("bearer", "access_token=abcdefghijklmnop", "abcdefghijklmnop"),
    ("bearer", "Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNz"),
];

/// Ways in which a logger puts a text into another.
fn wrap(way: usize, text: &str) -> String {
    let json = || {
        let mut json = Vec::new();
        write_string(&mut json, text);
        String::from_utf8(json).unwrap()
    };
    let escaped = |every: usize| -> String {
        let chars = text.chars().enumerate();
        chars
            .map(|(at, char)| {
                if at % every == 0 && u32::from(char) < 0x1_0000 {
                    format!("\\u{:04x}", u32::from(char))
                } else {
                    plain(char)
                }
            })
            .collect()
    };
    match way {
        0 => format!("{{\"message\":{},\"n\":1}}", json()),
        1 => format!(
            "2026-11-20T09:14:02.820Z\t7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10\tINFO\t{{\"msg\":{}}}\n",
            json()
        ),
        2 => format!("[INFO]\t2026-11-20T09:14:02.820Z\t7d0c\tkeys:\n{text}\n"),
        3 => format!("info: App[0]\n      Request {text}, done\r\n"),
        4 => format!("09:14:02.820 [main] INFO  c.e.Handler - {{'key': '{text}', 'list': [('{text}',)]}}"),
        5 => format!("[{}]", json()),
        6 => format!("{{\"a\":[{{\"b\":{}}}]}}", json()),
        7 => format!("cut off {{\"message\":{}", json()),
        8 => format!("a 5\" screen for \"{text}\" and (<{text}>)"),
        9 => format!("{{\"msg\":\"{}\"}}", escaped(3)),
        10 => format!("time=t msg={} level=info", json()),
        11 => format!("\u{feff}\u{1b}[31m{text}\u{1b}[0m"),
        _ => format!("x\t{text}\ty"),
    }
}

/// A character within a JSON string.
fn plain(char: char) -> String {
    let mut json = Vec::new();
    write_string(&mut json, &char.to_string());
    String::from_utf8(json[1..json.len() - 1].to_vec()).unwrap()
}

const WAYS: usize = 13;

fn in_event(record: &str) -> Vec<u8> {
    format!(r#"[{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":{record}}}]"#).into_bytes()
}

/// All bytes that leave, those on disk included.
fn leaves(names: &[&str], body: &[u8]) -> Vec<u8> {
    leaves_by(names, body, SpoolMode::Always)
}

fn leaves_by(names: &[&str], body: &[u8], mode: SpoolMode) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let sink = Scripted::new([]);
        let dir = std::env::temp_dir().join(format!(
            "redaction-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        let _ = std::fs::remove_dir_all(&dir);
        let forwarder = forwarder_with(&sink, |settings| {
            settings.redaction = Redaction::parse(names).unwrap();
            settings.spool = SpoolSettings {
                dir: dir.clone(),
                max_bytes: 1 << 20,
                mode,
            };
            let lane: &mut LaneSettings = &mut settings.lanes[0].0;
            lane.max_age = std::time::Duration::from_secs(60);
        });
        forwarder.accept(body);
        let mut all = Vec::new();
        for entry in walk(&dir) {
            all.extend(std::fs::read(entry).unwrap());
        }
        forwarder.close(soon(), false).await;
        for text in sink.texts() {
            all.extend(text.into_bytes());
        }
        let _ = std::fs::remove_dir_all(&dir);
        all
    })
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] })
        .collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn written(text: &str, as_object: bool) -> String {
    if as_object && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok() {
        return text.to_owned();
    }
    let mut json = Vec::new();
    write_string(&mut json, text);
    String::from_utf8(json).unwrap()
}

#[test]
fn every_secret_in_every_way_is_masked() {
    let mut leaks = Vec::new();
    for (name, secret, part) in SECRETS {
        for outer in 0..WAYS {
            for inner in 0..=WAYS {
                let text = if inner == WAYS {
                    secret.to_owned()
                } else {
                    wrap(inner, secret)
                };
                let record = written(&wrap(outer, &text), outer % 2 == 0);
                let mode = if inner == WAYS {
                    SpoolMode::Always
                } else {
                    SpoolMode::Overflow
                };
                let out = leaves_by(&[name], &in_event(&record), mode);
                if contains(&out, part) {
                    leaks.push(format!(
                        "{name} {outer} {inner}: {record}\n  {}",
                        String::from_utf8_lossy(&out)
                    ));
                }
            }
        }
    }
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks[..leaks.len().min(5)].join("\n")
    );
}

#[test]
fn secrets_in_keys_numbers_and_in_what_is_no_event_are_masked() {
    for (name, body, part) in [
        ("email", &in_event(r#"{"alice@example.com":1}"#)[..], "example.com"),
        (
            "credit_card",
            &in_event(r#"{"card":4111111111111111,"a":[4111111111111111]}"#),
            "4111",
        ),
        (
            "bearer",
            &in_event(r#"{"headers":{"x-api-key":"abcdefghijklmnop"}}"#),
            "abcdefghijklmnop",
        ),
        (
            "bearer",
            &in_event(r#"{"access\u005ftoken" : "abcdefghijklmnop"}"#),
            "abcdefghijklmnop",
        ),
        ("email", b"[{\"broken\":\"alice@example.com\",}]", "example.com"),
        ("email", b"[{\"broken\":\"alice\\u0040example.com\",}]", "example.com"),
        ("aws_access_key", b"\xff \\nAKIAIOSFODNN7EXAMPLE \xfe", "IOSFODNN7"),
    ] {
        let out = leaves(&[name], body);
        assert!(!contains(&out, part), "{name}: {}", String::from_utf8_lossy(&out));
    }
}

#[test]
fn the_rest_of_a_line_stays_byte_for_byte() {
    for text in [
        "[ERROR] a 5\" screen for alice@example.com today\n",
        "{x} says \"mail alice@example.com now!",
        "C:\\new\\temp \\u00e9 \\x41 alice@example.com \\",
        "{\"a\":\"\\u00e9\\/\",\"to\":\"alice@example.com\",\"n\":1.50}\n",
    ] {
        let record = written(text, false);
        let out = leaves(&["email"], &in_event(&record));
        let expected = record.replace("alice@example.com", "[redacted:email]");
        assert!(contains(&out, &expected), "{text:?}: {}", String::from_utf8_lossy(&out));
    }
    let record = r#"{ "a" : "\u00e9\/ alice\u0040example.com \ud83d\ude00", "n" : 1.50 }"#;
    let out = leaves(&["email"], &in_event(record));
    let expected = r#"{ "a" : "\u00e9\/ [redacted:email] \ud83d\ude00", "n" : 1.50 }"#;
    assert!(contains(&out, expected), "{}", String::from_utf8_lossy(&out));
}

#[test]
fn what_can_match_nothing_is_refused() {
    for expression in ["/\\b|secret/", "/x*/", "/secret|$/", "/^|secret/", "/(?:secret)?/"] {
        let error = Redaction::parse(&[expression]).unwrap_err().remove(0);
        assert!(error.contains("matches the empty text"), "{error}");
    }
}

#[test]
fn an_expression_that_takes_too_long_costs_the_line_and_no_more() {
    // From each `a` it reads to the end of the line.
    let line = "a".repeat(400_000);
    let out = leaves(&["/a(?:.*z)?/"], &in_event(&format!("\"{line}\"")));
    assert!(contains(&out, "\"record\":\"[redacted]\""), "{}", out.len());
    assert!(contains(&out, "\"redacted\":1,\"redactedWhole\":1"), "counted");
    let many = "secret-7 ".repeat(100);
    let out = leaves(&["/secret-\\d/"], &in_event(&format!("\"{many}\"")));
    assert!(contains(&out, "[redacted] [redacted]") && !contains(&out, "secret"));
    assert!(contains(&out, "\"redacted\":100,\"redactedWhole\":0"), "counted");
    let out = leaves(&["/a(?:.*z)?/"], line.as_bytes());
    assert!(
        contains(&out, "\"redactedWhole\":1") && !contains(&out, "aaaa"),
        "no event"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 48 } else { 512 }))]

    /// Many layers, several secrets, text around them.
    #[test]
    fn secrets_under_many_layers_are_masked(ways in prop::collection::vec(0..WAYS, 1..4), which in 0..SECRETS.len(), before in "[a-z {}\\[\\]:,.\"\\\\]{0,8} ", as_object in any::<bool>()) {
        let (name, secret, part) = SECRETS[which];
        let mut text = format!("{before}{secret} ");
        for way in ways {
            text = wrap(way, &text);
        }
        let out = leaves(&[name], &in_event(&written(&text, as_object)));
        prop_assert!(!contains(&out, part), "{}", String::from_utf8_lossy(&out));
    }
}
