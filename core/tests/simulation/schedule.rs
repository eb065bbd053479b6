//! What happens when, by a seed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forwarder_core::delivery::lane::{LaneSettings, PartitionKey};
use forwarder_core::delivery::sink::Sink;
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::record::envelope::{Envelope, Resource};
use forwarder_core::record::format::{Compression, Format};
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::Routes;
use forwarder_core::{Forwarder, Settings, Types};
use tokio::time::Instant;

use crate::judge::{event, judge};
use crate::sink::{FaultySink, Mood};

/// Events of each schedule.
const EVENTS: u64 = 2_000;

const BUDGET: Duration = Duration::from_millis(500);

pub struct Schedule {
    random: fastrand::Rng,
    sink: Arc<FaultySink>,
    fallback: Option<Arc<FaultySink>>,
    mode: SpoolMode,
    dir: PathBuf,
    buffer_bytes: usize,
    format: Format,
    compression: Compression,
    handed_over: u64,
    undelivered: Vec<(String, Vec<[u64; 2]>)>,
}

impl Schedule {
    pub fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let with_fallback = random.u8(..3) == 0;
        let (format, compression) = [
            (Format::Ndjson, Compression::None),
            (Format::Json, Compression::None),
            (Format::Kpl, Compression::None),
            (Format::Ndjson, Compression::Gzip),
            (Format::Json, Compression::Zstd),
        ][random.usize(..5)];
        Self {
            sink: Arc::new(FaultySink::new(random.u64(..))),
            fallback: with_fallback.then(|| Arc::new(FaultySink::new(random.u64(..)))),
            mode: [SpoolMode::Off, SpoolMode::Overflow, SpoolMode::Always][random.usize(..3)],
            dir: std::env::temp_dir().join(format!("forwarder-simulation-{}-{seed}", std::process::id())),
            buffer_bytes: [60_000, 300_000, 8 << 20][random.usize(..3)],
            format,
            compression,
            handed_over: 0,
            undelivered: Vec::new(),
            random,
        }
    }

    pub async fn run(mut self) {
        let mut forwarder = self.start().await;
        while self.handed_over < EVENTS {
            forwarder = self.step(forwarder).await;
        }
        // In the end all is well, and whatever can still be delivered is.
        self.sink.set_mood(Mood::Well);
        self.fallback.iter().for_each(|sink| sink.set_mood(Mood::Well));
        forwarder.run(true);
        tokio::time::sleep(Duration::from_secs(120)).await;
        self.close(&forwarder, Duration::from_secs(60), false).await;
        assert_balanced(&forwarder);
        drop(forwarder);
        let mut taken = self.sink.taken();
        taken.extend(self.fallback.iter().flat_map(|sink| sink.taken()));
        judge(self.handed_over, &taken, &self.undelivered);
        let left: Vec<_> = std::fs::read_dir(&self.dir).into_iter().flatten().collect();
        assert!(left.is_empty(), "the disk is left clean: {left:?}");
        let _ = std::fs::remove_dir_all(&self.dir);
    }

    async fn step(&mut self, forwarder: Forwarder) -> Forwarder {
        match self.random.u8(..20) {
            0..3 => self.sink.set_mood(Mood::any(&mut self.random)),
            3 => {
                let mood = Mood::any(&mut self.random);
                self.fallback.iter().for_each(|sink| sink.set_mood(mood));
            }
            4 => tokio::time::sleep(Duration::from_millis(self.random.u64(..20_000))).await,
            5 => return self.reset(forwarder).await,
            6 if self.mode == SpoolMode::Always && self.buffer_bytes > 1_000_000 => return self.kill(forwarder).await,
            7 => forwarder.renew(),
            _ => self.invocation(&forwarder).await,
        }
        assert_balanced(&forwarder);
        forwarder
    }

    /// Lines come, the invocation ends, the environment is frozen.
    async fn invocation(&mut self, forwarder: &Forwarder) {
        forwarder.run(self.random.bool());
        for _ in 0..self.random.usize(1..4) {
            self.post(forwarder);
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

    fn post(&mut self, forwarder: &Forwarder) {
        let count = self.random.u64(1..40);
        let mut lines = Vec::new();
        for number in self.handed_over..self.handed_over + count {
            // Some do not fit into a record.
            let filler = if self.random.u8(..200) == 0 {
                20_000
            } else {
                self.random.usize(..400)
            };
            lines.push(event(number, filler));
        }
        self.handed_over += count;
        forwarder.accept(format!("[{}]", lines.join(",")).as_bytes());
        let held = forwarder.stats().1.iter().map(|lane| lane.pending()).sum::<u64>();
        assert!(held <= EVENTS * 4, "{held} lines in memory");
    }

    /// A time-out or crash of the function: SHUTDOWN, and a new life over the same disk.
    async fn reset(&mut self, forwarder: Forwarder) -> Forwarder {
        let has_successor = self.mode != SpoolMode::Off;
        self.close(&forwarder, Duration::from_millis(1_900), has_successor)
            .await;
        assert_balanced(&forwarder);
        self.end(forwarder).await;
        self.start().await
    }

    /// SIGKILL: whatever is not on disk is gone. What is in flight may or may not arrive.
    async fn kill(&mut self, forwarder: Forwarder) -> Forwarder {
        self.end(forwarder).await;
        self.start().await
    }

    async fn end(&self, forwarder: Forwarder) {
        drop(forwarder);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    async fn close(&mut self, forwarder: &Forwarder, time: Duration, has_successor: bool) {
        let started = Instant::now();
        let undelivered = forwarder.close(started + time, has_successor).await;
        assert!(
            started.elapsed() <= time + Duration::from_millis(1),
            "{:?}",
            started.elapsed()
        );
        for lost in undelivered {
            let ranges = lost.dropped.into_iter().flat_map(|dropped| dropped.ranges).collect();
            self.undelivered.push((lost.id, ranges));
        }
    }

    async fn start(&self) -> Forwarder {
        let mut lanes: Vec<(LaneSettings, Arc<dyn Sink>)> = vec![(self.lane("main"), self.sink.clone())];
        if let Some(fallback) = &self.fallback {
            lanes[0].0.fallback = Some(1);
            lanes.push((self.lane("backup"), fallback.clone()));
        }
        let forwarder = Forwarder::start(Settings {
            lanes,
            routes: Routes::all_to(0),
            types: Types {
                platform: true,
                function: true,
                extension: false,
            },
            redaction: forwarder_core::intake::redact::Redaction::default(),
            resource: Resource::default(),
            buffer_bytes: self.buffer_bytes,
            spool: SpoolSettings {
                dir: self.dir.clone(),
                max_bytes: 64 << 20,
                mode: self.mode,
            },
            concurrent: false,
        });
        forwarder.recover().await;
        forwarder
    }

    fn lane(&self, name: &str) -> LaneSettings {
        LaneSettings {
            name: name.into(),
            format: self.format,
            compression: self.compression,
            envelope: Envelope::Lean,
            partition_key: PartitionKey::Random,
            record_bytes: 5_000,
            put_bytes: 50_000,
            max_record_bytes: 8_000,
            oversize: Oversize::Split,
            fallback: None,
            taken_over_bytes: None,
            max_age: Duration::from_secs(10),
            put_timeout: Duration::from_secs(5),
        }
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
