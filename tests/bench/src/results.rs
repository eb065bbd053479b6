//! All runs of all contenders, and the tables made of them.

use std::fmt::Write as _;
use std::time::Duration;

use crate::Result;
use crate::contender::Contender;
use crate::machine::Machine;
use crate::measure::added;
use crate::measure::load::{Load, Loaded};
use crate::options::Options;
use crate::plot::{Panel, svg};
use crate::sandbox::Start;
use crate::statistics::{median, quantile};

/// Measured figures.
pub struct Results {
    /// The machine.
    pub machine: Machine,
    /// Each contender's, in their order.
    pub costs: Vec<Costs>,
    /// Reason why there was no run as on the smallest function.
    pub small_skipped: Option<String>,
}

/// Figures of one contender.
pub struct Costs {
    /// Its name in the tables.
    pub name: String,
    forwards: bool,
    /// From exec to the first `next`.
    pub starts: Vec<Start>,
    /// Under load.
    pub loads: Vec<Loaded>,
    /// With 128 MB and 1/14 CPU.
    pub small_starts: Vec<Start>,
    /// With 128 MB and 1/14 CPU, for a minute.
    pub trickle: Option<Loaded>,
    /// To each invocation.
    pub added: Vec<Duration>,
}

impl Results {
    /// Nothing yet.
    pub fn new(contenders: &[Contender]) -> Self {
        let costs = contenders.iter().map(|contender| Costs {
            name: contender.name.clone(),
            forwards: contender.forwards,
            starts: Vec::new(),
            loads: Vec::new(),
            small_starts: Vec::new(),
            trickle: None,
            added: Vec::new(),
        });
        Self {
            machine: Machine::here(),
            costs: costs.collect(),
            small_skipped: None,
        }
    }

    /// Markdown.
    pub fn tables(&self, options: &Options) -> String {
        let Machine {
            cpu,
            cores,
            memory_gib,
            kernel,
            load,
            sha256,
        } = &self.machine;
        let sha256 = sha256.as_secs_f64();
        let mut text = format!(
            "Measured on: {cpu}, {cores} cores, {memory_gib} GiB, Linux {kernel}; SHA-256 of 1 GB takes {sha256:.2} s. Load average before: {load}.\n"
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
        if self.costs.iter().any(|costs| !costs.added.is_empty()) {
            self.write_added(&mut text);
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

    fn write_added(&self, text: &mut String) {
        let title = format!(
            "\n### Added to invocations\n{} invocations in an environment, {} environments of each, 20 lines each, one right after the other; Kinesis answers after {} ms.\n\n| | median | 90th percentile |\n|---|--:|--:|\n",
            added::INVOCATIONS,
            self.costs
                .first()
                .map_or(0, |costs| costs.added.len() / added::INVOCATIONS),
            added::LATENCY.as_millis(),
        );
        text.push_str(&title);
        for costs in self.costs.iter().filter(|costs| !costs.added.is_empty()) {
            let figure = |share| quantile(costs.added.iter().copied().map(milliseconds), share).unwrap_or(f64::NAN);
            // Writing into a String cannot fail, here and below.
            let _ = writeln!(
                text,
                "| {} | {:.2} ms | {:.2} ms |",
                costs.name,
                figure(0.5),
                figure(0.9)
            );
        }
    }

    /// The main figures, drawn.
    pub fn plot(&self) -> String {
        let names: Vec<&str> = self.costs.iter().map(|costs| costs.name.as_str()).collect();
        let panel = |title: &str, unit, most, value: &dyn Fn(&Costs) -> Option<f64>| Panel {
            title: title.to_owned(),
            unit,
            most,
            values: self.costs.iter().map(value).collect(),
        };
        let start = |value: fn(&Start) -> f64| move |costs: &Costs| median(costs.starts.iter().map(value));
        let load = |value: fn(&Loaded) -> f64| move |costs: &Costs| median(costs.loads.iter().map(value));
        let after = start(|start| milliseconds(start.after));
        let most = self.costs.first().and_then(&after).map(|bare| bare * 1.5);
        let forwarded = |costs: &Costs| median(costs.loads.iter().map(|loaded| loaded.received.billed_kb as f64 / 1e3));
        svg(
            &names,
            &[
                panel("exec → first next", "ms; promised: 1.5 × bare", most, &after),
                panel(
                    "resident then",
                    "MB; promised: 5",
                    Some(5.0),
                    &start(|start| megabytes(start.resident)),
                ),
                panel(
                    "peak under load",
                    "MB; promised: 24",
                    Some(24.0),
                    &load(|loaded| megabytes(loaded.peak)),
                ),
                panel(
                    "CPU per million events",
                    "s; promised: 2.2",
                    Some(2.2),
                    &load(|loaded| cpu_per_million(loaded).as_secs_f64()),
                ),
                panel("billed by Kinesis, on-demand", "thousand KB", None, &|costs| {
                    forwarded(costs).filter(|_| costs.forwards)
                }),
            ],
        )
    }

    /// The first contender is what the others are held against.
    fn write_starts(&self, text: &mut String, of: fn(&Costs) -> &[Start]) {
        text.push_str(
            "| | exec → first `next` | | CPU until then | | resident then | |\n|---|--:|--:|--:|--:|--:|--:|\n",
        );
        for costs in &self.costs {
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

/// Puts text between the markers of a document.
///
/// # Errors
/// The document has no such markers.
pub fn between_markers(document: &str, text: &str) -> Result<String> {
    let parts = document.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) =
        parts.ok_or_else(|| format!("it has no lines {BEGIN} and {END}, between which the tables go"))?;
    Ok(format!("{before}{BEGIN}\n{text}{END}{after}"))
}

/// Markers of the tables in a document.
const BEGIN: &str = "<!-- make bench: begin -->";
const END: &str = "<!-- make bench: end -->";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_markers_is_replaced() {
        let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = between_markers(&document, "new\n").unwrap();
        assert_eq!(new, format!("before\n{BEGIN}\nnew\n{END}\nafter\n"));
        assert!(between_markers("no markers", "new").is_err());
    }
}
