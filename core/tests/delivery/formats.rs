//! Content of records under each format and compression, and that no put passes a limit.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forwarder_core::delivery::settings::PartitionKey;
use forwarder_core::delivery::sink::{Limits, Reason, Sink};
use forwarder_core::record::format::{Compression, Format};
use forwarder_core::telemetry::sample::Sample;
use proptest::prelude::*;
use reader::decode::{Standing, decode};

use crate::world::*;

/// Every format with every compression that a configuration may join them with.
pub const ENCODINGS: [(Format, Compression); 7] = [
    (Format::Ndjson, Compression::None),
    (Format::Json, Compression::None),
    (Format::Kpl, Compression::None),
    (Format::Ndjson, Compression::Gzip),
    (Format::Ndjson, Compression::Zstd),
    (Format::Json, Compression::Gzip),
    (Format::Json, Compression::Zstd),
];

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const KPL: &[u8] = &[0xf3, 0x89, 0x9a, 0xc2];

#[tokio::test(start_paused = true)]
async fn everything_comes_back_from_every_format_in_order_and_proven() {
    for (format, compression) in ENCODINGS {
        let sink = Scripted::new([]);
        let forwarder = forwarder_with(&sink, |settings| {
            settings.lanes[0].0.format = format;
            settings.lanes[0].0.compression = compression;
        });
        forwarder.accept(&Sample::new(7).invocation(300));
        forwarder.close(soon(), false).await;
        let events = sink.events();
        assert_eq!(events.len(), 301, "{format:?} {compression:?}");
        let seqs: Vec<_> = events
            .iter()
            .map(|line| line["forwarder"]["seq"].as_u64().unwrap())
            .collect();
        assert!(seqs.is_sorted(), "{format:?} {compression:?}: {seqs:?}");
        assert_eq!(
            sink.verdict().standing,
            Standing::Complete,
            "{format:?} {compression:?}"
        );
        let taken = sink.taken.lock().unwrap();
        let magic: &[u8] = match (format, compression) {
            (_, Compression::Gzip) => GZIP,
            (_, Compression::Zstd) => ZSTD,
            (Format::Kpl, _) => KPL,
            _ => b"{",
        };
        assert!(taken[0].data.starts_with(magic), "{format:?} {compression:?}");
        let bytes: usize = taken.iter().map(|record| record.size()).sum();
        assert_eq!(forwarder.stats().1[0].bytes, bytes as u64, "{format:?} {compression:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kpl_record_names_the_key_it_goes_under_also_when_it_is_put_again() {
    for (partition_key, digits) in [(PartitionKey::Random, 32), (PartitionKey::Instance, 16)] {
        let sink = Scripted::new([Act::Fail(Reason::Throttled), Act::Refuse(vec![0, 1], Reason::Throttled)]);
        let forwarder = forwarder_with(&sink, |settings| {
            settings.lanes[0].0.format = Format::Kpl;
            settings.lanes[0].0.partition_key = partition_key;
        });
        forwarder.accept(&Sample::new(7).invocation(200));
        forwarder.close(soon(), false).await;
        assert_eq!(sink.verdict().standing, Standing::Complete);
        let puts = sink.puts.lock().unwrap().clone();
        let mut keys = BTreeSet::new();
        // The final report is a lone event, which goes bare.
        for record in puts.iter().flatten().filter(|record| !record.data.starts_with(b"{")) {
            assert_eq!(record.key.len(), digits);
            // The table of keys comes first: its tag, the length, the key.
            let inside = [KPL, &[0x0a, digits as u8], record.key.as_bytes()].concat();
            assert!(
                record.data.starts_with(&inside),
                "another key inside: {:?}",
                &record.data[..40]
            );
            keys.insert(record.key.clone());
        }
        let records = puts
            .iter()
            .flatten()
            .filter(|record| !record.data.starts_with(b"{"))
            .count();
        let expected = if partition_key == PartitionKey::Random {
            records
        } else {
            1
        };
        assert_eq!(keys.len(), expected, "keys of {records} records in {} puts", puts.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_event_is_no_aggregate() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| settings.lanes[0].0.format = Format::Kpl);
    forwarder.accept(&lines(0, 1, 30));
    forwarder.flush(soon()).await;
    let taken = sink.taken.lock().unwrap();
    assert!(taken[0].data.starts_with(b"{") && taken[0].data.ends_with(b"}\n"));
}

#[tokio::test(start_paused = true)]
async fn records_are_filled_up_to_what_they_aim_at() {
    for (format, compression, target, least) in [
        (Format::Ndjson, Compression::None, 25_000, 24_400),
        (Format::Kpl, Compression::None, 25_000, 24_200),
        (Format::Ndjson, Compression::Zstd, 262_144, 20_000),
    ] {
        let sink = Scripted::new([]);
        let forwarder = forwarder_with(&sink, |settings| {
            settings.lanes[0].0.format = format;
            settings.lanes[0].0.compression = compression;
            settings.lanes[0].0.record_bytes = target;
        });
        forwarder.accept(&Sample::new(7).invocation(4_000));
        forwarder.close(soon(), false).await;
        let taken = sink.taken.lock().unwrap();
        // The last of the events, and the final report, are what is left over.
        let full = &taken[..taken.len() - 2];
        assert!(full.len() > 3);
        for record in full {
            let lines: usize = decode(&record.data).unwrap().lines().map(|line| line.0.len() + 1).sum();
            assert!(
                record.size() <= target && record.size() >= least,
                "{format:?}: {}",
                record.size()
            );
            assert!(
                compression == Compression::None || (target - 600..=target).contains(&lines),
                "{lines}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_of_compressed_records_is_filled_by_what_they_are_compressed_to() {
    let sink = Scripted::new([]);
    let forwarder = forwarder_with(&sink, |settings| {
        settings.lanes[0].0.compression = Compression::Zstd;
        settings.lanes[0].0.record_bytes = 262_144;
    });
    for seed in 0..6 {
        forwarder.accept(&Sample::new(seed).invocation(1_000));
    }
    forwarder.close(soon(), false).await;
    let sizes = sink.sizes();
    assert!(
        sizes[0].len() > 4 && sizes[0].iter().sum::<usize>() < 400_000,
        "3 MB of lines in 256 KiB each are some 40 KB each: {sizes:?}"
    );
}

/// Lines that cannot be compressed well: printable noise.
fn noise(lengths: &[usize], seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut body = String::from("[");
    for (index, &length) in lengths.iter().enumerate() {
        let mut bytes = vec![0; length];
        random.fill(&mut bytes);
        let mut text = STANDARD.encode(&bytes);
        text.truncate(length);
        let comma = if index == 0 { "" } else { "," };
        body.push_str(&format!(r#"{comma}{{"type":"function","record":"{text}"}}"#));
    }
    body.push(']');
    body.into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// The receiver refuses what AWS refuses (`Scripted` with `strict`); it never has to, whatever is sent.
    #[test]
    fn no_put_ever_passes_a_limit(
        encoding in 0..ENCODINGS.len(),
        keyed in any::<bool>(),
        instance in any::<bool>(),
        record_bytes in prop_oneof![1_024_usize..3_000, 1_024_usize..60_000],
        more_record in prop_oneof![Just(0_usize), 0_usize..60_000],
        // Often so little that calls are filled to their last bytes.
        more_put in prop_oneof![0_usize..2_000, 0_usize..200_000],
        put_records in 1_usize..40,
        lengths in prop::collection::vec(prop_oneof![3 => 1_usize..300, 1 => 1_usize..5_000, 1 => 1_usize..70_000], 1..200),
        seed in any::<u64>(),
    ) {
        let (format, compression) = ENCODINGS[encoding];
        let max_record_bytes = record_bytes.max(4_096) + more_record;
        let limits = Limits { put_records, put_bytes: max_record_bytes + more_put, record_bytes: max_record_bytes, keyed };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let scripted = Scripted::with_limits(limits, []);
            scripted.refuse_as_aws_does();
            let sink: Arc<dyn Sink> = scripted.clone();
            let mut lane = lane("kinesis");
            lane.format = format;
            lane.compression = compression;
            lane.partition_key = if instance { PartitionKey::Instance } else { PartitionKey::Random };
            lane.record_bytes = record_bytes;
            lane.max_record_bytes = max_record_bytes;
            lane.put_bytes = limits.put_bytes;
            let forwarder = forwarder_core::Forwarder::start(settings(
                vec![(lane, sink)],
                forwarder_core::route::Routes::all_to(0),
            ));
            forwarder.accept(&noise(&lengths, seed));
            let left = forwarder.close(soon(), false).await;
            assert!(left.is_empty(), "{left:?}");
            assert_eq!(scripted.refused_calls(), 0, "{:?}", scripted.sizes());
            let stats = forwarder.stats().1[0];
            assert_eq!(stats.delivered + stats.dropped_total(), stats.accepted);
            // Only what fits into no record is given up, and that is announced.
            assert_eq!(stats.dropped_total(), stats.dropped[1]);
            let verdict = scripted.verdict();
            assert_ne!(verdict.standing, Standing::Lost);
            assert_eq!((verdict.repeats, verdict.announced), (0, stats.dropped_total()));
        });
    }
}
