//! The world of the tests: the real test function, the scripted extension, a directory of its own for each.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use local_lambda::{Builder, LocalLambda};
use serde_json::Value;

/// The longest that a condition may take. Only failing tests wait so long.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// Time that Lambda gives for a shutdown.
pub(crate) const SHUTDOWN: Duration = Duration::from_secs(2);

/// Folder of programs built with the profile of these tests.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let target = test.ancestors().nth(3).unwrap();
        // Both are no part of this package's tests for cargo; built here, they are never stale.
        let status = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--package",
                "local-lambda",
                "--package",
                "test-function",
            ])
            .args([
                "--example",
                "scripted-extension",
                "--bin",
                "test-function",
                "--bin",
                "local-lambda",
            ])
            .arg("--target-dir")
            .arg(target)
            .status()
            .unwrap();
        assert!(status.success(), "cargo build of the test's programs");
        target.join("debug")
    })
}

pub(crate) fn test_function() -> PathBuf {
    programs().join("test-function")
}

pub(crate) fn scripted_extension() -> PathBuf {
    programs().join("examples/scripted-extension")
}

pub(crate) fn local_lambda() -> PathBuf {
    programs().join("local-lambda")
}

/// A directory that is removed with the test.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("local-lambda-test-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The scripted extension under a name of its own.
    pub(crate) fn extension(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::os::unix::fs::symlink(scripted_extension(), &path).unwrap();
        path
    }

    /// The batches that an extension recorded, in order.
    pub(crate) fn recorded(&self) -> Vec<Vec<Value>> {
        let text = std::fs::read_to_string(self.path("record")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The test function with one extension that subscribes to everything and records it.
pub(crate) fn subscribed(directory: &Directory, types: &str) -> Builder {
    LocalLambda::builder()
        .function(test_function())
        .extension(directory.extension("listener"))
        .extension_env("SCRIPT_TYPES", types)
        .extension_env("SCRIPT_RECORD", directory.path("record").to_string_lossy())
        .extension_env("SCRIPT_PORT", free_port().to_string())
        .timeout(Duration::from_secs(20))
}

/// The test function with one extension that subscribes to nothing.
pub(crate) fn plain() -> Builder {
    LocalLambda::builder()
        .function(test_function())
        .extension(scripted_extension())
        .timeout(Duration::from_secs(20))
}

/// A port that nobody listened on a moment ago: an extension needs the same one after a restart.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

pub(crate) fn parsed(events: &[String]) -> Vec<Value> {
    events
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect()
}

pub(crate) fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The only event of a type and, if one is given, of a request.
pub(crate) fn only<'a>(events: &'a [Value], r#type: &str, request: Option<&str>) -> &'a Value {
    let matches = |event: &&Value| {
        event["type"] == r#type && request.is_none_or(|request| event["record"]["requestId"] == request)
    };
    let found: Vec<&Value> = events.iter().filter(matches).collect();
    assert_eq!(found.len(), 1, "events of type {type}: {found:#?}");
    found[0]
}

/// The state letter of a process: `T` stopped, `Z` ended but not yet collected; none: gone.
pub(crate) fn process_state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// The states of a process that has ended, collected by its parent or not.
pub(crate) const GONE: &[Option<char>] = &[None, Some('Z')];

/// Waits for what nobody announces: what the kernel does with a process of somebody else's.
pub(crate) fn wait_for_state(pid: u32, states: &[Option<char>]) {
    let started = Instant::now();
    while !states.contains(&process_state(pid)) {
        let state = process_state(pid);
        assert!(started.elapsed() < LIMIT, "process {pid} is {state:?}, not {states:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
