//! Environments with the real forwarder, all before one stream.

use std::fmt::Write as _;
use std::path::PathBuf;
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
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::stream::{Connection, SHARD_BYTES, Stream, Told};

/// Lines of an environment in a second.
pub const LINES: u64 = 100;

/// A line as the function wrote it, and as it is sent, with its part of keys. Bytes.
const LINE_BYTES: usize = 200;
pub const SENT_BYTES: f64 = 550.0;

/// As with 128 MB of memory.
const BUFFER: usize = 8 << 20;

/// What happens to a fleet. All of it begins at one instant.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub environments: u64,
    /// Lines of the first invocation of each.
    pub first: u64,
    /// How long the function is invoked.
    pub load: Duration,
    /// For how long the stream has few shards, and how many then and after.
    pub storm: Duration,
    pub few: usize,
    pub many: usize,
}

impl Plan {
    /// What all environments send in a second. Bytes.
    pub fn rate(environments: u64) -> f64 {
        (environments * LINES) as f64 * SENT_BYTES
    }

    /// Shards for so many bytes a second.
    pub fn shards(rate: f64) -> usize {
        (rate / SHARD_BYTES) as usize
    }
}

/// Plays a plan. Nothing is lost, or it fails.
pub async fn play(plan: Plan) -> Told {
    let began = Instant::now();
    let stream = Stream::new(if plan.storm.is_zero() { plan.many } else { plan.few });
    let mut fleet = JoinSet::new();
    for seed in 0..plan.environments {
        fleet.spawn(environment(plan, seed, Arc::clone(&stream), began));
    }
    if !plan.storm.is_zero() {
        tokio::time::sleep_until(began + plan.storm).await;
        stream.reshard(plan.many);
    }
    while let Some(ended) = fleet.join_next().await {
        ended.unwrap();
    }
    stream.told()
}

/// One environment, invoked about once a second for as long as the plan says, and awake until all is delivered.
async fn environment(plan: Plan, seed: u64, stream: Arc<Stream>, began: Instant) {
    let mut random = fastrand::Rng::with_seed(seed);
    let forwarder = Forwarder::start(settings(Arc::new(Connection::new(&stream, seed))));
    let mut next = 0;
    let mut invoked = Duration::ZERO;
    while invoked < plan.load {
        tokio::time::sleep_until(began + invoked).await;
        // As an INVOKE that is not held.
        forwarder.run(true);
        let lines = if next == 0 { plan.first } else { LINES };
        forwarder.accept(body(seed, next, lines).as_bytes());
        next += lines;
        invoked += Duration::from_millis(random.u64(500..1_500));
    }
    forwarder.run(true);
    let patience = Instant::now() + Duration::from_secs(600);
    while forwarder.stats().1[0].pending() > 0 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let undelivered = forwarder.close(Instant::now() + Duration::from_secs(2), false).await;
    assert_eq!(undelivered, [], "environment {seed}");
    let lane = forwarder.stats().1[0];
    let arrived = stream.arrived(&forwarder.id());
    assert_eq!(arrived.losses, [""; 0], "environment {seed}: {lane:?}");
    assert_eq!(
        arrived.seq.missing(lane.accepted),
        [0_u64; 0],
        "environment {seed}: {lane:?}"
    );
    assert_eq!(
        arrived.numbers.missing(next),
        [0_u64; 0],
        "environment {seed}: {lane:?}"
    );
}

/// A body as Lambda posts it: an invocation begins and writes numbered lines.
fn body(seed: u64, first: u64, lines: u64) -> String {
    let time = "2026-11-20T09:14:02.820Z";
    let mut body = format!(
        r#"[{{"time":"{time}","type":"platform.start","record":{{"requestId":"{seed:08}-0000-0000-0000-{first:012}"}}}}"#
    );
    for number in first..first + lines {
        let head = format!("<{number}>");
        let filler = "x".repeat(LINE_BYTES - head.len());
        write!(
            body,
            r#",{{"time":"{time}","type":"function","record":"{head}{filler}"}}"#
        )
        .unwrap();
    }
    body.push(']');
    body
}

fn settings(sink: Arc<dyn Sink>) -> Settings {
    let lane = LaneSettings {
        name: "kinesis".into(),
        format: Format::Ndjson,
        compression: Compression::None,
        envelope: Envelope::Full,
        partition_key: PartitionKey::Random,
        record_bytes: 25_000,
        put_bytes: 1 << 20,
        max_record_bytes: 1 << 20,
        oversize: Oversize::Split,
        fallback: None,
        taken_over_bytes: None,
        max_age: Duration::from_secs(10),
        put_timeout: Duration::from_secs(5),
    };
    Settings {
        lanes: vec![(lane, sink)],
        routes: Routes::all_to(0),
        types: Types {
            platform: true,
            function: true,
            extension: false,
        },
        redaction: Redaction::default(),
        resource: Resource::sample(),
        buffer_bytes: BUFFER,
        // What memory cannot hold is lost here, and shows.
        spool: SpoolSettings {
            dir: PathBuf::new(),
            max_bytes: 0,
            mode: SpoolMode::Off,
        },
        concurrent: false,
    }
}
