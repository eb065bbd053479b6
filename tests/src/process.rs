//! Actions of a test on the extension's process.

use std::process::Command;
use std::time::Duration;

use local_lambda::{LocalLambda, Role};

/// The extension's process.
#[derive(Debug, Clone, Copy)]
pub struct Extension {
    /// Its process id.
    pub pid: u32,
}

impl Extension {
    /// The extension of a local Lambda, if it is alive.
    pub fn of(lambda: &LocalLambda) -> Option<Self> {
        let processes = lambda.processes().into_iter();
        let pid = processes
            .filter(|process| process.role == Role::Extension)
            .map(|process| process.pid)
            .next()?;
        Some(Self { pid })
    }

    /// Sends a signal: `KILL`, `STOP`, `CONT`.
    ///
    /// # Panics
    /// There is no `kill` on this machine.
    pub fn signal(self, signal: &str) {
        self::signal(self.pid, signal);
    }

    /// The most memory it has had, in bytes.
    pub fn peak_memory(self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes * 1_024)
    }

    /// The CPU time that it has used.
    pub fn cpu_time(self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let (_, behind_name) = stat.rsplit_once(") ")?;
        let times = behind_name.split(' ').skip(11).take(2);
        let ticks: u64 = times.filter_map(|time| time.parse::<u64>().ok()).sum();
        // Linux counts in hundredths of a second.
        Some(Duration::from_millis(ticks * 10))
    }
}

/// Sends a signal to a process: `KILL`, `STOP`, `CONT`, `TERM`.
///
/// # Panics
/// There is no `kill` on this machine.
pub fn signal(pid: u32, signal: &str) {
    // It may be gone already, which is as well.
    let _ = Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .output()
        .expect("`kill` runs");
}

/// Invokes until the environment has started again: the first invocation after a crash may be what finds it.
///
/// # Panics
/// It does not start.
pub async fn start_again(lambda: &LocalLambda) {
    for _ in 0..3 {
        let invocation = lambda.invoke("{}").await.expect("an environment that is not over");
        if invocation.succeeded() && Extension::of(lambda).is_some() {
            return;
        }
    }
    panic!("the environment does not start again");
}
