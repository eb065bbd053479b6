//! Which invocation a log line belongs to: told by the order of events, never by the last INVOKE seen.

use crate::telemetry::event::{Event, Kind};

/// Follows `platform.start` and `platform.runtimeDone` through the stream of events.
#[derive(Debug, Default, Clone)]
pub struct Attribution {
    /// JSON text of the running invocation's request id; empty while none runs. Its memory is reused.
    request_id: String,
    /// JSON text of the tenant, of functions with tenant isolation; empty if there is none.
    tenant_id: String,
    /// Invocations overlap (Managed Instances): their order tells nothing.
    concurrent: bool,
}

/// What is known of the invocation that an event belongs to, each as JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The request id, from the event itself or from the running invocation.
    pub request_id: Option<&'a str>,
    /// The tenant, likewise.
    pub tenant_id: Option<&'a str>,
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
        match event.kind {
            Kind::Start if !self.concurrent => {
                assign(&mut self.request_id, event.members.request_id);
                assign(&mut self.tenant_id, event.members.tenant_id);
            }
            // What is printed from here to the next start belongs to no invocation that runs.
            Kind::RuntimeDone | Kind::RestoreStart => {
                self.request_id.clear();
                self.tenant_id.clear();
            }
            _ => {}
        }
        if event.members.initialization_type == Some("\"lambda-managed-instances\"") {
            self.concurrent = true;
        }
        // A platform event is about what its record says. Only log lines are placed by their order.
        let running = |id: &'a str| (event.kind.is_log() && !id.is_empty()).then_some(id);
        let request_id = event.members.request_id.or(running(&self.request_id));
        let same_invocation = request_id == Some(self.request_id.as_str());
        Context {
            request_id,
            tenant_id: event
                .members
                .tenant_id
                .or(running(&self.tenant_id).filter(|_| same_invocation)),
        }
    }
}

fn assign(slot: &mut String, value: Option<&str>) {
    slot.clear();
    slot.push_str(value.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::batch::Batch;

    fn attribute(attribution: &mut Attribution, event: &str) -> (Option<String>, Option<String>) {
        let body = format!("[{event}]");
        let event = Batch::new(body.as_bytes()).next().unwrap().unwrap();
        let context = attribution.observe(&event);
        (
            context.request_id.map(str::to_owned),
            context.tenant_id.map(str::to_owned),
        )
    }

    const LINE: &str = r#"{"type":"function","record":"x"}"#;
    const START: &str = r#"{"type":"platform.start","record":{"requestId":"a","tenantId":"blue"}}"#;
    const DONE: &str = r#"{"type":"platform.runtimeDone","record":{"requestId":"a","status":"success"}}"#;

    fn ids(request_id: Option<&str>, tenant_id: Option<&str>) -> (Option<String>, Option<String>) {
        let quoted = |id: &str| format!("\"{id}\"");
        (request_id.map(quoted), tenant_id.map(quoted))
    }

    #[test]
    fn lines_belong_to_the_invocation_between_start_and_runtime_done() {
        let mut attribution = Attribution::new(false);
        assert_eq!(attribute(&mut attribution, LINE), ids(None, None));
        assert_eq!(attribute(&mut attribution, START), ids(Some("a"), Some("blue")));
        assert_eq!(attribute(&mut attribution, LINE), ids(Some("a"), Some("blue")));
        assert_eq!(attribute(&mut attribution, DONE), ids(Some("a"), None));
        assert_eq!(attribute(&mut attribution, LINE), ids(None, None));
        let next = r#"{"type":"platform.start","record":{"requestId":"b"}}"#;
        attribute(&mut attribution, next);
        assert_eq!(attribute(&mut attribution, LINE), ids(Some("b"), None));
    }

    #[test]
    fn a_record_that_names_its_request_is_believed() {
        let mut attribution = Attribution::new(false);
        attribute(&mut attribution, START);
        let line = r#"{"type":"function","record":{"requestId":"other"}}"#;
        assert_eq!(attribute(&mut attribution, line), ids(Some("other"), None));
        let line = r#"{"type":"function","record":{"requestId":"a"}}"#;
        assert_eq!(attribute(&mut attribution, line), ids(Some("a"), Some("blue")));
        let report = r#"{"type":"platform.report","record":{"requestId":"before"}}"#;
        assert_eq!(attribute(&mut attribution, report), ids(Some("before"), None));
    }

    #[test]
    fn platform_events_without_a_request_get_none() {
        let mut attribution = Attribution::new(false);
        attribute(&mut attribution, START);
        let dropped = r#"{"type":"platform.logsDropped","record":{"droppedRecords":1}}"#;
        assert_eq!(attribute(&mut attribution, dropped), ids(None, None));
    }

    #[test]
    fn nothing_is_guessed_on_managed_instances() {
        for init in [
            None,
            Some(r#"{"type":"platform.initStart","record":{"initializationType":"lambda-managed-instances"}}"#),
        ] {
            let mut attribution = Attribution::new(init.is_none());
            if let Some(init) = init {
                attribute(&mut attribution, init);
            }
            assert_eq!(attribute(&mut attribution, START), ids(Some("a"), Some("blue")));
            assert_eq!(attribute(&mut attribution, LINE), ids(None, None));
        }
    }
}
