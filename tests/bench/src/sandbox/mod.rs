//! As much of Lambda as a measurement needs: a process, and the APIs that it calls.
//!
//! The local Lambda of this repository does much more, on the same two cores. This one does as little as it can, so that
//! what is measured is the extension; and it knows to the microsecond what the process has used.
//!
//! # Layout
//! - `api`: the Extensions API and the Telemetry API
//! - [`groups`]: what a process may use, held by the kernel

mod api;
pub mod groups;

use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::net::TcpListener;

use crate::Result;
use crate::contender::Contender;
use crate::sys::{self, Exit};
pub use api::Subscription;
use groups::Groups;

/// Time that Lambda leaves an external extension at SHUTDOWN.
const SHUTDOWN_TIME: Duration = Duration::from_secs(2);

/// Longest wait of a measurement for anything: past that the extension hangs.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The request that the environment is in.
pub const REQUEST_ID: &str = "7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10";

/// An environment with one extension in it.
pub struct Sandbox {
    api: api::Api,
    pid: u32,
    /// Just before the process was made.
    started: Instant,
    reaped: bool,
}

/// The first `next`.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// Since the process was made.
    pub after: Duration,
    /// CPU time used by then.
    pub cpu: Duration,
    /// Resident memory then, bytes.
    pub resident: u64,
}

impl Sandbox {
    /// Starts an extension on a function with 128 MB; `endpoint` is where Kinesis is.
    pub async fn start(contender: &Contender, endpoint: &str, groups: Option<&Groups>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        let api = api::Api::serve(listener);
        let port = free_port()?.to_string();
        let spool = std::env::temp_dir().join(format!("process-bench-{}-{port}", std::process::id()));
        let mut command = match contender.launcher.split_first() {
            Some((launcher, arguments)) => {
                let mut command = Command::new(launcher);
                command.args(arguments).arg(&contender.program);
                command
            }
            None => Command::new(&contender.program),
        };
        command
            .env_clear()
            .envs([
                ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
                ("LANG", "en_US.UTF-8"),
                ("TZ", ":UTC"),
                ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
                ("AWS_REGION", "eu-west-1"),
                ("AWS_DEFAULT_REGION", "eu-west-1"),
                ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
                ("AWS_ACCESS_KEY_ID", "AKIDPROCESSBENCH"),
                ("AWS_SECRET_ACCESS_KEY", "process-bench-secret"),
                ("AWS_SESSION_TOKEN", "process-bench-session"),
                ("AWS_ENDPOINT_URL_KINESIS", endpoint),
                ("FORWARDER_TELEMETRY__PORT", port.as_str()),
                ("TELEMETRY_PORT", port.as_str()),
            ])
            .env("FORWARDER_SPOOL__DIR", spool)
            .envs(contender.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some(groups) = groups {
            sys::join_groups(&mut command, groups.open()?);
        }
        let started = Instant::now();
        let child = command
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", contender.program.display()))?;
        Ok(Self {
            api,
            pid: child.id(),
            started,
            reaped: false,
        })
    }

    /// Waits for `next`, and tells when it came.
    ///
    /// # Errors
    /// The process ends, or hangs.
    pub async fn wait_for_next(&mut self) -> Result<Instant> {
        let latest = Instant::now() + PATIENCE;
        while Instant::now() < latest {
            match tokio::time::timeout(Duration::from_millis(200), self.api.asked()).await {
                Ok(Some(asked)) => return Ok(asked),
                Ok(None) => break,
                Err(_) if self.has_ended() => return Err("the process ended before it called next".into()),
                Err(_) => {}
            }
        }
        Err(format!("the extension did not call next within {PATIENCE:?}").into())
    }

    /// A child that nobody has waited for yet is a zombie.
    fn has_ended(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat.rsplit_once(") ").map(|(_, state)| state);
        state.is_none_or(|state| state.starts_with('Z'))
    }

    /// Waits for the first `next`.
    pub async fn wait_until_started(&mut self) -> Result<Start> {
        let asked = self.wait_for_next().await?;
        let cpu = sys::cpu_of(self.pid)?;
        // What it does beside `next` belongs to what is resident, and is over soon.
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(Start {
            after: asked - self.started,
            cpu,
            resident: self.resident()?,
        })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its subscription, if it has subscribed.
    pub fn subscription(&self) -> Option<Subscription> {
        self.api.subscription()
    }

    /// Begins the invocation.
    pub fn invoke(&self) {
        self.api.send(json!({
            "eventType": "INVOKE",
            "deadlineMs": epoch_ms(Duration::from_secs(900)),
            "requestId": REQUEST_ID,
            "invokedFunctionArn": format!("arn:aws:lambda:eu-west-1:123456789012:function:{FUNCTION}"),
            "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2"},
        }));
    }

    /// The most of it that ever was in memory, bytes.
    pub fn peak(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        kilobytes(&status, "VmHWM:").ok_or_else(|| "the kernel does not tell the peak".into())
    }

    /// Resident memory, bytes.
    fn resident(&self) -> Result<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid))?;
        kilobytes(&rollup, "Rss:").ok_or_else(|| "the kernel does not tell what is resident".into())
    }

    /// Ends the environment, and waits for the process; it is killed where Lambda would.
    pub async fn shut_down(mut self) -> Result<Exit> {
        self.api.send(json!({
            "eventType": "SHUTDOWN",
            "shutdownReason": "spindown",
            "deadlineMs": epoch_ms(SHUTDOWN_TIME),
        }));
        let pid = self.pid;
        let mut waiting = tokio::task::spawn_blocking(move || sys::wait(pid));
        self.reaped = true;
        if let Ok(exit) = tokio::time::timeout(SHUTDOWN_TIME, &mut waiting).await {
            return Ok(exit??);
        }
        sys::kill(pid);
        Ok(waiting.await??)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !self.reaped {
            sys::kill(self.pid);
            // Whatever it is, it has ended.
            let _ = sys::wait(self.pid);
        }
    }
}

/// The name that the made-up telemetry has, too.
const FUNCTION: &str = "production-checkout-order-placement-service-consumer";

/// `Name:  123 kB`
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

fn epoch_ms(ahead: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from((now + ahead).as_millis()).unwrap_or(u64::MAX)
}

/// A port that nobody listens on.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("0.0.0.0", 0))?.local_addr()?.port())
}
