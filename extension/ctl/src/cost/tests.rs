//! Output of the command, and the promises about cost.

use forwarder_core::record::envelope::Envelope;
use forwarder_core::record::format::{Compression, Format};
use forwarder_core::telemetry::sample::Sample;

use super::*;

fn run_with(arguments: &[&str]) -> (u8, String, String) {
    let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let code = run(&arguments, &mut out, &mut errors).unwrap();
    (
        code,
        String::from_utf8(out).unwrap(),
        String::from_utf8(errors).unwrap(),
    )
}

/// A file that is there for the time of a test.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("forwarder-cost-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn mistakes_are_named_and_help_is_given() {
    for (arguments, expected) in [
        (&["--flush"][..], "--flush needs a value"),
        (&["--flush", "0"], "not a number of at least 1"),
        (&["--rate=fast"], "--rate fast: not a number"),
        (&["--envelope", "fat"], "not full, lean or raw"),
        (&["--cheap"], "unknown option --cheap"),
        (&["a", "b"], "more than one FILE"),
        (&["/no/such/file"], "/no/such/file: No such file"),
        (&["--fleet", "/no/such/fleet"], "/no/such/fleet: No such file"),
        (
            &["--fleet", "a", "b"],
            "b: of a sample; what --fleet takes is in its file",
        ),
        (&["--rate", "2", "--fleet", "a"], "--rate: of a sample"),
    ] {
        let (code, _, errors) = run_with(arguments);
        assert!(code == 2 && errors.contains(expected), "{arguments:?}: {errors}");
    }
    let empty = File::new("empty", "");
    let (code, _, errors) = run_with(&[empty.path()]);
    assert!(code == 2 && errors.contains("no event"), "{errors}");
    let other = File::new("other", "{\"a\":1}");
    let (code, _, errors) = run_with(&[other.path()]);
    assert!(code == 2 && errors.contains("nor events, one a line"), "{errors}");
    let (code, out, _) = run_with(&["--help"]);
    assert!(code == 0 && out.contains("--put-units PRICE"));
}

#[test]
fn a_file_of_bodies_and_one_of_forwarded_lines_cost_the_same() {
    let event = r#"{"time":"t","type":"function","record":"x"}"#;
    let bodies = File::new("bodies", &format!("[{event},{event}]\n[{event}]"));
    let forwarded = r#"{"time":"t","type":"function","record":"x","forwarder":{"id":"i","sink":"s","seq":1}}"#;
    let own = r#"{"type":"forwarder.report","record":{},"forwarder":{"id":"i","sink":"s","seq":3}}"#;
    let lines = File::new("lines", &format!("{forwarded}\n{forwarded}\n{forwarded}\n{own}\n"));
    let table = |file: &File| {
        let (code, out, errors) = run_with(&[file.path()]);
        assert_eq!(code, 0, "{errors}");
        assert!(out.starts_with("3 events"), "{out}");
        // Random identifiers compress to this or that.
        let exact = out.lines().filter(|line| line.contains(" none "));
        exact.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(table(&bodies), table(&lines));
}

#[test]
fn without_a_file_a_sample_is_made_up_and_every_encoding_has_its_row() {
    let (code, out, _) = run_with(&[]);
    println!("{out}");
    assert!(code == 0 && out.starts_with("20000 events (made-up function lines), 100 at a flush, 1000 a second"));
    // Three formats and three compressions, and an aggregate is not compressed.
    let rows = out.lines().filter(|line| line.contains('%')).count();
    let compressions = Compression::NAMES
        .into_iter()
        .filter_map(Compression::from_name)
        .count();
    assert_eq!(rows, 2 * compressions + usize::from(cfg!(feature = "kpl")), "{out}");
}

#[test]
fn prices_and_rate_make_the_dollars() {
    let tally = |rate: f64, on_demand_gb: f64| {
        let options = Options {
            rate,
            prices: Prices {
                on_demand_gb,
                ..Prices::default()
            },
            ..Options::default()
        };
        estimate(&made_up(1_000, 100), &options).unwrap()
    };
    let (once, twice) = (tally(10_000.0, 0.08), tally(20_000.0, 0.16));
    for (once, twice) in once.iter().zip(&twice) {
        // Random identifiers compress to this or that.
        assert!((twice.on_demand / once.on_demand - 2.0).abs() < 0.05);
        assert!((twice.shards / once.shards - 2.0).abs() < 0.05);
        assert_eq!(once.tally.records, twice.tally.records);
    }
    let json = once.iter().find(|estimate| estimate.format == Format::Json).unwrap();
    // A record an event: by the number of records 10 shards, and 1 KB each.
    assert_eq!((json.shards, json.tally.on_demand_kb), (10.0, 1_000));
    assert!((json.on_demand - 1e6 / 1_048_576.0 * 0.08).abs() < 1e-9);
}

/// On-demand KB for `events` events of a sample at 100 a flush, and the bytes sent.
fn on_demand_kb(
    mut sample: Sample,
    events: usize,
    format: Format,
    compression: Compression,
    envelope: Envelope,
) -> (u64, u64) {
    let options = Options {
        envelope,
        ..Options::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let bodies = (0..events / 100).map(|_| sample.invocation(100));
    let (sent, tally) = runtime.block_on(estimate::send(bodies, &options, format, compression));
    assert_eq!(sent as usize, events);
    (tally.on_demand_kb, tally.bytes)
}

/// The promises of docs/COST.md, for so many events.
fn assert_promises(events: usize) {
    let (full, lean) = (Envelope::Full, Envelope::Lean);
    let plain = [
        ("ndjson", "none", full, 57.0),
        ("kpl", "none", full, 60.0),
        ("ndjson", "gzip", full, 12.0),
        ("ndjson", "zstd", full, 12.0),
        ("ndjson", "none", lean, 45.0),
    ];
    assert_shares(Sample::new, events, 550.0, &plain);
    // `traceId` and `spanId` are 73 bytes.
    let traced = [
        ("ndjson", "none", full, 65.0),
        ("kpl", "none", full, 67.0),
        ("ndjson", "gzip", full, 12.0),
        ("ndjson", "zstd", full, 12.0),
        ("ndjson", "none", lean, 45.0),
    ];
    assert_shares(Sample::traced, events, 621.0, &traced);
}

/// Each format, compression and envelope, and the most that its on-demand KB may be of those of `json`, in percent.
fn assert_shares(sample: fn(u64) -> Sample, events: usize, bytes: f64, promised: &[(&str, &str, Envelope, f64)]) {
    let (json, sent) = on_demand_kb(sample(1), events, Format::Json, Compression::None, Envelope::Full);
    let line = sent as f64 / events as f64 - 32.0;
    assert!(
        (bytes - 5.0..bytes + 5.0).contains(&line),
        "lines with the full envelope have {bytes} bytes: {line}"
    );
    println!("{events} events of {line:.1} bytes; json: {json} on-demand KB");
    for &(format, compression, envelope, most) in promised {
        let encoding = Format::from_name(format).zip(Compression::from_name(compression));
        let Some((built, compressor)) = encoding else {
            println!("{format} {compression}: not in this build");
            continue;
        };
        let (kb, _) = on_demand_kb(sample(1), events, built, compressor, envelope);
        let share = kb as f64 / json as f64 * 100.0;
        println!("{format} {compression} {envelope:?}: {kb}, {share:.2} %, at most {most} %");
        assert!(
            share <= most,
            "{format} {compression} {envelope:?}: {share:.2} %, at most {most} %"
        );
    }
}

#[test]
fn on_demand_cost_is_what_is_promised() {
    assert_promises(10_000);
}

#[test]
#[ignore = "takes a minute without optimisation; `make test-cost` runs it"]
fn on_demand_cost_is_what_is_promised_over_a_million_events() {
    assert_promises(1_000_000);
}
