//! The page of `--web`, in Chromium, before a real reader of a local Kinesis: `make test-web`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod browser;
#[allow(dead_code)]
#[path = "../black_box/world.rs"]
mod world;

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;

use bytes::Bytes;
use forwarder_core::record::format::{Compression, Format};

use browser::{Browser, Consumer};
use world::{World, event, last_report, line, packed};

/// What the reader's process may take, resident, however many lines pass through an open page.
const MOST_RESIDENT: u64 = 320 * 1024 * 1024;

/// Lines that are more than a page can show.
const MANY: u64 = 50_000;

/// Two functions, an hour ago until now: invocations with all that Lambda says of them, one of them lost in part.
fn everyday() -> Vec<String> {
    let now = std::time::SystemTime::now();
    let mut lines = Vec::new();
    for (process, function) in [("checkout", "checkout"), ("payments!", "payments")] {
        let mut seq = 0;
        for invocation in 0..60_u64 {
            let request = format!("{invocation:04x}{:04x}-5b7a-4c53-9a41-3f9d2b6c8e10", process.len());
            let ago = std::time::Duration::from_secs((60 - invocation) * 30);
            let began = now - ago;
            let fails = invocation % 9 == 7;
            let cold = if invocation == 0 || fails {
                r#","initDurationMs":180.25"#
            } else {
                ""
            };
            let (status, level) = if fails { ("error", "ERROR") } else { ("success", "INFO") };
            let duration = 20 + (invocation * 37) % 90;
            let log = |text: &str, level: &str| {
                format!(r#"{{"level":"{level}","message":"{text}","customer":"c-{invocation}"}}"#)
            };
            let events = [
                (
                    0,
                    "platform.start",
                    format!(r#"{{"requestId":"{request}","version":"$LATEST"}}"#),
                ),
                (3, "function", log(&format!("order {invocation} accepted"), "INFO")),
                (5, "function", log("looking at the cart", "DEBUG")),
                (9, "function", log("stock is low", "WARN")),
                (
                    12,
                    "function",
                    if fails {
                        log(&format!("order {invocation} failed"), level)
                    } else {
                        log("charged", level)
                    },
                ),
                (
                    duration,
                    "platform.runtimeDone",
                    format!(
                        r#"{{"requestId":"{request}","status":"{status}","metrics":{{"durationMs":{duration}.0,"producedBytes":18}},"spans":[{{"name":"responseLatency","start":"{}","durationMs":{}.5}}]}}"#,
                        stamp(began),
                        duration - 2
                    ),
                ),
                (
                    duration + 4,
                    "platform.report",
                    format!(
                        r#"{{"requestId":"{request}","status":"{status}","metrics":{{"durationMs":{}.2,"billedDurationMs":{},"memorySizeMB":128,"maxMemoryUsedMB":91{cold}}}}}"#,
                        duration + 4,
                        duration + 5
                    ),
                ),
                (
                    duration + 4,
                    "forwarder.invocation",
                    format!(
                        r#"{{"requestId":"{request}","verdict":"{status}","durationMs":{duration}.0,"billedMs":{duration},"lines":4,"coldStart":{},"complete":true,"traceId":null}}"#,
                        !cold.is_empty()
                    ),
                ),
            ];
            for (after, kind, record) in events {
                let time = stamp(began + std::time::Duration::from_millis(after));
                let event = event(process, seq, kind, &record)
                    .replace("2026-11-20T09:14:02.820Z", &time)
                    .replace("7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10", &request)
                    .replace(r#""faas.name":"checkout""#, &format!(r#""faas.name":"{function}""#));
                // Three lines of one process never come.
                if !(process == "payments!" && (100..103).contains(&seq)) {
                    lines.push(event);
                }
                seq += 1;
            }
        }
        lines.push(last_report(process, seq));
    }
    lines.extend((0..3).map(|seq| line("alive", seq, "on it\n")));
    lines
}

/// A time as Lambda writes it.
fn stamp(time: std::time::SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

fn records(lines: &[String]) -> Vec<Bytes> {
    packed(Format::Ndjson, Compression::None, 25_000, lines)
}

#[tokio::test]
#[ignore = "needs Chromium: make test-web"]
async fn a_page_shows_lines_invocations_charts_and_proof() {
    let mut world = World::new("page", 3).await;
    world.put(records(&everyday())).await;
    let consumer = Consumer::start(&world, "trim-horizon", "127.0.0.1:0").await;
    let mut browser = Browser::begin("everyday", &consumer.url);
    browser.reached("put one").await;
    world.put_lines(&[line("alive", 3, "one more line\n")]).await;
    browser.go_on().await;
    browser.ended().await;
}

/// Lines that would like to be more than text.
fn hostile(count: u64) -> Vec<String> {
    let texts = [
        "<script>window.hacked=1</script>",
        "<img src=x onerror=\"window.hacked=1\">",
        "\"><svg/onload=window.hacked=1>",
        "<iframe srcdoc=\"<script>parent.hacked=1</script>\"></iframe>",
        "<a href=\"javascript:window.hacked=1\">x</a>",
        "{{constructor.constructor('window.hacked=1')()}} ${window.hacked=1}",
        "</pre></div><style>*{display:none}</style>",
        "\u{202e}gpj.exe\u{2066}\u{200b}\u{e0041} \u{1b}[2J\u{9b}5m",
        "event: rows\ndata: {\"rows\":[]}\n\nid: 0\n",
        "\u{0}\u{7f}\u{fffd}\u{feff} &lt;b&gt; %3Cscript%3E \\u003cscript\\u003e",
        "]]><!--<b>",
    ];
    (0..count)
        .map(|seq| {
            let text = texts[usize::try_from(seq).unwrap() % texts.len()];
            let mut line = line("evil", seq, &format!("{text} {seq}\n"));
            if seq % 5 == 1 {
                let text = serde_json::Value::from(text);
                let record = format!(r#"{{"level":"ERROR","message":{text},{text}:{text},"stack":[{text}]}}"#);
                line = event("evil", seq, "function", &record);
            }
            if seq % 7 == 3 {
                let text = serde_json::Value::from(text).to_string();
                line = line
                    .replace("\"checkout\"", &text)
                    .replace("\"2026-11-20T09:14:02.820Z\"", &text);
            }
            line
        })
        .collect()
}

#[tokio::test]
#[ignore = "needs Chromium: make test-web"]
async fn fifty_thousand_hostile_lines_are_text() {
    let mut world = World::new("hostile-page", 2).await;
    let consumer = Consumer::start(&world, "trim-horizon", "127.0.0.1:0").await;
    let mut browser = Browser::begin("hostile", &consumer.url);
    browser.reached("put hostile").await;
    world.put(records(&hostile(MANY))).await;
    browser.go_on().await;
    browser.reached("settled").await;
    browser.go_on().await;
    browser.ended().await;
    assert!(consumer.resident() < MOST_RESIDENT, "{} bytes", consumer.resident());
}

#[tokio::test]
#[ignore = "needs Chromium: make test-web"]
async fn a_tab_that_takes_nothing_holds_neither_the_reader_nor_another_tab() {
    let mut world = World::new("slow-page", 2).await;
    let consumer = Consumer::start(&world, "trim-horizon", "127.0.0.1:0").await;
    let slow: Vec<TcpStream> = (0..4).map(|_| consumer.connect("/api/events")).collect();
    let mut browser = Browser::begin("fast", &consumer.url);
    browser.reached("put many").await;
    let lines: Vec<_> = (0..MANY)
        .map(|seq| line("a", seq, &format!("order {seq} accepted\n")))
        .collect();
    world.put(records(&lines)).await;
    browser.go_on().await;
    browser.ended().await;
    assert!(consumer.resident() < MOST_RESIDENT, "{} bytes", consumer.resident());
    for mut slow in slow {
        let mut head = [0; 15];
        slow.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
    }
}

#[tokio::test]
#[ignore = "needs Chromium: make test-web"]
async fn a_page_comes_back_when_its_reader_does() {
    let mut world = World::new("again-page", 1).await;
    world.put_lines(&[line("a", 0, "before\n")]).await;
    let consumer = Consumer::start(&world, "trim-horizon", "127.0.0.1:0").await;
    let mut browser = Browser::begin("reconnect", &consumer.url);
    browser.reached("restart").await;
    let address = consumer.stop().await;
    browser.go_on().await;
    browser.reached("away").await;
    let _consumer = Consumer::start(&world, "trim-horizon", &address).await;
    world.put_lines(&[line("a", 1, "after the restart\n")]).await;
    browser.go_on().await;
    browser.ended().await;
}

/// What a browser that follows a name of elsewhere to this machine would ask, and who has no token.
#[tokio::test]
async fn nobody_else_sees_the_page() {
    let world = World::new("guarded-page", 1).await;
    let consumer = Consumer::start(&world, "latest", "0.0.0.0:0").await;
    let token = consumer.url.split_once("token=").unwrap().1.to_owned();
    let mut answers = Vec::new();
    for path in ["/", "/?token=0", &format!("/?token={token}"), "/app.js"] {
        let mut stream = consumer.connect(path);
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        answers.push(String::from_utf8(head[9..].to_vec()).unwrap());
    }
    assert_eq!(answers, ["403", "403", "200", "200"]);
    assert!(fs::metadata(world.file("page.err")).is_ok());
}
