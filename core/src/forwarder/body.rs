//! A body is taken: parsed, attributed and routed, event by event, and copied into the lanes' queues.
//!
//! There is one thread. A body that takes long is taken in slices, between which `next` is asked and other bodies are
//! answered. After each slice all is as after a body: what was taken is stored, and nothing is locked.

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

use super::accepted::{Accepted, Facts};
use super::state::{Queues, State, send, send_rows};
use super::waiting::WaitLimit;
use super::{Forwarder, life};
use crate::delivery::lane::Lane;
use crate::intake::{Intake, Settled};
use crate::record::own_event;
use crate::telemetry::batch::{Batch, Malformed};
use crate::telemetry::change::Change;
use crate::telemetry::event::Event;
use crate::telemetry::invocation::Attribution;
use crate::telemetry::requests::Request;
use crate::telemetry::snapshot::Snapshot;

/// A body takes so much time of the thread at once; then others have a turn. A single event may pass it.
pub const SLICE: Duration = Duration::from_millis(20);

/// The clock is asked each time that so many bytes of events were taken.
const CLOCK_INTERVAL: usize = 16 * 1024;

/// While a body is taken, room is made each time that so much of it was.
const ROOM_INTERVAL: usize = 256 * 1024;

/// About what a line takes beside its event: a body of tiny events takes many times its size. Bytes.
const LINE_OVERHEAD: usize = 256;

/// A body with the beginning of a record that an earlier one had.
pub struct Whole<'a> {
    bytes: Cow<'a, [u8]>,
    /// How lines were attributed when that beginning came.
    as_of: Option<Attribution>,
}

/// A body that is being taken.
pub struct Body<'a> {
    batch: Batch<'a>,
    as_of: Option<Attribution>,
    facts: Facts,
    /// It came before.
    is_repeated: bool,
    /// The end of a life is near: it is taken at once.
    is_near: bool,
    slices: u64,
    /// The invocation that ran where the last slice ended, or where a body began that came before.
    paused: Option<Request>,
}

impl Body<'_> {
    /// Lifecycle facts found so far.
    pub fn into_accepted(self) -> Accepted {
        self.facts.into_accepted()
    }

    /// Lines that name no request are those of the invocation that this body told of, whatever bodies that were taken
    /// since then told. Returns the one that these told of; none for the first slice of a body that is new.
    fn resume(&self, intake: &mut Intake) -> Option<Option<Request>> {
        (self.slices > 1 || self.is_repeated).then(|| intake.set_running(self.paused.clone()))
    }

    /// The end of a slice: `others` is what [`resume`](Self::resume) returned. It is theirs again, unless this body told of
    /// another start since. What a body told that came before is old.
    fn pause(&mut self, is_over: bool, others: Option<Option<Request>>, intake: &mut Intake) {
        let id = |request: Option<&Request>| request.map(|request| request.id().to_owned());
        let told_no_start = id(intake.running()) == id(self.paused.as_ref());
        if !is_over {
            self.paused = intake.running().cloned();
        }
        if let Some(others) = others.filter(|_| told_no_start || self.is_repeated) {
            intake.set_running(others);
        }
    }
}

impl Forwarder {
    /// Lifecycle facts found in a body that is taken later.
    pub fn facts(body: &[u8]) -> Accepted {
        let mut facts = Facts::default();
        for event in Batch::new(body).flatten() {
            facts.note(&Change::of(&event));
        }
        facts.into_accepted()
    }

    /// Takes a body that Lambda posted: parses, attributes and routes each event and copies it into the lanes' queues.
    /// CPU work only; nothing in a body makes it fail. Past the buffer's bound the oldest lines of the lane that holds
    /// most are given up, and announced as soon as something can be sent.
    pub fn accept(&self, body: &[u8]) -> Accepted {
        let mut whole = self.join(body);
        let mut body = self.begin(&mut whole);
        while !self.take(&mut body, Duration::MAX) {}
        body.into_accepted()
    }

    /// Completes a body that begins with the next part of a record that was cut.
    pub fn join<'a>(&self, body: &'a [u8]) -> Whole<'a> {
        let mut state = self.state();
        let joined = state.intake.halves.join(body);
        let (bytes, as_of) = match joined {
            Some((bytes, as_of)) => (Cow::Owned(bytes), as_of),
            None => (Cow::Borrowed(body), None),
        };
        Whole { bytes, as_of }
    }

    /// Begins to take a body; [`take`](Self::take) goes on.
    pub fn begin<'a>(&self, whole: &'a mut Whole<'_>) -> Body<'a> {
        let now = Instant::now();
        let as_of = whole.as_of.take();
        let body = whole.bytes.as_ref();
        let mut facts = Facts::default();
        let mut state = self.state();
        let mut queues: Vec<_> = self.lanes().iter().map(Lane::queue).collect();
        let expired = state.intake.halves.expired(now.into_std());
        self.give_up_halves(expired, &mut state, &mut queues, now);
        let is_near = state.intake.snapshot == Snapshot::Near;
        if is_near {
            self.begin_near_body(body, &mut state, &mut queues, now);
            facts.accepted.restored = state.intake.snapshot == Snapshot::Restored;
        }
        state.intake.stats.bodies += 1;
        let repeated = state.intake.begin_body(body);
        Body {
            batch: Batch::new(body),
            as_of,
            facts,
            is_repeated: repeated.is_some(),
            is_near,
            slices: 0,
            paused: repeated.flatten(),
        }
    }

    /// Takes events of a body for as long as `time`. `true`: that was all of it. Between two slices other bodies may be
    /// taken.
    pub fn take(&self, body: &mut Body<'_>, time: Duration) -> bool {
        let (started, now) = (std::time::Instant::now(), Instant::now());
        let mut state = self.state();
        let mut queues: Vec<_> = self.lanes().iter().map(Lane::queue).collect();
        body.slices += 1;
        state.intake.stats.sliced += u64::from(body.slices == 2);
        state.intake.go_on(body.is_repeated);
        let others = body.resume(&mut state.intake);
        let (mut taken, mut since_clock) = (0, 0);
        let mut event = Event::unread();
        let is_over = loop {
            if since_clock >= CLOCK_INTERVAL && !body.is_near {
                since_clock = 0;
                if started.elapsed() >= time {
                    break false;
                }
            }
            let Some(read) = body.batch.read(&mut event) else {
                break true;
            };
            let bytes = match read {
                Ok(()) => {
                    self.take_event(&event, body, &mut state, &mut queues, now);
                    event.raw.len()
                }
                Err(malformed) => {
                    self.take_malformed(&malformed, &mut state, &mut queues, now);
                    malformed.raw.len()
                }
            } + LINE_OVERHEAD;
            taken += bytes;
            since_clock += bytes;
            if taken >= ROOM_INTERVAL {
                taken = 0;
                self.make_room(&mut state.intake, &mut queues, now);
            }
        };
        body.pause(is_over, others, &mut state.intake);
        let accepted = &mut body.facts.accepted;
        for queue in &mut queues {
            queue.report_if_due(&state.intake.stats, now);
        }
        accepted.full = self.make_room(&mut state.intake, &mut queues, now) > self.high_water();
        for queue in &mut queues {
            queue.persist();
            queue.posted();
        }
        let is_near = state.intake.snapshot == Snapshot::Near;
        let is_alone = is_near && self.begin_life_in(&mut state, &mut queues, now);
        drop(queues);
        drop(state);
        if accepted.restored {
            self.forget();
        }
        if is_alone {
            self.run(true);
        }
        self.lanes().iter().for_each(Lane::wake);
        self.wait_limit().iter().for_each(WaitLimit::wake);
        is_over
    }

    fn take_event(
        &self,
        event: &Event<'_>,
        body: &mut Body<'_>,
        state: &mut State,
        queues: &mut Queues<'_>,
        now: Instant,
    ) {
        let State { id, intake, .. } = state;
        // Looked at before it is taken: it is large, and nearly never there.
        let as_of = if body.as_of.is_some() { body.as_of.take() } else { None };
        let current = as_of.map(|then| intake.attribute_as_of(then));
        body.facts.note(&Change::of(event));
        let decided = intake.decide(event, now.into_std());
        for (line, verdict) in decided.settled.iter().flatten().flat_map(Settled::lines) {
            send(&line, verdict, queues, now);
        }
        match (decided.closed, decided.resource) {
            (Some(counts), resource) => {
                body.facts.accepted.restored = true;
                *id = life::new_id();
                life::begin_life(id, resource, &counts, queues, now);
            }
            (None, resource) if decided.resource_changed => {
                queues.iter_mut().for_each(|queue| queue.set_resource(resource));
            }
            _ => {}
        }
        send(&decided.line, decided.verdict, queues, now);
        if let Some(rows) = &decided.rows {
            send_rows(rows, queues, now);
        }
        if let Some(current) = current {
            intake.attribute_as_of(current);
        }
    }

    fn take_malformed(&self, piece: &Malformed<'_>, state: &mut State, queues: &mut Queues<'_>, now: Instant) {
        if let Some(header) = piece.cut {
            let without_room = state
                .intake
                .keep_half(piece.raw, header, now.into_std(), self.delivery().buffer_bytes);
            self.give_up_halves(without_room, state, queues, now);
            return;
        }
        state.intake.stats.unparsed += 1;
        let masked = state.intake.mask(piece.raw);
        for event in own_event::unparsed(&masked, &piece.error.to_string()) {
            self.tell_routed_lanes(&event, &state.intake, queues, now);
            if event.len() > ROOM_INTERVAL {
                self.make_room(&mut state.intake, queues, now);
            }
        }
    }
}
