//! A forwarder before scripted sinks, in simulated time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use forwarder_core::delivery::settings::{LaneSettings, PartitionKey};
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};
use forwarder_core::delivery::spool::{SpoolMode, SpoolSettings};
use forwarder_core::intake::redact::Redaction;
use forwarder_core::record::envelope::{Envelope, Resource};
use forwarder_core::record::format::{Compression, Format};
use forwarder_core::record::oversize::Oversize;
use forwarder_core::route::Routes;
use forwarder_core::{Forwarder, Settings, Types};
use reader::decode::{LifeReport, Verifier, decode};
use tokio::time::Instant;

/// Action of a scripted sink for one put; without a script it takes everything.
#[derive(Clone)]
pub enum Act {
    Take,
    /// Refuses the records at these places.
    Refuse(Vec<usize>, Reason),
    /// Answers for this many records only, though it takes all.
    AnswerShort(usize),
    Fail(Reason),
    Panic,
    /// Takes everything, and answers after this long.
    TakeSlowly(Duration),
    NeverAnswer,
}

/// A sink that remembers what it took and does what it is told.
pub struct Scripted {
    limits: Limits,
    script: Mutex<VecDeque<Act>>,
    /// Action at the end of the script.
    pub always: Mutex<Act>,
    pub puts: Mutex<Vec<Vec<Record>>>,
    pub taken: Mutex<Vec<Record>>,
    pub renewed: Mutex<u32>,
    /// Records longer than this make the service call the put invalid.
    pub longest: Mutex<usize>,
    /// Calls refused because they pass a limit, where the sink refuses as AWS does.
    strict: Mutex<Option<u64>>,
}

pub const LIMITS: Limits = Limits {
    put_records: 500,
    put_bytes: 10 * 1024 * 1024,
    record_bytes: 10 * 1024 * 1024,
    keyed: true,
};

impl Scripted {
    pub fn new(script: impl IntoIterator<Item = Act>) -> Arc<Self> {
        Self::with_limits(LIMITS, script)
    }

    pub fn with_limits(limits: Limits, script: impl IntoIterator<Item = Act>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            script: Mutex::new(script.into_iter().collect()),
            always: Mutex::new(Act::Take),
            puts: Mutex::default(),
            taken: Mutex::default(),
            renewed: Mutex::default(),
            longest: Mutex::new(usize::MAX),
            strict: Mutex::default(),
        })
    }

    /// Does these next, before what it `always` does.
    pub fn script(&self, acts: impl IntoIterator<Item = Act>) {
        self.script.lock().unwrap().extend(acts);
    }

    /// Refuses, from here on, every call that passes one of its limits: too many records, too many bytes, too large a
    /// record, no key or one of over 256 characters; what the Kinesis and Firehose API references say.
    pub fn refuse_as_aws_does(&self) {
        *self.strict.lock().unwrap() = Some(0);
    }

    /// Calls refused for passing a limit.
    pub fn refused_calls(&self) -> u64 {
        self.strict.lock().unwrap().unwrap()
    }

    /// The sizes of the records in each put.
    pub fn sizes(&self) -> Vec<Vec<usize>> {
        let puts = self.puts.lock().unwrap();
        puts.iter().map(|put| put.iter().map(Record::size).collect()).collect()
    }

    fn passes_a_limit(&self, records: &[Record]) -> bool {
        let limits = self.limits;
        let key_fits = |key: &str| {
            if limits.keyed {
                (1..=256).contains(&key.chars().count())
            } else {
                key.is_empty()
            }
        };
        records.len() > limits.put_records
            || records.iter().map(Record::size).sum::<usize>() > limits.put_bytes
            || records
                .iter()
                .any(|record| record.size() > limits.record_bytes || record.data.is_empty() || !key_fits(&record.key))
    }

    pub fn puts(&self) -> usize {
        self.puts.lock().unwrap().len()
    }

    /// The text of each line taken, in order.
    pub fn texts(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let lines = taken.iter().flat_map(|record| {
            decode(&record.data)
                .unwrap()
                .lines()
                .map(|line| line.0.to_owned())
                .collect::<Vec<_>>()
        });
        lines.collect()
    }

    /// The lines taken, in order, each as JSON.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        let taken = self.taken.lock().unwrap();
        let lines = taken.iter().flat_map(|record| {
            let decoded = decode(&record.data).unwrap();
            decoded
                .lines()
                .map(|line| serde_json::from_str(line.0).unwrap())
                .collect::<Vec<_>>()
        });
        lines.collect()
    }

    /// Lines that are not the forwarder's own.
    pub fn events(&self) -> Vec<serde_json::Value> {
        let is_own = |line: &serde_json::Value| line["type"].as_str().unwrap().starts_with("forwarder.");
        self.lines().into_iter().filter(|line| !is_own(line)).collect()
    }

    pub fn of_type(&self, kind: &str) -> Vec<serde_json::Value> {
        self.lines().into_iter().filter(|line| line["type"] == kind).collect()
    }

    /// The reader's verdict on the only life that wrote here.
    pub fn verdict(&self) -> LifeReport {
        let mut reports = self.verdicts();
        assert_eq!(reports.len(), 1, "{reports:?}");
        reports.remove(0)
    }

    /// The reader's verdict on each life that wrote here.
    pub fn verdicts(&self) -> Vec<LifeReport> {
        let mut verifier = Verifier::default();
        for record in self.taken.lock().unwrap().iter() {
            for line in decode(&record.data).unwrap().lines() {
                verifier.observe(&line.event().unwrap());
            }
        }
        verifier.report()
    }
}

#[async_trait]
impl Sink for Scripted {
    fn limits(&self) -> Limits {
        self.limits
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        assert!(!records.is_empty(), "an empty put");
        self.puts.lock().unwrap().push(records.to_vec());
        if records
            .iter()
            .any(|record| record.data.len() > *self.longest.lock().unwrap())
        {
            return Err(Failure::new(Reason::Invalid, "a record is too long"));
        }
        if let Some(refused) = self.strict.lock().unwrap().as_mut()
            && self.passes_a_limit(records)
        {
            *refused += 1;
            return Err(Failure::new(Reason::Invalid, "past a limit"));
        }
        let act = self.script.lock().unwrap().pop_front();
        let act = act.unwrap_or_else(|| self.always.lock().unwrap().clone());
        let take = |refused: &[usize]| {
            let kept = records.iter().enumerate().filter(|(index, _)| !refused.contains(index));
            self.taken
                .lock()
                .unwrap()
                .extend(kept.map(|(_, record)| record.clone()));
        };
        match act {
            Act::Take => take(&[]),
            Act::Refuse(refused, reason) => {
                take(&refused);
                let outcome = |index| {
                    if refused.contains(&index) {
                        Outcome::Retry(reason)
                    } else {
                        Outcome::Delivered
                    }
                };
                return Ok((0..records.len()).map(outcome).collect());
            }
            Act::AnswerShort(answers) => {
                take(&[]);
                return Ok(vec![Outcome::Delivered; answers]);
            }
            Act::Fail(reason) => return Err(Failure::new(reason, "as scripted")),
            Act::Panic => panic!("as scripted"),
            Act::TakeSlowly(time) => {
                tokio::time::sleep(time).await;
                take(&[]);
            }
            Act::NeverAnswer => std::future::pending().await,
        }
        Ok(vec![Outcome::Delivered; records.len()])
    }

    fn renew(&self) {
        *self.renewed.lock().unwrap() += 1;
    }
}

pub fn lane(name: &str) -> LaneSettings {
    LaneSettings {
        name: name.into(),
        format: Format::Ndjson,
        compression: Compression::None,
        envelope: Envelope::Full,
        partition_key: PartitionKey::Random,
        record_bytes: 25_000,
        put_bytes: 1_048_576,
        max_record_bytes: 1_048_576,
        oversize: Oversize::Drop,
        fallback: None,
        taken_over_bytes: None,
        max_age: Duration::from_secs(10),
        put_timeout: Duration::from_secs(5),
    }
}

pub fn settings(lanes: Vec<(LaneSettings, Arc<dyn Sink>)>, routes: Routes) -> Settings {
    Settings {
        lanes,
        routes,
        types: Types {
            platform: true,
            function: true,
            extension: true,
        },
        redaction: Redaction::default(),
        resource: Resource::default(),
        buffer_bytes: 64 << 20,
        spool: SpoolSettings {
            dir: std::path::PathBuf::new(),
            max_bytes: 0,
            mode: SpoolMode::Off,
        },
        concurrent: false,
    }
}

/// A forwarder with one lane, `kinesis`.
pub fn forwarder(sink: &Arc<Scripted>) -> Forwarder {
    forwarder_with(sink, |_| {})
}

pub fn forwarder_with(sink: &Arc<Scripted>, change: impl FnOnce(&mut Settings)) -> Forwarder {
    let sink: Arc<dyn Sink> = sink.clone();
    let mut settings = settings(vec![(lane("kinesis"), sink)], Routes::all_to(0));
    change(&mut settings);
    Forwarder::start(settings)
}

/// A body of `count` function lines of `length` bytes; each says its number.
pub fn lines(first: usize, count: usize, length: usize) -> Vec<u8> {
    let lines = (first..first + count).map(|number| {
        let text = format!("{number:08} {}", "x".repeat(length.saturating_sub(9)));
        format!(r#"{{"time":"2026-11-20T09:14:02.820Z","type":"function","record":"{text}"}}"#)
    });
    format!("[{}]", lines.collect::<Vec<_>>().join(",")).into_bytes()
}

pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}
