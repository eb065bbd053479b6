//! Options of the command line.

use forwarder_core::record::envelope::Envelope;
use lexopt::prelude::*;

/// Text of `forwarderctl cost --help`.
pub(super) const HELP: &str = "\
forwarderctl cost [OPTIONS] [FILE]: what telemetry costs under each format and compression
forwarderctl cost --fleet FILE [OPTIONS]: what a fleet of functions needs and costs in a month

FILE holds a sample: JSON arrays as Lambda posts them, or one event a line, with or without the
forwarder's envelope. Without FILE 20,000 made-up function lines of 200 bytes are taken.

  --fleet FILE         TOML: tables [[functions]] with name, count (default 1), invocations_per_second or
                       invocations_per_day of each, peak (times the mean, default 1), lines (of an
                       invocation, default 10), line_bytes (default 200)
  --flush EVENTS       events delivered at once, such as an invocation's (default 100)
  --rate EVENTS        events a second of all environments together (default 1000)
  --envelope NAME      full, lean or raw (default full)
  --on-demand PRICE    dollars for a GB taken in by an on-demand stream (default 0.08)
  --stream-hour PRICE  dollars for an hour of an on-demand stream (default 0.04)
  --put-units PRICE    dollars for a million PUT payload units (default 0.014)
  --shard-hour PRICE   dollars for an hour of a shard (default 0.015)
  --firehose PRICE     dollars for a GB taken in by Firehose (default 0.029)

The default prices are those of us-east-1 in November 2026; look yours up.
";

/// Prices in dollars. The defaults are those of us-east-1, November 2026, first tier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// A GB (2^30 bytes) taken in by an on-demand stream, each record rounded up to 1 KB.
    pub on_demand_gb: f64,
    /// An hour of an on-demand stream.
    pub stream_hour: f64,
    /// A million PUT payload units, each 25 KB of a record begun.
    pub put_units_million: f64,
    /// An hour of a provisioned shard.
    pub shard_hour: f64,
    /// A GB taken in by Firehose, each record rounded up to 5 KB.
    pub firehose_gb: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            on_demand_gb: 0.08,
            stream_hour: 0.04,
            put_units_million: 0.014,
            shard_hour: 0.015,
            firehose_gb: 0.029,
        }
    }
}

/// Options.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The sample; made up where there is none.
    pub file: Option<String>,
    /// The file that says what a fleet writes, in place of a sample.
    pub fleet: Option<String>,
    /// Events delivered at once.
    pub flush: usize,
    /// Events a second.
    pub rate: f64,
    /// Extent of the envelope.
    pub envelope: Envelope,
    /// Prices of AWS.
    pub prices: Prices,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file: None,
            fleet: None,
            flush: 100,
            rate: 1_000.0,
            envelope: Envelope::Full,
            prices: Prices::default(),
        }
    }
}

/// Error in the command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// It asks for help.
    #[error("{HELP}")]
    Help,
    /// It holds a mistake.
    #[error("{0}; see `forwarderctl cost --help`")]
    Mistake(String),
}

impl Options {
    /// Reads the arguments behind `cost`.
    ///
    /// # Errors
    /// They ask for help, or hold a mistake.
    pub fn parse(arguments: &[String]) -> Result<Self, OptionsError> {
        let mut options = Self::default();
        let mut of_a_sample = None;
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            let name = match argument {
                Long("help") | Short('h') => return Err(OptionsError::Help),
                Value(_) if options.file.is_some() => {
                    return Err(OptionsError::Mistake("more than one FILE".into()));
                }
                Value(file) => {
                    options.file = Some(file.string()?);
                    continue;
                }
                Long(name) if NAMES.contains(&name) => format!("--{name}"),
                Long(name) => return Err(OptionsError::Mistake(format!("unknown option --{name}"))),
                Short(name) => return Err(OptionsError::Mistake(format!("unknown option -{name}"))),
            };
            let value = parser.value();
            let value = value.map_err(|_| OptionsError::Mistake(format!("{name} needs a value")))?;
            let value = value.string()?;
            let prices = &mut options.prices;
            match name.as_str() {
                "--fleet" => options.fleet = Some(value),
                "--flush" => {
                    of_a_sample = Some(name.clone());
                    options.flush = positive(&name, &value)? as usize;
                }
                "--rate" => {
                    of_a_sample = Some(name.clone());
                    options.rate = positive(&name, &value)?;
                }
                "--envelope" => options.envelope = envelope(&value)?,
                "--on-demand" => prices.on_demand_gb = price(&name, &value)?,
                "--stream-hour" => prices.stream_hour = price(&name, &value)?,
                "--put-units" => prices.put_units_million = price(&name, &value)?,
                "--shard-hour" => prices.shard_hour = price(&name, &value)?,
                _ => prices.firehose_gb = price(&name, &value)?,
            }
        }
        if options.fleet.is_some() {
            of_a_sample = of_a_sample.or_else(|| options.file.clone());
            if let Some(other) = of_a_sample {
                return Err(OptionsError::Mistake(format!(
                    "{other}: of a sample; what --fleet takes is in its file"
                )));
            }
        }
        Ok(options)
    }
}

/// Options with a value.
const NAMES: [&str; 9] = [
    "fleet",
    "flush",
    "rate",
    "envelope",
    "on-demand",
    "stream-hour",
    "put-units",
    "shard-hour",
    "firehose",
];

impl From<lexopt::Error> for OptionsError {
    fn from(error: lexopt::Error) -> Self {
        Self::Mistake(error.to_string())
    }
}

fn number(name: &str, text: &str, least: f64) -> Result<f64, OptionsError> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= least => Ok(number),
        _ => Err(OptionsError::Mistake(format!(
            "{name} {text}: not a number of at least {least}"
        ))),
    }
}

fn positive(name: &str, text: &str) -> Result<f64, OptionsError> {
    number(name, text, 1.0)
}

fn price(name: &str, text: &str) -> Result<f64, OptionsError> {
    number(name, text, 0.0)
}

fn envelope(text: &str) -> Result<Envelope, OptionsError> {
    match text {
        "full" => Ok(Envelope::Full),
        "lean" => Ok(Envelope::Lean),
        "raw" => Ok(Envelope::Raw),
        _ => Err(OptionsError::Mistake(format!(
            "--envelope {text}: not full, lean or raw"
        ))),
    }
}
