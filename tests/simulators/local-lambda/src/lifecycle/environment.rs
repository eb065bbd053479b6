//! State shared by the phases and the HTTP APIs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::clock::format_time;
use crate::config::{Config, file_name};
use crate::credentials::Credentials;
use crate::fault::Fault;
use crate::process::{Capture, Launch, LineSink, OutputLine, Process, Signal, Spawner, Started};
use crate::role::Role;
use crate::state::State;
use crate::telemetry::Hub;
use crate::watched::Watched;

/// State that the lifecycle and the HTTP APIs work on.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) credentials: Credentials,
    pub(crate) state: Watched<State>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) output: Arc<Watched<Vec<OutputLine>>>,
    /// Lives that have ended. Calls over connections of an earlier life are those of processes that are gone.
    pub(crate) lives: AtomicU64,
    /// Everything that runs beside: deliveries, watches over processes. Ends with the environment.
    tasks: Mutex<JoinSet<()>>,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            state: Watched::new(State::new()),
            hub: Arc::new(Hub::new(config.log_format, config.telemetry_buffer)),
            output: Arc::default(),
            credentials: Credentials::new(),
            lives: AtomicU64::new(0),
            tasks: Mutex::default(),
            config,
        }
    }

    pub(crate) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Forget those that are done.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Ends everything at once: processes are killed, tasks are dropped.
    pub(crate) fn abort(&self) {
        self.state.read(|state| {
            for process in &state.processes {
                process.signal(Signal::Kill);
            }
        });
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// Reads what the processes of a role have printed so far into the telemetry.
    pub(crate) fn drain(&self, role: Role) {
        let captures: Vec<Arc<Capture>> = self.state.read(|state| {
            state
                .process(role)
                .flat_map(|process| process.captures.clone())
                .collect()
        });
        for capture in captures {
            capture.drain();
        }
    }

    /// Number of restarts before this one.
    pub(crate) fn life(&self) -> u64 {
        self.lives.load(Ordering::Relaxed)
    }

    pub(crate) fn signal_all(&self, signal: Signal) {
        self.state
            .read(|state| state.processes.iter().for_each(|process| process.signal(signal)));
    }
}

/// An execution environment. One phase at a time works on it.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) shared: Arc<Shared>,
    pub(crate) spawner: Spawner,
    /// Address of the three APIs.
    pub(crate) api: std::net::SocketAddr,
    /// The name of the log stream, which is also the instance's id.
    pub(crate) instance_id: String,
    /// The init that the next report has to tell of.
    pub(crate) unreported_init: Option<Duration>,
    /// The restore that the next report has to tell of.
    pub(crate) unreported_restore: Option<Duration>,
}

/// An instance's id has the form of a log stream's name.
pub(crate) fn new_instance_id(version: &str) -> String {
    let now = format_time(std::time::SystemTime::now());
    let day = now.get(..10).unwrap_or_default().replace('-', "/");
    format!("{day}/[{version}]{}", Uuid::new_v4().simple())
}

impl Environment {
    /// Starts a program and watches over it.
    pub(crate) async fn launch(
        &self,
        program: PathBuf,
        directory: PathBuf,
        variables: Vec<(String, String)>,
        role: Role,
    ) -> Result<(), Fault> {
        let name: Arc<str> = file_name(&program).into();
        let fault = |error: std::io::Error| launch_fault(role, &name, &error);
        let launch = Launch {
            program,
            directory,
            variables,
            role,
        };
        let Started {
            mut child,
            pid,
            at,
            pipes,
        } = self.spawner.start(launch).await.map_err(fault)?;
        let sink = LineSink {
            process: Arc::clone(&name),
            role,
            hub: Arc::clone(&self.shared.hub),
            output: Arc::clone(&self.shared.output),
        };
        let captures: Result<Vec<_>, _> = pipes
            .into_iter()
            .map(|(stream, fd)| Capture::new(fd, stream, sink.clone()))
            .collect();
        let captures = captures.map_err(fault)?;
        self.shared.state.update(|state| {
            state.processes.push(Process {
                name: Arc::clone(&name),
                role,
                pid,
                started: at,
                ended: None,
                exit: None,
                killed: false,
                captures: captures.clone(),
            });
        });

        let shared = Arc::clone(&self.shared);
        self.shared.run(async move {
            let mut readers = JoinSet::new();
            for capture in &captures {
                readers.spawn(Arc::clone(capture).run());
            }
            let status = child.wait().await;
            let ended = Instant::now();
            // What it left behind in its group ends too, and holds no pipe open.
            shared.state.read(|state| {
                let mut processes = state.processes.iter();
                if let Some(process) = processes.find(|process| process.pid == pid) {
                    process.signal(Signal::Kill);
                }
            });
            captures.iter().for_each(|capture| capture.drain());
            if role == Role::Extension {
                shared.hub.set_open(&name, false);
            }
            shared.state.update(|state| {
                if let Some(process) = state.process_mut(pid) {
                    process.ended = Some(ended);
                    process.exit = status.ok();
                }
            });
        });
        Ok(())
    }

    /// Begins another life for whoever calls. What a killed process has said may still be on its way to the APIs, and is
    /// not to be taken for its successor's: connections are accepted in their order, so one more, answered, comes after
    /// all of them. So may be a process that was being started when its init timed out.
    pub(crate) async fn begin_life(&self) {
        self.spawner.settled().await;
        // A connection that fails is no worse than no barrier.
        if let Ok(mut last) = TcpStream::connect(self.api).await {
            let request = b"GET /life HTTP/1.1\r\nhost: local\r\nconnection: close\r\n\r\n";
            let _ = last.write_all(request).await;
            let _ = last.read_to_end(&mut Vec::new()).await;
        }
        self.shared.lives.fetch_add(1, Ordering::Relaxed);
    }

    /// Stops all processes, once what is being posted to them has arrived.
    pub(crate) async fn freeze(&self) {
        let policy = &self.shared.config.policy;
        if policy.freezes() {
            self.shared.hub.pause();
            // A listener that does not answer is frozen all the same.
            let _ = tokio::time::timeout(policy.freeze_grace, self.shared.hub.quiet()).await;
            self.shared.signal_all(Signal::Stop);
        }
    }

    /// Lets all processes run again.
    pub(crate) fn thaw(&self) {
        self.shared.signal_all(Signal::Continue);
        self.shared.hub.resume();
    }

    /// Kills the processes of a role and waits for their ends.
    pub(crate) async fn kill(&self, role: Role) {
        self.shared.state.update(|state| {
            for process in state.processes.iter_mut().filter(|process| process.role == role) {
                if process.alive() {
                    process.killed = true;
                    process.signal(Signal::Kill);
                }
            }
        });
        self.ended(role).await;
    }

    /// Waits until no process of a role lives.
    pub(crate) async fn ended(&self, role: Role) {
        self.shared
            .state
            .wait(|state| state.process(role).all(|process| !process.alive()).then_some(()))
            .await;
    }
}

fn launch_fault(role: Role, name: &str, error: &std::io::Error) -> Fault {
    let error_type = match (role, error.kind()) {
        (Role::Function, _) => "Runtime.InvalidEntrypoint",
        (Role::Extension, std::io::ErrorKind::PermissionDenied) => "PermissionDenied",
        (Role::Extension, _) => "Extension.LaunchError",
    };
    Fault::new(error_type, format!("{name} could not be started: {error}"))
}
