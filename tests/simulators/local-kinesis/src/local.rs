//! The handle of a running local service: what Kinesis and Firehose have in common.

use std::net::SocketAddr;
use std::time::Duration;

use crate::backend::Backend;
use crate::counts::{Call, Counts};
use crate::error::Error;
use crate::fault::Fault;
use crate::gate::Gate;
use crate::server::Server;

/// A local service. Dropped, it closes its port and forgets its data.
pub struct Local<B: Backend> {
    server: Server<B>,
    endpoint: String,
}

impl<B: Backend> std::fmt::Debug for Local<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl<B: Backend> Local<B> {
    pub(crate) async fn serve(gate: Gate<B>, port: u16) -> Result<Self, Error> {
        let server = Server::start(gate, port).await?;
        let endpoint = format!("http://{}", server.address());
        Ok(Self { server, endpoint })
    }

    pub(crate) fn backend(&self) -> &B {
        &self.server.gate().backend
    }

    /// Address of the service: `http://127.0.0.1:<port>`. Stays the same through [`stop`](Self::stop) and
    /// [`start`](Self::start).
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The endpoint's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Closes the listener and all connections: calls in flight are cut off, new connections are refused. The data, the
    /// counts, the faults and the port are kept. A call that was just being stored is stored whole and counted.
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    /// Listens again after [`stop`](Self::stop), on the same port and with the same data. Does nothing while running.
    ///
    /// # Errors
    /// The port could not be taken again.
    pub async fn start(&self) -> Result<(), Error> {
        self.server.restart().await
    }

    /// Closes every connection on which no call is in flight, as servers and the things between do after a while.
    pub fn close_idle_connections(&self) {
        self.server.close_idle();
    }

    /// Connections open now, readers' included.
    #[must_use]
    pub fn connections_open(&self) -> usize {
        self.server.open()
    }

    /// Puts this fault in the place of all others.
    pub fn set_fault(&self, fault: Fault) {
        self.server.gate().faults.replace(vec![fault]);
    }

    /// Adds this fault to the others; those that meet the same call work together, and of those that take the answer's
    /// place the first one added wins.
    pub fn add_fault(&self, fault: Fault) {
        self.server.gate().faults.add(fault);
    }

    /// Ends all faults. Calls that met one already are not freed from it.
    pub fn clear_faults(&self) {
        self.server.gate().faults.replace(Vec::new());
    }

    /// Counters of a stream so far. All zero for a stream that no call named.
    #[must_use]
    pub fn counts(&self, stream: &str) -> Counts {
        self.server.gate().ledger.counts(stream)
    }

    /// Counters of all streams together; the largest are the largest of all.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.server.gate().ledger.total()
    }

    /// The put calls on a stream, in the order of their ends.
    #[must_use]
    pub fn calls(&self, stream: &str) -> Vec<Call> {
        self.server.gate().ledger.calls(stream)
    }

    /// Begins all counts again, and forgets the calls.
    pub fn reset_counts(&self) {
        self.server.gate().ledger.reset();
    }

    /// Waits until the counts of a stream are as wished; looked at now and whenever they change.
    ///
    /// # Errors
    /// [`Error::TimedOut`], with the counts as they stand, when it takes longer than `within`.
    pub async fn wait_for_counts(
        &self,
        stream: &str,
        within: Duration,
        wished: impl Fn(&Counts) -> bool,
    ) -> Result<Counts, Error> {
        self.wait(stream, within, async || {
            let counts = self.counts(stream);
            Ok(wished(&counts).then_some(counts))
        })
        .await
    }

    /// Looks now, and again whenever something was counted, until there is what is looked for.
    pub(crate) async fn wait<T>(
        &self,
        stream: &str,
        within: Duration,
        mut look: impl AsyncFnMut() -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        let mut written = self.server.gate().ledger.watch();
        let found = tokio::time::timeout(within, async {
            loop {
                if let Some(found) = look().await? {
                    return Ok(found);
                }
                // It cannot fail: the sender lives as long as `self`.
                let _ = written.changed().await;
            }
        });
        found.await.unwrap_or_else(|_| Err(self.timed_out(stream, within)))
    }

    pub(crate) fn timed_out(&self, stream: &str, waited: Duration) -> Error {
        Error::TimedOut {
            stream: stream.to_owned(),
            waited,
            counts: Box::new(self.counts(stream)),
        }
    }
}
