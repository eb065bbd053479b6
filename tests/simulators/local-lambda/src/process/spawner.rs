//! The thread that forks.
//!
//! The kernel's "die with your parent" means the *thread* that forked. A worker of the caller's runtime may end
//! early, so a thread of the environment's own does it, and ends with the environment.

use std::io;
use std::sync::mpsc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::{Launch, Started};

/// What the thread is asked for.
enum Job {
    Start(Launch, oneshot::Sender<io::Result<Started>>),
    /// An answer, once all that was asked before is done.
    Settle(oneshot::Sender<()>),
}

/// Starts processes. Dropping it ends all that it started.
#[derive(Debug)]
pub(crate) struct Spawner {
    jobs: mpsc::Sender<Job>,
}

impl Spawner {
    /// Call it inside a tokio runtime with I/O: that runtime watches the processes.
    pub(crate) fn new() -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("local-lambda-spawner".into())
            .spawn(move || {
                let _runtime = runtime.enter();
                while let Ok(job) = queue.recv() {
                    match job {
                        // Nobody waits for the answer: the process is killed by dropping it.
                        Job::Start(launch, reply) => drop(reply.send(launch.start())),
                        Job::Settle(reply) => _ = reply.send(()),
                    }
                }
            })?;
        Ok(Self { jobs })
    }

    pub(crate) async fn start(&self, launch: Launch) -> io::Result<Started> {
        let (reply, answer) = oneshot::channel();
        let gone = || io::Error::other("the spawner's thread has ended");
        self.jobs.send(Job::Start(launch, reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Waits until no process is being started. One that nobody waits for any more, as after a time-out, has been killed by then.
    pub(crate) async fn settled(&self) {
        let (reply, answer) = oneshot::channel();
        if self.jobs.send(Job::Settle(reply)).is_ok() {
            let _ = answer.await;
        }
    }
}
