//! The forwarder itself, before a sink that counts.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forwarder_core::delivery::settings::{LaneSettings, PartitionKey};
use forwarder_core::delivery::sink::Sink;
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::record::envelope::Resource;
use forwarder_core::record::format::{Compression, Format};
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::Routes;
use forwarder_core::{Forwarder, Settings, Types};
use tokio::time::Instant;

use super::Options;
use super::receiver::{Receiver, Tally};
use telemetry_forwarder::config::{SinkKind, default_put_bytes, default_record_bytes};

/// Capacity of a shard in a second: 1 MB and 1,000 records. Kinesis Data Streams quotas.
pub(super) const SHARD: (f64, f64) = (1_000_000.0, 1_000.0);

const KB_IN_GB: f64 = 1_048_576.0;

/// Cost of one encoding.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Format of a record.
    pub format: Format,
    /// Compression of the whole of it.
    pub compression: Compression,
    /// Events that were sent.
    pub events: u64,
    /// Lines and records that arrived.
    pub tally: Tally,
    /// Shards that a provisioned stream needs at the given rate.
    pub shards: f64,
    /// An on-demand stream, dollars for a million events.
    pub on_demand: f64,
    /// A provisioned stream, dollars for a million events: PUT units, and the shards for as long as that takes.
    pub provisioned: f64,
    /// Firehose, dollars for a million events; `None` for what it does not read.
    pub firehose: Option<f64>,
}

/// Every format with every compression that goes with it and is built in.
pub(super) fn encodings() -> Vec<(Format, Compression)> {
    let formats = Format::NAMES.into_iter().filter_map(Format::from_name);
    let encodings = formats.flat_map(|format| {
        let compressions = Compression::NAMES.into_iter().filter_map(Compression::from_name);
        compressions.map(move |compression| (format, compression))
    });
    encodings
        .filter(|(format, compression)| format.name() != "kpl" || *compression == Compression::None)
        .collect()
}

/// Sends these bodies, each flushed by itself, through every encoding.
///
/// # Errors
/// No runtime can be started.
pub fn estimate(bodies: &[Vec<u8>], options: &Options) -> io::Result<Vec<Estimate>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    Ok(encodings()
        .into_iter()
        .map(|(format, compression)| {
            let (events, tally) = runtime.block_on(send(bodies.iter(), options, format, compression));
            estimate_of(format, compression, events, tally, options)
        })
        .collect())
}

/// Sends bodies through one encoding; returns the events sent and what arrived.
pub(super) async fn send(
    bodies: impl Iterator<Item = impl AsRef<[u8]>>,
    options: &Options,
    format: Format,
    compression: Compression,
) -> (u64, Tally) {
    let receiver = Arc::new(Receiver::default());
    let forwarder = Forwarder::start(settings(receiver.clone(), options, format, compression));
    for body in bodies {
        forwarder.accept(body.as_ref());
        forwarder.flush(Instant::now() + Duration::from_secs(60)).await;
    }
    let events = forwarder.stats().1.iter().map(|lane| lane.delivered).sum();
    (events, receiver.tally())
}

fn settings(sink: Arc<dyn Sink>, options: &Options, format: Format, compression: Compression) -> Settings {
    let lane = LaneSettings {
        name: "kinesis".into(),
        format,
        compression,
        envelope: options.envelope,
        partition_key: PartitionKey::Random,
        record_bytes: default_record_bytes(compression),
        put_bytes: default_put_bytes(),
        max_record_bytes: default_put_bytes(),
        oversize: Oversize::Split,
        fallback: None,
        taken_over_bytes: None,
        max_age: Duration::from_secs(10),
        put_timeout: Duration::from_secs(5),
    };
    // Where nothing is said of a sample, it is of a function like this; its platform events tell requests apart.
    let types = Types {
        platform: options.file.is_some() || options.fleet.is_some(),
        function: true,
        extension: true,
    };
    Settings {
        lanes: vec![(lane, sink)],
        routes: Routes::all_to(0),
        types,
        redaction: forwarder_core::intake::redact::Redaction::default(),
        resource: Resource::sample(),
        buffer_bytes: 1 << 30,
        spool: SpoolSettings {
            dir: PathBuf::new(),
            max_bytes: 0,
            mode: SpoolMode::Off,
        },
        concurrent: false,
    }
}

fn estimate_of(format: Format, compression: Compression, events: u64, tally: Tally, options: &Options) -> Estimate {
    let prices = &options.prices;
    let of_a_million = |number: u64| number as f64 / events.max(1) as f64 * 1e6;
    let a_second = |number: u64| of_a_million(number) / 1e6 * options.rate;
    let shards = (a_second(tally.bytes) / SHARD.0).max(a_second(tally.records) / SHARD.1);
    let hours = 1e6 / options.rate / 3_600.0;
    let units = of_a_million(tally.put_units) / 1e6 * prices.put_units_million;
    let firehose = of_a_million(tally.firehose_kb) / KB_IN_GB * prices.firehose_gb;
    Estimate {
        format,
        compression,
        events,
        tally,
        shards,
        on_demand: of_a_million(tally.on_demand_kb) / KB_IN_GB * prices.on_demand_gb,
        provisioned: units + shards.ceil() * hours * prices.shard_hour,
        firehose: is_read_by("firehose", format).then_some(firehose),
    }
}

/// True if a sink type takes a format.
pub(super) fn is_read_by(sink: &str, format: Format) -> bool {
    SinkKind::from_name(sink).is_some_and(|kind| kind.refuses(format).is_none())
}
