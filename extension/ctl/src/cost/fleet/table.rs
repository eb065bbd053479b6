//! The answer, for people.

use std::io::{self, Write};

use super::{Functions, Load};

/// What a new on-demand stream takes. Bytes a second. Kinesis Data Streams, on-demand mode.
const ON_DEMAND_START: f64 = 4e6;

/// What an on-demand stream takes at most where the quota is the small one. Bytes a second.
const ON_DEMAND_MOST: f64 = 200e6;

pub(super) fn write(out: &mut dyn Write, name: &str, fleet: &[Functions], loads: &[Load]) -> io::Result<()> {
    let sum = |of: fn(&Functions) -> f64| fleet.iter().map(of).sum::<f64>();
    let functions = sum(|functions| functions.count);
    let mean = sum(|functions| functions.count * functions.invocations);
    let peak = sum(|functions| functions.count * functions.invocations * functions.peak);
    let lines = sum(|functions| functions.count * functions.invocations * functions.lines as f64);
    writeln!(
        out,
        "{functions:.0} functions ({name}): {mean:.1} invocations a second, {peak:.1} at the peak, {lines:.1} lines a second\n"
    )?;
    writeln!(
        out,
        "{:<8}{:<8}{:>12}{:>17}{:>8}{:>15}{:>13}{:>12}",
        "format", "compr.", "MB/s, peak", "records/s, peak", "shards", "$ provisioned", "$ on demand", "$ Firehose"
    )?;
    for load in loads {
        let firehose = load.firehose.map_or("-".into(), |dollars| format!("{dollars:.0}"));
        writeln!(
            out,
            "{:<8}{:<8}{:>12.2}{:>17.0}{:>8.0}{:>15.0}{:>13.0}{:>12}",
            load.format.name(),
            load.compression.name(),
            load.peak_bytes / 1e6,
            load.peak_records,
            load.shards,
            load.provisioned,
            load.on_demand,
            firehose,
        )?;
    }
    writeln!(out)?;
    cheapest(out, "provisioned", loads, |load| Some(load.provisioned))?;
    cheapest(out, "on demand", loads, |load| Some(load.on_demand))?;
    cheapest(out, "Firehose", loads, |load| load.firehose)?;
    writeln!(
        out,
        "\nDollars a month of 730 hours for what goes in, each invocation delivered by itself, at the prices given (defaults: us-east-1,\n\
         November 2026). Shards are for the peak, spread evenly, with nothing to spare."
    )
}

/// Names the encoding that costs least, and what its stream must take.
fn cheapest(out: &mut dyn Write, mode: &str, loads: &[Load], dollars: fn(&Load) -> Option<f64>) -> io::Result<()> {
    let all = loads.iter().filter_map(|load| Some((load, dollars(load)?)));
    // Of those that cost the same, the one that leaves most room.
    let least = all.min_by(|(one, least), (other, dollars)| {
        let by_bytes = || one.peak_bytes.total_cmp(&other.peak_bytes);
        least.total_cmp(dollars).then_with(by_bytes)
    });
    let Some((load, least)) = least else {
        return Ok(());
    };
    let (format, compression) = (load.format.name(), load.compression.name());
    let needs = match mode {
        "provisioned" => format!(", {:.0} shards", load.shards),
        "on demand" => on_demand(load.peak_bytes),
        _ => String::new(),
    };
    writeln!(
        out,
        "cheapest, {mode}: {format} with compression {compression}: ${least:.0} a month{needs}"
    )
}

/// What an on-demand stream has to be told before the peak comes.
fn on_demand(peak: f64) -> String {
    if peak > ON_DEMAND_MOST {
        ", more than the 200 MB/s that a stream takes at most in most regions: split it, or have the quota raised"
            .into()
    } else if peak > ON_DEMAND_START {
        ", more than the 4 MB/s of a new stream: warm it, or let the load grow".into()
    } else {
        ", within the 4 MB/s of a new stream".into()
    }
}
