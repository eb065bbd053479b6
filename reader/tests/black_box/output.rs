//! Output on the terminal and in the pipe, and the exit code.

use std::io::Read as _;
use std::process::{Command, Stdio};

use crate::world::{Finished, PATIENCE, STREAM, World, event, finish, last_report, life, line};

async fn world(name: &str) -> World {
    let mut world = World::new(name, 1).await;
    let report = r#"{"status":"timeout","metrics":{"durationMs":3000.0,"billedDurationMs":3000,"memorySizeMB":512,"maxMemoryUsedMB":33}}"#;
    world
        .put_lines(&[
            line(
                "a",
                0,
                "[INFO]\t2026-11-20T09:14:02.820Z\t7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10\torder accepted\n",
            ),
            line("a", 1, "[ERROR] ValueError: no stock\n"),
            line("a", 2, "  File \"app.py\", line 3\n"),
            line("a", 3, "[INFO] \u{1b}[2J\u{1b}[31mred\u{1b}[0m\n"),
            event("a", 4, "platform.report", report),
            line("b", 0, "of another function\n").replace("checkout", "payments"),
            last_report("a", 5),
        ])
        .await;
    world
}

#[tokio::test]
async fn a_person_sees_lines_and_a_pipe_no_colours() {
    let world = world("lines").await;
    let read = world.read(&[]).await;
    assert_eq!(
        read.stdout,
        "\
09:14:02.820 checkout 7d0c1f2e INFO   order accepted
09:14:02.820 checkout 7d0c1f2e ERROR  [ERROR] ValueError: no stock
                                    │   File \"app.py\", line 3
09:14:02.820 checkout 7d0c1f2e INFO   [INFO] \\u{1b}[2Jred
09:14:02.820 checkout 7d0c1f2e REPORT timeout · 3000 ms · billed 3000 ms · 33/512 MB
09:14:02.820 checkout 7d0c1f2e FWD    last report: 1 lines in 1 records
09:14:02.820 payments 7d0c1f2e INFO   of another function
"
    );
    assert_eq!(read.stderr.lines().count(), 1, "{}", read.stderr);
    assert!(read.stderr.starts_with("7 lines in 3 records ("), "{}", read.stderr);
    let coloured = world.read(&["--color", "always"]).await.stdout;
    assert!(coloured.contains("\u{1b}[1;31mERROR"), "{coloured:?}");
}

#[tokio::test]
async fn a_terminal_has_colours_unless_they_are_not_wanted() {
    let world = world("terminal").await;
    // `script` gives the program a terminal.
    let on_a_terminal = async |variable: &str| {
        let inner = format!(
            "{variable} {} {STREAM} --endpoint {} --from trim-horizon --no-follow",
            env!("CARGO_BIN_EXE_consumer"),
            world.kinesis.endpoint()
        );
        let consumer = world.consumer(&[]);
        let mut command = Command::new("script");
        command
            .args(["-qec", &inner, "/dev/null"])
            .env("TERM", "xterm-256color")
            .stdin(Stdio::null());
        command.envs(consumer.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env_remove("NO_COLOR");
        finish(command).await.stdout
    };
    let shown = on_a_terminal("").await;
    assert!(
        shown.contains("\u{1b}[1;31mERROR") && shown.contains("1 shard"),
        "{shown:?}"
    );
    let shown = on_a_terminal("NO_COLOR=1").await;
    assert!(shown.contains("ERROR") && !shown.contains("\u{1b}[1;31m"), "{shown:?}");
}

#[tokio::test]
async fn filters_keep_what_is_asked_for() {
    let world = world("filters").await;
    let count = async |arguments: &[&str]| {
        let Finished { code, stdout, stderr } = world.read(arguments).await;
        assert_eq!(code, Some(0), "{stderr}");
        stdout.lines().count()
    };
    assert_eq!(count(&["--function", "pay*"]).await, 1);
    assert_eq!(count(&["--request", "7d0c"]).await, 7);
    assert_eq!(count(&["--request", "8"]).await, 0);
    assert_eq!(count(&["--level", "warn"]).await, 2, "the trace is whole");
    assert_eq!(count(&["--type", "platform.*", "--type", "forwarder.*"]).await, 2);
    assert_eq!(count(&["--grep", "no stock"]).await, 2);
    assert_eq!(
        count(&["--json", "--level", "error", "--function", "checkout"]).await,
        2
    );
    assert_eq!(count(&["--quiet"]).await, 0);
}

#[tokio::test]
async fn verify_tells_loss_from_drops_and_repeats_and_from_what_is_not_proven() {
    let mut world = World::new("verify", 2).await;
    let mut lines = life("complete", 10);
    world.put_lines(&lines[3..6]).await;
    lines.extend(life("unproven", 5).into_iter().take(5));
    lines.extend([
        line("dropped", 0, "x"),
        event(
            "dropped",
            4,
            "forwarder.dropped",
            r#"{"reason":"buffer_full","ranges":[[1,3]]}"#,
        ),
    ]);
    lines.push(last_report("dropped", 5));
    world.put_lines(&lines).await;
    let read = world.read(&["--verify", "--quiet"]).await;
    assert_eq!(
        read.code,
        Some(0),
        "what is announced or not proven is no loss: {}",
        read.stderr
    );
    for part in [
        "unproven          kinesis            5          0          0          0  unproven: no final report\n",
        "dropped           kinesis            1          0          3          0  complete\n",
        "complete          kinesis           10          0          0          3  complete\n",
        "0 lines lost · 16 events · 3 dropped and announced · 3 repeats\n",
    ] {
        assert!(read.stderr.contains(part), "{part:?} in\n{}", read.stderr);
    }
    world
        .put_lines(&[line("lost", 0, "x"), line("lost", 2, "x"), last_report("lost", 5)])
        .await;
    let read = world.read(&["--verify", "--quiet"]).await;
    assert_eq!(read.code, Some(1), "{}", read.stderr);
    let row = "lost              kinesis            2          3          0          0  lost 1, 3–4\n";
    assert!(read.stderr.contains(row), "{}", read.stderr);
    assert_eq!(world.read(&["--quiet"]).await.code, Some(0), "it was not asked for");
}

#[tokio::test]
async fn whoever_has_read_enough_is_no_failure() {
    let mut world = World::new("enough", 1).await;
    world.put_lines(&life("a", 30_000)).await;
    let mut command = world.consumer(&["--from", "trim-horizon", "--json"]);
    let mut consumer = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // On a thread of its own: Kinesis is on this one.
    let ended = tokio::task::spawn_blocking(move || {
        let mut stdout = consumer.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 100]).unwrap();
        drop(stdout);
        consumer.wait_with_output().unwrap()
    });
    let ended = tokio::time::timeout(PATIENCE, ended).await.expect("it ends").unwrap();
    assert_eq!(
        ended.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[tokio::test]
async fn what_cannot_be_is_said_and_ends_with_2() {
    let world = World::new("cannot", 1).await;
    let said = finish(world.consumer_of("nowhere", &[])).await;
    assert_eq!(said.code, Some(2));
    assert!(
        said.stderr
            .contains("ListShards was refused: ResourceNotFoundException"),
        "{}",
        said.stderr
    );
    let said = finish(world.consumer(&["--form", "10m"])).await;
    assert!(
        said.code == Some(2) && said.stderr.contains("--form"),
        "{}",
        said.stderr
    );
    let said = finish(world.consumer(&["--help"])).await;
    assert!(
        said.code == Some(0) && said.stdout.contains("--no-follow"),
        "{}",
        said.stdout
    );
}
