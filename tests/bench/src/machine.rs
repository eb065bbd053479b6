//! Description of this machine: figures mean nothing without it.

use std::fs;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// A machine, and how fast it does what signing costs.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its model.
    pub cpu: String,
    /// That can be used.
    pub cores: usize,
    /// In all.
    pub memory_gib: u64,
    /// Its release.
    pub kernel: String,
    /// Its load average of the minute before: over some tenths, others are at work and the figures are worth less.
    pub load: String,
    /// SHA-256 of 1 GB.
    pub sha256: Duration,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kilobytes: Option<u64> = memory.and_then(|memory| memory.strip_suffix("kB")?.trim().parse().ok());
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.into()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kilobytes.unwrap_or(0).div_ceil(1 << 20),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            sha256: sha256_of_a_gigabyte(),
        }
    }
}

fn sha256_of_a_gigabyte() -> Duration {
    let block = vec![0x5a; 1_000_000];
    let begin = Instant::now();
    let mut hash = Sha256::new();
    for _ in 0..1_000 {
        hash.update(&block);
    }
    std::hint::black_box(hash.finalize());
    begin.elapsed()
}
