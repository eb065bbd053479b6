//! A sink that fails as its seed says, until it is told to be well.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use forwarder_core::delivery::sink::{Failure, Limits, Outcome, Reason, Record, Sink};

pub struct FaultySink {
    state: Mutex<State>,
}

struct State {
    random: fastrand::Rng,
    mood: Mood,
    taken: Vec<Bytes>,
}

/// State of a sink for a while.
#[derive(Debug, Clone, Copy)]
pub enum Mood {
    Well,
    /// Refuses some records.
    Throttles,
    /// Takes most records, and never all.
    Partly,
    /// Rejects some records for good.
    Rejects,
    /// Calls every put invalid that has a certain kind of record.
    CallsInvalid,
    /// Fails whole calls, some of which it took nevertheless.
    Fails(Reason),
    /// Answers late, or never.
    Stalls,
    /// Panics.
    Panics,
}

impl Mood {
    pub fn any(random: &mut fastrand::Rng) -> Self {
        const REASONS: [Reason; 7] = [
            Reason::Throttled,
            Reason::Service,
            Reason::Unreachable,
            Reason::TimedOut,
            Reason::AccessDenied,
            Reason::NotFound,
            Reason::Credentials,
        ];
        match random.u8(..13) {
            0..4 => Self::Well,
            4..6 => Self::Throttles,
            6..8 => Self::Fails(REASONS[random.usize(..REASONS.len())]),
            8 => Self::Stalls,
            9 => Self::Partly,
            10 => Self::Rejects,
            11 => Self::CallsInvalid,
            _ => Self::Panics,
        }
    }
}

impl FaultySink {
    pub fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(State {
                random: fastrand::Rng::with_seed(seed),
                mood: Mood::Well,
                taken: Vec::new(),
            }),
        }
    }

    pub fn set_mood(&self, mood: Mood) {
        self.lock().mood = mood;
    }

    pub fn taken(&self) -> Vec<Bytes> {
        self.lock().taken.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A scripted panic poisons it.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn take(&self, records: &[Record]) {
        self.lock()
            .taken
            .extend(records.iter().map(|record| record.data.clone()));
    }
}

#[async_trait]
impl Sink for FaultySink {
    fn limits(&self) -> Limits {
        Limits {
            put_records: 50,
            put_bytes: 10 << 20,
            record_bytes: 1 << 20,
            keyed: true,
        }
    }

    async fn put(&self, records: &[Record]) -> Result<Vec<Outcome>, Failure> {
        let (mood, dice) = {
            let mut state = self.lock();
            (state.mood, state.random.u64(..))
        };
        let mut dice = fastrand::Rng::with_seed(dice);
        tokio::time::sleep(Duration::from_millis(dice.u64(1..40))).await;
        match mood {
            Mood::Well => self.take(records),
            Mood::Throttles => {
                let mut outcomes = Vec::new();
                for record in records {
                    if dice.u8(..10) < 4 {
                        outcomes.push(Outcome::Retry(Reason::Throttled));
                    } else {
                        self.take(std::slice::from_ref(record));
                        outcomes.push(Outcome::Delivered);
                    }
                }
                // Sometimes an answer is shorter than the call.
                outcomes.truncate(records.len() - usize::from(dice.u8(..10) == 0));
                return Ok(outcomes);
            }
            Mood::Partly => {
                let last = records.len() - 1;
                self.take(&records[..last]);
                let mut outcomes = vec![Outcome::Delivered; last];
                outcomes.push(Outcome::Retry(Reason::Throttled));
                return Ok(outcomes);
            }
            Mood::Rejects => {
                let rejects: Vec<bool> = records.iter().map(|_| dice.u8(..20) == 0).collect();
                let taken = records.iter().zip(&rejects).filter(|(_, rejects)| !**rejects);
                taken.for_each(|(record, _)| self.take(std::slice::from_ref(record)));
                let outcome = |rejects: &bool| match rejects {
                    true => Outcome::Rejected(Reason::Invalid),
                    false => Outcome::Delivered,
                };
                return Ok(rejects.iter().map(outcome).collect());
            }
            Mood::CallsInvalid => {
                if records.iter().any(|record| record.data.len() % 13 == 0) {
                    return Err(Failure::new(Reason::Invalid, "a record like this one"));
                }
                self.take(records);
            }
            Mood::Fails(reason) => {
                if dice.u8(..10) == 0 {
                    self.take(records);
                }
                return Err(Failure::new(reason, "as the seed says"));
            }
            Mood::Stalls => {
                tokio::time::sleep(Duration::from_secs(dice.u64(1..20))).await;
                self.take(records);
            }
            Mood::Panics => panic!("as the seed says"),
        }
        Ok(vec![Outcome::Delivered; records.len()])
    }

    fn renew(&self) {}
}
