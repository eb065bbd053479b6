//! The forwarder itself: what Lambda hands over goes in, and each lane delivers its share.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::batch::Batch;
use crate::envelope::Resource;
use crate::event::{Event, Kind};
use crate::intake::{self, Intake, Patience, Queues};
use crate::json::unescape;
use crate::lane::{Lane, LaneSettings};
use crate::own_event;
use crate::ranges::{DropReason, Dropped};
use crate::redact::Redaction;
use crate::route::Routes;
use crate::sink::Sink;
use crate::stats::{IntakeStats, LaneStats};

/// What a forwarder is made of.
pub struct Settings {
    /// The lanes and their sinks, in the order that the routes know them by.
    pub lanes: Vec<(LaneSettings, Arc<dyn Sink>)>,
    /// Which of them take an event.
    pub routes: Routes,
    /// Which types are forwarded at all.
    pub types: Types,
    /// What is masked in log lines and in what is no event.
    pub redaction: Redaction,
    /// What the envelope says of the function.
    pub resource: Resource,
    /// What all lanes together may hold. Bytes.
    pub buffer_bytes: usize,
    /// Invocations overlap (Managed Instances).
    pub concurrent: bool,
}

/// Which streams of telemetry are forwarded: `FORWARDER_TELEMETRY__TYPES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types {
    /// `platform.*` and whatever else Lambda may send.
    pub platform: bool,
    /// The function's log lines.
    pub function: bool,
    /// The extensions' log lines.
    pub extension: bool,
}

impl Types {
    /// Whether events of this type are among them.
    pub fn include(self, kind: &Kind<'_>) -> bool {
        match kind {
            Kind::Function => self.function,
            Kind::Extension => self.extension,
            _ => self.platform,
        }
    }
}

/// What a body told about the environment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Requests whose `platform.start` was in it.
    pub started: Vec<String>,
    /// Requests whose `platform.runtimeDone` was in it.
    pub done: Vec<String>,
    /// Requests whose `platform.report` was in it.
    pub reported: Vec<String>,
    /// The environment was restored from a snapshot.
    pub restored: bool,
    /// The buffer is near its bound: better wait for [`Forwarder::room`] than take more at once.
    pub full: bool,
}

/// What could not be delivered before the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The envelope's `id`.
    pub id: String,
    /// The sink.
    pub sink: String,
    /// Which lines, by reason.
    pub dropped: Vec<Dropped>,
}

/// Takes telemetry and delivers it.
pub struct Forwarder {
    id: String,
    lanes: Vec<Lane>,
    routes: Arc<Routes>,
    buffer_bytes: usize,
    intake: Arc<Mutex<Intake>>,
    /// Only where a rule makes lines wait.
    patience: Option<Patience>,
}

impl Forwarder {
    /// Starts a lane for each sink on the current tokio runtime. Nothing is connected to yet.
    pub fn start(settings: Settings) -> Self {
        let id = format!("{:016x}", getrandom::u64().unwrap_or_else(|_| fastrand::u64(..)));
        let max_age = settings.lanes.iter().map(|(lane, _)| lane.max_age).min();
        let lanes: Vec<_> = settings
            .lanes
            .into_iter()
            .map(|(lane, sink)| Lane::start(lane, sink, &id, &settings.resource))
            .collect();
        let routes = Arc::new(settings.routes);
        let intake = Intake::new(
            settings.types,
            Arc::clone(&routes),
            settings.resource,
            settings.redaction,
            settings.concurrent,
        );
        let intake = Arc::new(Mutex::new(intake));
        let max_age = max_age.filter(|_| routes.make_wait());
        Self {
            id,
            patience: max_age.map(|max_age| Patience::start(&intake, &lanes, max_age)),
            lanes,
            routes,
            buffer_bytes: settings.buffer_bytes,
            intake,
        }
    }

    /// The envelope's `id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The lanes, in the order of the settings.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Takes a body that Lambda posted: parses, attributes and routes each event and copies it into the lanes' queues.
    /// CPU work only; nothing in a body makes it fail. Past the buffer's bound the oldest lines of the lane that holds
    /// most are given up, and announced as soon as something can be sent.
    pub fn accept(&self, body: &[u8]) -> Accepted {
        let now = Instant::now();
        let mut accepted = Accepted::default();
        let mut intake = self.intake();
        let mut queues: Vec<_> = self.lanes.iter().map(Lane::queue).collect();
        intake.stats.bodies += 1;
        for item in Batch::new(body) {
            match item {
                Ok(event) => {
                    accepted.note(&event);
                    intake.take(&event, &mut queues, now);
                }
                Err(malformed) => {
                    intake.stats.unparsed += 1;
                    let event = own_event::unparsed(&intake.mask(malformed.raw), &malformed.error);
                    self.tell_routed_lanes(&event, &mut queues, now);
                }
            }
        }
        for queue in &mut queues {
            queue.report_if_due(&intake.stats, now);
        }
        accepted.full = self.make_room(&mut intake, &mut queues, now) > self.high_water();
        drop(queues);
        drop(intake);
        self.lanes.iter().for_each(Lane::wake);
        self.patience.iter().for_each(Patience::look);
        accepted
    }

    /// Takes a body whose parsing panicked: forwards it as it is.
    pub fn accept_unparsed(&self, body: &[u8], error: &str) {
        self.announce_unparsed(body, error, |stats| stats.unparsed += 1);
    }

    /// Notes that Lambda posted a body over the listener's bound, which was not kept.
    pub fn refuse_body(&self, error: &str) {
        self.announce_unparsed(b"", error, |stats| stats.oversized_bodies += 1);
    }

    fn announce_unparsed(&self, body: &[u8], error: &str, count: impl FnOnce(&mut IntakeStats)) {
        let mut intake = self.intake();
        let mut queues: Vec<_> = self.lanes.iter().map(Lane::queue).collect();
        intake.stats.bodies += 1;
        count(&mut intake.stats);
        let event = own_event::unparsed(&intake.mask(body), error);
        let now = Instant::now();
        self.tell_routed_lanes(&event, &mut queues, now);
        self.make_room(&mut intake, &mut queues, now);
        drop(queues);
        self.lanes.iter().for_each(Lane::wake);
    }

    fn tell_routed_lanes(&self, event: &str, queues: &mut Queues<'_>, now: Instant) {
        for (index, queue) in queues.iter_mut().enumerate() {
            if self.routes.name_sink(index) {
                queue.add_own(event, now);
            }
        }
    }

    /// Near the bound nothing waits for its invocation's end any more. Past it gives up the oldest lines of whichever lane
    /// holds most until all together hold no more than they may. Returns what is held then.
    fn make_room(&self, intake: &mut Intake, queues: &mut Queues<'_>, now: Instant) -> usize {
        if held(queues) + intake.held() > self.high_water() {
            intake.let_go(now, queues, now);
        }
        loop {
            let held = held(queues) + intake.held();
            if held <= self.buffer_bytes {
                return held;
            }
            let fullest = queues.iter_mut().max_by_key(|queue| queue.held());
            // All that is left is in flight: it goes as soon as its put is judged.
            if !fullest.is_some_and(|queue| queue.give_up_oldest(DropReason::BufferFull)) {
                return held;
            }
        }
    }

    fn high_water(&self) -> usize {
        self.buffer_bytes / 4 * 3
    }

    /// Waits until the buffer is well below its bound again, for as long as some sink makes room, at most `patience`.
    pub async fn room(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        loop {
            let held: usize = self.lanes.iter().map(|lane| lane.queue().held()).sum();
            let fullest = self
                .lanes
                .iter()
                .filter(|lane| lane.failing().is_none())
                .max_by_key(|lane| lane.queue().held());
            let Some(lane) = fullest.filter(|_| held > self.high_water()) else {
                return;
            };
            if lane.progress(deadline).await.is_err() {
                return;
            }
        }
    }

    /// The environment runs: lanes may put by size and age. `drain`: and at once whatever they hold.
    pub fn run(&self, drain: bool) {
        self.lanes.iter().for_each(|lane| lane.run(drain));
    }

    /// Delivers all that is held, until `deadline` at the latest. A lane that delivers nothing in that time opens its
    /// breaker: later flushes do not wait for it until a put succeeds. `true` if nothing is held.
    pub async fn flush(&self, deadline: Instant) -> bool {
        let mut empty = true;
        self.run(true);
        for lane in &self.lanes {
            let (wait, delivered) = {
                let queue = lane.queue();
                (!queue.is_breaker_open(), queue.stats.delivered)
            };
            let settled = wait && lane.settle(deadline).await;
            empty &= settled;
            let mut queue = lane.queue();
            if wait && !settled && queue.stats.delivered == delivered {
                queue.open_breaker();
            }
        }
        empty
    }

    /// Cancels what is in flight and starts no put, but for lines that become too old: the environment is about to be
    /// frozen. Returns as soon as nothing is in flight.
    pub async fn pause(&self) {
        self.lanes.iter().for_each(Lane::pause);
        for lane in &self.lanes {
            lane.idle().await;
        }
    }

    /// Drops the sinks' idle connections, after a pause that they are not likely to have survived.
    pub fn renew(&self) {
        self.lanes.iter().for_each(Lane::renew);
    }

    /// Opens the sinks' connections while nobody waits for them.
    pub async fn warm_up(&self) {
        for lane in &self.lanes {
            lane.sink().warm_up().await;
        }
    }

    /// The account, where `register` did not tell it.
    pub fn set_account_id(&self, account_id: &str) {
        let mut intake = self.intake();
        if intake.resource.cloud_account_id.is_none() {
            intake.resource.cloud_account_id = Some(account_id.to_owned());
            self.lanes
                .iter()
                .for_each(|lane| lane.queue().set_resource(&intake.resource));
        }
    }

    /// The end of this life: closes each lane with its final report and delivers until `deadline`. What is left then is
    /// given up, and returned.
    pub async fn close(&self, deadline: Instant) -> Vec<Undelivered> {
        let stats = {
            let mut intake = self.intake();
            let mut queues: Vec<_> = self.lanes.iter().map(Lane::queue).collect();
            let now = Instant::now();
            // An invocation that has no end by now did not end well.
            intake.let_go(now, &mut queues, now);
            self.make_room(&mut intake, &mut queues, now);
            intake.stats
        };
        for lane in &self.lanes {
            let mut queue = lane.queue();
            queue.add_final_report(&stats, Instant::now());
            queue.forget_failures();
        }
        self.run(true);
        for lane in &self.lanes {
            lane.settle(deadline).await;
        }
        self.pause().await;
        self.lanes
            .iter()
            .filter_map(|lane| {
                let dropped = lane.queue().give_up_all(DropReason::Shutdown);
                (!dropped.is_empty()).then(|| Undelivered {
                    id: self.id.clone(),
                    sink: lane.name().to_owned(),
                    dropped,
                })
            })
            .collect()
    }

    /// The counters of what came in, and of each lane.
    pub fn stats(&self) -> (IntakeStats, Vec<LaneStats>) {
        let lanes = self.lanes.iter().map(|lane| lane.queue().stats).collect();
        (self.intake().stats, lanes)
    }

    fn intake(&self) -> MutexGuard<'_, Intake> {
        intake::lock(&self.intake)
    }
}

fn held(queues: &Queues<'_>) -> usize {
    queues.iter().map(|queue| queue.held()).sum()
}

impl Accepted {
    fn note(&mut self, event: &Event<'_>) {
        let requests = match event.kind {
            Kind::Start => &mut self.started,
            Kind::RuntimeDone => &mut self.done,
            Kind::Report => &mut self.reported,
            Kind::RestoreStart => {
                self.restored = true;
                return;
            }
            _ => return,
        };
        requests.extend(event.members.request_id.map(unescape).map(Cow::into_owned));
    }
}
