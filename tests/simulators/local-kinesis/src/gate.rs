//! The layer in front of a service: the way of one call, from its headers to its answer.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response};

use crate::backend::Backend;
use crate::counts::Ended;
use crate::encoding::Encoding;
use crate::fault::{CallError, RecordError};
use crate::faults::{End, Faults};
use crate::ledger::{Entry, Ledger};
use crate::put::{Outcome, Put, Shape};
use crate::wire;

/// The largest body that is read at all, bytes: the 10 MiB of the largest call in base64, with room for its JSON.
const MAX_BODY: usize = 32 * 1_024 * 1_024;

/// A service behind its faults and counts.
pub(crate) struct Gate<B> {
    pub(crate) backend: B,
    pub(crate) faults: Faults,
    pub(crate) ledger: Arc<Ledger>,
    /// Encodings that puts are taken in.
    taken: &'static [Encoding],
}

/// Next step of the connection.
pub(crate) enum Reply {
    Answer(Response<Body>),
    /// Reset the connection.
    Reset,
    /// Say nothing and keep the connection.
    Silence,
}

/// A call's end without the answer it asked for.
enum Stop {
    Fail(CallError),
    Reset,
    Silence,
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        Self::Fail(error)
    }
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        match end {
            End::Fail(error) => Self::Fail(error),
            End::Reset => Self::Reset,
            End::Silence => Self::Silence,
        }
    }
}

impl<B: Backend> Gate<B> {
    pub(crate) fn new(backend: B, seed: u64) -> Self {
        Self {
            backend,
            faults: Faults::new(seed),
            ledger: Arc::new(Ledger::new(B::NAMES.rounding)),
            taken: B::ENCODINGS,
        }
    }

    /// Takes puts in JSON alone.
    pub(crate) fn json_alone(mut self) -> Self {
        self.taken = &[Encoding::Json];
        self
    }

    /// Answers a request that came on this connection.
    pub(crate) async fn answer(self: &Arc<Self>, connection: u64, request: Request<Incoming>) -> Reply {
        let target = wire::target(request.headers());
        let shape = if target == B::NAMES.put_one {
            Shape::One
        } else if target == B::NAMES.put_many {
            Shape::Many
        } else {
            return Reply::Answer(self.backend.pass(request).await);
        };
        let (head, body) = request.into_parts();
        let encoding = wire::encoding(&head.headers);
        match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => self.put(connection, shape, &head.headers, &body.to_bytes()).await,
            Err(_) => {
                let error = CallError::new(413, "RequestEntityTooLargeException")
                    .with_message(format!("the body was cut off, or has more than {MAX_BODY} bytes"));
                self.ledger.begin(connection, 0, None).end(failed(&error));
                Reply::Answer(wire::error(&error, encoding))
            }
        }
    }

    async fn put(self: &Arc<Self>, connection: u64, shape: Shape, headers: &HeaderMap, body: &Bytes) -> Reply {
        let encoding = wire::encoding(headers);
        let read = wire::check_headers(headers, self.taken).and_then(|()| self.backend.read(shape, encoding, body));
        let entry = self.ledger.begin(connection, body.len() as u64, read.as_ref().ok());
        let done = match read {
            Ok(put) => self.carry_out(put, &entry).await,
            Err(error) => Err(error.into()),
        };
        let done = done.and_then(|outcomes| {
            let refused = outcomes
                .iter()
                .filter(|outcome| matches!(outcome, Outcome::Refused { .. }))
                .count();
            Ok((refused as u64, wire::put_answer(&B::NAMES, shape, outcomes)?))
        });
        let (ended, reply) = match done {
            Ok((refused, answer)) => (Ended::Answered { refused }, Reply::Answer(wire::ok(&answer, encoding))),
            Err(Stop::Fail(error)) => (failed(&error), Reply::Answer(wire::error(&error, encoding))),
            Err(Stop::Reset) => (Ended::Unanswered, Reply::Reset),
            Err(Stop::Silence) => (Ended::Unanswered, Reply::Silence),
        };
        entry.end(ended);
        reply
    }

    /// Refuses, meets the faults, stores: in this order.
    async fn carry_out(self: &Arc<Self>, put: Put, entry: &Arc<Entry>) -> Result<Vec<Outcome>, Stop> {
        self.backend.limits(&put.stream).await?.check(&put)?;
        let mut plan = self.faults.plan(&put.stream, put.records.len());
        tokio::time::sleep(plan.delay_before).await;
        if let Some((end, _)) = plan.end.take_if(|(_, after_storing)| !*after_storing) {
            tokio::time::sleep(plan.delay_after).await;
            return Err(end.into());
        }
        // In a task of its own: a client that hangs up, or a stop, cannot leave a call half stored or stored uncounted.
        let stored = tokio::spawn(Arc::clone(self).store(put, plan.refuse, Arc::clone(entry))).await;
        let outcomes = stored.map_err(|error| CallError::internal_failure().with_message(error.to_string()))??;
        tokio::time::sleep(plan.delay_after).await;
        match plan.end {
            Some((end, _)) => Err(end.into()),
            None => Ok(outcomes),
        }
    }

    /// Stores and counts. The call is in flight until this is done.
    async fn store(
        self: Arc<Self>,
        put: Put,
        refuse: Vec<Option<RecordError>>,
        _in_flight: Arc<Entry>,
    ) -> Result<Vec<Outcome>, CallError> {
        let outcomes = self.backend.store(&put, &refuse).await?;
        self.ledger.stored(&put, &outcomes);
        Ok(outcomes)
    }
}

fn failed(error: &CallError) -> Ended {
    Ended::Failed {
        status: error.status,
        code: error.code.clone(),
    }
}
