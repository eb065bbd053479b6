//! Rows of invocations as a table.

use serde_json::{Value, json};

use crate::world::{Finished, World, event, last_report, line};

const HEADINGS: &str =
    "TIME         FUNCTION REQUEST  VERDICT COLD START  DURATION    BILLED   MEMORY MB  LINES ERRORS FIRST ERROR\n";

fn row(id: &str, seq: u64, request: &str, changes: &Value) -> String {
    let mut record = json!({"requestId": request, "functionName": "checkout", "verdict": "success", "coldStart": false,
        "initMs": null, "restoreMs": null, "durationMs": 12.5, "billedMs": 13, "memoryMb": 128, "maxMemoryMb": 91, "lines": 12,
        "error": 0, "fatal": 0, "errorType": null, "firstError": null, "complete": true});
    for (name, value) in changes.as_object().unwrap() {
        record[name] = value.clone();
    }
    event(id, seq, "forwarder.invocation", &record.to_string()).replace("7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10", request)
}

fn lines() -> Vec<String> {
    let failed =
        json!({"verdict": "error", "coldStart": true, "initMs": 180.1, "error": 1, "firstError": "no \u{1b}[2Jstock"});
    vec![
        line("a", 0, "[ERROR] no stock\n"),
        row("a", 1, "8f2a11c0-1", &failed),
        row("a", 2, "93ab04d7-1", &json!({})),
        // Read twice, shown once.
        row("a", 2, "93ab04d7-1", &json!({})),
        row(
            "b",
            0,
            "c0ffee00-1",
            &json!({"verdict": "unknown", "durationMs": null, "complete": false}),
        ),
        event("a", 3, "platform.report", r#"{"status":"success"}"#),
        last_report("a", 4),
    ]
}

async fn world(name: &str, lines: &[String]) -> World {
    let mut world = World::new(name, 1).await;
    world.put_lines(lines).await;
    world
}

fn error(read: &Finished) -> &str {
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    assert_eq!(read.stdout, "");
    &read.stderr
}

#[tokio::test]
async fn rows_of_a_stream_are_a_table() {
    let world = world("rows", &lines()).await;
    let read = world.read(&["--invocations"]).await;
    let (first, second) = (
        "09:14:02.820 checkout 8f2a11c0 error       180 ms   12.5 ms     13 ms      91/128     12      1 no \\u{1b}[2Jstock\n",
        "09:14:02.820 checkout 93ab04d7 success         no   12.5 ms     13 ms      91/128     12      0\n",
    );
    let third = "09:14:02.820 checkout c0ffee00 unknown         no         -     13 ms      91/128     12      0 (incomplete)\n";
    assert_eq!(read.stdout, format!("{HEADINGS}{first}{second}{third}"));
    assert!(!read.stderr.contains("FORWARDER_INVOCATIONS"), "{}", read.stderr);

    for filter in [["--request", "8f2a"], ["--grep", "no .*stock"]] {
        let read = world.read(&[["--invocations"].as_slice(), &filter].concat()).await;
        assert_eq!(read.stdout, format!("{HEADINGS}{first}"), "{filter:?}");
    }
    let json = world.read(&["--invocations", "--json"]).await.stdout;
    let records = json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let requests: Vec<_> = records.map(|line| line["record"]["requestId"].clone()).collect();
    assert_eq!(requests, ["8f2a11c0-1", "93ab04d7-1", "c0ffee00-1"]);
}

#[tokio::test]
async fn a_stream_that_is_followed_shows_rows_as_they_come() {
    let mut world = world("rows-followed", &lines()).await;
    let running = world.spawn(&["--from", "trim-horizon", "--invocations"], "out", "err");
    world.wait_for("out", |text| text.lines().count() == 4).await;
    world
        .put_lines(&[row("a", 5, "deadbeef-1", &json!({"verdict": "timeout"}))])
        .await;
    world.wait_for("out", |text| text.contains("deadbeef timeout")).await;
    running.signal("-INT");
    assert_eq!(running.ended().await, Some(0));
    assert_eq!(world.text("out").matches("TIME").count(), 1);
}

#[tokio::test]
async fn files_have_rows_too_and_where_there_are_none_it_is_said_how_they_are_made() {
    let world = world("rows-files", &[line("a", 0, "fine\n")]).await;
    let none = world.read(&["--invocations"]).await;
    for part in [
        "no rows of invocations",
        "forwarder.invocation ->",
        "FORWARDER_INVOCATIONS=on",
    ] {
        assert!(error(&none).contains(part), "{}", none.stderr);
    }
    let none = world.read(&["--invocations", "--json"]).await;
    assert!(error(&none).contains("FORWARDER_INVOCATIONS=on"), "{}", none.stderr);
    let quiet = world.read(&["--invocations", "--quiet"]).await;
    assert!(!error(&quiet).contains("FORWARDER_INVOCATIONS"), "{}", quiet.stderr);

    let path = world.file("rows.jsonl");
    std::fs::write(&path, lines().concat()).unwrap();
    let read = |arguments: &[&str]| {
        let mut command = world.consumer_of(path.to_str().unwrap(), &[]);
        command.args(arguments);
        crate::world::finish(command)
    };
    let shown = read(&["--invocations"]).await;
    assert_eq!(shown.stdout.lines().count(), 4, "{}", shown.stdout);
    let filtered = read(&["--invocations", "--function", "payments"]).await;
    assert!(
        error(&filtered).contains("3 rows of invocations, none of which the filters let through"),
        "{}",
        filtered.stderr
    );
}
