//! Many lines at once: what they cost, and whether they arrive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::contender::Contender;
use crate::sandbox::groups::Groups;
use crate::sandbox::{PATIENCE, Sandbox, Subscription};
use crate::stream::{Received, Stream};
use crate::telemetry::Telemetry;

/// So many lines, at this rate.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Function lines of 200 bytes.
    pub lines: usize,
    /// Events in a second.
    pub rate: f64,
}

/// Result of one run.
#[derive(Debug, Clone, Copy)]
pub struct Loaded {
    /// Lines that were posted.
    pub lines: usize,
    /// The CPU of the process's whole life.
    pub cpu: Duration,
    /// The most that it had in memory until its invocation's end, bytes.
    pub peak: u64,
    /// Time until the last body was answered.
    pub took: Duration,
    /// Time that it held `next` after that.
    pub held: Duration,
    /// Its exit code; `None` if it had to be killed.
    pub code: Option<i32>,
    /// Bytes and records that Kinesis got.
    pub received: Received,
    /// Lines that Kinesis did not get.
    pub lost: u64,
}

/// Runs loads, and renders each telemetry once.
#[derive(Default)]
pub struct Loads {
    rendered: BTreeMap<(usize, String, usize, usize), Arc<Telemetry>>,
}

impl Loads {
    /// One environment, one invocation that logs all of it, and the end.
    pub async fn run(&mut self, contender: &Contender, load: Load, groups: Option<&Groups>) -> Result<Loaded> {
        let stream = Stream::start(Duration::ZERO).await?;
        let mut sandbox = Sandbox::start(contender, stream.endpoint(), groups).await?;
        sandbox.wait_until_started().await?;
        let subscription = sandbox
            .subscription()
            .ok_or("it has not subscribed to telemetry before its first next")?;
        let telemetry = self.telemetry(load.lines, &subscription)?;
        sandbox.invoke();
        let limit = PATIENCE + Duration::from_secs_f64(load.lines as f64 / load.rate);
        let took = tokio::time::timeout(limit, telemetry.post(&subscription, load.rate))
            .await
            .map_err(|_| format!("after {limit:?} it still had not taken all of it"))??;
        let answered = std::time::Instant::now();
        let asked = sandbox.wait_for_next().await?;
        let peak = sandbox.peak()?;
        let exit = sandbox.shut_down().await?;
        let received = stream.take()?;
        Ok(Loaded {
            lines: load.lines,
            cpu: exit.cpu,
            peak,
            took,
            held: asked.saturating_duration_since(answered),
            received,
            code: exit.code,
            lost: (load.lines as u64).saturating_sub(received.lines),
        })
    }

    fn telemetry(&mut self, lines: usize, subscription: &Subscription) -> Result<Arc<Telemetry>> {
        let key = (
            lines,
            subscription.schema_version.clone(),
            subscription.max_items,
            subscription.max_bytes,
        );
        if let Some(telemetry) = self.rendered.get(&key) {
            return Ok(Arc::clone(telemetry));
        }
        let telemetry = Arc::new(Telemetry::render(lines, subscription)?);
        self.rendered.insert(key, Arc::clone(&telemetry));
        Ok(telemetry)
    }
}
