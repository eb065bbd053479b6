//! Cost of packing and compressing, beside what a machine does with the same bytes at best: copying, hashing, and zstd
//! alone. Packing makes records of lines; the whole way makes them of Lambda's bodies: parse, attribute, route,
//! envelope, pack, put into a sink that keeps nothing.
//!
//! After criterion's report the promise itself is measured: packing plus zstd takes at most 1.5 × zstd alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use forwarder_core::delivery::settings::{LaneSettings, PartitionKey};
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Record, Sink};
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::record::envelope::{Envelope, Resource};
use forwarder_core::record::format::{Compression, Encoding, Format, Packer};
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::Routes;
use forwarder_core::telemetry::sample::Sample;
use forwarder_core::{Forwarder, Settings, Types};
use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, Runtime};

/// Largest ratio of packing plus zstd to zstd alone.
const MOST: f64 = 1.5;

/// Target size of a record, before compression.
const RECORD_BYTES: usize = 256 << 10;

/// Bodies of 500 lines: some 5 MB of lines with their envelope.
const BODIES: u64 = 20;

#[derive(Default)]
struct Memory(Mutex<Vec<Bytes>>);

#[async_trait]
impl Sink for Memory {
    fn limits(&self) -> Limits {
        Limits {
            put_records: 500,
            put_bytes: 10 << 20,
            record_bytes: 10 << 20,
            keyed: true,
        }
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        let data = records.iter().map(|record| record.data.clone());
        self.0.lock().unwrap().extend(data);
        Ok(vec![Outcome::Delivered; records.len()])
    }

    fn renew(&self) {}
}

/// A forwarder with one lane in this encoding, and what its sink gets.
fn forwarder(runtime: &Runtime, format: Format, compression: Compression) -> (Forwarder, Arc<Memory>) {
    let _inside = runtime.enter();
    let memory = Arc::new(Memory::default());
    let lane = LaneSettings {
        name: "kinesis".into(),
        format,
        compression,
        envelope: Envelope::Full,
        partition_key: PartitionKey::Random,
        record_bytes: RECORD_BYTES,
        put_bytes: 1 << 20,
        max_record_bytes: 1 << 20,
        oversize: Oversize::Split,
        fallback: None,
        taken_over_bytes: None,
        max_age: Duration::from_secs(10),
        put_timeout: Duration::from_secs(5),
    };
    let settings = Settings {
        lanes: vec![(lane, memory.clone())],
        routes: Routes::all_to(0),
        types: Types {
            platform: true,
            function: true,
            extension: true,
        },
        redaction: forwarder_core::intake::redact::Redaction::default(),
        resource: Resource::sample(),
        buffer_bytes: 64 << 20,
        spool: SpoolSettings {
            dir: PathBuf::new(),
            max_bytes: 0,
            mode: SpoolMode::Off,
        },
        concurrent: false,
    };
    (Forwarder::start(settings), memory)
}

/// Packs all lines.
fn pack(packer: &mut Packer, lines: &[&[u8]]) {
    for line in lines {
        packer.add(line);
    }
    black_box(packer.finish());
}

fn packer(format: Format, compression: Compression) -> Packer {
    let encoding = Encoding { format, compression };
    Packer::new(encoding, RECORD_BYTES, 1 << 20, &"0".repeat(32))
}

/// Takes all bodies and delivers all lines.
fn whole_way(runtime: &Runtime, forwarder: &Forwarder, memory: &Memory, bodies: &[Vec<u8>]) {
    for body in bodies {
        black_box(forwarder.accept(body));
    }
    let far = tokio::time::Instant::now() + Duration::from_secs(60);
    assert!(runtime.block_on(forwarder.flush(far)));
    memory.0.lock().unwrap().clear();
}

fn zstd_alone(compressor: &mut zstd::bulk::Compressor<'_>, out: &mut Vec<u8>, records: &[Bytes]) {
    for record in records {
        out.clear();
        out.reserve(zstd::zstd_safe::compress_bound(record.len()));
        compressor.compress_to_buffer(record, out).unwrap();
        black_box(&out);
    }
}

fn main() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let mut sample = Sample::new(1);
    let bodies: Vec<_> = (0..BODIES).map(|_| sample.invocation(500)).collect();

    // The very bytes that zstd gets behind the packing.
    let (plain, memory) = forwarder(&runtime, Format::Ndjson, Compression::None);
    bodies.iter().for_each(|body| {
        plain.accept(body);
    });
    let far = tokio::time::Instant::now() + Duration::from_secs(60);
    assert!(runtime.block_on(plain.flush(far)));
    let records = std::mem::take(&mut *memory.0.lock().unwrap());
    let bytes: usize = records.iter().map(Bytes::len).sum();

    let lines: Vec<&[u8]> = records
        .iter()
        .flat_map(|record| record.split_inclusive(|byte| *byte == b'\n'))
        .collect();

    let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
    let mut out = Vec::new();
    let mut packing = packer(Format::Ndjson, Compression::Zstd);
    let (way, way_memory) = forwarder(&runtime, Format::Ndjson, Compression::Zstd);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("packing");
    group.throughput(Throughput::Bytes(bytes as u64)).sample_size(20);
    group.bench_function("memcpy", |bencher| {
        bencher.iter(|| {
            for record in &records {
                out.clear();
                out.extend_from_slice(black_box(record));
                black_box(&out);
            }
        });
    });
    group.bench_function("SHA-256", |bencher| {
        bencher.iter(|| {
            records.iter().for_each(|record| {
                black_box(Sha256::digest(record));
            })
        });
    });
    group.bench_function("zstd alone", |bencher| {
        bencher.iter(|| zstd_alone(&mut compressor, &mut out, &records));
    });
    for (name, format, compression) in [
        ("packing ndjson", Format::Ndjson, Compression::None),
        ("packing kpl", Format::Kpl, Compression::None),
        ("packing ndjson and gzip", Format::Ndjson, Compression::Gzip),
        ("packing ndjson and zstd", Format::Ndjson, Compression::Zstd),
    ] {
        let mut packer = packer(format, compression);
        group.bench_function(name, |bencher| bencher.iter(|| pack(&mut packer, &lines)));
    }
    for (name, compression) in [
        ("the whole way", Compression::None),
        ("the whole way and zstd", Compression::Zstd),
    ] {
        let (forwarder, memory) = forwarder(&runtime, Format::Ndjson, compression);
        group.bench_function(name, |bencher| {
            bencher.iter(|| whole_way(&runtime, &forwarder, &memory, &bodies));
        });
    }
    group.finish();
    criterion.final_summary();

    // In turns, the best of each: whatever else the machine does meets both.
    let time = |work: &mut dyn FnMut()| {
        let begin = Instant::now();
        work();
        begin.elapsed()
    };
    let (mut alone, mut both, mut all) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..30 {
        alone = alone.min(time(&mut || zstd_alone(&mut compressor, &mut out, &records)));
        both = both.min(time(&mut || pack(&mut packing, &lines)));
        all = all.min(time(&mut || whole_way(&runtime, &way, &way_memory, &bodies)));
    }
    let ratio = |time: Duration| time.as_secs_f64() / alone.as_secs_f64();
    println!("{bytes} bytes of lines: zstd alone takes {alone:.2?}; promised for packing and zstd: {MOST} × that");
    println!(
        "packing and zstd: {both:.2?}, {:.2} ×; the whole way: {all:.2?}, {:.2} ×",
        ratio(both),
        ratio(all)
    );
    assert!(ratio(both) <= MOST, "packing costs too much");
}
