//! All of it at once, with the least that Lambda gives: 128 MB, a fourteenth of a CPU, few descriptors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use end_to_end::binaries;
use end_to_end::groups::Group;
use end_to_end::post::subscribed_path;
use end_to_end::process::Extension;
use end_to_end::world::*;
use end_to_end::wrapped::Wrapped;
use local_lambda::LocalLambda;

use super::attack::Attack;

const MIB: u64 = 1024 * 1024;

/// Seconds of the storm: `STORM_SECONDS`. At night it is 60.
fn length() -> Duration {
    let seconds = std::env::var("STORM_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(6))
}

/// One kind of attack, again and again.
async fn attack(kind: usize, port: u16, ends: Arc<AtomicBool>) {
    let path = subscribed_path(port);
    let garbage = vec![0xff; 20_000];
    let ones = format!("[{}1]", "1,".repeat(500_000));
    let mut held = Vec::new();
    while !ends.load(Ordering::Relaxed) {
        let Some(mut attack) = Attack::connect(port).await else {
            continue;
        };
        match kind {
            // Connections that say nothing.
            0 => {}
            1 => {
                let head = [b"POST / HTTP/1.1\r\nx: ".as_slice(), &vec![b'x'; 390_000]].concat();
                attack.send(&head).await;
            }
            2 => {
                attack.begin("/", 15_900_000).await;
                attack.send(ones.as_bytes()).await;
            }
            3 => {
                attack
                    .send(b"GET /latest/meta-data HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n[]")
                    .await;
                attack.status().await;
            }
            4 => {
                attack.send(&garbage).await;
            }
            // A body that never comes, to Lambda's own path: a leak of the path is not the end.
            _ => {
                attack.begin(&path, 1_000_000).await;
                attack.send(b"[{").await;
            }
        }
        held.push(attack);
        if held.len() >= 400 {
            held.clear();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_128_mb_and_a_fourteenth_of_a_cpu_every_line_of_lambdas_arrives() {
    for descriptors in [64, 1_024] {
        let Some(group) = Group::new(128 * MIB, Some(1.0 / 14.0)) else {
            return;
        };
        let kinesis = kinesis().await;
        let port = free_port();
        let wrapped = Wrapped::new(&format!("{}ulimit -n {descriptors}", group.joining()));
        let builder = LocalLambda::builder()
            .function(binaries::test_function())
            .extension(wrapped.path())
            .memory_mb(128)
            .timeout(Duration::from_secs(60))
            .init_timeout(Duration::from_secs(60))
            .freeze(false)
            .extension_env("AWS_ENDPOINT_URL_KINESIS", kinesis.endpoint())
            .extension_env("FORWARDER_TELEMETRY__PORT", port.to_string())
            .extension_env("FORWARDER_SPOOL__DIR", spool_dir(port))
            .extension_env("FORWARDER_SINKS__KINESIS__STREAM", STREAM);
        let lambda = builder.start().await.unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let attackers: Vec<_> = (0..6)
            .map(|kind| tokio::spawn(attack(kind, port, Arc::clone(&ends))))
            .collect();
        let begin = Instant::now();
        let (mut slowest, mut invocations) = (Duration::ZERO, 0);
        while begin.elapsed() < length() {
            let invocation = lambda.invoke(r#"{"lines":3}"#).await.unwrap();
            assert!(invocation.succeeded(), "{descriptors}: {invocation:?}");
            slowest = slowest.max(invocation.added);
            invocations += 1;
        }
        let peak = Extension::of(&lambda).unwrap().peak_memory().unwrap();
        ends.store(true, Ordering::Relaxed);
        for attacker in attackers {
            attacker.await.unwrap();
        }
        let report = lambda.shutdown("spindown", Duration::from_secs(10)).await.unwrap();
        eprintln!(
            "{descriptors} descriptors: {} invocations in {:?}, at most {slowest:?} added, peak {} KiB",
            invocations,
            begin.elapsed(),
            peak / 1024
        );
        assert!(report.clean(), "{descriptors}: {report:?}");
        assert!(slowest < Duration::from_secs(5), "{descriptors}: {slowest:?}");
        assert!(peak <= 64 * MIB, "{descriptors}: {} MiB", peak / MIB);
        let found = Found::in_stream(&kinesis, STREAM).await;
        found.assert_balances(&lambda, &["platform", "function"]);
    }
}

#[test]
fn a_group_of_either_version_has_both_limits() {
    let root = std::env::temp_dir().join(format!("forwarder-groups-{}", std::process::id()));
    for version in [1, 2] {
        for folder in ["", "memory", "cpu"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        if version == 2 {
            std::fs::write(root.join("cgroup.controllers"), "cpu memory\n").unwrap();
        }
        let group = Group::make_in(&root, "g", 128 * MIB, Some(1.0 / 14.0)).unwrap();
        let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap_or_default();
        let joining = group.joining();
        if version == 2 {
            assert_eq!(read("cgroup.subtree_control"), "+memory +cpu");
            assert_eq!(read("g/memory.max"), "134217728");
            assert_eq!(read("g/memory.swap.max"), "0");
            assert_eq!(read("g/cpu.max"), "7142 100000");
            assert_eq!(joining, format!("echo $$ > {}/g/cgroup.procs\n", root.display()));
        } else {
            assert_eq!(read("memory/g/memory.limit_in_bytes"), "134217728");
            assert_eq!(read("cpu/g/cpu.cfs_period_us"), "100000");
            assert_eq!(read("cpu/g/cpu.cfs_quota_us"), "7142");
            assert_eq!(joining.lines().count(), 2, "{joining}");
        }
        std::fs::remove_dir_all(&root).unwrap();
    }
}
