//! A panic in each task in turn: all that was accepted arrives.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::delivery::settings::PartitionKey;
use crate::delivery::sink::{Failure, Limits, Outcome, Record};
use crate::delivery::spool::SpoolMode;
use crate::panics::{is_killed, kill};
use crate::record::envelope::Envelope;
use crate::record::format::{Compression, Format};
use crate::record::oversize::Oversize;

#[derive(Default)]
struct Memory(Mutex<Vec<u8>>);

#[async_trait]
impl Sink for Memory {
    fn limits(&self) -> Limits {
        Limits {
            put_records: 500,
            put_bytes: 1 << 20,
            record_bytes: 1 << 20,
            keyed: true,
        }
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        for record in records {
            self.0.lock().unwrap().extend_from_slice(&record.data);
        }
        Ok(vec![Outcome::Delivered; records.len()])
    }

    fn renew(&self) {}
}

fn forwarder(sink: &Arc<Memory>) -> Forwarder {
    let lane = LaneSettings {
        name: "kinesis".into(),
        format: Format::Ndjson,
        compression: Compression::None,
        envelope: Envelope::Lean,
        partition_key: PartitionKey::Random,
        record_bytes: 25_000,
        put_bytes: 1 << 20,
        max_record_bytes: 1 << 20,
        oversize: Oversize::Split,
        fallback: None,
        taken_over_bytes: None,
        max_age: Duration::from_secs(10),
        put_timeout: Duration::from_secs(5),
    };
    Forwarder::start(Settings {
        lanes: vec![(lane, Arc::clone(sink) as Arc<dyn Sink>)],
        routes: Routes::parse("function keep=failed -> kinesis; * -> kinesis", &["kinesis"]).unwrap(),
        types: Types {
            platform: true,
            function: true,
            extension: true,
        },
        redaction: Redaction::default(),
        resource: Resource::default(),
        buffer_bytes: 8 << 20,
        spool: SpoolSettings {
            dir: PathBuf::new(),
            max_bytes: 0,
            mode: SpoolMode::Off,
        },
        concurrent: false,
    })
}

#[tokio::test(start_paused = true)]
async fn each_task_may_panic_and_runs_again() {
    for task in ["worker", "wait_limit"] {
        let sink = Arc::new(Memory::default());
        let forwarder = forwarder(&sink);
        forwarder.run(false);
        kill(task);
        for text in ["first", "second"] {
            let start = r#"{"time":"2026-11-20T09:14:02.820Z","type":"platform.start","record":{"requestId":"a"}}"#;
            let line = format!(r#"{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"{text}"}}"#);
            forwarder.accept(format!("[{start},{line}]").as_bytes());
            // Nothing else comes in: it is for the tasks to let go of them, and to put them.
            tokio::time::sleep(Duration::from_secs(60)).await;
            let sent = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
            assert_eq!(sent.matches(text).count(), 1, "{task}: {sent}");
        }
        assert!(is_killed(task), "{task} did not run");
    }
}
