//! Everything goes wrong at once: a hundred thousand events through each kind of fault.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use end_to_end::groups::{self, Group};
use end_to_end::numbers::Numbers;
use end_to_end::post::{Poster, function_lines};
use end_to_end::process::{Extension, start_again};
use end_to_end::world::*;
use local_kinesis::{CallError, Fault, LocalKinesis, RecordError};
use local_lambda::LocalLambda;
use reader::decode::Standing;

const BATCHES: usize = 100;
const EVENTS: usize = BATCHES * 1_000;

/// An extension with a buffer of 64 MiB before a stream without throttling, and a hundred thousand events posted as fast
/// as they are taken. `fault` happens meanwhile; then all is well until the end.
async fn through<F: AsyncFnOnce(&LocalKinesis, &LocalLambda)>(fault: F) -> (Found, Numbers) {
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let post = async {
        let mut poster = Poster::connect(port).await;
        for batch in 0..BATCHES {
            assert_eq!(poster.post("/", function_lines(batch * 1_000, 1_000, 200)).await, 200);
        }
    };
    tokio::join!(post, fault(&kinesis, &lambda));
    kinesis.clear_faults();
    // What is left at the end is what a healthy sink takes in a second.
    let delivered = kinesis
        .wait_for_counts(STREAM, PATIENCE, |counts| counts.stored.data_bytes > 45_000_000)
        .await;
    delivered.expect("after the fault the lines are delivered");
    let report = lambda.shutdown("spindown", Duration::from_secs(10)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let found = Found::in_stream(&kinesis, STREAM).await;
    let numbers = Numbers::of(&found, EVENTS);
    numbers.assert_complete();
    for life in &found.lives {
        assert_eq!((life.standing, life.announced), (Standing::Complete, 0), "{life:?}");
    }
    (found, numbers)
}

#[tokio::test]
async fn a_third_of_the_records_refused() {
    let refuse = async |kinesis: &LocalKinesis, _: &LocalLambda| {
        kinesis.set_fault(Fault::refuse_share(0.15, RecordError::Throttled));
        kinesis.add_fault(Fault::refuse_share(0.15, RecordError::Internal));
        let some = kinesis
            .wait_for_counts(STREAM, PATIENCE, |counts| counts.records_refused > 500)
            .await;
        some.expect("records are refused");
    };
    let (_, numbers) = through(refuse).await;
    assert!(numbers.repeats() < EVENTS / 100, "{} repeats", numbers.repeats());
}

#[tokio::test]
async fn five_seconds_of_connections_refused() {
    through(async |kinesis: &LocalKinesis, _: &LocalLambda| {
        kinesis.stop().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        kinesis.start().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn five_seconds_of_http_500() {
    through(async |kinesis: &LocalKinesis, _: &LocalLambda| {
        kinesis.set_fault(Fault::fail(CallError::internal_failure()));
        tokio::time::sleep(Duration::from_secs(5)).await;
    })
    .await;
}

#[tokio::test]
async fn http_503_429_expired_tokens_and_a_throttled_key() {
    through(async |kinesis: &LocalKinesis, _: &LocalLambda| {
        for error in [
            CallError::service_unavailable(),
            CallError::throttling(),
            CallError::expired_token(),
            CallError::kms_throttling(),
        ] {
            kinesis.set_fault(Fault::fail(error));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn connections_that_break_in_the_middle_and_answers_that_come_late_or_never() {
    through(async |kinesis: &LocalKinesis, _: &LocalLambda| {
        kinesis.set_fault(Fault::reset().for_share(0.2));
        kinesis.add_fault(Fault::reset().after_storing().for_share(0.1));
        kinesis.add_fault(Fault::silence().for_next(1));
        kinesis.add_fault(Fault::delay(Duration::from_secs(3)).for_next(1));
        tokio::time::sleep(Duration::from_secs(12)).await;
    })
    .await;
}

#[tokio::test]
async fn six_freezes_with_the_connections_closed_meanwhile() {
    let freeze = async |kinesis: &LocalKinesis, lambda: &LocalLambda| {
        let extension = Extension::of(lambda).unwrap();
        for _ in 0..6 {
            extension.signal("STOP");
            kinesis.close_idle_connections();
            tokio::time::sleep(Duration::from_secs(2)).await;
            extension.signal("CONT");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    through(freeze).await;
}

#[tokio::test]
async fn permissions_and_streams_come_back() {
    let kinesis = kinesis().await;
    kinesis.set_fault(Fault::fail(CallError::access_denied()));
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    Poster::connect(port).await.post("/", function_lines(0, 100, 200)).await;
    let denied = kinesis
        .wait_for_counts(STREAM, PATIENCE, |counts| counts.calls_failed > 0)
        .await;
    denied.expect("the put is denied");
    kinesis.clear_faults();
    let report = lambda.shutdown("spindown", Duration::from_secs(2)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let found = Found::in_stream(&kinesis, STREAM).await;
    Numbers::of(&found, 100).assert_complete();
    let log = extension_log(&lambda);
    assert_eq!(
        log.iter().filter(|line| line.contains("sink_fails")).count(),
        1,
        "said once: {log:#?}"
    );
    assert!(log.iter().any(|line| line.contains("access_denied")), "{log:#?}");
}

/// With 128 MB, and Kinesis gone: more than buffer and spool hold.
async fn overwhelmed(reason: &str) -> (LocalKinesis, LocalLambda) {
    let kinesis = kinesis().await;
    kinesis.stop().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let builder = builder
        .memory_mb(128)
        .freeze(false)
        .extension_env("FORWARDER_SPOOL__MAX_BYTES", "16MiB");
    let lambda = builder.start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    let mut poster = Poster::connect(port).await;
    for batch in 0..BATCHES {
        assert_eq!(poster.post("/", function_lines(batch * 1_000, 1_000, 200)).await, 200);
    }
    let peak = Extension::of(&lambda).expect("it is alive").peak_memory().unwrap();
    assert!(peak < 48 * 1024 * 1024, "with a buffer of 8 MiB it took {peak} bytes");
    let report = lambda.shutdown(reason, Duration::from_secs(2)).await.unwrap();
    assert!(report.clean(), "it leaves in time with exit 0: {report:?}");
    (kinesis, lambda)
}

#[tokio::test]
async fn after_a_time_out_the_next_life_delivers_what_is_not_announced_as_dropped() {
    let (kinesis, lambda) = overwhelmed("timeout").await;
    kinesis.start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    let proven = |records: &[local_kinesis::StoredRecord]| {
        let found = Found::in_records(records.iter().map(|record| record.data.as_ref()));
        found
            .lives
            .iter()
            .any(|life| life.standing == Standing::Complete && life.events > 10_000)
    };
    kinesis
        .wait_for_records(STREAM, PATIENCE, proven)
        .await
        .expect("the first life is proven by the second");
    lambda.shutdown("spindown", Duration::from_secs(2)).await.unwrap();
    let found = Found::in_stream(&kinesis, STREAM).await;
    let missing = Numbers::of(&found, EVENTS).missing().len() as u64;
    let announced: u64 = found.lives.iter().map(|life| life.announced).sum();
    assert!(
        found.lives.iter().all(|life| life.standing == Standing::Complete),
        "{:?}",
        found.lives
    );
    assert!(
        missing > 0 && missing <= announced,
        "{missing} missing, {announced} announced"
    );
}

#[tokio::test]
async fn at_the_end_of_the_environment_stderr_names_what_was_dropped() {
    let (_, lambda) = overwhelmed("spindown").await;
    let log = extension_log(&lambda);
    let dropped: Vec<_> = log
        .iter()
        .filter(|line| line.contains(r#""event":"dropped""#))
        .collect();
    assert!(dropped.iter().any(|line| line.contains("buffer_full")), "{log:#?}");
    assert!(
        dropped.iter().any(|line| line.contains(r#""reason":"shutdown""#)),
        "{log:#?}"
    );
    let lines: u64 = dropped
        .iter()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["lines"]
                .as_u64()
                .unwrap()
        })
        .sum();
    assert!(lines >= EVENTS as u64, "{lines}");
}

#[tokio::test]
async fn under_always_sigkill_loses_nothing_that_lambda_got_an_answer_for() {
    let kinesis = kinesis().await;
    // Slow enough that there is always something in flight or waiting.
    kinesis.set_fault(Fault::delay(Duration::from_millis(20)));
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let builder = builder.freeze(false).extension_env("FORWARDER_SPOOL__MODE", "always");
    let lambda = builder.start().await.unwrap();
    let (mut number, mut acknowledged) = (0, Vec::new());
    for kill in 0..8 {
        start_again(&lambda).await;
        let mut poster = Poster::connect(port).await;
        let extension = Extension::of(&lambda).unwrap();
        // Killed while posts go on, after so many answers. In all no more than the spool holds: what does not fit on disk is
        // in memory only.
        let mut killer = None;
        for post in 0..60 {
            if post == 4 + 4 * kill {
                killer = Some(tokio::task::spawn_blocking(move || extension.signal("KILL")));
            }
            let posted = poster.try_post("/", function_lines(number, 200, 200)).await;
            number += 200;
            match posted {
                Ok(status) => assert_eq!(status, 200),
                Err(_) => break,
            }
            acknowledged.extend(number - 200..number);
        }
        // What was posted in the moment of the kill may have been taken or not: Lambda had no answer.
        killer.expect("the kill came before the last post").await.unwrap();
    }
    kinesis.clear_faults();
    start_again(&lambda).await;
    let mut poster = Poster::connect(port).await;
    assert_eq!(poster.post("/", function_lines(number, 200, 200)).await, 200);
    number += 200;
    let report = lambda.shutdown("spindown", Duration::from_secs(10)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    assert!(acknowledged.len() > 10_000, "{}", acknowledged.len());
    let found = Found::in_stream(&kinesis, STREAM).await;
    let missing: BTreeSet<_> = Numbers::of(&found, number).missing().into_iter().collect();
    let lost = acknowledged.iter().filter(|number| missing.contains(number)).count();
    assert_eq!(lost, 0, "of {} lines that Lambda got an answer for", acknowledged.len());
    assert!(
        found.lives.iter().all(|life| life.standing != Standing::Lost),
        "{:?}",
        found.lives
    );
}

#[tokio::test]
async fn a_line_of_two_megabytes_arrives_in_parts_and_joins_to_the_same_bytes() {
    use reader::decode::{Joined, Joiner, decode};
    let kinesis = kinesis().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.freeze(false).start().await.unwrap();
    let record = format!("\"{}\"", "caf\\u00e9 \\\"x\\\" ".repeat(140_000));
    let body = format!(r#"[{{"time":"t","type":"function","record":{record}}}]"#);
    assert_eq!(Poster::connect(port).await.post("/", body).await, 200);
    lambda.shutdown("spindown", Duration::from_secs(5)).await.unwrap();
    let records = kinesis.read_all(STREAM).await.unwrap();
    let mut joiner = Joiner::default();
    let mut joined = Vec::new();
    for record in &records {
        for line in decode(&record.data).unwrap().lines() {
            if let Joined::Line(line) = joiner.take(line.0) {
                joined.push(line);
            }
        }
    }
    assert_eq!(joined.len(), 1);
    assert!(joined[0].contains(&format!(r#""record":{record},"#)), "byte for byte");
    Found::in_stream(&kinesis, STREAM).await.assert_proven();
}

/// A file system of so many bytes, until it is dropped. `None` where nobody may mount one.
struct TinyDisk(String);

impl TinyDisk {
    fn new(bytes: usize) -> Option<Self> {
        let path = std::env::temp_dir().join(format!("forwarder-disk-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let path = path.to_string_lossy().into_owned();
        let size = format!("size={bytes},mode=0700");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs", &path])
            .output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Self(path))
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[tokio::test]
async fn a_full_disk_means_memory_only_and_one_warning() {
    let Some(disk) = TinyDisk::new(1024 * 1024) else {
        groups::skip("mounts", "a file system cannot be mounted here");
        return;
    };
    let kinesis = kinesis().await;
    kinesis.set_fault(Fault::fail(CallError::service_unavailable()));
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let spool = format!("{}/spool", disk.0);
    let builder = builder
        .freeze(false)
        .extension_env("FORWARDER_SPOOL__DIR", spool)
        .extension_env("FORWARDER_SPOOL__MODE", "always");
    let lambda = builder.start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    // The spool is not where a test looks for the path.
    let path = lambda.subscriptions()[0].path.clone();
    let mut poster = Poster::connect(port).await;
    for batch in 0..20 {
        assert_eq!(poster.post(&path, function_lines(batch * 1_000, 1_000, 200)).await, 200);
    }
    kinesis.clear_faults();
    let report = lambda.shutdown("spindown", Duration::from_secs(10)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let found = Found::in_stream(&kinesis, STREAM).await;
    Numbers::of(&found, 20_000).assert_complete();
    let log = extension_log(&lambda);
    assert_eq!(
        log.iter().filter(|line| line.contains("spool_unusable")).count(),
        1,
        "{log:#?}"
    );
}

#[tokio::test]
async fn with_64_mb_of_memory_it_lives() {
    let Some(group) = Group::new(64 * 1024 * 1024, None) else {
        return;
    };
    let kinesis = kinesis().await;
    kinesis.stop().await;
    let (builder, port) = lambda_to_kinesis(&kinesis);
    let lambda = builder.memory_mb(128).freeze(false).start().await.unwrap();
    lambda.invoke("{}").await.unwrap();
    let pid = Extension::of(&lambda).unwrap().pid;
    group.take(pid);
    let mut poster = Poster::connect(port).await;
    for batch in 0..BATCHES {
        assert_eq!(poster.post("/", function_lines(batch * 1_000, 1_000, 200)).await, 200);
    }
    assert_eq!(
        Extension::of(&lambda).map(|extension| extension.pid),
        Some(pid),
        "it was not killed"
    );
    kinesis.start().await.unwrap();
    let report = lambda.shutdown("spindown", Duration::from_secs(10)).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let found = Found::in_stream(&kinesis, STREAM).await;
    let missing = Numbers::of(&found, EVENTS).missing().len() as u64;
    let announced: u64 = found.lives.iter().map(|life| life.announced).sum();
    assert!(missing <= announced, "{missing} missing, {announced} announced");
}
