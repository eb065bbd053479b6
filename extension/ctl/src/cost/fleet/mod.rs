//! `forwarderctl cost --fleet FILE`: what a fleet needs and costs in a month under each format and compression.
//!
//! - `file`: what the fleet writes; `table`: the answer, for people.
//! - this file: the forwarder itself over invocations of each kind, and what follows of their rates.

mod file;
mod table;

use std::io::{self, Write};

use forwarder_core::record::format::{Compression, Format};
use forwarder_core::telemetry::sample::Sample;

use super::Options;
use super::estimate::{SHARD, encodings, is_read_by, send};
use super::receiver::Tally;
pub use file::{Functions, read};

/// Hours of a month.
const HOURS: f64 = 730.0;

const KB_IN_GB: f64 = 1_048_576.0;

/// Invocations of each kind that are made up, and bytes of them.
const MOST_INVOCATIONS: usize = 50;
const SAMPLE_BYTES: usize = 1 << 20;

/// What a fleet sends under one encoding.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Format of a record.
    pub format: Format,
    /// Compression of the whole of it.
    pub compression: Compression,
    /// Bytes a second at the peak, keys included.
    pub peak_bytes: f64,
    /// Records a second at the peak.
    pub peak_records: f64,
    /// Shards that a provisioned stream needs for the peak.
    pub shards: f64,
    /// A provisioned stream with so many shards, dollars a month.
    pub provisioned: f64,
    /// An on-demand stream, dollars a month.
    pub on_demand: f64,
    /// Firehose, dollars a month; `None` for what it does not read.
    pub firehose: Option<f64>,
}

/// Runs the command over a file. Returns the exit code: 0, or 2 for a mistake.
///
/// # Errors
/// The answer cannot be written.
pub fn run(name: &str, options: &Options, out: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    let text = std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"));
    let fleet = text.and_then(|text| read(name, &text));
    let loads = fleet.and_then(|fleet| {
        let loads = loads(&fleet, options).map_err(|error| error.to_string())?;
        Ok((fleet, loads))
    });
    match loads {
        Ok((fleet, loads)) => table::write(out, name, &fleet, &loads).map(|()| 0),
        Err(mistakes) => {
            for mistake in mistakes.lines() {
                writeln!(errors, "error: {mistake}")?;
            }
            Ok(2)
        }
    }
}

/// What the fleet sends, under every encoding.
///
/// # Errors
/// No runtime can be started.
pub fn loads(fleet: &[Functions], options: &Options) -> io::Result<Vec<Load>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let all = encodings().into_iter().map(|(format, compression)| {
        let mut rates = Rates::default();
        for functions in fleet {
            let invocations = made_up(functions);
            let of_all = runtime.block_on(send(invocations.iter(), options, format, compression));
            rates.add(functions, &of_all.1, invocations.len());
        }
        rates.load(format, compression, options)
    });
    Ok(all.collect())
}

/// Invocations of such functions, each as one body: it is delivered by itself.
fn made_up(functions: &Functions) -> Vec<Vec<u8>> {
    let bytes = (functions.lines * functions.line_bytes).max(1);
    let count = (SAMPLE_BYTES / bytes).clamp(1, MOST_INVOCATIONS);
    let mut sample = Sample::new(1).with_lines_of(functions.line_bytes);
    (0..count).map(|_| sample.whole_invocation(functions.lines)).collect()
}

/// What all functions send in a second.
#[derive(Debug, Default)]
struct Rates {
    peak_bytes: f64,
    peak_records: f64,
    on_demand_kb: f64,
    put_units: f64,
    firehose_kb: f64,
}

impl Rates {
    /// Adds functions of one kind, of which so many invocations came to this.
    fn add(&mut self, functions: &Functions, tally: &Tally, invocations: usize) {
        let rate = functions.count * functions.invocations;
        let a_second = |number: u64| number as f64 / invocations.max(1) as f64 * rate;
        self.peak_bytes += a_second(tally.bytes) * functions.peak;
        self.peak_records += a_second(tally.records) * functions.peak;
        self.on_demand_kb += a_second(tally.on_demand_kb);
        self.put_units += a_second(tally.put_units);
        self.firehose_kb += a_second(tally.firehose_kb);
    }

    fn load(&self, format: Format, compression: Compression, options: &Options) -> Load {
        let prices = &options.prices;
        let of_a_month = |a_second: f64| a_second * 3_600.0 * HOURS;
        let shards = (self.peak_bytes / SHARD.0)
            .max(self.peak_records / SHARD.1)
            .ceil()
            .max(1.0);
        let units = of_a_month(self.put_units) / 1e6 * prices.put_units_million;
        let taken_in = of_a_month(self.on_demand_kb) / KB_IN_GB * prices.on_demand_gb;
        let firehose = of_a_month(self.firehose_kb) / KB_IN_GB * prices.firehose_gb;
        Load {
            format,
            compression,
            peak_bytes: self.peak_bytes,
            peak_records: self.peak_records,
            shards,
            provisioned: units + shards * HOURS * prices.shard_hour,
            on_demand: taken_in + HOURS * prices.stream_hour,
            firehose: is_read_by("firehose", format).then_some(firehose),
        }
    }
}

#[cfg(test)]
mod tests;
