//! The invocation that an event belongs to: told by the order of events, never by the last INVOKE seen.
//!
//! Where one invocation runs at a time, `platform.start` and `platform.runtimeDone` tell whose a line is. That wins over
//! what the line says: AWS SDK errors and API Gateway put request ids of their own into members of the same names. Only an
//! id that was started is believed before it. On Managed Instances invocations overlap, and only such ids count.

use std::collections::VecDeque;

use crate::telemetry::event::{Event, Kind};
use crate::telemetry::json::each_member;
use crate::telemetry::requests::{Request, Requests, push_member};
use crate::telemetry::trace;

/// Past invocations whose late lines are known, where one runs at a time.
const REMEMBERED: usize = 64;

/// Invocations that are known on a Managed Instance, more than may run there at once (1,600).
const REMEMBERED_CONCURRENT: usize = 2_048;

/// INVOKEs that are remembered until their `platform.start` comes.
const REMEMBERED_INVOKES: usize = 4;

/// How deep in a record members are looked for that name its request: `span.requestId` is one level down.
const NAME_DEPTH: usize = 2;

/// Follows `platform.start` and `platform.runtimeDone` through the stream of events.
#[derive(Debug, Default)]
pub struct Attribution {
    /// The invocation that runs, where one runs at a time.
    running: Option<Request>,
    /// Others that were started.
    started: Requests,
    /// Some `platform.start` was seen, and none is missing as far as Lambda has said.
    knows_all: bool,
    /// Invocations overlap (Managed Instances): their order tells nothing.
    concurrent: bool,
    /// The traces that INVOKE told of requests whose start is still to come: id, and members of the envelope.
    invoked: VecDeque<(String, String)>,
    /// Members of the envelope of an event that belongs to no known request. Its memory is reused.
    scratch: String,
}

/// What is known of the invocation that an event belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// The request id, as JSON text.
    pub request_id: Option<&'a str>,
    /// Members of the envelope, each with a comma before it: `requestId`, `tenantId`, `executionArn`.
    pub lean: &'a str,
    /// Members of the full envelope besides: `traceId`, `spanId`.
    pub trace: &'a str,
}

/// Whose an event is, and where what the envelope says of that is rendered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owned<'a> {
    owner: Owner<'a>,
    in_scratch: bool,
}

#[derive(Debug, Clone, Copy)]
enum Owner<'a> {
    Running,
    /// Of another that was started.
    Started(&'a str),
    /// It says so, and nothing else is known of that request.
    Unknown(&'a str),
    Nobody,
}

impl Attribution {
    /// `concurrent`: invocations overlap, as on Lambda Managed Instances; then only an event's own members count.
    pub fn new(concurrent: bool) -> Self {
        Self {
            concurrent,
            ..Self::default()
        }
    }

    /// Takes the next event in order and says what invocation it belongs to.
    pub fn observe<'a>(&'a mut self, event: &Event<'a>) -> Context<'a> {
        let owned = self.advance(event);
        self.context(owned)
    }

    /// Takes the next event in order. [`context`](Self::context) says what is known of its invocation.
    #[inline]
    pub(crate) fn advance<'a>(&mut self, event: &Event<'a>) -> Owned<'a> {
        match event.kind {
            Kind::Start => self.start(event),
            // What is printed from here to the next start belongs to no invocation that runs.
            Kind::RuntimeDone | Kind::RestoreStart => self.retire(),
            Kind::LogsDropped => self.knows_all = false,
            _ => {}
        }
        if event.members.initialization_type == Some("\"lambda-managed-instances\"") {
            self.concurrent = true;
        }
        let owner = if event.kind.is_log() {
            self.owner_of_line(event)
        } else {
            // A platform event is about what its record says.
            event.members.request_id.map_or(Owner::Nobody, |id| self.owner(id))
        };
        if matches!(event.kind, Kind::Function)
            && let Some(arn) = event.members.execution_arn
        {
            match owner {
                Owner::Running => self.running.iter_mut().for_each(|running| running.set_execution(arn)),
                Owner::Started(id) => self.started.change(id, |request| request.set_execution(arn)),
                Owner::Unknown(_) | Owner::Nobody => {}
            }
        }
        Owned {
            owner,
            in_scratch: self.render(owner, event),
        }
    }

    /// What is known of the invocation that the event taken last belongs to.
    #[inline]
    pub(crate) fn context<'a>(&'a self, owned: Owned<'a>) -> Context<'a> {
        let request = self.request(owned.owner);
        let (id, lean) = match request {
            Some(request) => (Some(request.id()), request.lean()),
            None => (None, ""),
        };
        Context {
            request_id: match owned.owner {
                Owner::Unknown(id) => Some(id),
                _ => id,
            },
            lean: if owned.in_scratch { &self.scratch } else { lean },
            trace: request.map_or("", |request| &request.trace),
        }
    }

    /// What is known of the request of this id, if it was started.
    pub(crate) fn context_of(&self, id: &str) -> Context<'_> {
        let running = self.running.as_ref().filter(|running| running.id() == id);
        running
            .or_else(|| self.started.get(id))
            .map_or_else(Context::default, |request| Context {
                request_id: Some(request.id()),
                lean: request.lean(),
                trace: &request.trace,
            })
    }

    /// Notes the trace that INVOKE told of a request: it counts where `platform.start` tells none. `request_id`: JSON text;
    /// `header`: the value of an `X-Amzn-Trace-Id`.
    pub fn note_invoke(&mut self, request_id: &str, header: &str) {
        let trace = trace::header(header);
        if trace.is_empty() {
            return;
        }
        let fill = |request: &mut Request| {
            if request.trace.is_empty() {
                request.trace.clone_from(&trace);
            }
        };
        match &mut self.running {
            Some(running) if running.id() == request_id => fill(running),
            _ => {
                // It may be a retry, whose start is still to come.
                self.started.change(request_id, fill);
                self.invoked.retain(|(id, _)| id != request_id);
                if self.invoked.len() >= REMEMBERED_INVOKES {
                    self.invoked.pop_front();
                }
                self.invoked.push_back((request_id.to_owned(), trace));
            }
        }
    }

    /// Copies what a later line of the invocation that runs now needs. `None` where invocations overlap: there a line is
    /// placed by its own members alone.
    pub(crate) fn as_now(&self) -> Option<Self> {
        (!self.concurrent).then(|| Self {
            running: self.running.clone(),
            knows_all: self.knows_all,
            ..Self::default()
        })
    }

    /// The invocation that runs.
    pub(crate) fn running(&self) -> Option<&Request> {
        self.running.as_ref()
    }

    /// Lets another invocation be the one that runs. Returns the one that was.
    pub(crate) fn set_running(&mut self, request: Option<Request>) -> Option<Request> {
        std::mem::replace(&mut self.running, request)
    }

    /// What is remembered of requests takes of the buffer's bound. Bytes.
    pub(crate) fn cost(&self) -> usize {
        self.started.cost()
    }

    fn start(&mut self, event: &Event<'_>) {
        self.knows_all = true;
        self.retire();
        let Some(id) = event.members.request_id else { return };
        let mut trace = event.members.tracing.map_or_else(String::new, trace::members);
        if let Some(place) = self.invoked.iter().position(|(other, _)| other == id)
            && let Some((_, of_invoke)) = self.invoked.remove(place)
            && trace.is_empty()
        {
            trace = of_invoke;
        }
        let request = Request::new(id, event.members.tenant_id, trace);
        if self.concurrent {
            self.started.insert(request, REMEMBERED_CONCURRENT);
        } else {
            self.running = Some(request);
        }
    }

    /// The running invocation is over; late lines of it may come.
    fn retire(&mut self) {
        if let Some(request) = self.running.take() {
            self.started.insert(request, REMEMBERED);
        }
    }

    /// Whose the request of this id is.
    fn owner<'a>(&self, id: &'a str) -> Owner<'a> {
        if self.running.as_ref().is_some_and(|running| running.id() == id) {
            Owner::Running
        } else if self.started.contains(id) {
            Owner::Started(id)
        } else {
            Owner::Unknown(id)
        }
    }

    #[inline]
    fn owner_of_line<'a>(&self, event: &Event<'a>) -> Owner<'a> {
        let told = event.members.request_id.map_or(Owner::Nobody, |id| self.owner(id));
        match told {
            Owner::Running | Owner::Started(_) => told,
            _ if self.running.is_some() => Owner::Running,
            // Of these lines some name their request under another name.
            _ if self.concurrent => match self.named(event.record.unwrap_or_default(), NAME_DEPTH) {
                Some(id) => Owner::Started(id),
                None if self.knows_all => Owner::Nobody,
                None => told,
            },
            told => told,
        }
    }

    /// The first member of a JSON record that names a request, under any of the names that loggers have for it, if that was
    /// started.
    fn named<'a>(&self, record: &'a str, depth: usize) -> Option<&'a str> {
        let mut found = None;
        each_member(record, |key, value| {
            if found.is_some() {
                return;
            }
            found = match value.as_bytes().first() {
                Some(b'"') if names_request(key) && self.started.contains(value) => Some(value),
                Some(b'{') if depth > 1 => self.named(value, depth - 1),
                _ => None,
            };
        });
        found
    }

    #[inline]
    fn request(&self, owner: Owner<'_>) -> Option<&Request> {
        match owner {
            Owner::Running => self.running.as_ref(),
            Owner::Started(id) => self.started.get(id),
            Owner::Unknown(_) | Owner::Nobody => None,
        }
    }

    /// Renders what no known request has rendered. `false` if the request's own members are all there is to say.
    #[inline]
    fn render(&mut self, owner: Owner<'_>, event: &Event<'_>) -> bool {
        let tenant_id = event.members.tenant_id;
        if matches!(owner, Owner::Nobody) && tenant_id.is_none() && event.members.execution_arn.is_none() {
            return false;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let request = self.request(owner);
        // A start that named no tenant does not speak against one that the event names.
        let is_rendered = request.is_some_and(|request| request.has_tenant || tenant_id.is_none());
        if !is_rendered {
            if let Some(request) = request {
                scratch.push_str(request.lean());
            } else if let Owner::Unknown(id) = owner {
                push_member(&mut scratch, "requestId", id);
            }
            if let Some(tenant_id) = tenant_id {
                push_member(&mut scratch, "tenantId", tenant_id);
            }
            if request.is_none()
                && matches!(event.kind, Kind::Function)
                && let Some(arn) = event.members.execution_arn
            {
                push_member(&mut scratch, "executionArn", arn);
            }
        }
        self.scratch = scratch;
        !is_rendered
    }
}

/// True if a member of this name may hold the id of a Lambda request: `aws_request_id`, `awsRequestId`,
/// `lambda_request_id`, `span.requestId`, `FunctionRequestId`, `faas.invocation_id`, `invocationId`, and their like.
fn names_request(key: &str) -> bool {
    let letters = || {
        let bytes = key.bytes().rev().filter(u8::is_ascii_alphanumeric);
        bytes.map(|byte| byte.to_ascii_lowercase())
    };
    let ends_with = |name: &str| letters().take(name.len()).eq(name.bytes().rev());
    ends_with("requestid") || ends_with("invocationid")
}

#[cfg(test)]
mod tests;
