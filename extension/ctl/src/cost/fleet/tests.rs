//! Output of the command, and its arithmetic.

use super::*;
use crate::cost::Prices;

fn functions(count: f64, invocations: f64, peak: f64, lines: usize) -> Functions {
    Functions {
        name: "checkout".into(),
        count,
        invocations,
        peak,
        lines,
        line_bytes: 200,
    }
}

fn options() -> Options {
    Options {
        fleet: Some("fleet.toml".into()),
        ..Options::default()
    }
}

fn of(loads: &[Load], format: &str, compression: &str) -> Load {
    let found = |load: &&Load| (load.format.name(), load.compression.name()) == (format, compression);
    loads.iter().find(found).unwrap().clone()
}

#[test]
fn rates_make_shards_and_dollars() {
    // 1,000 invocations a second, each start, end, report and 7 lines: 10,000 events.
    let loads_of = |fleet: &[Functions]| loads(fleet, &options()).unwrap();
    let once = of(&loads_of(&[functions(100.0, 10.0, 1.0, 7)]), "json", "none");
    assert_eq!((once.peak_records, once.shards), (10_000.0, 10.0));
    // An event is 1 KB at most, and so many a month.
    let events = 10_000.0 * 3_600.0 * 730.0;
    let gb = events / 1_048_576.0;
    let prices = Prices::default();
    assert!((once.on_demand - gb * prices.on_demand_gb - 730.0 * prices.stream_hour).abs() < 0.01);
    let units = events / 1e6 * prices.put_units_million;
    assert!((once.provisioned - units - 10.0 * 730.0 * prices.shard_hour).abs() < 0.01);
    assert!((once.firehose.unwrap() - gb * 5.0 * prices.firehose_gb).abs() < 0.01);

    // The peak needs shards, and nothing else.
    let peak = of(&loads_of(&[functions(100.0, 10.0, 2.5, 7)]), "json", "none");
    assert_eq!(peak.shards, 25.0);
    assert!((peak.on_demand - once.on_demand).abs() < 0.01);

    // Functions of several kinds add up.
    let two = loads_of(&[functions(60.0, 10.0, 1.0, 7), functions(40.0, 10.0, 1.0, 7)]);
    assert_eq!(of(&two, "json", "none"), once);

    // An invocation that is packed is one record.
    let packed = of(&loads_of(&[functions(100.0, 10.0, 1.0, 7)]), "ndjson", "none");
    assert_eq!(packed.peak_records, 1_000.0);
}

#[test]
fn without_invocations_a_stream_still_has_its_hours() {
    let idle = of(
        &loads(&[functions(1.0, 0.0, 1.0, 10)], &options()).unwrap(),
        "ndjson",
        "none",
    );
    assert_eq!((idle.shards, idle.peak_bytes), (1.0, 0.0));
    assert!((idle.on_demand - 730.0 * Prices::default().stream_hour).abs() < 1e-9);
}

/// Output over fleets of this kind.
fn table(count: f64) -> String {
    let fleet = [functions(count, 10.0, 1.0, 50)];
    let loads = loads(&fleet, &options()).unwrap();
    let mut out = Vec::new();
    table::write(&mut out, "fleet.toml", &fleet, &loads).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_cheapest_is_named_with_what_its_stream_must_take() {
    let small = table(10.0);
    let packed = if cfg!(feature = "zstd") { "zstd" } else { "none" };
    for mode in ["provisioned", "on demand", "Firehose"] {
        let line = small
            .lines()
            .find(|line| line.starts_with(&format!("cheapest, {mode}: ")));
        let line = line.unwrap();
        assert!(line.contains(&format!("ndjson with compression {packed}: $")), "{line}");
    }
    assert!(
        small.contains(
            "10 functions (fleet.toml): 100.0 invocations a second, 100.0 at the peak, 5000.0 lines a second"
        )
    );
    assert!(small.contains("within the 4 MB/s of a new stream"), "{small}");
    assert!(small.contains("a month, 1 shards"), "{small}");
    assert!(table(1_000.0).contains("more than the 4 MB/s of a new stream"));
    assert!(table(100_000.0).contains("more than the 200 MB/s"));
}
