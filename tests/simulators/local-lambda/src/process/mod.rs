//! A process of the environment: started with Lambda's variables, its output captured, its exit noticed.
//!
//! - [`spawner`]: the thread that forks
//! - [`capture`]: pipes to lines
//! - [`sys`]: signals, the only unsafe code

mod capture;
mod spawner;
mod sys;

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Instant;

use tokio::process::{Child, Command};

use crate::role::Role;

pub(crate) use capture::{Capture, LineSink};
pub use capture::{OutputLine, Stream};
pub(crate) use spawner::Spawner;
pub(crate) use sys::{Signal, signal_group};

/// A process as the environment remembers it.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    /// Also the id of its process group.
    pub(crate) pid: u32,
    pub(crate) started: Instant,
    /// Time of its end. Set after its last output has been read.
    pub(crate) ended: Option<Instant>,
    /// Exit status, if the machine reported one.
    pub(crate) exit: Option<ExitStatus>,
    /// True if the platform killed it.
    pub(crate) killed: bool,
    /// Its pipes, for [`drain`](Capture::drain).
    pub(crate) captures: Vec<Arc<Capture>>,
}

impl Process {
    pub(crate) fn alive(&self) -> bool {
        self.ended.is_none()
    }

    /// Sends a signal to its whole group; to nobody once it has ended, for its id may be another's by then.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.alive() {
            signal_group(self.pid, signal);
        }
    }

    /// The most memory it has had resident, in bytes. `None` once it has ended.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        self.memory_line("VmHWM:")
    }

    /// The memory it has resident, in bytes. `None` once it has ended.
    pub(crate) fn memory(&self) -> Option<u64> {
        self.memory_line("VmRSS:")
    }

    fn memory_line(&self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kib * 1024)
    }
}

/// Command to be started.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) directory: PathBuf,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) role: Role,
}

/// A process that was just started, with the reading ends of its output.
pub(crate) struct Started {
    pub(crate) child: Child,
    pub(crate) pid: u32,
    /// The moment before the fork.
    pub(crate) at: Instant,
    pub(crate) pipes: Vec<(Stream, OwnedFd)>,
}

impl Launch {
    /// Starts the process as the leader of a group of its own. Call it on a thread that lives as long as the
    /// environment (see [`Spawner`]): the process dies with the thread.
    pub(crate) fn start(&self) -> io::Result<Started> {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        sys::die_with_parent(&mut command);

        let (reader, writer) = io::pipe()?;
        let mut pipes = Vec::new();
        match self.role {
            // One pipe for both: the order of the function's lines is the order it printed them in.
            Role::Function => {
                command.stderr(writer.try_clone()?).stdout(writer);
                pipes.push((Stream::Both, reader.into()));
            }
            // Two pipes: who tests an extension wants to know which is which.
            Role::Extension => {
                let (error_reader, error_writer) = io::pipe()?;
                command.stdout(writer).stderr(error_writer);
                pipes.push((Stream::Stdout, reader.into()));
                pipes.push((Stream::Stderr, error_reader.into()));
            }
        }
        let at = Instant::now();
        let child = command.spawn()?;
        let pid = child
            .id()
            .ok_or_else(|| io::Error::other("the process ended while it was started"))?;
        // The command goes out of scope here and with it the writing ends: the pipes end with the process.
        Ok(Started { child, pid, at, pipes })
    }
}
