//! The program `local-lambda`.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::world::{
    Directory, GONE, LIMIT, local_lambda, parsed, scripted_extension, test_function, types, wait_for_state,
};

fn command(event: &str) -> Command {
    let mut command = Command::new(local_lambda());
    command
        .arg("--function")
        .arg(test_function())
        .arg("--extension")
        .arg(scripted_extension())
        .args(["--invoke", event]);
    command
}

fn text(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    stdout + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_good_run_ends_with_0_and_writes_the_telemetry() {
    let directory = Directory::new();
    let file = directory.path("telemetry");
    let output = command("{}")
        .args(["--count", "2", "--telemetry-out"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let told = text(&output);
    assert!(
        told.contains("invoke 2 ") && told.contains("scripted-extension: exit status: 0"),
        "{told}"
    );
    let lines: Vec<String> = std::fs::read_to_string(file).unwrap().lines().map(Into::into).collect();
    let events = parsed(&lines);
    let reports = types(&events).into_iter().filter(|name| *name == "platform.report");
    assert_eq!(reports.count(), 2);
}

#[test]
fn a_failure_ends_with_1() {
    for (event, extra, told) in [
        (r#"{"fail":"error"}"#, &[][..], "told to fail"),
        (r#"{"late":true}"#, &["--timeout", "0.3"], "timed out"),
        ("{}", &["--env", "SCRIPT_EXIT_ON=shutdown"], "exit status: 3"),
        ("{}", &["--env", "SCRIPT_EXIT_ON=init"], "Extension.Crash"),
    ] {
        let output = command(event).args(extra).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{event} {extra:?}: {}", text(&output));
        assert!(text(&output).contains(told), "{event} {extra:?}: {}", text(&output));
    }
}

#[test]
fn each_kind_of_lambda_is_played() {
    for (arguments, told) in [
        (&["--mode", "snapstart"][..], "restore "),
        (&["--mode", "provisioned-concurrency"], "invoke 2 "),
        (
            &[
                "--mode",
                "managed-instances",
                "--concurrency",
                "2",
                "--env",
                "SCRIPT_EVENTS=SHUTDOWN",
            ],
            "invoke 2 ",
        ),
        (&["--tenant", "blue", "--durable", "order"], "invoke 2 "),
    ] {
        let output = command("{}").args(["--count", "2"]).args(arguments).output().unwrap();
        let text = text(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {text}");
        assert!(text.contains(told), "{arguments:?}: {text}");
    }
}

#[test]
fn an_init_over_its_limit_is_told_and_run_again() {
    let output = command("{}")
        .args(["--init-timeout", "0.5", "--env", "TEST_FUNCTION_INIT_MS=1000"])
        .output()
        .unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("init again") && text.contains("timeout"), "{text}");
}

#[test]
fn chaos_complains_of_extensions_only() {
    let chaos = |mode: &str, more: &[&str]| {
        let output = command(r#"{"sleepMs":30}"#)
            .args(["--chaos", "5", "--mode", mode, "--env", "SCRIPT_TYPES=platform"])
            .args(more)
            .output()
            .unwrap();
        (output.status.code(), text(&output))
    };
    let (code, text) = chaos("on-demand", &[]);
    assert_eq!(code, Some(0), "functions may fail: {text}");
    let (code, text) = chaos("on-demand", &["--env", "SCRIPT_EXIT_ON=invoke"]);
    assert!(code == Some(1) && text.contains("COMPLAINT: Extension.Crash"), "{text}");
    let (code, text) = chaos("managed-instances", &["--env", "SCRIPT_EVENTS=SHUTDOWN"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    let output = Command::new(local_lambda()).arg("--nonsense").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let output = Command::new(local_lambda()).arg("--help").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output).contains("--telemetry-out"));
}

/// The processes that a process has started.
fn children(pid: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        let list = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.extend(list.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()));
    }
    children
}

#[test]
fn nothing_outlives_it_even_if_it_is_killed() {
    struct KillOnDrop(Child);
    impl Drop for KillOnDrop {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let directory = Directory::new();
    let record = directory.path("record");
    let mut running = KillOnDrop(
        command(r#"{"late":true}"#)
            .args([
                "--timeout",
                "900",
                "--env",
                "SCRIPT_TYPES=function",
                "--env",
                "SCRIPT_HOLD_MS=900000",
            ])
            .arg("--env")
            .arg(format!("SCRIPT_RECORD={}", record.display()))
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    // Both are at work on the invocation, and neither would notice that its platform is gone.
    let started = Instant::now();
    while directory.recorded().is_empty() {
        assert!(started.elapsed() < LIMIT, "the function prints");
        std::thread::sleep(Duration::from_millis(5));
    }
    let processes = children(running.0.id());
    assert_eq!(processes.len(), 2, "function and extension run");
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    for process in processes {
        wait_for_state(process, GONE);
    }
}
