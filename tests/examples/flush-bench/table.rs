//! The figures as a table.

use std::fmt::Write;

use crate::measure::{PUT, Run, SLOW_PUT, quantile};

pub(crate) fn table(runs: &[Run]) -> String {
    let mut table = String::from(
        "| invocations | strategy | added to each, median | p99 | the function itself, median | age of a line, median | oldest | puts per invocation |\n|---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for run in runs {
        let _ = writeln!(
            table,
            "| {} | `{}` | {} | {} | {:+.1} ms | {} | {} | {:.2} |",
            run.pitch,
            run.strategy,
            time(quantile(&run.added, 0.5)),
            time(quantile(&run.added, 0.99)),
            quantile(&run.function, 0.5),
            time(quantile(&run.age, 0.5)),
            time(quantile(&run.age, 1.0)),
            run.puts_per_invocation,
        );
    }
    table
}

/// Effect of a slow sink on a quick series under `adaptive`, after its first invocation.
pub(crate) fn slow_sink(instant: &Run, slow: &Run) -> String {
    format!(
        "Under `adaptive` at {}, the p99 of added time after the first invocation is {} with instant puts, and {} with puts of {} ms.\n",
        slow.pitch,
        time(quantile(&instant.added, 0.99)),
        time(quantile(&slow.added, 0.99)),
        SLOW_PUT.as_millis(),
    )
}

fn time(ms: f64) -> String {
    match ms {
        ms if ms >= 1_000.0 => format!("{:.1} s", ms / 1_000.0),
        ms => format!("{ms:.1} ms"),
    }
}

/// Source of the figures.
pub(crate) fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = cpus
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let models: Vec<_> = models.map(|(_, model)| model.trim()).collect();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "Measured on {} × {}, load {} at the end; extension of the profile `ci`; a put takes {} ms; five lines an invocation.",
        models.len(),
        models.first().unwrap_or(&"an unknown processor"),
        load.split(' ').next().unwrap_or_default(),
        PUT.as_millis(),
    )
}
