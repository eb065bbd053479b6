//! Invocations that were started, as far as lines of theirs may still come.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// An invocation that was started: what the envelope says of it, rendered once for all of its lines.
#[derive(Debug, Default, Clone)]
pub(crate) struct Request {
    /// `,"requestId":…,"tenantId":…,"executionArn":…`, as far as they are known. Begins with the id.
    lean: String,
    /// Where the id ends in `lean`.
    id_end: usize,
    /// Its `platform.start` named a tenant.
    pub(crate) has_tenant: bool,
    has_execution: bool,
    /// `,"traceId":…,"spanId":…`, as far as they are known.
    pub(crate) trace: String,
}

/// What stands before the id.
const ID: &str = ",\"requestId\":";

impl Request {
    /// `id`, `tenant_id`: JSON text.
    pub(crate) fn new(id: &str, tenant_id: Option<&str>, trace: String) -> Self {
        let mut request = Self {
            lean: [ID, id].concat(),
            id_end: ID.len() + id.len(),
            has_tenant: tenant_id.is_some(),
            has_execution: false,
            trace,
        };
        if let Some(tenant_id) = tenant_id {
            push_member(&mut request.lean, "tenantId", tenant_id);
        }
        request
    }

    /// Its id, as JSON text.
    pub(crate) fn id(&self) -> &str {
        self.lean.get(ID.len()..self.id_end).unwrap_or_default()
    }

    /// The members of the envelope that `lean` has too.
    pub(crate) fn lean(&self) -> &str {
        &self.lean
    }

    /// Notes the durable execution that it is a part of; the first that was told counts.
    pub(crate) fn set_execution(&mut self, arn: &str) {
        if !std::mem::replace(&mut self.has_execution, true) {
            push_member(&mut self.lean, "executionArn", arn);
        }
    }

    /// Bytes.
    pub(crate) fn cost(&self) -> usize {
        ENTRY + self.id().len() + self.lean.len() + self.trace.len()
    }
}

/// Appends a member with a comma before it; `value` is JSON text.
pub(crate) fn push_member(out: &mut String, name: &str, value: &str) {
    for piece in [",\"", name, "\":", value] {
        out.push_str(piece);
    }
}

/// What an entry takes beside its texts: the request, its place in the map and in the order. Bytes.
const ENTRY: usize = size_of::<Request>() + 3 * size_of::<Arc<str>>() + 2 * size_of::<usize>();

/// A bounded number of requests, found by their ids. The oldest goes first.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// The newest, which most of what comes late is of: found without its hash.
    newest: Option<Request>,
    by_id: HashMap<Arc<str>, Request>,
    /// The oldest in front.
    order: VecDeque<Arc<str>>,
    cost: usize,
}

impl Requests {
    /// Adds a request; one with the same id is another attempt, and is not found any more. At most `most` are kept, and
    /// one at least.
    pub(crate) fn insert(&mut self, request: Request, most: usize) {
        self.cost += request.cost();
        match self.newest.replace(request) {
            Some(earlier) if self.newest.as_ref().is_some_and(|newest| newest.id() == earlier.id()) => {
                self.cost -= earlier.cost();
            }
            Some(earlier) => self.store(earlier, most.saturating_sub(1)),
            None => {}
        }
    }

    fn store(&mut self, request: Request, most: usize) {
        let id: Arc<str> = request.id().into();
        match self.by_id.insert(Arc::clone(&id), request) {
            Some(earlier) => self.cost -= earlier.cost(),
            None => self.order.push_back(id),
        }
        while self.order.len() > most
            && let Some(oldest) = self.order.pop_front()
        {
            let gone = self.by_id.remove(&oldest);
            self.cost -= gone.map_or(0, |gone| gone.cost());
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Request> {
        let newest = self.newest.as_ref().filter(|newest| newest.id() == id);
        newest.or_else(|| self.by_id.get(id))
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.get(id).is_some()
    }

    /// Changes a request, if it is known.
    pub(crate) fn change(&mut self, id: &str, change: impl FnOnce(&mut Request)) {
        let newest = self.newest.as_mut().filter(|newest| newest.id() == id);
        if let Some(request) = newest.or_else(|| self.by_id.get_mut(id)) {
            self.cost -= request.cost();
            change(request);
            self.cost += request.cost();
        }
    }

    /// What it takes of the buffer's bound. Bytes.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_kept_and_what_they_take_is_counted() {
        let mut requests = Requests::default();
        for number in 0..100 {
            requests.insert(Request::new(&format!("\"{number}\""), None, String::new()), 10);
        }
        assert!(!requests.contains("\"89\"") && requests.contains("\"90\""));
        let before = requests.cost();
        requests.change("\"90\"", |request| request.set_execution("\"arn\""));
        requests.change("\"90\"", |request| request.set_execution("\"another\""));
        assert_eq!(
            requests.get("\"90\"").unwrap().lean(),
            r#","requestId":"90","executionArn":"arn""#
        );
        assert_eq!(requests.cost(), before + r#","executionArn":"arn""#.len());
        // A retry is another attempt, of which nothing is known yet.
        requests.insert(Request::new("\"90\"", None, String::new()), 10);
        assert_eq!(requests.get("\"90\"").unwrap().lean(), r#","requestId":"90""#);
        assert_eq!((requests.order.len() + 1, requests.cost()), (10, before));
        // Once more, and nothing else was started in between.
        requests.change("\"90\"", |request| request.set_execution("\"arn\""));
        requests.insert(Request::new("\"90\"", None, String::new()), 10);
        assert_eq!((requests.order.len() + 1, requests.cost()), (10, before));
        for number in 10..20 {
            requests.insert(Request::new(&format!("\"{number}\""), None, String::new()), 1);
        }
        assert!(requests.contains("\"19\"") && !requests.contains("\"18\""));
        assert_eq!((requests.by_id.len(), requests.cost()), (0, before / 10));
    }
}
