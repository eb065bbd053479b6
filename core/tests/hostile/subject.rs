//! What is measured: the forwarder as each feature makes it read foreign bytes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::intake::redact::Redaction;
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::Routes;
use forwarder_core::telemetry::batch::Batch;
use forwarder_core::{Forwarder, Settings};
use tokio::runtime::Runtime;

use crate::world::{LIMITS, lane, settings, soon};

/// Folders whose files read foreign bytes, unless they are named below.
pub const FOLDERS: [&str; 3] = ["telemetry", "intake", "route"];

/// Files there that read what a person configures, what other files have read, or nothing.
pub const READS_NOTHING_FOREIGN: [&str; 18] = [
    "telemetry/mod.rs",
    "telemetry/malformed.rs",
    "telemetry/sample.rs",
    "telemetry/snapshot.rs",
    "telemetry/types.rs",
    "telemetry/change.rs",
    "intake/mod.rs",
    "intake/decided.rs",
    "intake/verdict.rs",
    "route/mod.rs",
    "route/lex.rs",
    "route/lint.rs",
    "route/nearest.rs",
    "route/parse.rs",
    "route/router.rs",
    "route/rule.rs",
    "route/sample.rs",
    "telemetry/level/table.rs",
];

/// A way of reading.
pub struct Subject {
    pub name: &'static str,
    /// The files whose cost shows in it.
    pub files: &'static [&'static str],
    way: Way,
}

/// Does the work for a body.
pub type Work = Box<dyn FnMut(&[u8]) -> usize>;

enum Way {
    /// The scanner alone.
    Scan,
    /// A forwarder with these settings takes the body.
    Accept(fn(&mut Settings)),
    /// A body that is the two parts of a record that was cut.
    Cut,
    /// What is on disk is read again by the next process.
    Spool,
}

pub const SUBJECTS: [Subject; 11] = [
    Subject {
        name: "batch scanner",
        files: &[
            "telemetry/batch.rs",
            "telemetry/batch/merge.rs",
            "telemetry/bytes.rs",
            "telemetry/event.rs",
            "telemetry/json/mod.rs",
            "telemetry/json/plain.rs",
        ],
        way: Way::Scan,
    },
    Subject {
        name: "a plain forwarder",
        files: &[
            "telemetry/by_age.rs",
            "telemetry/invocation.rs",
            "telemetry/requests.rs",
            "telemetry/trace.rs",
            "telemetry/json/text.rs",
        ],
        way: Way::Accept(|_| {}),
    },
    Subject {
        name: "masks",
        files: &[
            "intake/redact/mod.rs",
            "intake/redact/layers.rs",
            "intake/redact/redactor.rs",
            "intake/redact/named/mod.rs",
            "intake/redact/named/account.rs",
            "intake/redact/named/address.rs",
            "intake/redact/named/secret.rs",
        ],
        way: Way::Accept(|settings| {
            let names = [
                "email",
                "ipv4",
                "ipv6",
                "phone",
                "credit_card",
                "iban",
                "aws_access_key",
                "aws_secret_key",
                "jwt",
                "bearer",
            ];
            settings.redaction = Redaction::parse(&names).unwrap();
        }),
    },
    Subject {
        name: "own expressions",
        files: &["route/pattern.rs"],
        way: Way::Accept(|settings| {
            settings.redaction = Redaction::parse(&["/[a-z]+-\\d+/", "/(?i)secret\\S*/"]).unwrap();
            settings.routes = routes("function text~/x{2,3}y|z$/ -> drop; * -> kinesis");
        }),
    },
    Subject {
        name: "levels",
        files: &[
            "telemetry/level.rs",
            "telemetry/levels.rs",
            "telemetry/level/colours.rs",
            "telemetry/level/value.rs",
            "telemetry/level/object.rs",
            "telemetry/level/text.rs",
            "telemetry/level/table/words.rs",
            "telemetry/level/text/shapes.rs",
            "telemetry/level/text/words.rs",
        ],
        way: Way::Accept(|settings| settings.routes = routes("function level>=fatal -> drop; * -> kinesis")),
    },
    Subject {
        name: "members of JSON",
        files: &[
            "route/field.rs",
            "route/look.rs",
            "route/predicate.rs",
            "telemetry/json/skim.rs",
        ],
        way: Way::Accept(|settings| {
            settings.routes = routes("function record.a.a.b=1 -> drop; function record.zz=2 -> drop; * -> kinesis");
        }),
    },
    Subject {
        name: "keep",
        files: &["intake/hold.rs", "route/keep.rs"],
        way: Way::Accept(|settings| settings.routes = routes("function keep=failed -> kinesis; * -> kinesis")),
    },
    Subject {
        name: "rows of invocations",
        files: &["intake/rows/mod.rs", "intake/rows/row.rs", "intake/repeats.rs"],
        way: Way::Accept(|settings| {
            settings.routes = routes("forwarder.invocation -> kinesis; * -> kinesis");
            settings.concurrent = true;
        }),
    },
    Subject {
        name: "a record that was cut",
        files: &["telemetry/halves.rs"],
        way: Way::Cut,
    },
    Subject {
        name: "lines that are split",
        files: &["record/oversize.rs", "record/own_event.rs", "record/envelope.rs"],
        way: Way::Accept(|settings| {
            settings.lanes[0].0.oversize = Oversize::Split;
            settings.lanes[0].0.max_record_bytes = 3_000;
            settings.lanes[0].0.record_bytes = 3_000;
        }),
    },
    Subject {
        name: "what is on disk",
        files: &[
            "delivery/spool/segment.rs",
            "delivery/spool/found.rs",
            "record/recovered.rs",
        ],
        way: Way::Spool,
    },
];

fn routes(rules: &str) -> Routes {
    Routes::parse(rules, &["kinesis"]).unwrap()
}

/// Takes everything, or nothing.
struct Quiet {
    takes: bool,
}

#[async_trait]
impl Sink for Quiet {
    fn limits(&self) -> Limits {
        LIMITS
    }
    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        match self.takes {
            true => Ok(vec![Outcome::Delivered; records.len()]),
            false => Err(Failure::new(Reason::AccessDenied, "as told")),
        }
    }
    fn renew(&self) {}
}

fn start(change: impl FnOnce(&mut Settings), takes: bool) -> Forwarder {
    let sink = Arc::new(Quiet { takes });
    let mut settings = settings(vec![(lane("kinesis"), sink)], Routes::all_to(0));
    change(&mut settings);
    Forwarder::start(settings)
}

impl Subject {
    /// Makes ready what is not measured. What is returned does the work.
    pub fn prepare(&self) -> Work {
        if matches!(self.way, Way::Scan) {
            return Box::new(|body| Batch::new(body).count());
        }
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        match self.way {
            Way::Accept(change) => accept(runtime, change),
            Way::Cut => Box::new(move |body| {
                let forwarder = runtime.block_on(async { start(|_| {}, true) });
                for part in halves(body) {
                    forwarder.accept(&part);
                }
                runtime.block_on(forwarder.close(soon(), false)).len()
            }),
            Way::Spool | Way::Scan => spool(runtime),
        }
    }
}

fn accept(runtime: Runtime, change: fn(&mut Settings)) -> Work {
    let forwarder = runtime.block_on(async { start(change, true) });
    Box::new(move |body| {
        forwarder.accept(body);
        runtime.block_on(forwarder.close(soon(), false)).len()
    })
}

/// A body, cut in three within its record as Lambda cuts.
fn halves(body: &[u8]) -> Vec<Vec<u8>> {
    let header = br#"[{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"#;
    let Some(rest) = body.strip_prefix(header.as_slice()) else {
        return vec![body.to_vec()];
    };
    let third = rest.len() / 3;
    vec![
        [header, &rest[..third], b"}]"].concat(),
        [header, &rest[third..2 * third], b"}]"].concat(),
        [header, &rest[2 * third..]].concat(),
    ]
}

/// Writes to disk what the sink does not take, and reads it again in the next process.
fn spool(runtime: Runtime) -> Work {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir: PathBuf = std::env::temp_dir().join(format!("forwarder-hostile-{}-{number}", std::process::id()));
    Box::new(move |body| {
        let dir = &dir;
        let on_disk = |settings: &mut Settings| {
            settings.spool = SpoolSettings {
                dir: dir.clone(),
                max_bytes: 64 << 20,
                mode: SpoolMode::Always,
            };
        };
        let undelivered = runtime.block_on(async {
            let first = start(on_disk, false);
            first.accept(body);
            first.close(soon(), true).await;
            drop(first);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            let second = start(on_disk, true);
            second.recover().await;
            second.close(soon(), false).await
        });
        let _ = std::fs::remove_dir_all(dir);
        undelivered.len()
    })
}
