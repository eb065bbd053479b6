//! A forwarder whose sink keeps what it takes, for targets that run all of it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use forwarder_core::delivery::settings::{LaneSettings, PartitionKey};
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Record, Sink};
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::intake::redact::Redaction;
use forwarder_core::record::envelope::{Envelope, Resource};
use forwarder_core::record::format::{Compression, Format};
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::Routes;
use forwarder_core::{Forwarder, Settings, Types};

/// Takes everything.
#[derive(Default)]
pub struct Kept(pub Mutex<Vec<Record>>);

#[async_trait]
impl Sink for Kept {
    fn limits(&self) -> Limits {
        Limits {
            put_records: 500,
            put_bytes: 1 << 20,
            record_bytes: 1 << 20,
            keyed: true,
        }
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        self.0.lock().unwrap().extend_from_slice(records);
        Ok(vec![Outcome::Delivered; records.len()])
    }

    fn renew(&self) {}
}

/// To be called inside a runtime. `spool`: what an earlier process may have left.
pub fn forwarder(spool: Option<PathBuf>) -> (Forwarder, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let lane = LaneSettings {
        name: "kinesis".into(),
        format: Format::Ndjson,
        compression: Compression::None,
        envelope: Envelope::Full,
        partition_key: PartitionKey::Random,
        record_bytes: 25_000,
        put_bytes: 1 << 20,
        max_record_bytes: 1 << 20,
        oversize: Oversize::Split,
        fallback: None,
        taken_over_bytes: None,
        max_age: Duration::from_secs(1),
        put_timeout: Duration::from_secs(5),
    };
    let forwarder = Forwarder::start(Settings {
        lanes: vec![(lane, Arc::clone(&kept) as Arc<dyn Sink>)],
        routes: Routes::all_to(0),
        types: Types {
            function: true,
            platform: true,
            extension: true,
        },
        redaction: Redaction::default(),
        resource: Resource::default(),
        buffer_bytes: 8 << 20,
        spool: SpoolSettings {
            mode: if spool.is_some() {
                SpoolMode::Overflow
            } else {
                SpoolMode::Off
            },
            dir: spool.unwrap_or_default(),
            max_bytes: 8 << 20,
        },
        concurrent: false,
    });
    (forwarder, kept)
}

/// One thread, as the extension has.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}
