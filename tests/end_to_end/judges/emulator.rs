//! AWS's own runtime interface emulator judges registration, INVOKE, reset and SHUTDOWN of the real binary.
//!
//! It starts what stands in `/opt/extensions`, so it runs in a mount namespace of its own, in which a folder of the test is
//! `/opt`. It has no Telemetry API: `subscribe` is answered 202.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use end_to_end::binaries;
use end_to_end::post::Poster;
use end_to_end::process::signal;
use end_to_end::world::*;
use local_kinesis::LocalKinesis;
use serde_json::Value;

/// The function's timeout. Seconds.
const TIMEOUT: &str = "3";

/// Most that an extension adds which holds nothing; a held invocation would have 500 ms or more.
const NOTHING: Duration = Duration::from_millis(100);

/// Starts the extension and tells its exit code. It has the extension's name, since that is what an extension has to
/// register under.
const WRAPPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/telemetry-forwarder");

/// The emulator, until it is dropped.
struct Emulator {
    child: Child,
    /// The folder seen as `/opt`.
    opt: PathBuf,
    invocations: Poster,
}

impl Emulator {
    /// `None` where nobody may make a mount namespace; the reason is told.
    async fn start(kinesis: &LocalKinesis) -> Option<Self> {
        let (port, api, telemetry) = (free_port(), free_port(), free_port());
        let opt = std::env::temp_dir().join(format!("forwarder-emulator-{}-{port}", std::process::id()));
        for folder in ["bin", "extensions"] {
            fs::create_dir_all(opt.join(folder)).unwrap();
        }
        let emulator = std::env::var_os("LAMBDA_EMULATOR_BIN").expect("LAMBDA_EMULATOR_BIN: run `make test-judges`");
        for (from, to) in [
            (PathBuf::from(emulator), "bin/emulator"),
            (binaries::extension(), "bin/telemetry-forwarder"),
            (binaries::test_function(), "bin/bootstrap"),
            (PathBuf::from(WRAPPER), "extensions/telemetry-forwarder"),
        ] {
            // A link where one can be had: a file that was just written cannot be run while a process that another test
            // forked meanwhile has it open.
            fs::hard_link(&from, opt.join(to))
                .or_else(|_| fs::copy(&from, opt.join(to)).map(drop))
                .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        }
        let Some(mut command) = in_namespace(&opt) else {
            let _ = fs::remove_dir_all(&opt);
            return None;
        };
        let log = fs::File::create(opt.join("log")).unwrap();
        let child = command
            .args(["/opt/bin/emulator", "--runtime-interface-emulator-address"])
            .arg(format!("127.0.0.1:{port}"))
            .arg("--runtime-api-address")
            .arg(format!("127.0.0.1:{api}"))
            .arg("/opt/bin/bootstrap")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDJUDGE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_LAMBDA_FUNCTION_NAME", "judged")
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", TIMEOUT)
            .env("AWS_ENDPOINT_URL_KINESIS", kinesis.endpoint())
            .env("FORWARDER_SINKS__KINESIS__STREAM", STREAM)
            .env("FORWARDER_TELEMETRY__PORT", telemetry.to_string())
            .env("FORWARDER_SPOOL__DIR", spool_dir(telemetry))
            .env("FORWARDER_LOG", "debug")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                begin.elapsed() < PATIENCE,
                "the emulator does not listen: {}",
                log_in(&opt)
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let invocations = Poster::connect(port).await;
        Some(Self {
            child,
            opt,
            invocations,
        })
    }

    /// The answer that the function's caller gets.
    async fn invoke(&mut self, payload: &str) -> String {
        let answer = self
            .invocations
            .ask("/2015-03-31/functions/function/invocations", payload.to_owned());
        let (status, body) = tokio::time::timeout(PATIENCE, answer)
            .await
            .expect("an answer")
            .unwrap();
        assert_eq!(status, 200, "{}", self.log());
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// Ends it as a container's end would, and waits until it is over.
    async fn stop(&mut self) {
        signal(self.child.id(), "TERM");
        let begin = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < PATIENCE, "the emulator does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        log_in(&self.opt)
    }

    /// The extension's log, as JSON.
    fn extension_log(&self) -> Vec<Value> {
        let log = self.log();
        let own = log
            .lines()
            .filter(|line| line.starts_with(r#"{"source":"telemetry-forwarder""#));
        own.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The exit codes of the extension's processes, line by line.
    fn exits(&self) -> String {
        fs::read_to_string(self.opt.join("exits")).unwrap_or_default()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Its processes are in the namespace and groups of their own: asked to end, it ends them.
        if self.child.try_wait().is_ok_and(|exit| exit.is_none()) {
            signal(self.child.id(), "TERM");
            std::thread::sleep(Duration::from_secs(3));
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = fs::remove_dir_all(&self.opt);
    }
}

fn log_in(opt: &Path) -> String {
    fs::read_to_string(opt.join("log")).unwrap_or_default()
}

/// A command that runs what is added to it where `opt` is `/opt`: as root, or as one who may play root.
fn in_namespace(opt: &Path) -> Option<Command> {
    let mut refusals = Vec::new();
    for how in ["--mount", "--map-root-user --mount"] {
        let command = || {
            let mut command = Command::new("unshare");
            command
                .args(how.split(' '))
                .args(["sh", "-c", r#"mount --bind "$0" /opt && cd / && exec "$@""#])
                .arg(opt);
            command
        };
        match command().arg("true").output() {
            Ok(output) if output.status.success() => return Some(command()),
            Ok(output) => refusals.push(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => refusals.push(format!("unshare: {error}")),
        }
    }
    eprintln!("skipped: AWS's emulator was not asked, since a mount namespace cannot be made here: {refusals:?}");
    None
}

/// The milliseconds after a word in a line of the emulator's log.
fn milliseconds(line: &str, word: &str) -> Option<f64> {
    let after = line.split_once(word)?.1.trim_start();
    after.split_once("ms")?.0.trim().parse().ok()
}

/// Time added to each invocation after the first, which has the init in it: from the end of the function's part
/// until the extension has asked for the next event.
fn added(log: &str) -> Vec<Duration> {
    let done = log
        .lines()
        .filter_map(|line| milliseconds(line.split_once("INVOKE RTDONE(status: success")?.1, "duration:"));
    let whole = log
        .lines()
        .filter_map(|line| milliseconds(line.strip_prefix("REPORT ")?, "\tDuration:"));
    let added = done
        .zip(whole)
        .map(|(done, whole)| Duration::from_secs_f64((whole - done).max(0.0) / 1_000.0));
    added.skip(1).collect()
}

fn request_ids<'a>(log: &'a [Value], event: &str) -> Vec<&'a str> {
    let of = log.iter().filter(|line| line["event"] == *event);
    of.map(|line| line["requestId"].as_str().unwrap()).collect()
}

fn assert_no_complaint(log: &[Value], lives: usize) {
    let told: Vec<_> = log
        .iter()
        .filter(|line| line["level"] == "WARN" || line["level"] == "ERROR")
        .collect();
    assert!(
        told.iter().all(|line| line["event"] == "telemetry_unsupported"),
        "{told:#?}"
    );
    assert_eq!(told.len(), lives, "the answer 202 is told once in each life");
}

#[tokio::test]
#[ignore = "needs AWS's emulator, which `make test-judges` gets"]
async fn aws_s_own_emulator_finds_nothing_wrong() {
    let kinesis = kinesis().await;
    let Some(mut emulator) = Emulator::start(&kinesis).await else {
        return;
    };
    let mut ids = Vec::new();
    for _ in 0..10 {
        let answer: Value = serde_json::from_str(&emulator.invoke(r#"{"lines":2}"#).await).unwrap();
        assert_eq!(answer["lines"], 2, "{answer}");
        ids.push(answer["requestId"].as_str().unwrap().to_owned());
    }
    let failed: Value = serde_json::from_str(&emulator.invoke(r#"{"fail":"error"}"#).await).unwrap();
    assert_eq!(failed["errorMessage"], "told to fail");
    emulator.stop().await;

    let log = emulator.log();
    let registered = log
        .lines()
        .filter(|line| line.contains("External agent telemetry-forwarder"));
    let registered: Vec<_> = registered.collect();
    assert!(
        matches!(&registered[..], [line] if line.contains("registered, subscribed to [INVOKE SHUTDOWN]")),
        "{registered:#?}"
    );
    let mut added = added(&log);
    added.sort();
    assert_eq!(added.len(), 10, "{log}");
    assert!(added[added.len() / 2] < NOTHING, "added: {added:?}");
    let own = emulator.extension_log();
    let invoked = request_ids(&own, "invoke");
    assert_eq!(invoked[..10], ids);
    assert_eq!(invoked.len(), 11, "{invoked:#?}");
    assert_no_complaint(&own, 1);
    assert_eq!(own.iter().filter(|line| line["event"] == "shutdown").count(), 1);
    assert_eq!(emulator.exits(), "0\n", "{log}");
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_proven();
    assert!(found.events().is_empty(), "there was no telemetry: {:#?}", found.lines);
}

#[tokio::test]
#[ignore = "needs AWS's emulator, which `make test-judges` gets"]
async fn after_a_time_out_aws_s_own_emulator_starts_it_again() {
    let kinesis = kinesis().await;
    let Some(mut emulator) = Emulator::start(&kinesis).await else {
        return;
    };
    assert!(emulator.invoke("{}").await.contains("requestId"));
    assert!(
        emulator.invoke(r#"{"late":true}"#).await.contains("timed out"),
        "{}",
        emulator.log()
    );
    assert!(emulator.invoke("{}").await.contains("requestId"), "{}", emulator.log());
    emulator.stop().await;
    let log = emulator.log();
    assert_eq!(
        log.matches("registered, subscribed to [INVOKE SHUTDOWN]").count(),
        2,
        "{log}"
    );
    let own = emulator.extension_log();
    assert_eq!(request_ids(&own, "invoke").len(), 3);
    assert_no_complaint(&own, 2);
    assert_eq!(emulator.exits(), "0\n0\n", "{log}");
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_proven();
    assert_eq!(found.lives.len(), 2, "{:#?}", found.lives);
}
