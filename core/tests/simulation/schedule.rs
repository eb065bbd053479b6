//! Schedule of events, by a seed.

use std::sync::Arc;
use std::time::Duration;

use forwarder_core::delivery::settings::{LaneSettings, PartitionKey};
use forwarder_core::delivery::sink::Sink;
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::intake::redact::Redaction;
use forwarder_core::record::envelope::{Envelope, Resource};
use forwarder_core::record::format::{Compression, Format};
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::Routes;
use forwarder_core::{Forwarder, Settings, Types};
use tokio::time::Instant;

use crate::judge::{HandedOver, event, judge};
use crate::sink::{FaultySink, Mood};

/// Log lines of each schedule.
const EVENTS: u64 = 800;

const BUDGET: Duration = Duration::from_millis(500);

const NAMES: [&str; 3] = ["main", "side", "backup"];

/// Which lanes there are and what goes where: the rules, the lanes that log lines go to, and the fallback of the first.
const TOPOLOGIES: [(&str, &[usize], Option<usize>); 7] = [
    ("* -> main", &[0], None),
    ("* -> main", &[0], Some(1)),
    ("function -> main, side; * -> side", &[0, 1], None),
    ("function -> main; * -> side", &[0], Some(1)),
    ("function -> main, side; * -> side", &[0, 1], Some(2)),
    ("platform.* -> side; * -> main", &[0], Some(2)),
    ("function keep=failed -> main; * -> main", &[0], None),
];

const ENCODINGS: [(Format, Compression); 5] = [
    (Format::Ndjson, Compression::None),
    (Format::Json, Compression::None),
    (Format::Kpl, Compression::None),
    (Format::Ndjson, Compression::Gzip),
    (Format::Json, Compression::Zstd),
];

pub struct Schedule {
    random: fastrand::Rng,
    sinks: Vec<Arc<FaultySink>>,
    lanes: Vec<LaneSettings>,
    rules: &'static str,
    targets: &'static [usize],
    redacts: bool,
    buffer_bytes: usize,
    spool: SpoolSettings,
    next: u64,
    requests: u64,
    handed_over: HandedOver,
}

impl Schedule {
    pub fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let (rules, targets, fallback) = TOPOLOGIES[random.usize(..TOPOLOGIES.len())];
        let count = 1 + targets
            .iter()
            .copied()
            .chain(fallback)
            .max()
            .unwrap_or(0)
            .max(usize::from(rules.contains("side")));
        let lanes: Vec<_> = (0..count)
            .map(|index| {
                let (format, compression) = ENCODINGS[random.usize(..ENCODINGS.len())];
                LaneSettings {
                    name: NAMES[index].into(),
                    format,
                    compression,
                    envelope: Envelope::Lean,
                    partition_key: PartitionKey::Random,
                    record_bytes: [2_000, 5_000][random.usize(..2)],
                    put_bytes: 50_000,
                    max_record_bytes: 8_000,
                    oversize: [Oversize::Split, Oversize::Truncate, Oversize::Drop][random.usize(..3)],
                    fallback: fallback.filter(|_| index == 0),
                    taken_over_bytes: (random.u8(..4) == 0).then_some(20_000),
                    max_age: Duration::from_secs(10),
                    put_timeout: Duration::from_secs(5),
                }
            })
            .collect();
        Self {
            sinks: lanes
                .iter()
                .map(|_| Arc::new(FaultySink::new(random.u64(..))))
                .collect(),
            lanes,
            rules,
            targets,
            redacts: random.bool(),
            buffer_bytes: [40_000, 60_000, 300_000, 8 << 20][random.usize(..4)],
            spool: SpoolSettings {
                dir: std::env::temp_dir().join(format!("forwarder-simulation-{}-{seed}", std::process::id())),
                max_bytes: [70_000, 200_000, 64 << 20][random.usize(..3)],
                mode: [SpoolMode::Off, SpoolMode::Overflow, SpoolMode::Always][random.usize(..3)],
            },
            next: 0,
            requests: 0,
            handed_over: HandedOver {
                in_order: !rules.contains("keep"),
                ..HandedOver::default()
            },
            random,
        }
    }

    pub async fn run(mut self) {
        self.trace(
            "begins",
            &format!("{} {:?} {}", self.rules, self.spool, self.buffer_bytes),
        );
        self.lanes
            .iter()
            .for_each(|lane| self.trace("lane", &format!("{lane:?}")));
        let mut forwarder = self.start().await;
        while self.next < EVENTS {
            forwarder = self.step(forwarder).await;
        }
        // In the end all is well, and whatever can still be delivered is; or it ends as sick as it is.
        let is_well = self.random.u8(..3) > 0;
        if is_well {
            self.sinks.iter().for_each(|sink| sink.set_mood(Mood::Well));
            forwarder.run(true);
            tokio::time::sleep(Duration::from_secs(240)).await;
        }
        let time = if is_well {
            Duration::from_secs(60)
        } else {
            Duration::from_millis(1_900)
        };
        self.close(&forwarder, time, false).await;
        drop(forwarder);
        let taken: Vec<_> = self.sinks.iter().flat_map(|sink| sink.taken()).collect();
        judge(&self.handed_over, &taken);
        let left: Vec<_> = std::fs::read_dir(&self.spool.dir).into_iter().flatten().collect();
        assert!(left.is_empty(), "the disk is left clean: {left:?}");
        let _ = std::fs::remove_dir_all(&self.spool.dir);
    }

    /// Says what happens, where one seed runs alone.
    fn trace(&self, what: &str, detail: &str) {
        if std::env::var_os("SIMULATION_SEED").is_some() {
            eprintln!("{what}: {detail}");
        }
    }

    async fn step(&mut self, forwarder: Forwarder) -> Forwarder {
        match self.random.u8(..20) {
            0..4 => {
                let sink = self.random.usize(..self.sinks.len());
                let mood = Mood::any(&mut self.random);
                self.trace("mood", &format!("{} {mood:?}", NAMES[sink]));
                self.sinks[sink].set_mood(mood);
            }
            4 => tokio::time::sleep(Duration::from_millis(self.random.u64(..60_000))).await,
            5 => return self.reset(forwarder).await,
            6 if self.spool.mode == SpoolMode::Always => return self.kill(forwarder).await,
            7 => forwarder.renew(),
            _ => self.invocation(&forwarder).await,
        }
        assert_balanced(&forwarder);
        forwarder
    }

    /// Lines come, the invocation ends, the environment is frozen.
    async fn invocation(&mut self, forwarder: &Forwarder) {
        forwarder.run(self.random.bool());
        self.requests += 1;
        let failed = self.random.bool();
        let posts = self.random.usize(1..4);
        for post in 0..posts {
            self.post(forwarder, post == 0, (post + 1 == posts).then_some(failed), failed);
            tokio::time::sleep(Duration::from_millis(self.random.u64(..30))).await;
        }
        if self.random.u8(..4) == 0 {
            // Under `continuous` a put may be in flight while the environment is frozen.
            tokio::time::advance(Duration::from_secs(self.random.u64(..4_000))).await;
            return;
        }
        let done = Instant::now();
        forwarder.flush(done + BUDGET).await;
        forwarder.pause().await;
        assert!(
            done.elapsed() <= BUDGET + Duration::from_millis(1),
            "held for {:?}",
            done.elapsed()
        );
        tokio::time::advance(Duration::from_secs(self.random.u64(..4_000))).await;
    }

    fn post(&mut self, forwarder: &Forwarder, starts: bool, ends: Option<bool>, failed: bool) {
        let request = format!("00000000-0000-0000-0000-{:012}", self.requests);
        let platform = |kind: &str, status: &str| {
            format!(
                r#"{{"time":"2026-11-20T09:14:02.820Z","type":"platform.{kind}","record":{{"requestId":"{request}"{status}}}}}"#
            )
        };
        let mut events = Vec::new();
        if starts {
            events.push(platform("start", ""));
        }
        let count = self.random.u64(1..40);
        for number in self.next..self.next + count {
            // Some do not fit into a record.
            let is_long = self.random.u8(..200) == 0;
            let filler = if is_long { 20_000 } else { self.random.usize(..400) };
            events.push(event(number, filler, self.redacts && self.random.u8(..10) == 0));
        }
        let id = forwarder.id();
        for &lane in self.targets {
            let owner = (id.clone(), self.lanes[lane].name.clone());
            let numbers = self.handed_over.numbers.entry(owner).or_default();
            numbers.extend(self.next..self.next + count);
        }
        if !failed && !self.handed_over.in_order {
            self.handed_over.optional.extend(self.next..self.next + count);
        }
        self.next += count;
        if let Some(failed) = ends {
            let status = if failed {
                r#","status":"failure""#
            } else {
                r#","status":"success""#
            };
            events.push(platform("runtimeDone", status));
        }
        forwarder.accept(format!("[{}]", events.join(",")).as_bytes());
    }

    /// A time-out or crash of the function: SHUTDOWN, and a new process over the same disk.
    async fn reset(&mut self, forwarder: Forwarder) -> Forwarder {
        let has_successor = self.spool.mode != SpoolMode::Off;
        self.close(&forwarder, Duration::from_millis(1_900), has_successor)
            .await;
        end(forwarder).await;
        self.start().await
    }

    /// SIGKILL: whatever is not on disk is gone. What is in flight may or may not arrive.
    async fn kill(&mut self, forwarder: Forwarder) -> Forwarder {
        self.trace("kill", &format!("{} {:?}", forwarder.id(), forwarder.stats().1));
        self.note_accepted(&forwarder);
        if !self.handed_over.in_order {
            // What waited for the end of its invocation has no number yet.
            self.handed_over
                .optional
                .extend(self.next.saturating_sub(120)..self.next);
        }
        end(forwarder).await;
        self.start().await
    }

    async fn close(&mut self, forwarder: &Forwarder, time: Duration, has_successor: bool) {
        let started = Instant::now();
        let undelivered = forwarder.close(started + time, has_successor).await;
        self.trace(
            "close",
            &format!(
                "{} successor {has_successor}, said {undelivered:?}, {:?}",
                forwarder.id(),
                forwarder.stats().1
            ),
        );
        assert!(
            started.elapsed() <= time + Duration::from_millis(1),
            "{:?}",
            started.elapsed()
        );
        assert_balanced(forwarder);
        self.note_accepted(forwarder);
        for lost in undelivered {
            let said = self.handed_over.said.entry((lost.id, lost.sink)).or_default();
            let ranges = lost.dropped.into_iter().flat_map(|dropped| dropped.ranges);
            said.extend(ranges.flat_map(|[first, last]| first..=last));
        }
    }

    fn note_accepted(&mut self, forwarder: &Forwarder) {
        let id = forwarder.id();
        for (lane, stats) in self.lanes.iter().zip(forwarder.stats().1) {
            let owner = (id.clone(), lane.name.clone());
            self.handed_over.accepted.insert(owner, stats.accepted);
        }
    }

    async fn start(&self) -> Forwarder {
        let lanes = self.lanes.iter().zip(&self.sinks);
        let lanes = lanes.map(|(lane, sink)| (lane.clone(), Arc::clone(sink) as Arc<dyn Sink>));
        let names: Vec<_> = self.lanes.iter().map(|lane| lane.name.as_str()).collect();
        let forwarder = Forwarder::start(Settings {
            lanes: lanes.collect(),
            routes: Routes::parse(self.rules, &names).unwrap(),
            types: Types {
                platform: true,
                function: true,
                extension: false,
            },
            redaction: Redaction::parse(if self.redacts { &["email"][..] } else { &[] }).unwrap(),
            resource: Resource::default(),
            buffer_bytes: self.buffer_bytes,
            spool: self.spool.clone(),
            concurrent: false,
        });
        forwarder.recover().await;
        forwarder
    }
}

async fn end(forwarder: Forwarder) {
    drop(forwarder);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Every line is in exactly one place, at every moment.
fn assert_balanced(forwarder: &Forwarder) {
    for lane in forwarder.stats().1 {
        let came = lane.accepted + lane.recovered + lane.taken_over;
        let went = lane.delivered + lane.dropped_total() + lane.spooled + lane.handed_over + lane.pending();
        assert_eq!(came, went, "{lane:?}");
    }
}
