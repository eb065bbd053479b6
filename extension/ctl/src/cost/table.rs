//! The answer, for people.

use std::io::{self, Write};

use super::{Estimate, Options};

pub(super) fn write(out: &mut dyn Write, options: &Options, estimates: &[Estimate]) -> io::Result<()> {
    let events = estimates.first().map_or(0, |estimate| estimate.events);
    let sample = options.file.as_deref().unwrap_or("made-up function lines");
    writeln!(
        out,
        "{events} events ({sample}), {} at a flush, {} a second\n",
        options.flush, options.rate
    )?;
    writeln!(
        out,
        "{:<8}{:<8}{:>9}{:>12}{:>14}{:>8}{:>11}{:>8}{:>13}{:>15}{:>12}",
        "format",
        "compr.",
        "records",
        "bytes",
        "on-demand KB",
        "",
        "PUT units",
        "shards",
        "$ on-demand",
        "$ provisioned",
        "$ Firehose"
    )?;
    // What most senders do is what the others are compared with.
    let naive = estimates
        .iter()
        .find(|estimate| (estimate.format.name(), estimate.compression.name()) == ("json", "none"))
        .map_or(0, |estimate| estimate.tally.on_demand_kb);
    for estimate in estimates {
        let tally = &estimate.tally;
        let share = tally.on_demand_kb as f64 / naive.max(1) as f64 * 100.0;
        let firehose = estimate.firehose.map_or("-".into(), |dollars| format!("{dollars:.4}"));
        writeln!(
            out,
            "{:<8}{:<8}{:>9}{:>12}{:>14}{:>7.1}%{:>11}{:>8.2}{:>13.4}{:>15.4}{:>12}",
            estimate.format.name(),
            estimate.compression.name(),
            tally.records,
            tally.bytes,
            tally.on_demand_kb,
            share,
            tally.put_units,
            estimate.shards,
            estimate.on_demand,
            estimate.provisioned,
            firehose,
        )?;
    }
    writeln!(
        out,
        "\nDollars are for a million events, taken in, at the prices given (defaults: us-east-1, November 2026). Provisioned \
         has whole shards in it\nfor as long as a million events take; an on-demand stream costs by the hour besides."
    )
}
