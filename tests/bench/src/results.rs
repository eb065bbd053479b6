//! All runs of all contenders, and the tables made of them.

use std::fmt::Write as _;
use std::time::Duration;

use crate::contender::Contender;
use crate::machine::Machine;
use crate::measure::load::{Load, Loaded};
use crate::options::Options;
use crate::sandbox::Start;
use crate::statistics::median;

/// What was measured.
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) costs: Vec<Costs>,
    /// Why there was no run as on the smallest function.
    pub(crate) small_skipped: Option<String>,
}

/// What was measured of one contender.
pub(crate) struct Costs {
    pub(crate) name: String,
    forwards: bool,
    pub(crate) starts: Vec<Start>,
    pub(crate) loads: Vec<Loaded>,
    /// With 128 MB and 1/14 CPU.
    pub(crate) small_starts: Vec<Start>,
    pub(crate) trickle: Option<Loaded>,
}

impl Results {
    /// Nothing yet.
    pub(crate) fn new(contenders: &[Contender]) -> Self {
        let costs = contenders.iter().map(|contender| Costs {
            name: contender.name.clone(),
            forwards: contender.forwards,
            starts: Vec::new(),
            loads: Vec::new(),
            small_starts: Vec::new(),
            trickle: None,
        });
        Self {
            machine: Machine::here(),
            costs: costs.collect(),
            small_skipped: None,
        }
    }

    /// Markdown.
    pub(crate) fn tables(&self, options: &Options) -> String {
        let Machine {
            cpu,
            cores,
            memory_gib,
            kernel,
            sha256,
        } = &self.machine;
        let sha256 = sha256.as_secs_f64();
        let mut text = format!(
            "Measured on: {cpu}, {cores} cores, {memory_gib} GiB, Linux {kernel}; SHA-256 of 1 GB takes {sha256:.2} s.\n"
        );
        if self.costs.iter().any(|costs| !costs.starts.is_empty()) {
            let title = format!(
                "\n### Start\nMedians of {} starts of each, in turns.\n\n",
                options.starts
            );
            text.push_str(&title);
            self.write_starts(&mut text, |costs| &costs.starts);
        }
        if self.costs.iter().any(|costs| !costs.loads.is_empty()) {
            let Load { lines, rate } = options.load;
            let runs = options.loads;
            let title = format!(
                "\n### Load\n{lines} lines of 200 bytes at {rate} events a second, 128 MB. Medians of {runs} runs of each, in turns.\n\n"
            );
            text.push_str(&title);
            self.write_loads(&mut text, |costs| &costs.loads);
        }
        if let Some(reason) = &self.small_skipped {
            let note =
                format!("\n### 128 MB and 1/14 CPU\nNot measured: no control groups to be had here ({reason}).\n");
            text.push_str(&note);
        }
        if self.costs.iter().any(|costs| !costs.small_starts.is_empty()) {
            let Load { lines, rate } = options.trickle;
            text.push_str("\n### 128 MB and 1/14 CPU\nAs on Lambda's smallest function, by control groups.\n\n");
            self.write_starts(&mut text, |costs| &costs.small_starts);
            let title = format!("\n{lines} lines at {rate} events a second, one run of each.\n\n");
            text.push_str(&title);
            self.write_loads(&mut text, |costs| costs.trickle.as_slice());
        }
        text
    }

    /// The first contender is what the others are held against.
    fn write_starts(&self, text: &mut String, of: fn(&Costs) -> &[Start]) {
        text.push_str(
            "| | exec → first `next` | | CPU until then | | resident then | |\n|---|--:|--:|--:|--:|--:|--:|\n",
        );
        for costs in &self.costs {
            // Writing into a String cannot fail, here and below.
            let _ = write!(text, "| {} |", costs.name);
            for (value, unit) in START_FIGURES {
                let figure = |costs| median(of(costs).iter().map(value));
                let first = self.costs.first().and_then(figure);
                let _ = match (figure(costs), first) {
                    (Some(own), Some(first)) => write!(text, " {own:.2} {unit} | {:.2} × |", own / first),
                    _ => write!(text, " – | – |"),
                };
            }
            text.push('\n');
        }
    }

    fn write_loads(&self, text: &mut String, of: fn(&Costs) -> &[Loaded]) {
        text.push_str(
            "| | CPU per million | peak memory | taken in | then held | put calls | records | MB | on-demand KB | lost |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for costs in self.costs.iter().filter(|costs| !of(costs).is_empty()) {
            let figure = |value: fn(&Loaded) -> f64| median(of(costs).iter().map(value)).unwrap_or(f64::NAN);
            let _ = write!(
                text,
                "| {} | {:.2} s | {:.1} MB | {:.1} s | {:.0} ms |",
                costs.name,
                figure(|loaded| cpu_per_million(loaded).as_secs_f64()),
                figure(|loaded| megabytes(loaded.peak)),
                figure(|loaded| loaded.took.as_secs_f64()),
                figure(|loaded| milliseconds(loaded.held)),
            );
            let _ = match costs.forwards {
                true => writeln!(
                    text,
                    " {} | {} | {:.1} | {} | {} |",
                    figure(|loaded| loaded.received.calls as f64),
                    figure(|loaded| loaded.received.records as f64),
                    figure(|loaded| megabytes(loaded.received.data_bytes)),
                    figure(|loaded| loaded.received.billed_kb as f64),
                    // The worst run, not the middle one.
                    of(costs).iter().map(|loaded| loaded.lost).max().unwrap_or(0),
                ),
                false => writeln!(text, " – | – | – | – | – |"),
            };
        }
    }
}

type Figure<T> = (fn(&T) -> f64, &'static str);

const START_FIGURES: [Figure<Start>; 3] = [
    (|start| milliseconds(start.after), "ms"),
    (|start| milliseconds(start.cpu), "ms"),
    (|start| megabytes(start.resident), "MB"),
];

fn cpu_per_million(loaded: &Loaded) -> Duration {
    loaded.cpu.mul_f64(1e6 / loaded.lines.max(1) as f64)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
