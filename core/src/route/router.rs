//! Decides for events in their order, and remembers what earlier ones told of later ones.

use std::sync::Arc;

use super::look::{Look, Scratch};
use super::{Decision, Level, Levels, Routes};
use crate::telemetry::event::Event;

/// A route table at work.
#[derive(Debug)]
pub struct Router {
    routes: Arc<Routes>,
    levels: Levels,
    scratch: Scratch,
}

impl Router {
    /// A router that has seen nothing yet.
    pub fn new(routes: Arc<Routes>) -> Self {
        Self {
            routes,
            levels: Levels::default(),
            scratch: Scratch::default(),
        }
    }

    /// Another table, from the next event on. Levels that lines inherit stay.
    pub(crate) fn replace(&mut self, routes: Arc<Routes>) {
        self.routes = routes;
    }

    /// The table.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Destination of the next event. `request_id` is that of the invocation that it belongs to, as JSON text.
    pub fn decide(&mut self, event: &Event<'_>, request_id: Option<&str>) -> Decision<'_> {
        let level = self.level(event, request_id, false);
        self.decide_at(event, request_id, level)
    }

    /// The level of the next log line, if some rule asks for it or it is `wanted`.
    #[inline]
    pub(crate) fn level(&mut self, event: &Event<'_>, request_id: Option<&str>, wanted: bool) -> Option<Level> {
        let (plan, _) = self.routes.plan(&event.kind);
        if wanted || plan.needs_level {
            self.levels.observe(event, request_id)
        } else {
            None
        }
    }

    /// As [`decide`](Self::decide), where the level is known.
    #[inline]
    pub(crate) fn decide_at(
        &mut self,
        event: &Event<'_>,
        request_id: Option<&str>,
        level: Option<Level>,
    ) -> Decision<'_> {
        if let Some(decision) = self.routes.decide_type(&event.kind) {
            return decision;
        }
        let mut look = Look::new(event, request_id, level, &mut self.scratch);
        self.routes.decide(&event.kind, &mut look)
    }
}
